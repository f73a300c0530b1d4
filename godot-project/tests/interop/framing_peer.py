"""Packets as Python's struct module makes them, for the tests of PacketPeerSocketRs.

Listens at a free port, prints it, and serves one connection for each line of its input, which names a framing:
"length BYTES ORDER INCLUDES", where BYTES is 1, 2, 4, 8 or 0 for a varint, ORDER is < or >, and INCLUDES is 1 if a length counts
itself. Sends each packet that it receives back, its bytes in the other order.
"""

import socket
import struct
import sys

FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}


def exactly(stream, count):
    data = stream.read(count)
    if len(data) != count:
        raise EOFError
    return data


def read_varint(stream):
    value = shift = 0
    while True:
        byte = exactly(stream, 1)[0]
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, shift // 7


def write_varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_packet(stream, width, order, includes):
    if width == 0:
        length, taken = read_varint(stream)
    else:
        (length,) = struct.unpack(order + FORMATS[width], exactly(stream, width))
        taken = width
    return exactly(stream, length - taken if includes else length)


def write_packet(stream, packet, width, order, includes):
    if width == 0:
        head = write_varint(len(packet))
        while includes and len(head) + len(packet) != decoded(head):
            head = write_varint(len(head) + len(packet))
    else:
        head = struct.pack(order + FORMATS[width], len(packet) + width * includes)
    stream.write(head + packet)
    stream.flush()


def decoded(head):
    return sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(head))


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    for line in sys.stdin:
        _, width, order, includes = line.split()
        connection, _ = listener.accept()
        stream = connection.makefile("rwb")
        try:
            while True:
                packet = read_packet(stream, int(width), order, int(includes))
                write_packet(stream, packet[::-1], int(width), order, int(includes))
        except EOFError:
            connection.close()


main()

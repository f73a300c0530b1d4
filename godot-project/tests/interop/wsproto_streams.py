"""The same random streams of frames through wsproto and through a server on a port.

After each connection the server's test writes a line of JSON to the standard input: the messages
that the server has found, how many pings, and how the stream has ended. Prints JSON: how often both
agree, how many messages the server has found, how often they differ for which known reason, and the
streams for which no reason is known.

Usage: wsproto_streams.py COUNT PORT
"""

import json
import random
import socket
import struct
import sys
import zlib

from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n"
)
OFFER = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
# Pieces of texts, two of which are no UTF-8, and one of which is a part of a character.
PIECES = [b"a", b"word ", "é".encode(), "😀".encode(), b"\0", b"again and again "]
BAD_PIECES = [b"\xff", b"\xed\xa0\x80", b"\xf0\x9f"]
CODES = [0, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1011, 1012, 1014, 1015, 1016, 2999,
         3000, 4999, 5000, 65535]


class Stream:
    """A random stream of a client."""

    def __init__(self, source, is_compressing):
        self.source = source
        self.compressor = zlib.compressobj(wbits=-15) if is_compressing else None
        self.bytes = b""
        # The same without the control frames that are within compressed messages.
        self.without_control = b""
        self.has_final_block = False
        self.has_1014 = False
        for _ in range(source.randint(1, 6)):
            source.choice([self.message, self.message, self.message, self.control])()
        self.is_damaged = source.random() < 0.3
        if self.is_damaged:
            self.damage()

    def once_in(self, count):
        return self.source.randrange(count) == 0

    def frame(self, opcode, payload, fin=True, rsv=0, is_within=False):
        first = fin << 7 | rsv << 4 | opcode
        mask = self.source.randbytes(4)
        if self.once_in(60):
            first = self.source.randrange(256)
        length = len(payload)
        form = 0 if length < 126 else 1 if length < 65536 else 2
        if self.once_in(60):
            form = self.source.randrange(form, 3)
        shown = [length, 126, 127][form]
        extended = [b"", struct.pack("!H", length & 65535), struct.pack("!Q", length)][form]
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        if self.once_in(60):
            frame = bytes([first, shown]) + extended + payload
        else:
            frame = bytes([first, 0x80 | shown]) + extended + mask + masked
        self.bytes += frame
        if not is_within:
            self.without_control += frame

    def payload(self):
        pieces = PIECES + BAD_PIECES if self.once_in(25) else PIECES
        count = self.source.choice([0, 1, 5, 40, 300])
        return b"".join(self.source.choice(pieces) for _ in range(count))

    def message(self):
        opcode = self.source.choice([TEXT, TEXT, BINARY])
        payload, rsv = self.payload(), 0
        if self.compressor is not None and not self.once_in(3):
            rsv = 4
            payload = self.compressor.compress(payload)
            payload += self.compressor.flush(zlib.Z_SYNC_FLUSH)[:-4 if not self.once_in(30) else None]
            if self.once_in(30):
                payload = self.source.choice([b"\x03\x00", b"\x01", self.source.randbytes(9), b""])
                self.has_final_block |= bool(payload) and payload[0] & 1 == 1
        while payload and self.once_in(2):
            cut = self.source.randint(0, len(payload))
            self.frame(opcode, payload[:cut], False, rsv)
            payload, opcode = payload[cut:], CONTINUATION
            if self.once_in(3):
                kind = self.source.choice([PING, PONG])
                self.frame(kind, b"between", is_within=self.compressor is not None)
            rsv = 0 if not self.once_in(40) else 4
        self.frame(opcode, payload, not self.once_in(20), rsv)

    def control(self):
        if self.once_in(3):
            number = self.source.choice(CODES)
            self.has_1014 |= number == 1014
            code = struct.pack("!H", number)
            bad = self.source.choice([b"", b"", b"\x03", code + b"\xff"])
            reason = "why é".encode() * self.source.choice([0, 1, 20, 25])
            self.frame(CLOSE, self.source.choice([code, code + reason, code + reason, bad]))
        else:
            payload = b"p" * self.source.choice([0, 1, 125, 125, 126])
            self.frame(self.source.choice([PING, PING, PONG]), payload)

    def damage(self):
        at = self.source.randrange(len(self.bytes))
        kind = self.source.randrange(3)
        if kind == 0:
            self.bytes = self.bytes[:at]
        elif kind == 1:
            changed = self.source.randbytes(self.source.randint(1, 3))
            self.bytes = self.bytes[:at] + changed + self.bytes[at + len(changed):]
        else:
            self.bytes = self.bytes[:at] + self.source.randbytes(2) + self.bytes[at:]


def by_wsproto(stream, is_compressing):
    """The messages and the number of pings that wsproto finds, and how the stream ends."""
    extension = PerMessageDeflate()
    if is_compressing:
        extension.accept("permessage-deflate")
    protocol = FrameProtocol(client=False, extensions=[extension] if is_compressing else [])
    protocol.receive_bytes(stream)
    messages, pings, parts = [], 0, []
    try:
        for frame in protocol.received_frames():
            if frame.opcode is Opcode.CLOSE:
                return [messages, pings, "closed", int(frame.payload[0])]
            if frame.opcode is Opcode.PING:
                pings += 1
            elif frame.opcode in (Opcode.TEXT, Opcode.BINARY):
                is_text = frame.opcode is Opcode.TEXT
                parts.append(frame.payload.encode() if is_text else bytes(frame.payload))
                if frame.message_finished:
                    messages.append([is_text, b"".join(parts).hex()])
                    parts = []
    except ParseFailed as error:
        return [messages, pings, "refused", int(error.code)]
    return [messages, pings, "open", -1]


def by_server(stream, is_compressing, port):
    """The same of the server."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(REQUEST % (OFFER if is_compressing else b""))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        assert (b"permessage-deflate" in head) == is_compressing, head
        connection.sendall(stream)
        connection.shutdown(socket.SHUT_WR)
        outcome = json.loads(sys.stdin.readline())
    return [outcome[0], int(outcome[1]), outcome[2], int(outcome[3])]


def reason(stream, is_compressing, expected, served):
    """Why wsproto and the server differ, if that is known."""
    # The server may still refuse the reason that follows the code.
    if stream.has_1014 and expected[2:] == ["refused", 1002] and served[3] in (1007, 1014):
        return "code 1014"
    if served[2:] == ["refused", 1009]:
        return "a message that exceeds the limit"
    if served[2:] == ["refused", 1002] and expected[2:] == ["refused", 1007] and is_compressing:
        return "a message within another one, with compression"
    # wsproto refuses it as soon as the header is complete.
    if served == by_wsproto(stream.bytes + bytes(16), is_compressing):
        return "an incomplete header"
    if stream.bytes != stream.without_control and is_compressing:
        found = by_wsproto(stream.without_control, is_compressing)
        # Without these frames wsproto finds the messages that the server finds with them.
        if stream.is_damaged or found[0][:len(served[0])] == served[0]:
            return "a control frame within a compressed message"
    return "a DEFLATE block that is marked as the last one" if stream.has_final_block else None


def main():
    count, port = int(sys.argv[1]), int(sys.argv[2])
    source = random.Random(22)
    same, messages, differences, unexplained = 0, 0, {}, []
    for number in range(count):
        is_compressing = number % 2 == 1
        stream = Stream(source, is_compressing)
        expected = by_wsproto(stream.bytes, is_compressing)
        served = by_server(stream.bytes, is_compressing, port)
        messages += len(served[0])
        if expected == served:
            same += 1
        elif name := reason(stream, is_compressing, expected, served):
            differences[name] = differences.get(name, 0) + 1
        else:
            unexplained.append([stream.bytes.hex(), is_compressing, expected, served])
    print(json.dumps([same, messages, differences, unexplained[:20], len(unexplained)]), flush=True)


main()

"""Python's asyncio at the other end: `asyncio_peer.py ROLE PORT`. Prints what the test has to know, and ends.

As clients of a server at PORT:
  half_close  sends 3 MiB and ends its direction, then counts what comes up to the end
  reset       sends 1000 bytes and resets the connection
  slow        takes what comes, a little at a time, up to the end, and counts it
  crowd       500 connections at once; each sends its number and waits until it comes back
As a server, at a port that it prints:
  serve       sends back what each client has sent once that has ended its direction
"""

import asyncio
import hashlib
import socket
import struct
import sys

MUCH = 3 << 20
CROWD = 500


async def half_close(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(bytes(range(256)) * (MUCH // 256))
    writer.write_eof()
    answer = await reader.read()
    print(len(answer), hashlib.sha256(answer).hexdigest(), flush=True)
    writer.close()


async def reset(port):
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"x" * 1000)
    await writer.drain()
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
    await asyncio.sleep(0)


async def slow(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
    count, digest = 0, hashlib.sha256()
    while data := await reader.read(16384):
        count += len(data)
        digest.update(data)
        await asyncio.sleep(0.0002)
    print(count, digest.hexdigest(), flush=True)
    writer.close()


async def one_of_a_crowd(port, number):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"%d\n" % number)
    line = await reader.readline()
    writer.close()
    return line == b"%d\n" % number


async def crowd(port):
    right = await asyncio.gather(*(one_of_a_crowd(port, number) for number in range(CROWD)))
    print(sum(right), flush=True)


async def serve(_port):
    async def answer(reader, writer):
        data = await reader.read()
        writer.write(data)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=CROWD)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(globals()[sys.argv[1]](int(sys.argv[2])))

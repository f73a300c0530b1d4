"""A client or a server with Python's websockets.

pings URL: sends a ping each second, which is to be answered within a second, and prints a message.
client URL: sends messages of many lengths, expects each back, closes, and prints how it went.
server: prints its port, greets with the path and a header, and sends each message back.
"""

import asyncio
import os
import sys

import websockets

SIZES = [0, 1, 125, 126, 127, 65535, 65536, 1 << 20]


async def client(url):
    async with websockets.connect(url, subprotocols=["a", "b"], max_size=None) as socket:
        for size in SIZES:
            for message in [os.urandom(size // 2) + bytes(size // 2), "é" * (size // 2)]:
                await socket.send(message)
                assert await socket.recv() == message, size
        # In fragments, with a ping between them.
        await socket.send(iter(["one ", "two ", "three"]))
        await (await socket.ping(b"are you there"))
        assert await socket.recv() == "one two three"
        compressed = "compressed" if socket.protocol.extensions else "plain"
        print(socket.subprotocol, compressed, "ok", flush=True)
        await socket.close(4001, "that was all ✓")


async def pings(url):
    async with websockets.connect(url, ping_interval=1, ping_timeout=1) as socket:
        print(await socket.recv(), flush=True)


async def server():
    async def serve(socket):
        request = socket.request
        await socket.send(f"{request.path} {request.headers['X-Test']}")
        async for message in socket:
            await socket.send(message)

    options = {"subprotocols": ["a"], "max_size": None, "ping_interval": 0.1, "ping_timeout": 5}
    async with websockets.serve(serve, "127.0.0.1", 0, **options) as listening:
        print(listening.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run({"client": client, "pings": pings, "server": server}[sys.argv[1]](*sys.argv[2:]))

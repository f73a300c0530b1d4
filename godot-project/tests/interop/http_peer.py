"""Clients of an HTTP server: http.client and aiohttp. Prints one line of JSON.

Usage: http_peer.py WHAT PORT, or http_peer.py secure CERTIFICATE PORT
"""

import asyncio
import hashlib
import http.client
import json
import ssl
import sys

what, port = sys.argv[1], int(sys.argv[-1])


def keep_alive():
    """Many requests over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    bodies = []
    for number in range(200):
        method = ["GET", "POST", "HEAD"][number % 3]
        body = b"x" * number if method == "POST" else None
        connection.request(method, f"/echo?{number}", body)
        response = connection.getresponse()
        bodies.append([response.status, len(response.read())])
    socket = connection.sock
    connection.close()
    return [bodies, socket is not None]


def chunked():
    """A body in chunks in both directions."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    pieces = [bytes([number % 256]) * 1000 for number in range(100)]
    connection.request("POST", "/stream", iter(pieces), encode_chunked=True)
    response = connection.getresponse()
    body = response.read()
    expected = b"".join(pieces)
    return [response.getheader("Transfer-Encoding"), body == expected, len(body)]


def secure():
    """HTTPS: a connection that is kept, a large answer, and bodies with and without a length."""
    context = ssl.create_default_context(cafile=sys.argv[2])
    # The engine's certificates have no subjectAltName.
    context.check_hostname = False
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
    outcome = []
    body = bytes(number % 251 for number in range(3_000_000))
    for path, data in [
        ("/echo", body),
        ("/upload", body),
        ("/upload", iter([body[:1_000_000], body[1_000_000:]])),
        ("/echo", b"last"),
    ]:
        connection.request("POST", path, data, encode_chunked=not isinstance(data, bytes))
        response = connection.getresponse()
        answer = response.read()
        is_same = answer in (body, b"last", hashlib.sha256(body).hexdigest().encode())
        outcome.append([response.status, is_same, response.will_close])
    version = connection.sock.version()
    connection.close()
    return [outcome, version.startswith("TLSv1.")]


async def parallel():
    """A hundred connections at once, and a WebSocket beside them."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=100)
    async with aiohttp.ClientSession(connector=connector) as session:
        base = f"http://127.0.0.1:{port}"

        async def post(number):
            data = bytes([number % 256]) * 10_000
            async with session.post(f"{base}/echo", data=data) as response:
                return response.status == 200 and await response.read() == data

        socket = await session.ws_connect(f"{base}/socket")
        answers = await asyncio.gather(*[post(number) for number in range(300)])
        await socket.send_str("hello")
        message = await socket.receive_str()
        await socket.close()
        return [all(answers), len(answers), message, socket.close_code]


async def events():
    """A stream of events, read as they come."""
    import aiohttp

    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/events") as response:
            lines = [(await response.content.readline()).decode().strip() for _ in range(8)]
            return [response.content_type, lines]


result = globals()[what]()
if asyncio.iscoroutine(result):
    result = asyncio.run(result)
print(json.dumps(result), flush=True)

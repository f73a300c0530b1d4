"""The same random streams of requests through h11 and through a server on a port.

The server answers each request with a line of its method, its target and its body in hex, or with
an error. Prints JSON: how often both agree, how often they differ for which known reason, and the
streams for which no reason is known. h11 never refuses what the server accepts, unless a reason
says so.

Usage: h11_streams.py COUNT PORT
"""

import json
import random
import re
import socket
import sys

import h11

# What heads and bodies consist of, with what does not belong there.
WORDS = [
    b"GET / HTTP/1.1\r\n", b"POST /a?b HTTP/1.1\r\n", b"PUT /c HTTP/1.0\r\n", b"HEAD / HTTP/1.1\r\n",
    b"Host: x\r\n", b"Host: x\r\n\r\n", b"Content-Length: 3\r\n", b"Content-Length: 3\r\n\r\nabc",
    b"Content-Length: 0\r\n\r\n", b"Transfer-Encoding: chunked\r\n", b"A: b\r\n", b"\r\n", b"\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n",
    b"0\r\nC: d\r\n\r\n", b"1;x=y\r\nz\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n",
    b"GET /b HTTP/1.1\r\nHost: y\r\n\r\n", b"Expect: 100-continue\r\n", b"abc", b"\r", b"\n", b" ", b":",
    b"\0", b"\xe4", b"Content-Length: 3, 3\r\n", b"Transfer-Encoding: gzip\r\n", b" folded\r\n",
    b"POST /d HTTP/1.1\r\nHost: z\r\nContent-Length: 3\r\n\r\nabc", b"GET * HTTP/1.1\r\n", b"3 \r\nabc\r\n",
    b"POST /e HTTP/1.1\r\nHost: z\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n",
    b"GET http://h/a HTTP/1.1\r\n", b"GET /b HTTP/1.2\r\n", b"Host: a b\r\n", b"A:\tb \r\n",
]

# Whole requests, so that many streams have some.
REQUESTS = [word for word in WORDS if word.count(b"\r\n") > 2 and word.startswith((b"GET", b"POST"))]

# Why the two may differ, as tests of a stream. The first that fits is the reason.
REASONS = [
    ("a lone line feed", rb"(?<!\r)\n"),
    ("a folded header", rb"\r\n[ \t]"),
    ("two Content-Length, or a list of them", rb"(?is)Content-Length:.*(Content-Length:|,)"),
    ("both Content-Length and Transfer-Encoding",
     rb"(?is)(Content-Length:.*Transfer-Encoding:|Transfer-Encoding:.*Content-Length:)"),
    ("Transfer-Encoding in HTTP/1.0", rb"(?is)HTTP/1\.0\r\n.*Transfer-Encoding"),
    ("a target without a slash, or a malformed Host", rb"(GET \* |Host: a b|(?m:^[A-Z]+ (?!/|http://)))"),
    ("whitespace after the size of a chunk", rb"[0-9a-fA-F] \r\n"),
    ("a version other than 1.0 and 1.1", rb"HTTP/(?!1\.[01]\r)"),
    ("an empty line before a request", rb"(^|\r\n\r\n|abc)\r"),
    ("a control character or a lone carriage return in an incomplete head", rb"\0|\r(?!\n)"),
]


def by_h11(stream):
    """The requests that h11 finds, and whether it refuses what follows."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=16384)
    connection.receive_data(stream)
    connection.receive_data(b"")
    found = []
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                found.append([request.method.decode(), request.target.decode(), body.hex()])
                length = [("Content-Length", "0")]
                connection.send(h11.Response(status_code=200, headers=length))
                connection.send(h11.EndOfMessage())
                if connection.our_state is h11.MUST_CLOSE:
                    return found, False
                connection.start_next_cycle()
            else:
                return found, False
    except h11.RemoteProtocolError as error:
        # The end of the stream within a request is no fault of its bytes.
        return found, "peer unexpectedly closed" not in str(error) and "without sending" not in str(error)


def by_server(stream, port):
    """The same of the server."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(stream)
        connection.shutdown(socket.SHUT_WR)
        answers = b""
        while piece := connection.recv(65536):
            answers += piece
    found = re.findall(rb"X-Request: (\S+) (\S+) ([0-9a-f]*)\r\n", answers)
    refused = re.search(rb"HTTP/1\.1 [45]\d\d ", answers) is not None
    return [[part.decode() for part in request] for request in found], refused


def reason(stream):
    for name, pattern in REASONS:
        if re.search(pattern, stream):
            return name
    return None


def main():
    count, port = int(sys.argv[1]), int(sys.argv[2])
    source = random.Random(22)
    same, requests, differences, unexplained = 0, 0, {}, []
    for _ in range(count):
        lists = [source.choice([WORDS, REQUESTS]) for _ in range(source.randint(1, 8))]
        stream = b"".join(source.choice(words) for words in lists)
        h11_found, served = by_h11(stream), by_server(stream, port)
        requests += len(served[0])
        if h11_found == served:
            same += 1
        elif name := reason(stream):
            differences[name] = differences.get(name, 0) + 1
        else:
            unexplained.append([repr(stream), h11_found, served])
    print(json.dumps([same, requests, differences, unexplained[:40], len(unexplained)]), flush=True)


main()

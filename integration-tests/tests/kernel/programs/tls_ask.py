"""Asks a server over TLS, without caring whose certificate it has.

Usage: tls_ask.py PORT one|steady|many|asyncio COUNT REQUESTS PREFIX
`one`: one line of standard input, one request, on one connection; prints what it answered.
`steady`: connection after connection until there is a line on standard input; prints how many.
`many`: COUNT connections one after another, each with REQUESTS for /PREFIX/CONNECTION/REQUEST.
`asyncio`: the same, all connections at once on one thread.
Ends with a failure when an answer is not the path that was asked for.
"""

import asyncio
import http.client
import select
import ssl
import sys

port, how, count, requests, prefix = sys.argv[1:6]
context = ssl._create_unverified_context()


def connect():
    return http.client.HTTPSConnection("127.0.0.1", int(port), timeout=10, context=context)


def ask(server, path):
    server.request("GET", path)
    response = server.getresponse()
    body = response.read().decode()
    assert (response.status, body) == (200, path), (response.status, body, path)
    return body


def one():
    server = connect()
    for line in sys.stdin:
        print("told", ask(server, line.strip()))


def talk_alone(connection):
    server = connect()
    for request in range(int(requests)):
        ask(server, f"/{prefix}/{connection}/{request}")
    server.close()


def many():
    for connection in range(int(count)):
        talk_alone(connection)


def steady():
    connection = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        talk_alone(connection)
        connection += 1
    print("asked", connection)


async def talk(connection):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port), ssl=context)
    for request in range(int(requests)):
        path = f"/{prefix}/{connection}/{request}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(len(path))
        assert head.startswith(b"HTTP/1.1 200 ") and body == path.encode(), (head, body, path)
    writer.close()


async def at_once():
    await asyncio.gather(*(talk(connection) for connection in range(int(count))))


if how == "asyncio":
    asyncio.run(at_once())
else:
    {"one": one, "steady": steady, "many": many}[how]()

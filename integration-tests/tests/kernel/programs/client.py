"""A client with one connection: does what standard input says, one request a line, and prints the
status and the size of the body.

Usage: client.py PORT [SOURCE_PORT]
A line: METHOD PATH [BODY_BYTES]
"""

import http.client
import sys

source = ("127.0.0.1", int(sys.argv[2])) if len(sys.argv) > 2 else None
server = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), 10, source)
for line in sys.stdin:
    method, path, *size = line.split()
    body = b"x" * int(size[0]) if size else None
    server.request(method, path, body)
    response = server.getresponse()
    print(response.status, len(response.read()))

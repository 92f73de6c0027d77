"""A server over TLS that keeps connections and answers every path with itself.

Usage: tls_app.py CERTIFICATE threads|asyncio
`threads` lets the library read and write the socket; `asyncio` carries encrypted bytes itself.
"""

import asyncio
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one write an answer, which no acknowledgement delays

    def do_GET(self):
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128

    # The handshake is the business of the thread, not of the one that accepts.
    def finish_request(self, request, address):
        request = context.wrap_socket(request, server_side=True)
        super().finish_request(request, address)
        request.close()


def threads():
    server = Server(("127.0.0.1", 0), Handler)
    print("listening on port", server.server_port)
    server.serve_forever()


async def answer(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = head.split(b" ")[1]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
            writer.write(body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def one_thread():
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context, backlog=128)
    print("listening on port", server.sockets[0].getsockname()[1])
    await server.serve_forever()


threads() if sys.argv[2] == "threads" else asyncio.run(one_thread())

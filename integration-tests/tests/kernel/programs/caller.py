"""A server, one thread per connection, that asks another server for `/up...` when asked for `/in...`.

Usage: caller.py PORT
"""

import http.client
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        upstream = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
        upstream.request("GET", self.path.replace("/in", "/up", 1))
        body = upstream.getresponse().read()
        upstream.close()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 64


server = Server(("127.0.0.1", 0), Handler)
print("listening on port", server.server_port)
server.serve_forever()

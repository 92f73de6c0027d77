"""A server that gives up root without another exec (`drop`), or also makes its memory unreadable
(`hide`), and then answers.
"""

import ctypes
import encodings.idna  # as long as it can be read
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PR_SET_DUMPABLE = 4


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_):
        pass


if sys.argv[1] == "drop":
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
else:
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print("listening on port", server.server_port, flush=True)
server.serve_forever()

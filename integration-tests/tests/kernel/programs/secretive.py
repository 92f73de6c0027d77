"""A server that answers with secrets: a cookie and a body that is the password it was sent."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"]))
        secret = form.partition(b"=")[2]
        self.send_response(200)
        self.send_header("Set-Cookie", "session=" + secret.decode())
        self.send_header("X-Cache", "c5d6-hit")
        self.send_header("Content-Length", str(len(secret)))
        self.end_headers()
        self.wfile.write(secret)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print("listening on port", server.server_port, flush=True)
server.serve_forever()

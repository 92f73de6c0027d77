"""HTTP over TLS, asked by itself: the version from the command line, and how many requests.

The certificate is made by openssl. Prints the port, and `done` when all was answered.
"""

import http.client
import http.server
import ssl
import subprocess
import sys
import tempfile
import threading

version, count = sys.argv[1], int(sys.argv[2])
folder = tempfile.mkdtemp()
key, cert = folder + "/key.pem", folder + "/cert.pem"
subprocess.run(
    ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    + ["-nodes", "-keyout", key, "-out", cert, "-days", "1", "-subj", "/CN=localhost"],
    check=True,
    stderr=subprocess.DEVNULL,
)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_):
        pass


limit = getattr(ssl.TLSVersion, version)
server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server_side.load_cert_chain(cert, key)
server_side.set_alpn_protocols(["http/1.1"])
client_side = ssl.create_default_context(cafile=cert)
client_side.check_hostname = False
client_side.verify_mode = ssl.CERT_NONE
client_side.set_alpn_protocols(["http/1.1"])
for context in (server_side, client_side):
    context.minimum_version = context.maximum_version = limit

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.socket = server_side.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = server.server_address[1]
print(port, flush=True)
sys.stdin.readline()
connection = http.client.HTTPSConnection("localhost", port, context=client_side)
for number in range(count):
    connection.request("GET", f"/f4a2-{number}")
    assert connection.getresponse().read() == b"hello"
connection.close()
print("done", flush=True)

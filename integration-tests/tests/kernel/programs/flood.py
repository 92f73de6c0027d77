"""A server and clients that keep their connections: `go N` sends N requests over each at once.

Takes the number of connections; prints `ready`, and `done` after each round.
"""

import socket
import sys
import threading

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + b"x" * 200


def serve(conn):
    with conn:
        while True:
            data = b""
            while not data.endswith(b"\r\n\r\n"):
                part = conn.recv(4096)
                if not part:
                    return
                data += part
            conn.sendall(RESPONSE)


def ask(conn, count):
    for number in range(count):
        conn.sendall(b"GET /d9c1-flood HTTP/1.1\r\nHost: flood\r\n\r\n")
        left = len(RESPONSE)
        while left:
            left -= len(conn.recv(left))


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(64)
clients = []
for _ in range(int(sys.argv[1])):
    clients.append(socket.create_connection(listener.getsockname()))
    conn, _ = listener.accept()
    threading.Thread(target=serve, args=(conn,), daemon=True).start()
print("ready", flush=True)
for line in sys.stdin:
    word, count = line.split()
    if word == "end":
        for client in clients:
            client.close()
    else:
        threads = [threading.Thread(target=ask, args=(c, int(count))) for c in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print("done", flush=True)

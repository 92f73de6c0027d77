"""A server and clients that keep their connections: `go N` sends N requests over each at once,
and `pace N` N requests over each, 2 ms apart.

Takes the number of connections, and a path if every request shall have one of its own, with a
number behind it; prints `ready`, and `done` after each round.
"""

import itertools
import socket
import sys
import threading
import time

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


numbers = itertools.count()


def path():
    return f"{sys.argv[2]}/{next(numbers)}" if len(sys.argv) > 2 else "/d9c1-flood"


def ask(conn, count, pause):
    for _ in range(count):
        if pause:
            time.sleep(pause)
        conn.sendall(f"GET {path()} HTTP/1.1\r\nHost: flood\r\n\r\n".encode())
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
        pause = 0.002 if word == "pace" else 0
        args = [(client, int(count), pause) for client in clients]
        threads = [threading.Thread(target=ask, args=each) for each in args]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print("done", flush=True)

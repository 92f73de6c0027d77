"""Speaks protocols that nobody knows. Prints its port; then one line in, one line out:

ask N    N exchanges over one connection, 10 bytes there and 1000 back, 20 ms to answer
rush N   the same, answered at once, over one connection that stays open
greet N  the same, but the server speaks first
pour N   one connection that sends N kilobytes and is never answered
"""

import socket
import struct
import sys
import threading
import time

RUSH = b"\xfe\xee" + b"\x00" * 8
ASK, ANSWER = b"\xfe\xed" + b"\x00" * 8, b"\xfa\xce" + b"\x01" * 998
GREETING = b"\x7f\x7fwelcome"
MODES = {b"a": "ask", b"g": "greet", b"p": "pour"}


def exactly(sock, count):
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            return None
        data += part
    return data


def serve(conn, greets):
    with conn:
        if greets:
            conn.sendall(GREETING)
        while True:
            head = conn.recv(2)
            if not head:
                return
            if head == b"\x05\x05":
                while conn.recv(65536):
                    pass
                return
            if exactly(conn, len(ASK) - 2) is None:
                return
            if head != RUSH[:2]:
                time.sleep(0.02)
            conn.sendall(ANSWER)


def listen(greets):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()

    def accept():
        while True:
            conn, _ = listener.accept()
            threading.Thread(target=serve, args=(conn, greets), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


plain, greeting = listen(False), listen(True)
print(plain, greeting, flush=True)
kept = []
for line in sys.stdin:
    what, count = line.split()
    if what == "rush":
        kept.append(socket.create_connection(("127.0.0.1", plain)))
        for _ in range(int(count)):
            kept[-1].sendall(RUSH)
            exactly(kept[-1], len(ANSWER))
        print("done", flush=True)
        continue
    with socket.create_connection(("127.0.0.1", greeting if what == "greet" else plain)) as sock:
        if what == "greet":
            exactly(sock, len(GREETING))
        if what == "pour":
            sock.sendall(b"\x05\x05")
            for _ in range(int(count)):
                sock.sendall(b"\x06" * 1024)
        else:
            for _ in range(int(count)):
                sock.sendall(ASK)
                exactly(sock, len(ANSWER))
    print("done", flush=True)

"""A server without manners: reads a request, then hangs up, resets the connection, or says nothing,
as the path asks (`close`, `reset`, anything else)."""

import socket
import struct
import threading


def serve(connection):
    with connection:
        head = b""
        while b"\r\n\r\n" not in head:
            received = connection.recv(65536)
            if not received:
                return
            head += received
        path = head.split()[1]
        if b"reset" in path:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif b"close" not in path:
            connection.recv(1)  # until the client gives up


listener = socket.create_server(("127.0.0.1", 0))
print("listening on port", listener.getsockname()[1])
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

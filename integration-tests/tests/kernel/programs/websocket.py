"""A WebSocket server that echoes, and a client of it.

python websocket.py serve: prints `port` and the port it listens on.
python websocket.py ask PORT: says five things, then one that the server closes the connection for.
"""

import sys

from websockets.sync.client import connect
from websockets.sync.server import serve


def echo(connection):
    for message in connection:
        if message == "s3cret-refused":
            connection.close(1008, "s3cret")
            return
        connection.send(message)


if sys.argv[1] == "serve":
    with serve(echo, "127.0.0.1", 0) as server:
        print("port", server.socket.getsockname()[1], flush=True)
        server.serve_forever()

url = f"ws://127.0.0.1:{sys.argv[2]}/b7a6"
with connect(f"{url}/orderly?token=s3cret", compression=None) as connection:
    for message in ["s3cret", "", b"\x00s3cret", "s3cret" * 10000, "last s3cret"]:
        connection.send(message)
        assert connection.recv() == message
with connect(f"{url}/refused", compression=None) as connection:
    connection.send("s3cret-refused")
    try:
        connection.recv()
    except Exception:
        pass

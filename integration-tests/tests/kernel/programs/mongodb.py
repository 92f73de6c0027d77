"""A MongoDB server of few words: the wire protocol, and an answer for each command.

Prints `port` and its port. Compresses answers as the requests are compressed.
"""

import socket
import socketserver
import struct
import zlib

import bson
import snappy
import zstandard

OP_REPLY, OP_QUERY, OP_COMPRESSED, OP_MSG = 1, 2004, 2012, 2013
UNPACK = {0: bytes, 1: snappy.decompress, 2: zlib.decompress, 3: zstandard.decompress}
PACK = {0: bytes, 1: snappy.compress, 2: zlib.compress, 3: zstandard.compress}
HELLO = {
    "ismaster": True,
    "helloOk": True,
    "maxBsonObjectSize": 16777216,
    "maxMessageSizeBytes": 48000000,
    "maxWriteBatchSize": 100000,
    "minWireVersion": 0,
    "maxWireVersion": 21,
    "logicalSessionTimeoutMinutes": 30,
    "ok": 1.0,
}


def answer(command):
    name = next(iter(command))
    if name.lower() in ("hello", "ismaster"):
        return HELLO | {"compression": command.get("compression", [])}
    if name == "find":
        batch = [{"_id": n, "secret": "a7b6"} for n in range(2)]
        return {"cursor": {"firstBatch": batch, "id": 77, "ns": "shop.user"}, "ok": 1.0}
    if name == "getMore":
        return {"cursor": {"nextBatch": [], "id": 0, "ns": "shop.user"}, "ok": 1.0}
    if name == "aggregate":
        return {"cursor": {"firstBatch": [], "id": 0, "ns": "shop.user"}, "ok": 1.0}
    if name == "update" and command["updates"][0]["q"].get("twice"):
        words = "E11000 duplicate key a7b6"
        return {"ok": 0.0, "errmsg": words, "code": 11000, "codeName": "DuplicateKey"}
    if name in ("insert", "update", "drop", "ping", "endSessions"):
        return {"n": 1, "nModified": 1, "ok": 1.0}
    words = "no such command: 'a7b6'"
    return {"ok": 0.0, "errmsg": words, "code": 59, "codeName": "CommandNotFound"}


def read_command(code, body):
    if code == OP_QUERY:
        start = body.index(b"\0", 4) + 1 + 8
        return bson.decode(body[start:])
    command, at = {}, 4
    while at < len(body):
        kind, at = body[at], at + 1
        (size,) = struct.unpack_from("<i", body, at)
        if kind == 0:
            command = bson.decode(body[at : at + size]) | command
        else:
            name, _, documents = body[at + 4 : at + size].partition(b"\0")
            command[name.decode()] = bson.decode_all(documents)
        at += size
    return command


class Handler(socketserver.BaseRequestHandler):
    def exactly(self, count):
        return self.request.recv(count, socket.MSG_WAITALL) if count else b""

    def handle(self):
        while head := self.exactly(16):
            size, number, _, code = struct.unpack("<iiii", head)
            body = self.exactly(size - 16)
            method = None
            if code == OP_COMPRESSED:
                code, _, method = struct.unpack_from("<iiB", body)
                body = UNPACK[method](body[9:])
            command = read_command(code, body)
            # The command's name is the first key of its own document.
            reply = bson.encode(answer(command))
            if code == OP_QUERY:
                code, plain = OP_REPLY, struct.pack("<iqii", 8, 0, 0, 1) + reply
            else:
                plain = struct.pack("<iB", 0, 0) + reply
            if method is not None:
                packed = PACK[method](plain)
                plain = struct.pack("<iiB", code, len(plain), method) + packed
                code = OP_COMPRESSED
            self.request.sendall(struct.pack("<iiii", len(plain) + 16, 9, number, code) + plain)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
print("port", server.server_address[1], flush=True)
server.serve_forever()

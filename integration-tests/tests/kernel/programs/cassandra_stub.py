"""A Cassandra of few words: versions 3 to 5 of the native protocol, and an answer for each request.

Prints its port. What the driver asks about the cluster is answered with one node; what a test asks
is answered by its text. In version 5 frames go in segments, packed if the client wants them so.
"""

import hashlib
import re
import socketserver
import struct
import sys
import zlib

try:
    from lz4 import block as lz4
except ImportError:
    lz4 = None

ERROR, READY, SUPPORTED, RESULT, EVENT = 0x00, 0x02, 0x06, 0x08, 0x0C
VOID, ROWS, KEYSPACE, PREPARED = 1, 2, 3, 4
VARCHAR, INET, UUID, LIST, INT = 0x0D, 0x10, 0x0C, 0x22, 0x09
VERSION_MAX = int(sys.argv[1]) if len(sys.argv) > 1 else 5
NODE_ID = bytes(range(16))

LOCAL = [
    ("key", VARCHAR, b"local"),
    ("cluster_name", VARCHAR, b"stub"),
    ("data_center", VARCHAR, b"dc1"),
    ("rack", VARCHAR, b"r1"),
    ("partitioner", VARCHAR, b"org.apache.cassandra.dht.Murmur3Partitioner"),
    ("release_version", VARCHAR, b"4.1.0"),
    ("cql_version", VARCHAR, b"3.4.6"),
    ("host_id", UUID, NODE_ID),
    ("schema_version", UUID, NODE_ID),
    ("rpc_address", INET, bytes([127, 0, 0, 1])),
    ("broadcast_address", INET, bytes([127, 0, 0, 1])),
    ("listen_address", INET, bytes([127, 0, 0, 1])),
]


def text(value):
    return struct.pack(">H", len(value)) + value


def value(data):
    return struct.pack(">i", len(data)) + data


def rows(columns, lines):
    out = struct.pack(">iii", ROWS, 1, len(columns)) + text(b"shop") + text(b"t")
    for name, kind, _ in columns:
        out += text(name.encode()) + struct.pack(">H", kind)
    out += struct.pack(">i", lines)
    return out + b"".join(value(data) for _, _, data in columns) * lines


def error(code, words):
    return ERROR, struct.pack(">i", code) + text(words)


def answer_query(query, many):
    if "system.local" in query:
        return RESULT, rows(LOCAL, 1)
    used = re.match(r"USE \"?(\w+)", query)
    if used:
        return RESULT, struct.pack(">i", KEYSPACE) + text(used.group(1).encode())
    if "missing" in query:
        return error(0x2200, b"unconfigured table e5f6-missing")
    if "late" in query:
        return ERROR, struct.pack(">i", 0x1200) + text(b"e5f6") + struct.pack(">HiiB", 4, 1, 2, 0)
    if query.startswith("SELECT") and "system" not in query:
        return RESULT, rows([("name", VARCHAR, b"e5f6-row")], many)
    if query.startswith("SELECT"):
        return RESULT, rows([("name", VARCHAR, b"")], 0)
    return RESULT, struct.pack(">i", VOID)


def answer_prepare(version, query):
    number = hashlib.md5(query.encode()).digest()
    out = struct.pack(">i", PREPARED) + text(number)
    if version >= 5:
        out += text(number)
    parameters = query.count("?")
    out += struct.pack(">ii", 1, parameters) + (struct.pack(">i", 0) if version >= 4 else b"")
    out += text(b"shop") + text(b"t")
    for index in range(parameters):
        out += text(b"p%d" % index) + struct.pack(">H", VARCHAR)
    statements[number] = query
    return RESULT, out + struct.pack(">iii", 0, 1, 0) + text(b"shop") + text(b"t") + text(
        b"name"
    ) + struct.pack(">H", VARCHAR)


statements = {}


def crc24(data):
    crc = 0x875060
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1974F0B
    return crc


class Connection(socketserver.BaseRequestHandler):
    segments = False
    packed = None
    plain = b""

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.request.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def read_segment(self):
        size = 5 if self.packed == "lz4" else 3
        head = self.read(size + 3)
        bits = int.from_bytes(head[:size], "little")
        assert crc24(head[:size]) == int.from_bytes(head[size:], "little")
        payload = self.read(bits & 0x1FFFF)
        self.read(4)
        unpacked = bits >> 17 & 0x1FFFF if self.packed == "lz4" else 0
        if unpacked:
            payload = lz4.decompress(payload, uncompressed_size=unpacked)
        self.plain += payload

    def take(self, size):
        if not self.segments:
            return self.read(size)
        while len(self.plain) < size:
            self.read_segment()
        data, self.plain = self.plain[:size], self.plain[size:]
        return data

    def send(self, data):
        if not self.segments:
            self.request.sendall(data)
            return
        whole = len(data) < 0x20000
        for start in range(0, len(data), 0x1FFFF):
            part = data[start : start + 0x1FFFF]
            if self.packed == "lz4":
                small = lz4.compress(part, store_size=False)
                bits = len(small) | len(part) << 17 | whole << 34
                size, part = 5, small
            else:
                bits, size = len(part) | whole << 17, 3
            head = bits.to_bytes(size, "little")
            check = zlib.crc32(part, zlib.crc32(b"\xfa\x2d\x55\xca"))
            self.request.sendall(
                head + crc24(head).to_bytes(3, "little") + part + check.to_bytes(4, "little")
            )

    def reply(self, version, stream, kind, body, flags=0):
        if self.packed and not self.segments and kind == RESULT and lz4:
            packed = lz4.compress(body, store_size=False)
            body, flags = struct.pack(">i", len(body)) + packed, flags | 1
        head = struct.pack(">BBhBi", version | 0x80, flags, stream, kind, len(body))
        self.send(head + body)

    def handle(self):
        try:
            while True:
                self.serve()
        except (EOFError, ConnectionError):
            pass

    def serve(self):
        version, flags, stream, kind, size = struct.unpack(">BBhBi", self.take(9))
        body = self.take(size)
        if flags & 1:
            body = lz4.decompress(body[4:], uncompressed_size=struct.unpack(">i", body[:4])[0])
        if version > VERSION_MAX:
            self.reply(VERSION_MAX, stream, *error(0x000A, b"unsupported protocol version"))
            return
        if kind == 0x01:
            wants = re.search(rb"COMPRESSION..(\w+)", body, re.DOTALL)
            packed = wants.group(1).decode() if wants else None
            self.reply(version, stream, READY, b"")
            self.segments, self.packed = version >= 5, packed
        elif kind == 0x05:
            packs = text(b"lz4") if lz4 else b""
            options = struct.pack(">H", 2) + text(b"CQL_VERSION") + struct.pack(">H", 1)
            options += text(b"3.4.6") + text(b"COMPRESSION")
            options += struct.pack(">H", 1 if lz4 else 0) + packs
            self.reply(version, stream, SUPPORTED, options)
        elif kind == 0x0B:
            self.reply(version, stream, READY, b"")
            push = text(b"STATUS_CHANGE") + text(b"UP") + b"\x04\x7f\0\0\1" + struct.pack(">i", 1)
            self.reply(version, -1, EVENT, push)
        elif kind == 0x07:
            (size,) = struct.unpack(">i", body[:4])
            self.reply(version, stream, *answer_query(body[4 : 4 + size].decode(), 3))
        elif kind == 0x09:
            (size,) = struct.unpack(">i", body[:4])
            self.reply(version, stream, *answer_prepare(version, body[4 : 4 + size].decode()))
        elif kind == 0x0A:
            query = statements[body[2:18]]
            self.reply(version, stream, *answer_query(query, 20000))
        elif kind == 0x0D:
            self.reply(version, stream, RESULT, struct.pack(">i", VOID))
        else:
            self.reply(version, stream, *error(0x000A, b"e5f6"))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


server = Server(("127.0.0.1", 0), Connection)
print(f"port {server.server_address[1]}", flush=True)
server.serve_forever()

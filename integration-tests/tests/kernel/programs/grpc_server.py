"""A gRPC server of all four kinds of calls, on a port of its own, which it prints."""

import sys
import time
from concurrent import futures

import grpc


def add(request, context):
    word, _, rest = request.partition(b" ")
    if word == b"fail":
        context.abort(grpc.StatusCode[rest.decode()], "a1c2-words")
    if word == b"sleep":
        time.sleep(float(rest))
    return request


def listed(request, context):
    for number in range(int(request)):
        yield b"a1c2 %d" % number


def upload(requests, context):
    return b"%d" % sum(1 for _ in requests)


def chat(requests, context):
    yield from requests


HANDLERS = {
    "/shop.Cart/Add": grpc.unary_unary_rpc_method_handler(add),
    "/shop.Cart/Again": grpc.unary_unary_rpc_method_handler(add),
    "/shop.Cart/List": grpc.unary_stream_rpc_method_handler(listed),
    "/shop.Cart/Upload": grpc.stream_unary_rpc_method_handler(upload),
    "/shop.Cart/Chat": grpc.stream_stream_rpc_method_handler(chat),
}


class Cart(grpc.GenericRpcHandler):
    def service(self, details):
        return HANDLERS.get(details.method)


server = grpc.server(futures.ThreadPoolExecutor(60))
server.add_generic_rpc_handlers((Cart(),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(f"listening on port {port}", flush=True)
sys.stdin.read()

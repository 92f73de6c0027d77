"""Calls the server of grpc_server.py as each line on standard input says.

python grpc_client.py PORT
"""

import sys
import threading
import time

import grpc

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

channel = grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}")
add = channel.unary_unary("/shop.Cart/Add")
again = channel.unary_unary("/shop.Cart/Again")
listed = channel.unary_stream("/shop.Cart/List")
upload = channel.stream_unary("/shop.Cart/Upload")
chat = channel.stream_stream("/shop.Cart/Chat")
missing = channel.unary_unary("/shop.Cart/Missing")


def code(call, *args, **more):
    try:
        call(*args, **more)
        return "OK"
    except grpc.RpcError as error:
        return error.code().name


def given_up():
    call = add.future(b"sleep 0.2")
    time.sleep(0.05)
    call.cancel()
    return "CANCELLED" if call.cancelled() else "?"


def at_once():
    ready = threading.Barrier(50)
    done = []

    def one(number):
        ready.wait()
        done.append(add(b"a1c2 %d" % number))

    threads = [threading.Thread(target=one, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return str(len(done))


def every():
    return [
        code(add, b"a1c2-argument"),
        code(add, b"a1c2-traced", metadata=[("traceparent", TRACE)]),
        code(add, b"fail NOT_FOUND"),
        code(add, b"fail INTERNAL"),
        code(missing, b"a1c2-nobody"),
        str(len(list(listed(b"3")))),
        upload(iter([b"a1c2", b"a1c2"])).decode(),
        str(len(list(chat(iter([b"a", b"b", b"c", b"d"]))))),
        code(add, b"sleep 0.3", timeout=0.1),
        given_up(),
        code(again, b"a1c2-last"),
    ]


STEPS = {
    "every": lambda: " ".join(every()),
    "at once": at_once,
    "add": lambda: code(add, b"a1c2"),
    "again": lambda: code(again, b"a1c2"),
    "list": lambda: str(len(list(listed(b"2")))),
}
for line in sys.stdin:
    print(STEPS[line.strip()](), flush=True)

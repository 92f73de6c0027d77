"""As `broker`, the cluster that librdkafka imitates; else produces three records, and fetches."""

import sys

from confluent_kafka import Consumer, Producer

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def broker():
    # The producer only holds the cluster; it asks for its address once.
    holder = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1})
    (node,) = holder.list_topics(timeout=10).brokers.values()
    print(node.port, flush=True)
    sys.stdin.read()


def client(port, waits):
    server = f"127.0.0.1:{port}"
    producer = Producer({"bootstrap.servers": server, "client.id": "k5d4-p", "linger.ms": 100})
    producer.produce("warm", b"", partition=0)
    producer.flush(10)
    if waits:
        sys.stdin.readline()
        print("ready", flush=True)
        sys.stdin.readline()
    for number in range(3):
        headers = {"traceparent": PARENT}
        producer.produce("orders", b"k5d4-secret", headers=headers, partition=0)
    producer.flush(10)
    consumer = Consumer(
        {
            "bootstrap.servers": server,
            "client.id": "k5d4-c",
            "group.id": "k5d4-group",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe(["orders"])
    for _ in range(3):
        consumer.poll(20)
    consumer.commit(asynchronous=False)
    consumer.close()
    if waits:
        print("done", flush=True)


if sys.argv[1] == "broker":
    broker()
else:
    client(sys.argv[1], len(sys.argv) > 2)

"""Publishes, gets, consumes and fails with RabbitMQ: first with pika, then with aio-pika."""

import asyncio
import sys

import aio_pika
import pika

port = int(sys.argv[1])
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def blocking():
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port))
    channel = connection.channel()
    channel.exchange_declare("a8e5-ex")
    channel.queue_declare("a8e5-orders", auto_delete=True)
    channel.queue_bind("a8e5-orders", "a8e5-ex", "a8e5-key")
    channel.confirm_delivery()
    properties = pika.BasicProperties(headers={"traceparent": TRACE}, message_id="a8e5-id")
    for body in (b"a8e5-secret-1", b"a8e5-secret-2"):
        channel.basic_publish("a8e5-ex", "a8e5-key", body, properties)
    try:
        channel.basic_publish("a8e5-ex", "nowhere", b"a8e5-secret", mandatory=True)
        raise SystemExit("it was routed")
    except pika.exceptions.UnroutableError:
        pass
    method, _, body = channel.basic_get("a8e5-orders")
    assert body == b"a8e5-secret-1", body
    channel.basic_nack(method.delivery_tag, requeue=False)
    for method, _, body in channel.consume("a8e5-orders", inactivity_timeout=10):
        assert body == b"a8e5-secret-2", body
        channel.basic_ack(method.delivery_tag)
        break
    channel.cancel()
    try:
        channel.queue_declare("a8e5-missing", passive=True)
        raise SystemExit("it was found")
    except pika.exceptions.ChannelClosedByBroker:
        pass
    connection.close()


async def asynchronous():
    connection = await aio_pika.connect(host="127.0.0.1", port=port)
    channel = await connection.channel()
    queue = await channel.declare_queue("a8e5-async", auto_delete=True)
    message = aio_pika.Message(b"a8e5-secret-3", headers={"traceparent": TRACE})
    await channel.default_exchange.publish(message, routing_key="a8e5-async")
    async with queue.iterator(timeout=10) as messages:
        async for message in messages:
            await message.ack()
            break
    await connection.close()


blocking()
asyncio.run(asynchronous())

"""Publishes, asks, and works off a stream; with an argument it first waits to be told to go."""

import asyncio
import sys

import nats

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def main():
    connection = await nats.connect(f"nats://127.0.0.1:{sys.argv[1]}", name="n3a1-client")
    jobs = await connection.subscribe("jobs.*.new", queue="n3a1-group")
    await connection.flush()
    if len(sys.argv) > 2:
        await wait()
    await connection.publish("jobs.42.new", b"n3a1-secret", headers={"traceparent": PARENT})
    await jobs.next_msg(timeout=5)
    try:
        await connection.request("nobody.home", b"", timeout=5)
    except nats.errors.NoRespondersError:
        pass
    stream = connection.jetstream()
    await stream.add_stream(name="S", subjects=["s.>"])
    await stream.publish("s.one", b"n3a1-secret")
    pull = await stream.pull_subscribe("s.>", durable="d")
    for message in await pull.fetch(1):
        await message.ack()
    await connection.publish("last", b"")
    await connection.flush()
    if len(sys.argv) > 2:
        print("done", flush=True)
    await connection.close()


async def wait():
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.readline)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)


asyncio.run(main())

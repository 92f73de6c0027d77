"""Publishes to itself with every quality of service; with `wait` it first waits to be told."""

import sys
import threading

import paho.mqtt.client as mqtt

VERSION = {"4": mqtt.MQTTv311, "5": mqtt.MQTTv5}[sys.argv[2]]
came = threading.Semaphore(0)
subscribed = threading.Event()
client = mqtt.Client(
    mqtt.CallbackAPIVersion.VERSION2, client_id="m7c2-client", protocol=VERSION
)
client.username_pw_set("m7c2-user", "m7c2-password")
client.will_set("m7c2/will", "m7c2-will")
client.on_message = lambda *_: came.release()
client.on_subscribe = lambda *_: subscribed.set()
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_start()
client.subscribe("rooms/+/temperature", 2)
subscribed.wait(10)
if "wait" in sys.argv:
    sys.stdin.readline()
    print("ready", flush=True)
    sys.stdin.readline()
for quality in (0, 1, 2):
    client.publish("rooms/42/temperature", b"m7c2-secret", quality).wait_for_publish(10)
    came.acquire(timeout=10)
client.publish("last", b"", 1).wait_for_publish(10)
if "wait" in sys.argv:
    print("done", flush=True)
client.disconnect()
client.loop_stop()

"""Asks memcached for one of each, in text, on one connection.

python memcached_text.py PORT [wait]; with `wait`, each line on standard input is a step.
"""

import sys

from pymemcache.client.base import Client
from pymemcache.exceptions import MemcacheClientError

client = Client(("127.0.0.1", int(sys.argv[1])), default_noreply=False)


def wait(word):
    if "wait" in sys.argv:
        sys.stdin.readline()
        print(word, flush=True)


if "wait" in sys.argv:
    client.get("e5f4-warm")
wait("ready")
if "wait" in sys.argv:
    sys.stdin.readline()
client.set("e5f4-a", "e5f4-value")
assert client.get("e5f4-a") == b"e5f4-value"
client.get_many(["e5f4-a", "e5f4-b", "e5f4-c"])
client.add("e5f4-n", "1")
try:
    client.incr("e5f4-a", 1)
except MemcacheClientError:
    pass
assert client.incr("e5f4-n", 2) == 3
client.set("e5f4-big", "e5f4" * 20000)
assert len(client.get("e5f4-big")) == 80000
client.delete("e5f4-a")
client.touch("e5f4-n", 60)
client.stats()
client.flush_all()
client.version()
if "wait" in sys.argv:
    print("done", flush=True)

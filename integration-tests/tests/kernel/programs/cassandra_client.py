"""Asks a Cassandra with its official driver: PORT VERSION COMPRESSION."""

import sys

from cassandra import ConsistencyLevel, InvalidRequest, ReadTimeout
from cassandra.cluster import Cluster
from cassandra.policies import FallthroughRetryPolicy, RoundRobinPolicy
from cassandra.query import BatchStatement, BatchType, SimpleStatement

compression = {"none": False}.get(sys.argv[3], sys.argv[3])
cluster = Cluster(
    ["127.0.0.1"],
    port=int(sys.argv[1]),
    protocol_version=int(sys.argv[2]),
    compression=compression,
    schema_metadata_enabled=False,
    token_metadata_enabled=False,
    load_balancing_policy=RoundRobinPolicy(),
    default_retry_policy=FallthroughRetryPolicy(),
    monitor_reporting_enabled=False,
)
session = cluster.connect("shop")
session.execute("INSERT INTO items (id, name) VALUES (1, 'e5f6')")
quorum = SimpleStatement(
    "SELECT name FROM items WHERE id = f47ac10b-58cc-4372-a567-0e02b2c3d479",
    consistency_level=ConsistencyLevel.LOCAL_QUORUM,
    fetch_size=100,
)
assert len(session.execute(quorum).all()) == 3
for query, error in (("missing", InvalidRequest), ("late", ReadTimeout)):
    try:
        session.execute(f"SELECT name FROM {query} WHERE name = 'e5f6'")
        raise AssertionError(query)
    except error:
        pass
prepared = session.prepare("SELECT name FROM items WHERE name = ?")
for name in ("e5f6-1", "e5f6-2"):
    assert len(session.execute(prepared, (name,)).all()) == 20000
batch = BatchStatement(batch_type=BatchType.UNLOGGED)
for name in ("e5f6-1", "e5f6-2", "e5f6-3"):
    batch.add("UPDATE items SET name = %s WHERE id = 1", (name,))
session.execute(batch)
session.execute("DROP TABLE items")
cluster.shutdown()

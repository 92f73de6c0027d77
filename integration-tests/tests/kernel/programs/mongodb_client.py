"""Asks MongoDB for one of each. Arguments: the port, and a compressor or `none`."""

import sys

from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError, OperationFailure

port, compressor = int(sys.argv[1]), sys.argv[2]
wanted = {} if compressor == "none" else {"compressors": compressor}
client = MongoClient("127.0.0.1", port, directConnection=True, **wanted)
users = client.shop.user
users.insert_many([{"_id": n, "secret": "a7b6" * 20} for n in range(3)])
list(users.find({"secret": "a7b6"}))
list(users.aggregate([{"$match": {"secret": "a7b6"}}]))
users.update_one({"_id": 1}, {"$set": {"secret": "a7b6"}})
try:
    users.update_one({"_id": 1, "twice": True}, {"$set": {"secret": "a7b6"}})
except (DuplicateKeyError, OperationFailure):
    pass
try:
    client.shop.command("a7b6", 1)
except OperationFailure:
    pass
users.drop()

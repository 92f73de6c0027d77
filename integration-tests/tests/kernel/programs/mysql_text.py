"""Asks a server of MySQL's protocol in the text protocol, with PyMySQL: errors, several statements
at once, a file, a long statement."""

import sys
import tempfile

import pymysql
from pymysql.constants import CLIENT

connection = pymysql.connect(
    host="127.0.0.1",
    port=int(sys.argv[1]),
    user="root",
    database="pymysql",
    autocommit=True,
    client_flag=CLIENT.MULTI_STATEMENTS,
    ssl_disabled=True,
    local_infile=True,
)
cursor = connection.cursor()
cursor.execute("CREATE TABLE items (id INT, name TEXT)")
cursor.execute("INSERT INTO items VALUES (1, 'd4e5-secret'), (2, \"d4e5-it's\")")
cursor.execute("SELECT * FROM items WHERE name = 'd4e5-secret' # d4e5")
assert cursor.fetchall() == ((1, "d4e5-secret"),)
try:
    cursor.execute("SELECT nope FROM items")
    raise AssertionError("no such column")
except pymysql.err.OperationalError:
    pass
cursor.execute("SELECT 1; UPDATE items SET id = 3 WHERE id = 1; SELECT id FROM items")
while cursor.nextset():
    pass
with tempfile.NamedTemporaryFile("w") as file:
    file.write("7\td4e5\n" * 20000)
    file.flush()
    cursor.execute(f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE items")
cursor.execute("SELECT * FROM items")
assert len(cursor.fetchall()) == 20002
cursor.execute("INSERT INTO items VALUES (8, '" + "d4e5" * 4096 + "')")
cursor.execute("DELETE FROM items WHERE id IN (1, 2, 3, 7, 8)")
connection.ping(reconnect=False)
connection.select_db("mysql")
connection.select_db("pymysql")
cursor.execute("DROP TABLE items")
connection.close()

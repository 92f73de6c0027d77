"""Asks a server of MySQL's protocol for prepared statements, with MySQL's own connector."""

import sys

import mysql.connector

connection = mysql.connector.connect(
    host="127.0.0.1",
    port=int(sys.argv[1]),
    user="root",
    database="connector",
    ssl_disabled=True,
    use_pure=True,
)
cursor = connection.cursor(prepared=True)
for number in range(2):
    cursor.execute("SELECT host FROM mysql.user WHERE user = %s", (f"d4e5-{number}",))
    cursor.fetchall()
cursor.execute("SELECT %s AS d", ("d4e5" * 4096,))
cursor.fetchall()
cursor.close()
connection.commit()
connection.close()

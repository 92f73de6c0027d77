"""Asks once, then becomes curl and asks again.

Usage: execs.py PORT URL
"""

import http.client
import os
import sys

server = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), 10)
server.request("GET", "/a3b4-exec/1")
server.getresponse().read()
server.close()
os.execvp("curl", ["curl", "--silent", "--noproxy", "*", sys.argv[2]])

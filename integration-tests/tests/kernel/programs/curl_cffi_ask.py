"""Asks over curl_cffi, which has BoringSSL inside: for each line of standard input on a connection
of its own. Usage: curl_cffi_ask.py PORT
"""

import sys

from curl_cffi import requests

for line in sys.stdin:
    path = line.strip()
    url = f"https://127.0.0.1:{sys.argv[1]}{path}"
    response = requests.get(url, verify=False, timeout=10, http_version="v1")
    assert (response.status_code, response.text) == (200, path), response.text
    print("told", response.text, flush=True)

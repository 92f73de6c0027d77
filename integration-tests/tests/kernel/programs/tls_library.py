"""Prints the path of the OpenSSL that Python's `ssl` has loaded."""

import ssl  # noqa: F401

with open("/proc/self/maps") as maps:
    paths = [line.split()[-1] for line in maps if "libssl" in line]
print(paths[0])

"""Asks a server with the libraries that people ask with, each twice on each of two sessions.

Usage: web_ask.py http|https PORT PREFIX
The paths are /PREFIX/LIBRARY/SESSION/REQUEST. Ends with a failure when an answer is not its path.
"""

import asyncio
import sys
import warnings

import aiohttp
import httpx
import requests

scheme, port, prefix = sys.argv[1:4]
warnings.simplefilter("ignore")  # of connections that are not verified


def paths(library, session):
    return [f"/{prefix}/{library}/{session}/{request}" for request in range(2)]


def url(path):
    return f"{scheme}://127.0.0.1:{port}{path}"


def judge(path, status, body):
    assert (status, body) == (200, path), (path, status, body)


def with_requests(session):
    with requests.Session() as client:
        for path in paths("requests", session):
            response = client.get(url(path), verify=False, timeout=10)
            judge(path, response.status_code, response.text)


def with_httpx(session):
    with httpx.Client(verify=False) as client:
        for path in paths("httpx", session):
            response = client.get(url(path))
            judge(path, response.status_code, response.text)


async def with_httpx_at_once(session):
    async with httpx.AsyncClient(verify=False) as client:
        for path in paths("httpx-async", session):
            response = await client.get(url(path))
            judge(path, response.status_code, response.text)


async def with_aiohttp_at_once(session):
    async with aiohttp.ClientSession() as client:
        for path in paths("aiohttp", session):
            async with client.get(url(path), ssl=False) as response:
                judge(path, response.status, await response.text())


async def at_once():
    sessions = [talk(n) for talk in (with_httpx_at_once, with_aiohttp_at_once) for n in range(2)]
    await asyncio.gather(*sessions)


for number in range(2):
    with_requests(number)
    with_httpx(number)
asyncio.run(at_once())

"""aiohttp's server: answers every path with itself.

Usage: web_aiohttp.py [CERTIFICATE]
"""

import asyncio
import ssl
import sys

from aiohttp import web


async def answer(request):
    return web.Response(text=request.path)


async def main():
    context = None
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    print("listening on port", runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())

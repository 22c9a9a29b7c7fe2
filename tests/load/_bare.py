"""The bare aiohttp server that CPU figures are compared with: one POST handler that reads JSON and answers some.

With a folder of certificates as second word it speaks TLS on a free port, which it writes into the file of the first
word, and GET sends a few bytes of data.
"""

import asyncio
import ssl
import sys
from pathlib import Path
from typing import Any

import cryptography.hazmat.primitives.asymmetric.ec  # noqa: F401  (part of what a bare server would load)
import msgspec
import uvloop
from aiohttp import web

_ANSWER = msgspec.json.encode(
    {"@type": "ContractNegotiation", "state": "AGREED", "providerPid": "p", "consumerPid": "c"}
)
_DATA = b"a;b\n1;2\n"


async def post(request: web.Request) -> web.Response:
    msgspec.json.decode(await request.read(), type=dict[str, Any])
    return web.Response(body=_ANSWER, content_type="application/json")


async def get(request: web.Request) -> web.StreamResponse:
    """As data are sent: a stream of known length."""
    answer = web.StreamResponse()
    answer.content_length, answer.content_type = len(_DATA), "text/csv"
    await answer.prepare(request)
    await answer.write(_DATA)
    await answer.write_eof()
    return answer


async def application() -> web.Application:
    app = web.Application()
    app.router.add_post("/", post)
    app.router.add_get("/", get)
    return app


async def over_tls(place: Path, certs: Path) -> None:
    """Serves until it is ended."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs / "server.pem", certs / "server.key")
    runner = web.AppRunner(await application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    place.write_text(str(runner.addresses[0][1]))
    await asyncio.Event().wait()


if __name__ == "__main__" and len(sys.argv) > 2:
    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(over_tls(Path(sys.argv[1]), Path(sys.argv[2])))
elif __name__ == "__main__":
    web.run_app(application(), path=sys.argv[1], print=None, access_log=None, loop=uvloop.new_event_loop())

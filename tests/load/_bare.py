"""The bare aiohttp server that CPU figures are compared with: one POST handler that reads JSON and answers some."""

import sys
from typing import Any

import cryptography.hazmat.primitives.asymmetric.ec  # noqa: F401  (part of what a bare server would load)
import msgspec
import uvloop
from aiohttp import web

_ANSWER = msgspec.json.encode(
    {"@type": "ContractNegotiation", "state": "AGREED", "providerPid": "p", "consumerPid": "c"}
)


async def post(request: web.Request) -> web.Response:
    msgspec.json.decode(await request.read(), type=dict[str, Any])
    return web.Response(body=_ANSWER, content_type="application/json")


async def application() -> web.Application:
    app = web.Application()
    app.router.add_post("/", post)
    return app


if __name__ == "__main__":
    web.run_app(application(), path=sys.argv[1], print=None, access_log=None, loop=uvloop.new_event_loop())

"""The bare aiohttp server that a catalogue page is compared with: every GET gets the bytes of one file.

Over TLS, where a certificate and its key are named."""

import ssl
import sys
from pathlib import Path

import cryptography.hazmat.primitives.asymmetric.ec  # noqa: F401  (part of what a bare server would load)
import uvloop
from aiohttp import web


def application(body: bytes) -> web.Application:
    async def get(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/", get)
    return app


if __name__ == "__main__":
    page, port, *certificate = sys.argv[1:]
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
    web.run_app(
        application(Path(page).read_bytes()),
        host="127.0.0.1",
        port=int(port),
        ssl_context=context,
        print=None,
        access_log=None,
        loop=uvloop.new_event_loop(),
    )

"""The management application: all routes in one list, every limit of the public surface applies here too."""

from collections.abc import Iterable
from typing import Protocol

from aiohttp import web

from connector.api.problems import problems
from connector.http import limits

TOTAL_S = 90.0
"""Longer than the longest `?wait=`."""


class Handlers(Protocol):
    def routes(self) -> list[web.RouteDef]: ...


def application(handlers: Iterable[Handlers]) -> web.Application:
    """The aiohttp application for the Unix socket and, if wanted, the loopback port."""
    app = limits.application(problems, total_s=TOTAL_S)
    for group in handlers:
        app.add_routes(group.routes())
    return app

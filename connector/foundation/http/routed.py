"""The routes of an application, found by the words of a path: aiohttp tries one pattern after the other, and makes each
at the start. What nobody asks for is not made here; what is, answers as aiohttp's own resource does.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, NamedTuple, NoReturn

from aiohttp import web
from aiohttp.typedefs import Handler

from connector.foundation.http.route_table import RouteTable

Method = Literal["GET", "POST"]
_METHODS: Final[Mapping[Method, tuple[str, ...]]] = {"GET": ("GET", "HEAD"), "POST": ("POST",)}
_SEGMENT = re.compile(r"[^{}]*|\{[a-zA-Z_]\w*(?::\.\+)?\}")


class Row(NamedTuple):
    """`path` as aiohttp writes it: `{name}` is a segment, `{name:.+}` the rest."""

    method: Method
    path: str
    handler: Handler


class Routed(web.AbstractResource):
    """All rows as one resource; the longest beginning without a name wins, then what stands first."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """Raises ValueError for a row that could never be asked for: one like another, or a path in another form."""
        super().__init__()
        self._rows: dict[str, list[Row]] = {}
        for row in rows:
            there = self._rows.setdefault(row.path, [])
            if any(one.method == row.method for one in there) or not all(map(_SEGMENT.fullmatch, row.path.split("/"))):
                raise ValueError(row)
            there.append(row)
        ordered = sorted(self._rows, key=lambda path: -len(_beginning(path)))
        self._table = RouteTable((path.replace(":.+}", "+}"), path) for path in ordered)
        self._made: dict[str, web.Resource] = {}

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        allowed = set[str]()
        for _, path, _ in self._table.matches(request.rel_url.path_safe):
            found, methods = await self._resource(path).resolve(request)
            if found is not None:
                return found, allowed
            allowed |= methods
        return None, allowed

    def _resource(self, path: str) -> web.Resource:
        if path not in self._made:
            made = web.DynamicResource(path) if "{" in path else web.PlainResource(path)
            for row in self._rows[path]:
                for method in _METHODS[row.method]:
                    made.add_route(method, row.handler)
            self._made[path] = made
        return self._made[path]

    @property
    def canonical(self) -> str:
        return "/"

    def raw_match(self, path: str) -> bool:
        return False

    def __len__(self) -> int:
        return sum(len(_METHODS[row.method]) for rows in self._rows.values() for row in rows)

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        for path in self._rows:
            yield from self._resource(path)

    def get_info(self) -> NoReturn:
        """aiohttp's interface wants this one and the next two; it asks for them only where a route has a name or an
        application stands within another, and none of ours does."""
        raise NotImplementedError

    def url_for(self, **parts: str) -> NoReturn:
        raise NotImplementedError

    def add_prefix(self, prefix: str) -> NoReturn:
        raise NotImplementedError


def _beginning(path: str) -> str:
    """What aiohttp looks a path up by."""
    return path.partition("{")[0].rpartition("/")[0] if "{" in path else path

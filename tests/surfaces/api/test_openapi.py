"""The OpenAPI document says what the management surface is: all routes, with Structs for what goes in and comes out."""

import json
import re
from collections.abc import Iterator
from typing import Any

import aiohttp
import msgspec
import pytest

from connector.app.management import handlers
from connector.app.surfaces import operation
from connector.cli.main import main
from connector.foundation.language import catalogue
from connector.surfaces.api.openapi import GROUPS, PLACE, codes, document
from connector.surfaces.api.routes import Route
from connector.surfaces.api.scopes import ON_SOCKET
from connector.surfaces.views.agreement import AgreementView
from connector.surfaces.views.duty import DutiesView
from connector.surfaces.views.negotiation import NegotiationView
from connector.surfaces.views.operation import CountersignByView
from connector.surfaces.views.record import ComparisonView
from connector.surfaces.views.transfer import TransferView
from tests.surfaces.api.town import Town, running_town
from tests.testkit.cities import Space
from tests.testkit.error_codes import raised

MOVES = re.compile("/leaving/|/move/|/arrivals/")
"""Of somebody who leaves, moves or comes alone."""
DOCUMENT = json.loads(document())
ROUTES = [route for group in GROUPS for route in group.routes]
OPEN = {"An ODRL policy as JSON-LD.", "JSON as it was signed, recorded or stored."}
"""What has no form of ours, and says so."""


def test_every_route_is_in_the_document() -> None:
    told = {(method.upper(), path) for path, one in DOCUMENT["paths"].items() for method in one}
    assert told == {(route.method, PLACE.sub(r"{\1}", route.path)) for route in ROUTES}
    assert len(ROUTES) == len(told)


def test_every_operation_names_the_scope_that_a_key_needs() -> None:
    """Bug: an engineer learned it from a refusal alone. >> all << one scope each; none where no key opens it."""
    paths = DOCUMENT["paths"].items()
    told = {f"{way.upper()} {path}": one[way]["security"] for path, one in paths for way in one}
    assert {row for row, needs in told.items() if needs == [{}]} == set(ON_SOCKET)
    own = "/api/v1/participants/{p}"
    for row, scope in (
        (f"GET {own}/find", "read"),
        (f"POST {own}/datasets", "publish"),
        (f"POST {own}/negotiations", "decide"),
        (f"GET {own}/transfers/{{id}}/content", "fetch"),
        ("GET /metrics", "operate"),
    ):
        assert told[row] == [{}, {"token": [scope]}]


def test_bug_eleven_operations_pointed_at_schemas_that_nobody_has() -> None:
    """Each reference leads to a schema, and each schema has one short name: two classes of one name had none."""
    assert [one for one in references(DOCUMENT) if reached(one) is None] == []
    assert [name for name in DOCUMENT["components"]["schemas"] if not name.isidentifier()] == []


def references(node: Any) -> Iterator[str]:
    """Every `$ref` below this node."""
    for name, value in node.items() if isinstance(node, dict) else ():
        if name == "$ref" and isinstance(value, str):
            yield value
        yield from references(value)
    for one in node if isinstance(node, list) else ():
        yield from references(one)


def reached(reference: str) -> Any:
    """What the reference names within the document; None if nothing."""
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    return found


async def test_the_server_serves_just_these_routes(space: Space) -> None:
    """>> what a process serves << the same groups of handlers as in the document, which it answers with."""
    city = await space.city("it", {})
    assert {type(group) for group in handlers(city.services, operation(city.services))} == set(GROUPS)
    assert await city.api.get("/api/openapi.json") == DOCUMENT


def test_the_command_line_prints_it_without_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["api"], {}) == 0
    assert json.loads(capsys.readouterr().out) == DOCUMENT


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does() -> None:
    operations = [one for path in DOCUMENT["paths"].values() for one in path.values()]
    assert all(one["summary"].endswith((".", "…")) for one in operations)
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names))


def test_every_body_and_answer_is_a_struct_or_a_media_type() -> None:
    bodies = [one for route in ROUTES for one in (route.body, route.answer) if isinstance(one, type)]
    assert all(issubclass(one, msgspec.Struct) and one.__struct_config__.frozen for one in bodies)
    media = [one for route in ROUTES for one in (route.body, route.answer) if isinstance(one, str)]
    assert all(re.fullmatch(r"[a-z*]+/[a-z*.+-]+", one) for one in media)


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every schema inside a schema."""
    if isinstance(value, dict):
        yield value
        for name, one in value.items():
            if name in ("properties", "$defs"):
                for inner in one.values():
                    yield from parts(inner)
            elif name in ("items", "additionalProperties", "anyOf", "prefixItems"):
                for inner in one if isinstance(one, list) else [one]:
                    yield from parts(inner)


def test_nothing_is_just_any_object() -> None:
    """>> every member of every component << its form, or that it is signed, recorded or ODRL."""
    shapeless = [
        (name, one)
        for name, component in DOCUMENT["components"]["schemas"].items()
        for one in parts(component)
        if not one.keys() & {"$ref", "type", "anyOf", "enum", "const"} and one.get("description") not in OPEN
    ]
    assert shapeless == []
    assert {one["$ref"] for part in DOCUMENT["components"]["schemas"].values() for one in parts(part) if "$ref" in one}


def test_the_codes_of_every_route_have_these_statuses_in_the_code() -> None:
    """Each has a sentence; a few are never written out where they are raised, so that nothing tells their status."""
    known, sentences = raised(), catalogue("de")
    wrong = [
        (f"{route.method} {route.path}", status, code)
        for route in ROUTES
        for status, names in codes(route).items()
        for code in names
        if known.get(code, frozenset({status})) != {status} or f"error.{code}" not in sentences
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "view", [AgreementView, NegotiationView, TransferView, ComparisonView, CountersignByView, DutiesView]
)
def test_what_lists_show_of_a_contract_names_partner_and_title(view: type[msgspec.Struct]) -> None:
    """Nobody has to ask again for each row."""
    assert {"counterparty", "partner", "title"} <= {field.name for field in msgspec.structs.fields(view)}


async def got(session: aiohttp.ClientSession, town: Town, route: Route) -> None:
    """One GET of something that is there, read as the Struct that the route names."""
    path = PLACE.sub(lambda place: town.values(route.path, place[1])[0], route.path)
    params = {"with": town.ids["agreements"][0]} if path.endswith("/comparison") else {}
    headers = town.headers("GET", route.path, path.removeprefix("/api/v1/participants/").partition("/")[0])
    async with session.get(path, params=params, headers=headers) as answer:
        body = await answer.read()
        assert answer.status == 200, body
        if isinstance(route.answer, type):
            told = msgspec.json.decode(body, type=route.answer)
            assert msgspec.json.decode(msgspec.json.encode(told)) == msgspec.json.decode(body)


async def test_every_answer_is_the_struct_of_its_route(space: Space) -> None:
    """>> every GET of a town << the Struct that the document names, and not a member more."""
    async with running_town(space) as town:
        reads = [route for route in ROUTES if route.method == "GET" and not MOVES.search(route.path)]
        connector = aiohttp.UnixConnector(town.city.settings.api.socket)
        async with (
            aiohttp.ClientSession(town.url) as session,
            aiohttp.ClientSession("http://localhost", connector=connector) as local,
        ):
            for route in reads:
                await got(local if f"GET {route.path}" in ON_SOCKET else session, town, route)

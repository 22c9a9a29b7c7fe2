"""The OpenAPI 3.1 document of the management surface, made of the tables of routes and the Structs that they name.

`hanse api` prints it without a server, `GET /api/openapi.json` answers with it.
"""

import re
from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from inspect import cleandoc
from typing import Any, ClassVar

import msgspec
from aiohttp import web

from connector.foundation.resources import release
from connector.surfaces.api.attention import AttentionHandlers
from connector.surfaces.api.audience import AudienceHandlers
from connector.surfaces.api.backup import BackupHandlers
from connector.surfaces.api.catalogue import CatalogueHandlers
from connector.surfaces.api.clock import ClockHandlers
from connector.surfaces.api.contracts import ContractHandlers
from connector.surfaces.api.countersigning import CountersigningHandlers
from connector.surfaces.api.datasets import DatasetHandlers
from connector.surfaces.api.duties import DutyHandlers
from connector.surfaces.api.federation import FederationHandlers
from connector.surfaces.api.figures import FigureHandlers
from connector.surfaces.api.find import FindHandlers
from connector.surfaces.api.groups import GroupHandlers
from connector.surfaces.api.harvest import HarvestHandlers
from connector.surfaces.api.list_forks import ListForkHandlers
from connector.surfaces.api.mandates import MandateHandlers
from connector.surfaces.api.mergers import MergerHandlers
from connector.surfaces.api.moving import MovingHandlers
from connector.surfaces.api.offboarding import OffboardingHandlers
from connector.surfaces.api.operation import OperationHandlers
from connector.surfaces.api.participants import ParticipantHandlers
from connector.surfaces.api.partners import PartnerHandlers
from connector.surfaces.api.people import PeopleHandlers
from connector.surfaces.api.persons import PersonHandlers
from connector.surfaces.api.problems import MEDIA
from connector.surfaces.api.process import ProcessHandlers
from connector.surfaces.api.records import RecordHandlers
from connector.surfaces.api.routes import Handlers, Query, Route, get
from connector.surfaces.api.scopes import ON_SOCKET, scope_of
from connector.surfaces.api.sources import SourceHandlers
from connector.surfaces.api.space_certificates import CertificateHandlers
from connector.surfaces.api.space_recovery import RecoveryHandlers
from connector.surfaces.api.spaces import SpaceHandlers
from connector.surfaces.api.terminations import TerminationHandlers
from connector.surfaces.api.trace import TraceHandlers
from connector.surfaces.api.transfers import TransferHandlers
from connector.surfaces.api.witness import WitnessHandlers
from connector.surfaces.views.problem import ProblemView

JSON = "application/json"
REF = "#/components/schemas/{name}"
PLACE = re.compile(r"\{(\w+)(?::[^}]*)?\}")
EVERYWHERE = {
    400: ("api.no-query", "api.query"),
    401: ("api.no-token",),
    403: ("api.key-scope",),
    404: ("http.nothing-here",),
    500: ("defect",),
    503: ("http.request-too-long", "spaces.restored"),
}
"""Problems that every route may answer with; 401 and 403 for want of a key or its scope only on a port."""
WITH_PARTICIPANT = {404: ("participants.unknown",)}
READS = {
    400: ("http.body-broken",),
    408: ("http.body-slow",),
    413: ("http.body-size",),
    415: ("http.body-encoded",),
}
READS_JSON = {
    400: (
        "api.body",
        "http.json-characters",
        "http.json-depth",
        "http.json-duplicate",
        "http.json-encoding",
        "http.json-nodes",
        "http.json-number",
        "http.json-string",
        "http.json-syntax",
    ),
    413: ("http.json-size",),
    415: ("http.body-media",),
}
WHERE = {
    "authority": "The authority of a list, by the URN of its key.",
    "sha256": "the SHA-256 of a mandate, in hexadecimal",
    "run": "The run, as the request that began it was answered.",
    "p": "The participant, by its short name.",
    "id": "The id; of a `urn:uuid:` the bare UUID will do.",
    "uuid": "The UUID at the end of the dataset's id.",
    "pid": "The id of a process, ours or the partner's, or of an agreement.",
    "purpose": "What the key is for: `peer`, `seal`, `log`, …",
    "pseudonym": "The person, who is never named.",
}


class OpenApiHandlers:
    async def document(self, request: web.Request) -> web.StreamResponse:
        """This document."""
        return web.Response(body=document(), content_type=JSON)

    routes: ClassVar[tuple[Route, ...]] = (get("/api/openapi.json", document, media=JSON),)


GROUPS: tuple[type[Handlers], ...] = (
    OperationHandlers,
    ParticipantHandlers,
    CatalogueHandlers,
    SourceHandlers,
    AudienceHandlers,
    DatasetHandlers,
    FigureHandlers,
    FindHandlers,
    FederationHandlers,
    HarvestHandlers,
    ContractHandlers,
    CountersigningHandlers,
    TransferHandlers,
    DutyHandlers,
    AttentionHandlers,
    TerminationHandlers,
    ClockHandlers,
    OffboardingHandlers,
    MovingHandlers,
    RecordHandlers,
    PersonHandlers,
    PeopleHandlers,
    SpaceHandlers,
    GroupHandlers,
    MandateHandlers,
    MergerHandlers,
    CertificateHandlers,
    PartnerHandlers,
    RecoveryHandlers,
    ListForkHandlers,
    TraceHandlers,
    BackupHandlers,
    ProcessHandlers,
    WitnessHandlers,
    OpenApiHandlers,
)


@cache
def document() -> bytes:
    """As JSON."""
    return msgspec.json.encode(openapi([(group, route) for group in GROUPS for route in group.routes]))


def openapi(table: Iterable[tuple[type[Handlers], Route]]) -> dict[str, Any]:
    rows = list(table)
    structs = {one for _, row in rows for one in (row.body, row.answer) if isinstance(one, type)}
    ordered = sorted({*structs, ProblemView}, key=str)
    components = msgspec.json.schema_components(ordered, ref_template=REF)[1]
    paths: dict[str, dict[str, Any]] = {}
    for group, row in rows:
        paths.setdefault(PLACE.sub(r"{\1}", row.path), {})[row.method.lower()] = _operation(_tag(group), row)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hanse, management API", "version": release(), "license": _LICENSE},
        "servers": [{"url": "/", "description": "The Unix socket in the data folder, or a port on loopback."}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": _KEY}},
        },
    }


_KEY = (
    "A key for programs, for calls on the port. Each operation names the scope that it needs; the socket needs no key."
)
_LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}


def codes(route: Route) -> dict[int, list[str]]:
    """All problem codes of a route by status: those of its row, and those that its form entails."""
    entailed = [EVERYWHERE, route.problems]
    if "{p}" in route.path:
        entailed.append(WITH_PARTICIPANT)
    if route.body is not None:
        entailed.append(READS)
    if isinstance(route.body, type):
        entailed.append(READS_JSON)
    found: dict[int, list[str]] = {}
    for problems in entailed:
        for status, names in problems.items():
            found.setdefault(status, []).extend(names)
    return {status: sorted(found[status]) for status in sorted(found)}


def _operation(tag: str, route: Route) -> dict[str, Any]:
    name = route.handler.__name__
    summary, _, rest = cleandoc(route.handler.__doc__ or "").partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": f"{tag}.{name}",
        "tags": [tag],
        "summary": " ".join(summary.split()),
        "parameters": [*map(_place, PLACE.findall(route.path)), *map(_query, route.query)],
        "responses": _responses(route),
    }
    if rest:
        operation["description"] = " ".join(rest.split())
    operation["security"] = [{}, {"token": [scope_of(route.method, route.path)]}]
    if f"{route.method} {route.path}" in ON_SOCKET:
        operation["security"] = [{}]
        operation["description"] = "On the Unix socket alone: no key opens it."
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.body)}
    return operation


def _responses(route: Route) -> dict[str, Any]:
    """`default` is for what a partner's connector, a disk or a database may have against it."""
    answered = (route.status, *route.also)
    responses: dict[str, Any] = {
        str(status): {"description": HTTPStatus(status).phrase, "content": _content(route.answer)}
        for status in answered
    }
    for status, names in codes(route).items():
        told = {"description": ", ".join(f"`{name}`" for name in names), "content": _content(ProblemView, MEDIA)}
        if status in answered:
            responses[str(status)]["content"] |= told["content"]
        else:
            responses[str(status)] = told
    told = {"description": "Another problem; docs/errors.md lists all codes.", "content": _content(ProblemView, MEDIA)}
    return {**responses, "default": told}


def _content(body: type[msgspec.Struct] | str, media: str = JSON) -> dict[str, Any]:
    if isinstance(body, str):
        return {body: {}}
    return {media: {"schema": {"$ref": REF.format(name=body.__name__)}}}


def _place(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": WHERE[name], "schema": {"type": "string"}}


def _query(one: Query) -> dict[str, Any]:
    return {"name": one.name, "in": "query", "description": one.text, "schema": msgspec.json.schema(one.type)}


def _tag(group: type[Handlers]) -> str:
    return group.__name__.removesuffix("Handlers").lower()

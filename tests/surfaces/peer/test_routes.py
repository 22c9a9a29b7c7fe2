"""Every route of the public surface, asked by somebody without business there (T17); addresses of nobody."""

import json
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from connector.app.surfaces import public
from connector.foundation.http import strict
from connector.foundation.storage.database import Tx
from connector.surfaces.peer.problems import problems
from connector.surfaces.peer.routes import Route, handler
from tests.surfaces.peer import one_city
from tests.testkit.cities import City, Refused
from tests.testkit.nasty import NastyPeer, Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")
it, made, nasty, space = one_city.it, one_city.made, one_city.nasty, one_city.space

TYPES = {
    "/catalog/request": "CatalogRequestMessage",
    "/negotiations/request": "ContractRequestMessage",
    "/negotiations/{pid}/request": "ContractRequestMessage",
    "/negotiations/{pid}/offers": "ContractOfferMessage",
    "/negotiations/offers": "ContractOfferMessage",
    "/agreement": "ContractAgreementMessage",
    "/agreement/verification": "ContractAgreementVerificationMessage",
    "/events": "ContractNegotiationEventMessage",
    "/negotiations/{pid}/termination": "ContractNegotiationTerminationMessage",
    "/transfers/request": "TransferRequestMessage",
    "/start": "TransferStartMessage",
    "/completion": "TransferCompletionMessage",
    "/suspension": "TransferSuspensionMessage",
    "/transfers/{pid}/termination": "TransferTerminationMessage",
}
LETTERS = "abcdef0123456789"


def table(city: City) -> list[Route]:
    """The routes that the process really serves."""
    return list(public(city.services).routes)


ELSEWHERE = {
    "/evidence/{agreement}/termination",
    "/evidence/{agreement}/countersignature",
    "/federation/lists/{authority}/{version}",
}
"""They take sealed bodies: `test_terminations.py`, `test_objects_countersignature.py` and `test_lists.py` ask them in
the name of a third."""


def keyed(city: City) -> list[Route]:
    """Those that look up something by an id, behind our own token."""
    return [route for route in table(city) if "{" in route.path and not route.public and route.path not in ELSEWHERE]


def body(nasty: NastyPeer, route: Route, pid: str) -> dict[str, Any] | None:
    """A well-formed message of the type that the route takes, about the process `pid`."""
    if route.method == "GET":
        return None
    type_ = next(TYPES[ending] for ending in sorted(TYPES, key=len, reverse=True) if route.path.endswith(ending))
    pids = {"providerPid": pid, "consumerPid": "urn:uuid:mine"}
    more: dict[str, Any] = {}
    if type_ == "ContractAgreementMessage":
        parties = {"assigner": nasty.did, "assignee": nasty.did, "target": "urn:x", "timestamp": "2026-11-24T20:00:03Z"}
        rule = {"permission": [{"action": "use"}]}
        more = {"agreement": {"@type": "Agreement", "@id": "urn:uuid:a", **parties, **rule}}
    if type_ in ("ContractRequestMessage", "ContractOfferMessage"):
        more = {"offer": {"@id": "urn:o", "@type": "Offer", "target": "urn:x", "permission": [{"action": "use"}]}}
        mine, theirs = (
            ("providerPid", "consumerPid") if type_ == "ContractRequestMessage" else ("consumerPid", "providerPid")
        )
        pids = {mine: pid, theirs: "urn:uuid:mine"}
    if type_ == "ContractNegotiationEventMessage":
        more = {"eventType": "FINALIZED"}
    return nasty.message(type_, **pids, **more)


def like(id_: str) -> str:
    """Another id of the same form that nobody has."""
    return id_[:-12] + "".join(LETTERS[(LETTERS.index(sign) + 5) % 16] for sign in id_[-12:])


def plain(reply: Reply, *ids: str) -> tuple[int, str, str | None]:
    """The answer without what must differ: the id that was asked for and the request's own id."""
    text = reply.body.decode()
    for id_ in ids:
        text = text.replace(id_, "ID")
    value = json.loads(text)
    value.pop("request", None)
    return reply.status, json.dumps(value), reply.headers.get("Content-Type")


def theirs(tx: Tx) -> dict[str, str]:
    """Ids of an exchange between the two towns, as the provider knows them."""
    wanted = {
        "negotiation": "SELECT id AS n FROM negotiation WHERE participant = 'musterstadt'",
        "agreement": "SELECT id AS n FROM agreement WHERE participant = 'musterstadt'",
        "transfer": "SELECT id AS n FROM transfer WHERE participant = 'musterstadt'",
        "object": "SELECT sha256 AS n FROM object_use WHERE participant = 'musterstadt' ORDER BY name",
        "flow": "SELECT id AS n FROM flow WHERE participant = 'musterstadt'",
    }
    found = {name: tx.one(sql) for name, sql in wanted.items()}
    return {name: str(row["n"]) for name, row in found.items() if row is not None}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ids(it: City) -> dict[str, str]:
    """nachbardorf has the data of musterstadt; both keep a contract."""
    made = await it.publish("musterstadt")
    signed = await it.negotiate("nachbardorf", it.did("musterstadt"), made["dataset"])
    assert signed["state"] == "FINALIZED", signed
    await it.fetch("nachbardorf", signed["agreement"])
    found = await it.services.infra.db.read("musterstadt", theirs)
    assert len(found) == 5
    return found


@pytest.mark.threat("T17")
async def test_ids_of_others_look_like_ids_that_do_not_exist(it: City, nasty: NastyPeer, ids: dict[str, str]) -> None:
    """>> every keyed route x every id of the two towns, by a third << 404 in the very words of an invented id."""
    asked = 0
    for route in keyed(it):
        for id_ in (*ids.values(), ids["agreement"].removeprefix("urn:uuid:")):
            name = route.path[route.path.index("{") : route.path.index("}") + 1]
            replies = []
            for one in (id_, like(id_)):
                path = route.path.replace(name, one)
                token = nasty.token(it.did("musterstadt"))
                url = it.root("musterstadt") + path
                replies.append(plain(await nasty.call(route.method, url, body(nasty, route, one), token=token), one))
            assert replies[0][0] == 404, (route, id_, replies)
            assert replies[0] == replies[1], (route, id_)
            asked += 1
    assert asked >= 12 * 6
    assert await it.services.infra.db.read("musterstadt", theirs) == ids


@pytest.mark.threat("T17")
async def test_the_partner_finds_what_the_third_does_not(it: City, nasty: NastyPeer, ids: dict[str, str]) -> None:
    """The same ids, asked by nachbardorf << 200: the test above does not pass because of wrong addresses."""
    partner = it.services.participants.held("nachbardorf")
    claims: dict[str, Any] = {"iss": partner.participant.did, "sub": partner.participant.did}
    signer = partner.signers["peer"]
    agreement = ids["agreement"].removeprefix("urn:uuid:")
    for path in (
        f"/2025-1/negotiations/{ids['negotiation']}",
        f"/2025-1/transfers/{ids['transfer']}",
        f"/evidence/objects/{ids['object']}",
        f"/evidence/{agreement}",
    ):
        assert (await nasty.get(it, "musterstadt", path, signer=signer, **claims)).status == 200, path


@pytest.mark.threat("T17")
async def test_a_foreign_agreement_moves_no_data(it: City, nasty: NastyPeer, ids: dict[str, str]) -> None:
    """>> a transfer under the contract of others, and under an invented one << 404 in the same words."""
    replies = []
    for agreement in (ids["agreement"], like(ids["agreement"])):
        asked = nasty.message(
            "TransferRequestMessage",
            consumerPid="urn:uuid:mine",
            agreementId=agreement,
            format="HttpData-PULL",
            callbackAddress=nasty.base,
        )
        replies.append(plain(await nasty.post(it, "musterstadt", "/2025-1/transfers/request", asked), agreement))
    assert replies[0] == replies[1]
    assert replies[0][0] == 404


@pytest.mark.threat("T21")
async def test_a_members_token_opens_no_flow(it: City, nasty: NastyPeer, ids: dict[str, str]) -> None:
    """>> the data route with a good token of the protocol, and without any << 401 both times."""
    url = f"{it.root('musterstadt')}/data/{ids['flow']}"
    assert (await nasty.call("GET", url, token=nasty.token(it.did("musterstadt")))).status == 401
    assert (await nasty.call("GET", url)).status == 401


async def test_every_route_but_the_public_ones_wants_a_token(it: City, nasty: NastyPeer) -> None:
    """>> each route without a token << 401, what anybody may read << 200; the data route asks for its own."""
    for route in table(it):
        url = it.root("musterstadt") + route.path.replace("{", "").replace("}", "").replace("+", "")
        reply = await nasty.call(route.method, url)
        if route.path.startswith("/space"):  # nobody's space here; who applies or asks shows who it is by a signature
            assert reply.status in (400, 401, 404, 415), route
            continue
        own = "/data/" in route.path
        named = route.path.startswith(("/log/", "/datasets/", "/series/", "/mandates/"))  # anybody may ask in vain
        known = 303 if route.path == "/" else 200
        expected = 404 if named else known if route.public and not own else 401
        assert reply.status == expected, route


NOBODYS = (
    "/",
    "/niemand",
    "/niemand/2025-1/negotiations/request",
    "/musterstadt2/did.json",
    "/MUSTERSTADT/did.json",
    "/musterstadt/2024-1/catalog/request",
    "/musterstadt/2025-1",
    "/musterstadt/../nachbardorf/did.json",
    "/musterstadt/%2e%2e/nachbardorf/did.json",
    "/musterstadt//did.json",
    "//musterstadt/did.json",
    "/musterstadt%2fdid.json",
    "/api/v1/participants",
    "/metrics",
    "/health/live",
    "/musterstadt/api/v1/participants",
    "/musterstadt/did.json/x",
)


async def test_an_address_that_is_nobodys_is_not_found(it: City, nasty: NastyPeer) -> None:
    """>> unknown participants, versions, dots and slashes, the management surface << 404, both languages."""
    origin = it.root("musterstadt").removesuffix("/musterstadt")
    for path in NOBODYS:
        reply = await nasty.call("GET", origin + path)
        assert (path, reply.status) == (path, 404)
        assert len(reply.json["reason"]) == 2
        assert reply.headers["Content-Type"].startswith("application/")
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


async def test_another_host_name_is_nobodys(it: City, nasty: NastyPeer) -> None:
    """>> the right path under a foreign Host header << 404: roots are host and path."""
    reply = await nasty.call("GET", it.root("musterstadt") + "/did.json", Host="evil.example")
    assert reply.status == 404


async def test_a_wrong_method_is_told_in_our_own_form(it: City, nasty: NastyPeer) -> None:
    """>> DELETE and GET where only POST is served << 405 with Allow and an error object of the room."""
    for path, type_ in (
        ("/2025-1/negotiations/request", "ContractNegotiationError"),
        ("/2025-1/transfers/urn:uuid:x/start", "TransferError"),
        ("/2025-1/catalog/request", "CatalogError"),
        ("/did.json", None),
    ):
        reply = await nasty.call("DELETE", it.root("musterstadt") + path)
        assert reply.status == 405, path
        assert reply.headers["Allow"]
        assert reply.json.get("@type") == type_
        assert len(reply.json["reason"]) == 2


async def test_what_anybody_may_read(it: City, nasty: NastyPeer) -> None:
    """>> DID document and versions, without a token << both, cacheable, and no private member in any key."""
    document = await nasty.call("GET", it.root("musterstadt") + "/did.json")
    assert document.json["id"] == it.did("musterstadt")
    assert document.headers["Content-Type"] == "application/did+json"
    assert "max-age" in document.headers["Cache-Control"]
    for method in document.json["verificationMethod"]:
        assert not {"d", "priv", "p", "q"} & method["publicKeyJwk"].keys()
    versions = await nasty.call("GET", it.root("musterstadt") + "/.well-known/dspace-version")
    assert [one["version"] for one in versions.json["protocolVersions"]] == ["2025-1"]


async def test_answers_do_not_say_what_we_are_made_of(it: City, nasty: NastyPeer) -> None:
    """No version of a library in a header, and the security headers on every answer."""
    for path in ("/did.json", "/nothing"):
        reply = await nasty.call("GET", it.root("musterstadt") + path)
        assert "aiohttp" not in str(dict(reply.headers)).lower()
        assert "Python" not in str(dict(reply.headers))
        assert reply.headers["Strict-Transport-Security"]


async def test_an_address_that_steers_a_screen_is_not_repeated(it: City, nasty: NastyPeer) -> None:
    """>> an id with what turns directions or colours, from a peer and from the command line << 404, none of it said."""
    for name in ("x%E2%80%AEfdp", "%1B%5B31m", "%C2%9B31m", "a%00"):
        for path in (f"/2025-1/negotiations/{name}", f"/2025-1/catalog/datasets/{name}"):
            reply = await nasty.get(it, "musterstadt", path)
            assert reply.status == 404
            assert not strict.steers("".join(reply.json["reason"]))
        for path in (f"participants/{name}", f"participants/musterstadt/agreements/{name}"):
            with pytest.raises(Refused) as refused:
                await it.api.get(f"/api/v1/{path}")
            assert refused.value.status == 404
            assert not strict.steers("".join(refused.value.problem["reason"].values()))


async def test_head_at_a_route_beside_the_surface_is_its_get(it: City) -> None:
    """As at every other route, and as an application answered it."""

    async def door(request: web.Request) -> web.Response:
        return web.Response(text="door")

    asked = handler(public(it.services), problems, [web.RouteDef("GET", "/door", door, {})])
    for method, status in (("GET", 200), ("HEAD", 200), ("POST", 404)):
        assert (await asked(make_mocked_request(method, "/door"))).status == status, method

"""Tokens at the door of the public surface: who gets in, who does not, and what is left behind."""

import asyncio
import base64
import hmac
import json
import secrets
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from connector.foundation.settings.load import peer_port
from connector.foundation.storage.database import Tx
from connector.identity.trust.keys.signing import SoftwareKey
from connector.surfaces.peer.problems import UNTIMELY
from tests.surfaces.peer import one_city
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.nasty import NastyPeer, Reply, nasty_peer

pytestmark = pytest.mark.asyncio(loop_scope="module")
it, nasty, space = one_city.it, one_city.nasty, one_city.space

CATALOGUE = "/2025-1/catalog/request"
ASK: dict[str, Any] = {
    "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
    "@type": "CatalogRequestMessage",
}
TABLES = ("seen_token", "negotiation", "transfer", "outbox", "audit_entry", "object", "timer", "question")


def rows(tx: Tx) -> dict[str, int]:
    """Table -> number of rows, of all that a request of a peer could write to."""
    found = {table: tx.one(f"SELECT count(*) AS n FROM {table}") for table in TABLES}
    return {table: int(row["n"]) for table, row in found.items() if row is not None}


async def post(it: City, nasty: NastyPeer, token: str | None, **headers: str) -> Reply:
    """A catalogue request at musterstadt with exactly this token."""
    return await nasty.call("POST", it.root("musterstadt") + CATALOGUE, ASK, token=token, **headers)


def unsigned(nasty: NastyPeer, aud: str, alg: str, key: bytes | None = None) -> str:
    """A token of an algorithm that nobody here signs with; HS256 if there is a `key`."""
    good = nasty.token(aud).split(".")
    header = {"alg": alg, "typ": "JWT", "kid": nasty.signer.kid}
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    signature = b"x" if key is None else hmac.digest(key, f"{head}.{good[1]}".encode(), "sha256")
    return f"{head}.{good[1]}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def flipped(token: str) -> str:
    """The token with one bit of its signature turned over."""
    head, body, signature = token.split(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[10] ^= 1
    return f"{head}.{body}.{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


Make = Callable[[NastyPeer, str], str]
NOW_S = 1_795_000_000

BAD: dict[str, Make] = {
    "no jws": lambda n, did: "abc",
    "two dots": lambda n, did: "a.b.c",
    "five parts": lambda n, did: "a.b.c.d.e",
    "padded": lambda n, did: n.token(did) + "=",
    "cut": lambda n, did: n.token(did)[:-4],
    "flipped signature": lambda n, did: flipped(n.token(did)),
    "expired": lambda n, did: n.token(did, iat=NOW_S, exp=NOW_S + 300),
    "not yet": lambda n, did: n.token(did, iat=NOW_S + 10**9, exp=NOW_S + 10**9 + 300),
    "endless": lambda n, did: n.token(did, exp=NOW_S + 10**9),
    "time as text": lambda n, did: n.token(did, exp="4102444800"),
    "no exp": lambda n, did: n.token(did, exp=None),
    "no jti": lambda n, did: n.token(did, jti=None),
    "empty jti": lambda n, did: n.token(did, jti=""),
    "long jti": lambda n, did: n.token(did, jti="j" * 257),
    "jti as number": lambda n, did: n.token(did, jti=7),
    "no audience": lambda n, did: n.token(did, aud=None),
    "two audiences": lambda n, did: n.token(did, aud=[did, did.replace("musterstadt", "nachbardorf")]),
    "audience with a tail": lambda n, did: n.token(did, aud=did + "#dsp"),
    "own audience": lambda n, did: n.token(did, aud=n.did),
    "the audience as issuer": lambda n, did: n.token(did, iss=did, sub=did),
    "other subject": lambda n, did: n.token(did, sub=did),
    "brought key": lambda n, did: n.token(did, sub_jwk=n.signer.public_jwk),
    "other type": lambda n, did: n.token(did, typ="dpop+jwt"),
    "type of a list": lambda n, did: n.token(did, typ="trust-list+jwt"),
    "foreign key": lambda n, did: n.token(did, signer=SoftwareKey.generate("peer", n.did)),
    "seal key": lambda n, did: n.token(did, signer=n.seal),
    "alg none": lambda n, did: unsigned(n, did, "none"),
    "alg HS256": lambda n, did: unsigned(n, did, "HS256", json.dumps(n.signer.public_jwk).encode()),
    "huge": lambda n, did: n.token(did, note="x" * 7000),
}


async def test_a_member_reads_the_catalogue(it: City, nasty: NastyPeer) -> None:
    """>> a fresh token of a listed member << 200."""
    assert (await post(it, nasty, nasty.token(it.did("musterstadt")))).status == 200


@pytest.mark.threat("T05")
@pytest.mark.threat("T06")
@pytest.mark.threat("T07")
@pytest.mark.threat("T36")
async def test_no_bad_token_opens_the_door_or_leaves_anything_behind(it: City, nasty: NastyPeer) -> None:
    """>> each bad token << 401 in the protocol's own form with both languages, and not one row more than before."""
    before = await it.services.infra.db.read("", rows)
    for name, make in BAD.items():
        reply = await post(it, nasty, make(nasty, it.did("musterstadt")))
        if name == "huge":
            assert reply.status in (400, 401, 431)
            continue
        assert (name, reply.status) == (name, 401)
        assert reply.headers["WWW-Authenticate"] in ("Bearer", UNTIMELY)
        assert (reply.json["@type"], reply.json["code"]) == ("CatalogError", "401")
        german, english = reply.json["reason"]
        assert german
        assert german != english
    assert await it.services.infra.db.read("", rows) == before


async def test_without_a_bearer_token_nobody_gets_in(it: City, nasty: NastyPeer) -> None:
    for header in ("", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "DPoP x.y.z", "bearer  a.b.c"):
        reply = await post(it, nasty, None, Authorization=header)
        assert (header, reply.status) == (header, 401)


@pytest.mark.threat("T07")
async def test_a_token_for_one_town_does_not_open_the_next(it: City, nasty: NastyPeer) -> None:
    """>> a token for musterstadt, at nachbardorf << 401; the same token at musterstadt afterwards << 200."""
    token = nasty.token(it.did("musterstadt"))
    assert (await nasty.call("POST", it.root("nachbardorf") + CATALOGUE, ASK, token=token)).status == 401
    assert (await post(it, nasty, token)).status == 200


async def test_who_is_not_listed_or_suspended_stays_outside(space: Space, it: City) -> None:
    """>> a stranger, then listed, then suspended << 401, 200, 401; each as soon as the list says so."""
    async with nasty_peer(space, "stranger", kind=None) as stranger:
        assert (await stranger.post(it, "musterstadt", CATALOGUE, ASK)).status == 401
        assert stranger.inbox == [], "its DID document was fetched although nobody knows it"
        for state, status in (("active", 200), ("suspended", 401), ("active", 200)):
            await stranger.enlist(state=state)
            await space.reload(it)
            assert (await stranger.post(it, "musterstadt", CATALOGUE, ASK)).status == status


@pytest.mark.threat("T05")
async def test_fifty_uses_of_one_token_at_once_are_one_use(it: City, nasty: NastyPeer) -> None:
    """>> the same token fifty times in parallel << exactly one 200, forty-nine 401."""
    token = nasty.token(it.did("musterstadt"))
    replies = await asyncio.gather(*(post(it, nasty, token) for _ in range(50)))
    assert Counter(reply.status for reply in replies) == {200: 1, 401: 49}


@pytest.mark.threat("T05")
async def test_nobody_can_burn_a_victims_token_id(it: City, nasty: NastyPeer) -> None:
    """>> the victim's jti under a bad signature, and under another issuer << 401, 200; the victim << 200 once."""
    jti = secrets.token_urlsafe(18)
    real = nasty.token(it.did("musterstadt"), jti=jti)
    assert (await post(it, nasty, flipped(real))).status == 401
    other = it.services.participants.held("nachbardorf").participant.did
    signer = it.services.participants.held("nachbardorf").signers["peer"]
    foreign = nasty.token(it.did("musterstadt"), jti=jti, iss=other, sub=other, signer=signer)
    assert (await post(it, nasty, foreign)).status == 200
    assert (await post(it, nasty, real)).status == 200
    assert (await post(it, nasty, real)).status == 401


@pytest.mark.threat("T05")
async def test_a_refused_request_uses_its_token_up(it: City, nasty: NastyPeer) -> None:
    """>> an unknown negotiation twice with one token << 404, then 401: a refusal cannot be replayed either."""
    url, token = it.root("musterstadt") + "/2025-1/negotiations/urn:uuid:x", nasty.token(it.did("musterstadt"))
    assert [(await nasty.call("GET", url, token=token)).status for _ in range(2)] == [404, 401]


@pytest.mark.threat("T05")
async def test_two_processes_on_one_database_share_what_they_have_seen(
    space: Space, nasty: NastyPeer, cluster: ModuleType
) -> None:
    """>> one token, twenty times in parallel, alternately at two replicas on PostgreSQL << exactly one 200."""
    with cluster.database() as urls:
        shared = {
            "HANSE_DATABASE__URL": urls.app,
            "HANSE_DATABASE__WORKER_URL": urls.worker,
            "HANSE_TRUST__MASTER_KEY": "42" * 32,
        }
        async with (
            space.running("one", {"musterstadt": MUNICIPALITY}, shared) as one,
            space.running("two", {}, shared) as two,
        ):
            token, host = nasty.token(one.did("musterstadt")), f"localhost:{peer_port(one.settings)}"
            urls_ = [f"https://localhost:{peer_port(city.settings)}/musterstadt{CATALOGUE}" for city in (one, two)]
            replies = await asyncio.gather(
                *(nasty.call("POST", urls_[i % 2], ASK, token=token, Host=host) for i in range(20))
            )
            assert Counter(reply.status for reply in replies) == {200: 1, 401: 19}


@pytest.mark.threat("T36")
async def test_bad_tokens_write_nothing_however_many(it: City, nasty: NastyPeer) -> None:
    """>> 200 requests without a valid signature << 401 each; not one row more; its document read, and once more."""
    did = it.did("musterstadt")
    before = await it.services.infra.db.read("", rows)
    makers = [BAD[name] for name in ("flipped signature", "foreign key", "expired", "no jti")]
    for start in range(0, 200, 50):
        tokens = [makers[(start + i) % 4](nasty, did) for i in range(50)]
        replies = await asyncio.gather(*(post(it, nasty, token) for token in tokens))
        assert {reply.status for reply in replies} == {401}
    assert await it.services.infra.db.read("", rows) == before
    assert len(nasty.inbox) <= 2

"""Bad input and a full disk at the sockets of the management surface: problem+json in two languages, nothing lost."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from connector.foundation.storage.database import Tx
from tests.testkit.cities import MUNICIPALITY, PURPOSE, City, Refused, Space
from tests.testkit.nasty import nasty_peer

BASE = "/api/v1/participants/musterstadt"
OFFER = {"rule": "municipal-purpose", "slots": {"until": "31.12.2099"}}


@pytest.fixture
async def it(space: Space) -> City:
    return await space.city("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY})


async def ask(city: City, method: str, path: str, data: bytes = b"", **headers: str) -> tuple[int, dict[str, Any]]:
    """Status and problem of a raw request to the Unix socket."""
    connector = aiohttp.UnixConnector(str(city.settings.api.socket))
    async with aiohttp.ClientSession("http://localhost", connector=connector) as session:
        sent = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
        async with session.request(method, path, data=data, headers=sent) as answer:
            if answer.status >= 400:
                assert answer.content_type == "application/problem+json", await answer.read()
            return answer.status, await answer.json(content_type=None)


def told(problem: dict[str, Any], status: int) -> None:
    """A problem in two languages that says its status and code and nothing of our insides."""
    assert problem["status"] == status
    assert problem["code"]
    assert set(problem["reason"]) == {"de", "en"}
    assert all(problem["reason"].values())
    assert "Traceback" not in str(problem)


ODD = {
    "empty": b"",
    "half": b'{"a":',
    "array": b"[]",
    "duplicate": b'{"slug":"a","slug":"b"}',
    "deep": b"[" * 100_000,
    "not UTF-8": b'{"slug":"\xff"}',
    "NaN": b'{"slug":NaN}',
    "number": b'{"slug":7}',
    "null": b"null",
    "surrogate": b'{"slug":"\\ud800"}',
}
PATHS = ("/api/v1/participants", f"{BASE}/datasets", f"{BASE}/negotiations", f"{BASE}/transfers")


@pytest.mark.threat("T13")
async def test_every_odd_body_is_told_what_is_wrong(it: City) -> None:
    """>> each body at each route << 400; too large << 413; another media type or coding << 415."""
    for path in PATHS:
        for name, data in ODD.items():
            status, problem = await ask(it, "POST", path, data)
            assert (path, name, status) == (path, name, 400)
            told(problem, 400)
        status, problem = await ask(it, "POST", path, b'{"a":"' + b"x" * 400_000 + b'"}')
        told(problem, 413)
        status, problem = await ask(it, "POST", path, b"{}", Content_Type="text/plain")
        told(problem, 415)
        status, problem = await ask(it, "POST", path, b"{}", Content_Encoding="gzip")
        told(problem, 415)


NOT_THERE = (
    ("GET", "/", 404),
    ("GET", "/api/v2/participants", 404),
    ("GET", "/musterstadt/did.json", 404),
    ("GET", "/%00", 404),
    ("GET", "/%0a", 404),
    ("DELETE", "/api/v1/participants", 405),
    ("PUT", f"{BASE}/datasets", 405),
    ("GET", "/api/v1/participants/niemand/datasets", 404),
    ("GET", "/api/v1/participants/%2e%2e/datasets", 404),
    ("GET", f"{BASE}/negotiations/nothing", 404),
    ("GET", f"{BASE}/agreements/nothing", 404),
    ("GET", f"{BASE}/agreements/nothing/evidence", 404),
    ("GET", f"{BASE}/transfers/nothing", 404),
    ("POST", f"{BASE}/datasets/nothing/offers", 400),
)


async def test_what_is_not_there_is_said_as_a_problem(it: City) -> None:
    """>> unknown routes, methods, participants and ids << 4xx as problem+json."""
    for method, path, status in NOT_THERE:
        found, problem = await ask(it, method, path, b"{}" if method == "POST" else b"")
        assert (path, found) == (path, status), problem
        told(problem, status)


SLUGS = (
    "",
    "..",
    "a/b",
    "A",
    "ä",
    "a" * 64,
    "-a",
    "a-",
    "a b",
    "a\nb",
    "a%2f",
    "../x",
    "a\u0000",
    ".well-known",
)


async def test_a_slug_that_could_leave_its_place_is_refused(it: City) -> None:
    """>> a participant under a name that is no plain word << 400, none is made."""
    for slug in SLUGS:
        with pytest.raises(Refused) as refused:
            await it.api.post("/api/v1/participants", {"slug": slug, "name": "X", "kind": MUNICIPALITY})
        told(dict(refused.value.problem), 400)
        assert {one.participant.id for one in await it.services.participants.all()} == {"musterstadt", "nachbardorf"}


NAMES = {
    "../../etc/passwd": "passwd",
    "..\\..\\boot.ini": "boot.ini",
    "/etc/shadow": "shadow",
    "a/../../b.csv": "b.csv",
    "....//x.csv": "x.csv",
    "C:\\x.csv": "x.csv",
    "%2e%2e%2fx.csv": "%2e%2e%2fx.csv",
    "x.csv": "x.csv",
}


@pytest.mark.threat("T19")
async def test_an_upload_never_leaves_its_folder(it: City) -> None:
    """>> names with ways up and out << the last part is kept as a label; the bytes lie under their hash."""
    for name in NAMES:
        before = {path for path in it.settings.folder.parent.rglob("*") if path.is_file()}
        made = await it.publish("musterstadt", name.encode(), name=name)
        new = {path for path in it.settings.folder.parent.rglob("*") if path.is_file()} - before
        kept = [path for path in new if path.parent == it.settings.data.files / "musterstadt"]
        assert [path.name for path in kept] == [made["version"]], name
        assert not [path for path in new if path.name in (NAMES[name], "passwd", "shadow", "b.csv")]


NO_NAMES = (
    "",
    "..",
    ".",
    "/",
    "../..",
    "..\\",
    "a\nb",
    "a\x00b",
    "x" * 201,
    "\u202ex",
    " ",
)


@pytest.mark.threat("T19")
async def test_a_name_that_is_none_is_refused(it: City) -> None:
    """>> empty, dots, line breaks, direction marks << 400, no file left behind; NUL is in no address at all: 404."""
    for name in NO_NAMES:
        with pytest.raises(Refused) as refused:
            await it.publish("musterstadt", name=quote(name))
        told(dict(refused.value.problem), 404 if "\x00" in name else 400)
        folder: Path = it.settings.data.files / "musterstadt"
        assert not folder.exists() or not list(folder.iterdir()), name


def limited(tx: Tx, more: int) -> None:
    """The database may grow by this many pages and no more."""
    row = tx.one("PRAGMA page_count")
    assert row is not None
    tx.one(f"PRAGMA max_page_count = {int(row['page_count']) + more}")


def counts(tx: Tx) -> dict[str, int]:
    found = {
        name: tx.one(f"SELECT count(*) AS n FROM {name}") for name in ("dataset", "offer", "negotiation", "agreement")
    }
    return {name: int(row["n"]) for name, row in found.items() if row is not None}


async def fill(it: City, uuid: str) -> None:
    """Publishes further offers until there is no room any more."""
    for _ in range(60):
        await it.api.post(f"{BASE}/datasets/{uuid}/offers", OFFER)


async def test_a_full_disk_is_said_and_loses_nothing(space: Space, it: City) -> None:
    """>> no room in the database << 503 on both surfaces in their own forms, reads go on; then all works again."""
    made = await it.publish("musterstadt")
    async with nasty_peer(space) as nasty:
        await space.reload(it)
        offer = await nasty.offer(it, "musterstadt", made["dataset"])
        before = await it.services.infra.db.read("", counts)
        await it.services.infra.db.write("", limited, 0)
        statuses = []
        for _ in range(60):
            reply = await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", nasty.contract_request(offer))
            statuses.append(reply.status)
            if reply.status == 503:
                break
        assert statuses[-1] == 503
        assert reply.json["@type"] == "ContractNegotiationError"
        assert all(reply.json["reason"])
        begun = statuses.count(201)
        with pytest.raises(Refused) as refused:
            await fill(it, made["dataset"].rpartition("/")[2])
        told(dict(refused.value.problem), 503)
        shown = await it.api.get(f"{BASE}/datasets")
        assert [one["dataset"] for one in shown["datasets"]] == [made["dataset"]]
        during = await it.services.infra.db.read("", counts)
        assert during["negotiation"] == before["negotiation"] + begun
        await it.services.infra.db.write("", lambda tx: tx.one("PRAGMA max_page_count = 1000000"))
        signed = await it.negotiate("nachbardorf", it.did("musterstadt"), made["dataset"])
        assert signed["state"] == "FINALIZED"


async def test_a_provider_that_is_no_member_or_not_there_is_named(it: City) -> None:
    """>> unknown, malformed and unreachable providers << 4xx or 503 in words."""
    for provider in ("did:web:nobody.example", "did:key:z6Mk", "nonsense", "", "did:web:127.0.0.1", "https://x"):
        with pytest.raises(Refused) as refused:
            await it.api.post(f"{BASE}/negotiations", {"provider": provider, "dataset": "urn:x", "purpose": PURPOSE})
        told(dict(refused.value.problem), refused.value.status)
        assert refused.value.status in (400, 401, 404)

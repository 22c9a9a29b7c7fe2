"""Where a peer speaks DSP 2025-1: its version document, read with care and kept for a while."""

import asyncio
import json
from typing import Any

import pytest

from connector.foundation.clock import FakeClock
from connector.foundation.errors import HanseError, PeerError, Unavailable
from connector.foundation.http.outbound import Answer
from connector.kernel.protocol import versions
from connector.kernel.protocol.inventory import RELATION
from connector.surfaces.peer.client.discovery import Discovery
from tests.testkit.cities import PURPOSE, City, Refused
from tests.testkit.nasty import NastyPeer
from tests.testkit.places import SHARED

ROOT = "https://daten.stadt.de/edc"
EXAMPLE = SHARED / "dsp" / "common" / "example" / "protocol-version.json"
OURS = {"version": "2025-1", "path": "/2025-1", "binding": "HTTPS"}


class Web:
    """Serves one version document and counts how often it is asked."""

    def __init__(self) -> None:
        self.page: Answer | HanseError = Unavailable("http.unreachable", host="x")
        self.asked: list[str] = []

    def put(self, value: object, status: int = 200) -> None:
        self.page = Answer(status, {}, value if isinstance(value, bytes) else json.dumps(value).encode())

    async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer:
        self.asked.append(url)
        await asyncio.sleep(0)
        if isinstance(self.page, HanseError):
            raise self.page
        return self.page


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def discovery(web: Web, clock: FakeClock) -> Discovery:
    return Discovery(web, clock)


def listed(*entries: object) -> dict[str, object]:
    return {"protocolVersions": list(entries)}


@pytest.mark.parametrize(
    ("entries", "base"),
    [
        ([OURS], f"{ROOT}/2025-1"),
        ([{**OURS, "path": "/2025-1/"}], f"{ROOT}/2025-1"),
        ([{"version": "2025-1", "path": "/a/b"}], f"{ROOT}/a/b"),
        ([{**OURS, "path": "/"}], ROOT),
        ([{**OURS, "path": ""}], ROOT),
        ([{"version": "v0.8", "path": "/"}, {"version": "2024/1", "path": "/2024/1"}, OURS], f"{ROOT}/2025-1"),
        ([7, {"version": "2025-1"}, {**OURS, "binding": "GRPC"}, {**OURS, "path": "/x"}], f"{ROOT}/x"),
        ([{**OURS, "path": "/../up"}, {**OURS, "path": "/one"}, {**OURS, "path": "/two"}], f"{ROOT}/one"),
        ([{**OURS, "auth": {"protocol": "DCP", "version": "1.0", "profile": ["x"]}, "else": 1}], f"{ROOT}/2025-1"),
    ],
)
async def test_the_first_usable_entry_extends_the_root(
    web: Web, discovery: Discovery, entries: list[object], base: str
) -> None:
    """>> documents as peers write them << root plus path; an older EDC leaves out the binding."""
    web.put(listed(*entries))
    assert await discovery.base(ROOT) == base
    assert web.asked == [f"{ROOT}/.well-known/dspace-version"]


@pytest.mark.threat("T01")
@pytest.mark.parametrize(
    ("link", "there"),
    [
        ("", None),
        (f'<{ROOT}/inv>; rel="{RELATION}"', f"{ROOT}/inv"),
        (f'<x>; rel=next, <../inv>; rel="{RELATION}"', f"{ROOT}/inv"),
        (f'</edc/inv>; rel="{RELATION.upper()}"', f"{ROOT}/inv"),
        (f'<https://evil.example/inv>; rel="{RELATION}"', None),
        (f'</inv>; rel="{RELATION}"', None),
        (f'<{ROOT}/inv?a=b>; rel="{RELATION}"', None),
        (f'<{ROOT}/inv>; rel="inventory"', None),
    ],
)
async def test_a_link_beside_the_document_says_where_an_inventory_is(
    web: Web, discovery: Discovery, link: str, there: str | None
) -> None:
    """>> links as a peer may write them << an address below the root, or none."""
    web.page = Answer(200, {"Link": link}, json.dumps(listed(OURS)).encode())
    doors = await discovery.doors(ROOT)
    assert (doors.base, doors.inventory) == (f"{ROOT}/2025-1", there)


@pytest.mark.threat("T01")
@pytest.mark.parametrize(
    "path",
    [
        "/..",
        "/../x",
        "/x/../../y",
        "/./x",
        "/%2e%2e/x",
        "/x%2Fy",
        "//evil.example",
        "/x//y",
        "https://evil.example/",
        "@evil.example/",
        ".evil.example",
        ":8443/x",
        "x",
        "?a",
        "/x?a=b",
        "/x#f",
        "/x y",
        "/ä",
        "/x;/..;a",
        "/\\x",
        "/x\r\nHost: y",
    ],
)
async def test_no_path_leads_away_from_the_root(web: Web, discovery: Discovery, path: str) -> None:
    """>> a path to another host, up, or with a query << refused; what the peer offers is named."""
    web.put(listed({**OURS, "path": path}))
    with pytest.raises(PeerError) as refusal:
        await discovery.base(ROOT)
    assert refusal.value.code == "peer.other-versions"
    assert str(refusal.value.facts["offers"]).startswith("2025-1 (")


async def test_a_peer_without_a_common_version_is_told_by_what_it_offers(web: Web, discovery: Discovery) -> None:
    odd = {"version": "2024/1\n[2J", "path": "/2024/1", "binding": "HTTPS"}
    web.put(listed({"version": "v0.8", "path": "/"}, odd))
    with pytest.raises(PeerError) as refusal:
        await discovery.base(ROOT)
    assert refusal.value.facts == {"offers": "v0.8 (/), 2024/1 [2J (/2024/1)"}
    web.put(listed(*({"version": f"v{number}" * 100, "path": "/" * 999} for number in range(40))))
    with pytest.raises(PeerError) as refusal:
        await Discovery(web, FakeClock()).base(ROOT)
    assert len(str(refusal.value.facts["offers"])) < 1100


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (b"<html>", "peer.versions"),
        (b"", "peer.versions"),
        (b'{"protocolVersions":[],"protocolVersions":[]}', "peer.versions"),
        (b"[" * 300 + b"]" * 300, "peer.versions"),
        (b"\xff", "peer.versions"),
        (b'{"protocolVersions":"' + b"x" * 70_000 + b'"}', "peer.versions"),
        ([], "peer.versions"),
        ({}, "peer.versions"),
        ({"protocolVersions": {}}, "peer.versions"),
        ({"protocolVersions": []}, "peer.other-versions"),
        ({"protocolVersions": [None, [], "2025-1"]}, "peer.other-versions"),
    ],
)
async def test_a_broken_document_is_the_peers_mistake(web: Web, discovery: Discovery, page: object, code: str) -> None:
    web.put(page)
    with pytest.raises(PeerError) as refusal:
        await discovery.base(ROOT)
    assert refusal.value.code == code


@pytest.mark.parametrize("status", [301, 401, 404, 500])
async def test_no_document_is_no_answer(web: Web, discovery: Discovery, status: int) -> None:
    web.put(listed(OURS), status)
    with pytest.raises(Unavailable) as refusal:
        await discovery.base(ROOT)
    assert (refusal.value.code, refusal.value.facts) == ("peer.no-versions", {"status": status})


@pytest.mark.threat("T16")
async def test_it_is_asked_once_and_again_after_a_while(web: Web, discovery: Discovery, clock: FakeClock) -> None:
    """>> twenty at once << one fetch; kept ten minutes, a refusal half a minute."""
    web.put(listed(OURS))
    assert set(await asyncio.gather(*(discovery.base(ROOT) for _ in range(20)))) == {f"{ROOT}/2025-1"}
    assert len(web.asked) == 1
    clock.advance(599_999)
    await discovery.base(ROOT)
    assert len(web.asked) == 1
    web.put(listed({**OURS, "path": "/new"}))
    clock.advance(1)
    assert await discovery.base(ROOT) == f"{ROOT}/new"
    web.put({})
    clock.advance(600_000)
    for _ in range(3):
        with pytest.raises(PeerError, match=r"peer\.versions"):
            await discovery.base(ROOT)
    assert len(web.asked) == 3
    web.put(listed(OURS))
    clock.advance(30_000)
    assert await discovery.base(ROOT) == f"{ROOT}/2025-1"


async def test_whoever_gives_up_takes_nothing_from_the_others(web: Web, discovery: Discovery) -> None:
    """>> the first of two who wait is cancelled << the other gets the answer of the same fetch."""
    web.put(listed(OURS))
    first, second = (asyncio.create_task(discovery.base(ROOT)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == f"{ROOT}/2025-1"
    assert len(web.asked) == 1


@pytest.mark.skipif(not EXAMPLE.is_file(), reason="official DSP artefacts absent: put them at ../shared/data/dsp")
async def test_the_official_example(web: Web, discovery: Discovery) -> None:
    web.put(EXAMPLE.read_bytes())
    assert await discovery.base(ROOT) == f"{ROOT}/some/path/2025-1"


async def test_a_consumer_goes_where_the_document_points(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> a peer that speaks below /edc/v3 << catalogue, dataset and request go there, the document without a token."""
    nasty.answers[versions.WELL_KNOWN] = lambda got: (200, json.dumps(listed({**OURS, "path": "/edc/v3"})).encode())
    entry = await nasty.get(it, "musterstadt", f"/2025-1/catalog/datasets/{made['dataset'].rpartition('/')[2]}")
    shown = {**entry.json, "@id": f"{nasty.root}/datasets/1"}
    page = {"@context": shown["@context"], "@type": "Catalog", "@id": "urn:c", "participantId": nasty.did}
    nasty.answers["/edc/v3/catalog/datasets/1"] = lambda got: (200, json.dumps(shown).encode())
    nasty.answers["/edc/v3/catalog/request"] = lambda got: (200, json.dumps({**page, "dataset": [shown]}).encode())
    found = await it.api.get("/api/v1/participants/nachbardorf/find", **{"from": nasty.did})
    assert [hit["dataset"] for hit in found["results"]] == [shown["@id"]]
    body = {"provider": nasty.did, "dataset": shown["@id"], "purpose": PURPOSE}
    await it.api.post("/api/v1/participants/nachbardorf/negotiations", body)
    assert (await nasty.heard("/negotiations/request")).path == "/edc/v3/negotiations/request"
    asked = [got for got in nasty.inbox if got.path == versions.WELL_KNOWN]
    assert len(asked) == 1
    assert "Authorization" not in asked[0].headers


async def test_an_operator_learns_why_a_peer_cannot_be_spoken_to(it: City, nasty: NastyPeer) -> None:
    """>> a peer of an older protocol << the sentence names what it offers."""
    nasty.answers[versions.WELL_KNOWN] = lambda got: (200, b'{"protocolVersions":[{"version":"v0.8","path":"/"}]}')
    body = {"provider": nasty.did, "dataset": f"{nasty.root}/datasets/1", "purpose": PURPOSE}
    with pytest.raises(Refused) as refusal:
        await it.api.post("/api/v1/participants/nachbardorf/negotiations", body)
    assert "v0.8 (/)" in json.dumps(refusal.value.problem)

"""Foreign catalogues: pages by `Link`, catalogues inside catalogues, and entries that cannot be read."""

import itertools
import json
import time
from typing import Any

import pytest
from multidict import CIMultiDict

from connector.data.catalogue.search import filters
from connector.data.catalogue.service import Catalogue, Publication
from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import Tx
from connector.surfaces.peer.client import listing
from connector.surfaces.peer.client.client import MOST_BYTES, MOST_NODES, PAGES, PeerClient
from tests.testkit.cities import City, Refused
from tests.testkit.manners import Line
from tests.testkit.nasty import NastyPeer, Received

DID = "did:web:peer.example"
CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
URL = "https://peer.example/2025-1/catalog/request"


def entry(name: str, **more: Any) -> dict[str, Any]:
    offer = {"@id": f"o:{name}", "@type": "Offer", "permission": [{"action": "use"}]}
    way = {"@type": "Distribution", "format": "HttpData-PULL", "accessService": "s"}
    return {"@id": name, "@type": "Dataset", "hasPolicy": [offer], "distribution": [way], **more}


def catalogue(*entries: Any, **more: Any) -> dict[str, Any]:
    return {
        "@context": [CONTEXT],
        "@type": "Catalog",
        "@id": "c",
        "participantId": DID,
        "dataset": list(entries),
        **more,
    }


def read(value: object) -> list[str]:
    return [one["@id"] for one in listing.datasets(Answer(200, {}, json.dumps(value).encode()), DID)]


def test_an_empty_catalogue_is_one() -> None:
    """Without a list, and as EDC writes it, with empty ones."""
    assert read({"@type": "Catalog"}) == []
    assert read(catalogue(catalog=[], service=[], distribution=[])) == []


def test_a_single_object_stands_for_a_list() -> None:
    assert read({**catalogue(), "dataset": entry("a")}) == ["a"]


def test_catalogues_inside_are_read_as_far_as_they_are_the_peers_own() -> None:
    """>> three levels, one of another participant << that one is left out, whatever lies below it."""
    deep = {"@type": "Catalog", "@id": "d", "dataset": [entry("deep")]}
    own = {"@type": "Catalog", "@id": "o", "participantId": DID, "dataset": [entry("own")], "catalog": [deep]}
    other = {**own, "participantId": "did:web:other.example"}
    assert read(catalogue(entry("top"), catalog=[own, other, 7, None])) == ["top", "own", "deep"]


def test_an_odd_entry_hides_no_other() -> None:
    """>> a dataset without offers and one that is none, among good ones << the good ones."""
    assert read(catalogue(entry("a"), entry("b", hasPolicy=[]), "x", {}, entry("c"))) == ["a", "c"]
    with pytest.raises(PeerError) as refusal:
        read(catalogue(entry("b", hasPolicy=[])))
    assert refusal.value.facts["pointer"] == "/dataset/0/hasPolicy"


@pytest.mark.parametrize("value", [[], {}, {"@type": "Dataset"}, {"@type": ["Catalog"]}, None])
def test_what_is_no_catalogue_is_the_peers_mistake(value: object) -> None:
    with pytest.raises(PeerError, match=r"peer\.answer"):
        read(value)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("", None),
        (f'<{URL}?cursor=a>; rel="next"', f"{URL}?cursor=a"),
        (f'<{URL}?a=1,2>; rel="prev", <{URL}?continuationToken=b;c>; rel="next"', f"{URL}?continuationToken=b;c"),
        (f"<{URL}?a>;rel=next", f"{URL}?a"),
        (f'<{URL}?a> ; title="x, y; rel=no" ; REL = "last Next"', f"{URL}?a"),
        ("<?cursor=a>; rel=next", f"{URL}?cursor=a"),
        ("</other?x>; rel=next", "https://peer.example/other?x"),
        (f'<{URL}>; rel="prev"', None),
        (f'<{URL}>; rel="nextish"', None),
        (f'<{URL}>; title="; rel=next"', None),
        (f'{URL}; rel="next"', None),
        ("<" * 5000, None),
        ("<a>" + "; a" * 5000 + '"', None),
        (f'<{URL}?a>; title="a \\" <b>, c"; rel=next', f"{URL}?a"),
        (f'<{URL}?a>; rel="next', None),
        (f"<{URL}?a>; rel=prev; rel=next", None),
        (f"<{URL}?a> x; rel=next", None),
        ("<http://[>; rel=next", None),
        (f"<{URL}?a>; rel=prev," + " " * listing.LONGEST_LINK + f"<{URL}?b>; rel=next", None),
    ],
)
def test_the_next_page_is_found_in_the_header(link: str, expected: str | None) -> None:
    """As RFC 8288 allows it to be written; EDC calls the page before `prev`."""
    assert listing.following(link, URL) == expected


@pytest.mark.threat("T13")
@pytest.mark.parametrize("piece", ["a", ";", ";a", "<", "<a>", "<a>;", "=", '"', "\\", "<a>;a,", '<a>;"'])
def test_a_link_header_is_looked_through_once(piece: str) -> None:
    """>> headers of every shape, 8 kB and 2 MB long << a few milliseconds at most: nothing is gone over again."""

    def took(link: str) -> float:
        began = time.thread_time()
        listing.following(link, URL)
        return time.thread_time() - began

    for size in (8_100, 2_000_000):
        assert min(took("<u>;" + piece * (size // len(piece))) for _ in range(5)) < 0.02


class Leafing(PeerClient):
    """Gets the pages of a test, whatever it asks for."""

    def __init__(self, pages: list[Answer]) -> None:
        self.pages, self.asked, self.bodies = pages, list[str](), list[bytes]()

    async def base(self, slug: str, did: str) -> str:
        return URL.removesuffix("/catalog/request")

    async def post(self, slug: str, did: str, url: str, body: bytes, limit: int | None = None) -> Answer:
        self.asked.append(url)
        self.bodies.append(body)
        return self.pages.pop(0)


def page(name: str, link: str) -> Answer:
    return Answer(200, {"Link": link}, json.dumps(catalogue(entry(name))).encode())


async def test_a_link_in_a_second_header_line_counts() -> None:
    """>> `Link` twice, the next page in the second << followed (RFC 8288)."""
    lines = [("link", f'<{URL}?a>; rel="prev"'), ("Link", f'<{URL}?b>; rel="next"')]
    first = Answer(200, CIMultiDict(lines), page("a", "").body)
    client = Leafing([first, page("b", "")])
    await client.catalogue("x", DID)
    assert client.asked == [URL, f"{URL}?b"]


async def test_pages_are_read_until_they_end_or_repeat() -> None:
    """>> pages as EDC links them << each once; a page that links to an earlier one is the last."""
    client = Leafing(
        [
            page("a", f'<{URL}?continuationToken=1>; rel="next"'),
            page("b", f'<{URL}?continuationToken=0>; rel="prev", <{URL}?continuationToken=2>; rel="next"'),
            page("c", f'<{URL}?continuationToken=1>; rel="next"'),
        ]
    )
    found = await client.catalogue("x", DID)
    assert ([one["@id"] for one in found.datasets], found.complete) == (["a", "b", "c"], True)
    assert client.asked == [URL, f"{URL}?continuationToken=1", f"{URL}?continuationToken=2"]


@pytest.mark.threat("T13")
async def test_a_catalogue_without_end_is_read_up_to_a_bound_that_is_said() -> None:
    """>> every page links to a new one << fifty and no more, and that there are more; exactly fifty are all."""
    endless = [page(str(number), f"<{URL}?n={number}>; rel=next") for number in range(99)]
    client = Leafing(list(endless))
    found = await client.catalogue("x", DID)
    assert len(found.datasets) == len(client.asked) == PAGES
    assert not found.complete
    whole = Leafing([*endless[: PAGES - 1], page("z", "")])
    found = await whole.catalogue("x", DID)
    assert (len(found.datasets), found.complete) == (PAGES, True)


@pytest.mark.threat("T13")
@pytest.mark.parametrize(
    "more", [{"dct:description": "x" * 60_000, "dct:abstract": "x" * 60_000}, {"dct:subject": [0] * 9_000}]
)
async def test_all_pages_together_have_a_bound(more: dict[str, Any]) -> None:
    """>> few pages, each as large as one may be << an end long before fifty, within one page of what we hold."""
    body = json.dumps(catalogue(*(entry(str(number), **more) for number in range(8)))).encode()
    client = Leafing([Answer(200, {"Link": f"<{URL}?n={number}>; rel=next"}, body) for number in range(PAGES)])
    found = await client.catalogue("x", DID)
    assert not found.complete
    assert 1 < len(client.asked) < PAGES
    assert len(body) * len(client.asked) < MOST_BYTES + listing.LIMIT
    assert listing.nodes(found.datasets) < MOST_NODES + listing.NODES


def test_a_page_tells_what_cannot_be_read() -> None:
    """>> a good entry, one without offers, one without a name, a text << the good one, and the two places and more."""
    bad = {"@id": "bad", "@type": "Dataset"}
    nameless = {key: value for key, value in entry("x").items() if key != "@id"}
    body = json.dumps(catalogue(entry("good"), bad, nameless, "text")).encode()
    read = listing.page(Answer(200, {"Link": f'<{URL}?b>; rel="next"'}, body), DID, URL)
    assert [one["@id"] for one in read.entries] == ["good"]
    assert [(one.name, one.pointer) for one in read.unread] == [
        ("bad", "/dataset/1/hasPolicy"),
        (None, "/dataset/2/@id"),
        (None, "/dataset/3"),
    ]
    assert (read.following, read.url) == (f"{URL}?b", URL)


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"@type":"Dataset"}', b"<html>", b""])
def test_what_is_no_catalogue_is_no_empty_page(body: bytes) -> None:
    """Otherwise it would say that there is nothing any more."""
    with pytest.raises(PeerError):
        listing.page(Answer(200, {}, body), DID, URL)


async def test_what_lies_behind_is_asked_for_by_the_query_of_edc() -> None:
    """>> the first page, what lies behind 50, and a peer that knows no query << nothing more of that one; a 503 and a
    429 are no end."""
    edc = "https://w3id.org/edc/v0.0.1/ns/"
    client = Leafing([page("a", ""), page("b", ""), Answer(400, {}, b""), Answer(503, {}, b""), Answer(429, {}, b"")])
    assert [one["@id"] for one in (await client.page("x", DID, None)).entries] == ["a"]
    assert [one["@id"] for one in (await client.page("x", DID, None, 50)).entries] == ["b"]
    assert "filter" not in json.loads(client.bodies[0])
    query = {"@type": f"{edc}QuerySpec", f"{edc}offset": 50, f"{edc}limit": 100}
    assert json.loads(client.bodies[1])["filter"] == [query]
    assert filters.read([query]).offset == 50
    empty = await client.page("x", DID, None, 51)
    assert (empty.entries, empty.following) == ((), None)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await client.page("x", DID, None, 51)


def test_nodes_are_every_value() -> None:
    assert listing.nodes([]) == 0
    assert listing.nodes([{"a": [1, {"b": None}], "c": "x"}]) == 6


@pytest.mark.threat("T01")
async def test_our_token_goes_along_no_link_to_elsewhere(it: City, nasty: NastyPeer) -> None:
    """>> another host, another member, a way up << not called; a query below the root << called."""
    peer = it.services.peer
    for url in (
        "https://else.example/2025-1/catalog/request?cursor=a",
        it.root("musterstadt") + "/2025-1?cursor=a",
        nasty.root + "x/2025-1?cursor=a",
        nasty.root + "/../2025-1?cursor=a",
        nasty.root + "/2025-1#?a",
    ):
        with pytest.raises(PeerError, match=r"peer\.foreign-address"):
            await peer.post("nachbardorf", nasty.did, url, b"{}")
    assert (
        await peer.post("nachbardorf", nasty.did, nasty.base + "/c?cursor=https://else.example", b"{}")
    ).status == 200


async def test_a_peer_that_refuses_our_filter_is_asked_without(it: City, nasty: NastyPeer) -> None:
    """>> 400 to a filter << the same request without it; what comes is looked through here."""

    def answer(got: Received) -> tuple[int, bytes]:
        if got.json.get("filter"):
            return 400, b"{}"
        found = [entry("a", **{"dct:title": "Bäume"}), entry("b", **{"dct:title": "Haushalt"})]
        return 200, json.dumps({**catalogue(*found), "participantId": nasty.did}).encode()

    nasty.answers["/2025-1/catalog/request"] = answer
    found = await it.api.get("/api/v1/participants/nachbardorf/find", q="bäume", **{"from": nasty.did})
    assert [hit["dataset"] for hit in found["results"]] == ["a"]
    assert [bool(got.json.get("filter")) for got in nasty.inbox if got.path.endswith("/request")] == [True, False]


def sheets(tx: Tx, catalogue: Catalogue, source: str) -> None:
    """More than fit on a page."""
    for number in range(120):
        sheet = Publication(
            source=source,
            title=f"Blatt {number:03}",
            description="Stoff",
            rule="municipal-purpose",
            slots={"until": "31.12.2099"},
        )
        catalogue.publish(tx, "musterstadt", sheet)


async def test_one_hanse_finds_in_the_pages_of_another(it: City, made: dict[str, Any]) -> None:
    """>> words << only what has them travels; without words every page comes, followed by its link."""
    file = await it.api.post("/api/v1/participants/musterstadt/files?name=blatt.csv", data=b"a;b\n")
    await it.services.infra.db.write("musterstadt", sheets, it.services.catalogue.service, file["source"])
    found = await it.api.get("/api/v1/participants/nachbardorf/find", q="blatt stoff 007")
    assert [hit["title"] for hit in found["results"]] == ["Blatt 007"]
    every = await it.api.get("/api/v1/participants/nachbardorf/find")
    assert len(every["results"]) == 121


def test_a_dataset_in_the_plain_form_is_read_at_once() -> None:
    """>> plain, or as foreign JSON-LD, or no JSON << the same as the long way gives, nothing, and the refusal."""
    dataset = {"@context": [CONTEXT], **entry("a")}
    plain, foreign = (Answer(200, {}, json.dumps(value).encode()) for value in (dataset, [dataset]))
    assert listing.plain_dataset(plain) == listing.dataset(plain)
    assert listing.plain_dataset(foreign) is None
    with pytest.raises(PeerError, match=r"http\.json-syntax"):
        listing.plain_dataset(Answer(200, {}, b"{"))


async def test_a_dataset_named_by_an_address_is_looked_for_in_the_catalogue(it: City, nasty: NastyPeer) -> None:
    """>> a name with slashes that is not below the peer's root << found there, as it fits into no path."""
    name = "http://else.example/datasets/1"
    found = json.dumps({**catalogue(entry(name)), "participantId": nasty.did}).encode()
    nasty.answers["/2025-1/catalog/request"] = lambda got: (200, found)
    body = {"provider": nasty.did, "dataset": name, "offer": f"o:{name}"}
    started = await it.api.post("/api/v1/participants/nachbardorf/negotiations", body)
    assert started["id"]
    with pytest.raises(Refused):
        await it.api.post("/api/v1/participants/nachbardorf/negotiations", {**body, "dataset": f"{name}1"})


async def test_a_single_dataset_is_asked_for_by_its_name_before_all_are(it: City, nasty: NastyPeer) -> None:
    """>> a name that fits into no path << the peer is asked for it alone; one whose filter finds nothing, for all."""
    name, asked = "http://else.example/datasets/1", list[object]()

    def serving(*names: str, unfiltered: bool) -> None:
        def answer(got: Received) -> tuple[int, bytes]:
            asked.append(got.json.get("filter"))
            shown = [] if unfiltered and asked[-1] else [entry(one) for one in names]
            return 200, json.dumps({**catalogue(*shown), "participantId": nasty.did}).encode()

        asked.clear()
        nasty.answers["/2025-1/catalog/request"] = answer

    ours = [{"https://w3id.org/hanse/v1#dataset": name}]
    serving(name, unfiltered=False)
    assert (await it.services.peer.dataset("nachbardorf", nasty.did, name))["@id"] == name
    assert asked == [ours]
    serving("other", name, unfiltered=True)
    assert (await it.services.peer.dataset("nachbardorf", nasty.did, name))["@id"] == name
    assert asked == [ours, None]
    serving("other", unfiltered=False)
    with pytest.raises(PeerError, match=r"peer\.no-dataset"):
        await it.services.peer.dataset("nachbardorf", nasty.did, name)
    assert asked == [ours]


async def test_who_searches_is_told_that_a_catalogue_goes_on(it: City, nasty: NastyPeer) -> None:
    """>> a catalogue that never ends << its hits, and the name of the member whose catalogue was not read whole."""
    numbers = itertools.count()

    async def linked(line: Line) -> None:
        await line.answer({"Link": f'<{nasty.base}/catalog/request?n={next(numbers)}>; rel="next"'})

    def answer(got: Received) -> tuple[int, bytes]:
        found = {**catalogue(entry(f"d{next(numbers)}")), "participantId": nasty.did}
        return 200, json.dumps(found).encode()

    nasty.answers["/2025-1/catalog/request"] = answer
    nasty.manners["/catalog/request"] = linked
    found = await it.api.get("/api/v1/participants/nachbardorf/find", **{"from": nasty.did})
    assert len(found["results"]) == PAGES
    assert [one["provider"] for one in found["incomplete"]] == [nasty.did]
    assert found["failed"] == []
    found = await it.api.get("/api/v1/participants/nachbardorf/find", **{"from": it.did("musterstadt")})
    assert found["incomplete"] == []

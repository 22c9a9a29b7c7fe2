"""Catalogues from addresses: pages that end, repeat, fail, lead elsewhere or never end; CKAN; sizes."""

import json
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from pyoxigraph import Literal, NamedNode

from connector.data.harvest import ckan, ckan_answer
from connector.data.harvest.fetch import Fetcher
from connector.data.harvest.model import Delivery
from connector.foundation.clock import SystemClock
from connector.foundation.errors import HanseError, PeerError
from connector.foundation.http.outbound import SafeClient
from connector.foundation.http.server import port_of, serve, tls_server
from connector.foundation.language import say
from connector.identity.trust.development import dev_ca
from connector.kernel.metadata.lists.code_lists import code_lists
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import DCAT, DCT, FOAF
from connector.kernel.metadata.rdf.reading import LIMITS, read
from connector.kernel.metadata.repair.ownership import Found, datasets
from connector.kernel.metadata.repair.rules import repair
from connector.kernel.metadata.repair.work import Known
from tests.data.harvest.portals import PORTAL, Portal, hydra

FIRST, SECOND, THIRD = (f"{PORTAL}/catalog?page={number}" for number in (1, 2, 3))
SMALL = msgspec.structs.replace(LIMITS, bytes=2_000)


def names(delivery: Delivery) -> list[str]:
    return sorted(node.value.rsplit("/", 1)[-1] for node in Graph(delivery.triples).instances(DCAT.Dataset))


@pytest.mark.parametrize(("prop", "literal"), [("next", False), ("nextPage", False), ("nextPage", True)])
async def test_pages_are_followed_in_both_vocabularies(prop: str, literal: bool) -> None:
    """>> hydra:next, hydra:nextPage, as an IRI or a text << all pages; the delivery is complete."""
    pages = {FIRST: hydra("a", SECOND, prop, literal=literal), SECOND: hydra("b", THIRD, prop), THIRD: hydra("c", None)}
    delivery = await Fetcher(Portal(pages)).fetch(FIRST)
    assert (names(delivery), delivery.complete, delivery.pages) == (["a", "b", "c"], True, 3)


@pytest.mark.threat("T78")
async def test_what_does_not_end_well_is_not_complete() -> None:
    """>> a page that fails, repeats, has the same content, elsewhere, without end, that no address names << what came
    so far, incomplete. Bug: an address that cannot be taken apart ended the whole run as a defect."""
    second = hydra("b", THIRD)
    endless = {f"{PORTAL}/catalog?page={n}": hydra(f"d{n}", f"{PORTAL}/catalog?page={n + 1}") for n in range(1, 50)}
    for pages, found, most in (
        ({FIRST: hydra("a", SECOND)}, ["a"], 9),
        ({FIRST: hydra("a", SECOND), SECOND: 500}, ["a"], 9),
        ({FIRST: hydra("a", SECOND), SECOND: hydra("b", FIRST)}, ["a", "b"], 9),
        ({FIRST: hydra("a", SECOND), SECOND: second, THIRD: second}, ["a", "b"], 9),
        ({FIRST: hydra("a", "https://inner.example/x")}, ["a"], 9),
        ({FIRST: hydra("a", "http://portal.example/x")}, ["a"], 9),
        *(({FIRST: hydra("a", odd, literal=True)}, ["a"], 9) for odd in ("https://[", "https://\u2100.example/x")),
        (endless, ["d1", "d2", "d3"], 3),
    ):
        portal = Portal(pages)  # type: ignore[arg-type]
        delivery = await Fetcher(portal, pages=most).fetch(FIRST)
        assert (names(delivery), delivery.complete) == (found, False)
        assert all(url.startswith(PORTAL + "/") for url in portal.asked)


@pytest.mark.threat("T78")
async def test_sizes_are_counted_while_reading() -> None:
    """>> more than is read, said in the header or not, in one page or in all << refused, or incomplete."""
    for length in (True, False):
        with pytest.raises(PeerError, match=r"http\.answer-size"):
            await Fetcher(Portal({FIRST: b"x" * 3_000}, length=length), limits=SMALL).fetch(FIRST)
    pages = {FIRST: hydra("a", SECOND), SECOND: hydra("b", None) + b"#" * 2_000}
    delivery = await Fetcher(Portal(pages), limits=SMALL).fetch(FIRST)
    assert (names(delivery), delivery.complete) == (["a"], False)
    for answer, code in ((404, "harvest.status"), (301, "harvest.status")):
        with pytest.raises(PeerError, match=code):
            await Fetcher(Portal({FIRST: answer})).fetch(FIRST)
    with pytest.raises(PeerError, match=r"http\.answer-encoded"):
        await Fetcher(Portal({FIRST: hydra("a", None)}, coding="gzip")).fetch(FIRST)
    endless = Fetcher(Portal({FIRST: hydra("a", SECOND), SECOND: hydra("b", None)}), all_s=0)
    assert [each.pages for each in (await endless.fetch(FIRST), await Fetcher(endless._way).fetch(FIRST))] == [1, 2]
    with pytest.raises(PeerError, match=r"harvest\.slow"):
        await Fetcher(Portal({FIRST: b""}), page_s=0).fetch(FIRST)


@pytest.mark.threat("T78")
async def test_inner_addresses_are_not_called() -> None:
    """>> the guarded way out itself << neither literal inner addresses nor anything but https."""
    way = SafeClient()
    fetcher = Fetcher(way)
    for url in (
        "https://127.0.0.1/x",
        "https://[::1]/",
        "http://portal.example/",
        "ftp://x/",
        "https://10.0.0.1/",
        "x" * 3_000,
    ):
        assert not fetcher.calls(url)
    with pytest.raises(HanseError):
        await fetcher.fetch("https://127.0.0.1:1/x")
    await way.close()


@pytest.mark.usefixtures("own_process")
async def test_pages_over_tls(tmp_path: Path) -> None:
    """>> a portal on a real socket, through the guarded way out << three pages; a redirect is no page."""
    certs = dev_ca.create(tmp_path, SystemClock())
    asked: list[str] = []

    async def page(request: web.Request) -> web.Response:
        number = int(request.query.get("page", "1"))
        asked.append(request.headers["Accept"].partition(",")[0])
        following = f"{root}/catalog?page={number + 1}" if number < 3 else None
        return web.Response(body=hydra(f"d{number}", following), content_type="text/turtle")

    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound(f"{root}/catalog")

    app = web.Application()
    app.add_routes([web.get("/catalog", page), web.get("/old", moved)])
    runner = await serve(app, host="127.0.0.1", port=0, tls=tls_server(certs.server, certs.server_key), stop_s=0.1)
    root = f"https://localhost:{port_of(runner)}"
    way = SafeClient(allow=["127.0.0.0/8", "::1/128"], ca_files=[certs.ca])
    delivery = await Fetcher(way).fetch(f"{root}/catalog")
    assert (names(delivery), delivery.complete) == (["d1", "d2", "d3"], True)
    assert asked == ["application/rdf+xml"] * 3
    with pytest.raises(PeerError, match=r"harvest\.status"):
        await Fetcher(way).fetch(f"{root}/old")
    await way.close()
    await runner.cleanup()


def package(number: int) -> dict[str, object]:
    return {
        "id": f"id-{number}",
        "name": f"baum-{number}",
        "title": "Bäume",
        "notes": "Alle Bäume",
        "license_id": "dl-by-de/2.0",
        "license_url": "http://dcat-ap.de/def/licenses/dl-by-de/2.0",
        "metadata_modified": "2024-05-01T10:00:00",
        "organization": {"id": "org", "title": "Stadt Musterstadt"},
        "tags": [{"name": "baum"}],
        "author_email": "amt@town.example",
        "groups": [{"name": "envi"}],
        "extras": [{"key": "language", "value": '["deu"]'}, {"key": "frequency", "value": "monatlich"}, {"key": 7}],
        "resources": [
            {"id": "r", "url": "https://town.example/x.csv", "format": "CSV", "size": 100, "url_type": "upload"}
        ],
    }


def answered(first: int, last: int, count: int) -> bytes:
    found = [package(number) for number in range(first, last)]
    return json.dumps({"help": "x", "success": True, "result": {"count": count, "results": found}}).encode()


SEARCH = f"{PORTAL}/api/3/action/package_search?fq=x"


async def test_ckan_is_asked_page_by_page() -> None:
    """>> package_search with 250 packages << as DCAT; repaired they conform."""
    pages = {
        SEARCH: answered(0, 100, 250),
        f"{PORTAL}/api/3/action/package_search?fq=x&start=100&rows=100": answered(100, 200, 250),
        f"{PORTAL}/api/3/action/package_search?fq=x&start=200&rows=100": answered(200, 250, 250),
    }
    delivery = await Fetcher(Portal(pages, "application/json")).fetch(SEARCH)
    assert (len(names(delivery)), delivery.complete, delivery.pages) == (250, True, 3)
    graph, lists = Graph(delivery.triples), code_lists()
    found = [each for each in datasets(graph, lists) if isinstance(each, Found)]
    assert len(found) == 250
    first = next(each for each in found if each.iri == f"{PORTAL}/dataset/id-0")
    repaired = repair(first.iri, first.triples, Known(lists=lists))
    assert (repaired.conforms, repaired.questions) == (True, [])
    done = Graph(repaired.triples)
    (node,) = done.instances(DCAT.Dataset)
    assert str(done.value(node, DCAT.theme)).endswith("data-theme/ENVI>")
    assert str(done.value(node, DCT.accrualPeriodicity)).endswith("frequency/MONTHLY>")
    assert str(done.value(node, DCT.language)).endswith("language/DEU>")
    assert [str(done.value(agent, FOAF.name)) for agent in done.instances(FOAF.Organization)] == ['"Stadt Musterstadt"']


@pytest.mark.threat("T78")
async def test_ckan_that_ends_early_is_not_complete() -> None:
    """>> the same page again, a page that fails, nonsense << what came, incomplete; no answer at all << refused."""
    again = f"{PORTAL}/api/3/action/package_search?fq=x&start=2&rows=100"
    for second in (answered(0, 2, 9), 500, b"{", b"[" * 5_000, b'{"success": false}'):
        delivery = await Fetcher(Portal({SEARCH: answered(0, 2, 9), again: second}, "application/json")).fetch(SEARCH)
        assert (names(delivery), delivery.complete) == (["id-0", "id-1"], False)
    for body in (b'{"success": true, "result": 7}', b'{"success": false}', b'{"help": []}'):
        with pytest.raises(PeerError, match=r"harvest\.no-ckan"):
            await Fetcher(Portal({SEARCH: body})).fetch(SEARCH)
    with pytest.raises(PeerError):
        await Fetcher(Portal({FIRST: b"<!DOCTYPE html><html>"})).fetch(FIRST)
    with pytest.raises(PeerError) as caught:  # as portals show a sign-in where their search was
        await Fetcher(Portal({SEARCH: b"<!DOCTYPE html><html>"}, "text/html")).fetch(SEARCH)
    assert (caught.value.code, "JSON" in say(f"error.{caught.value.code}", "de")) == ("harvest.no-ckan", False)


@pytest.mark.threat("T76")
async def test_bug_an_answer_of_ckan_took_as_much_memory_as_it_liked(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a page of millions of empty lists; pages that are that many together << refused before it is read; what came
    before, incomplete."""
    many = b'{"success": true, "result": {"count": 9, "results": [' + b"[]," * ckan.MOST_VALUES + b"[]]}}"
    with pytest.raises(PeerError, match=r"http\.json-nodes"):
        await Fetcher(Portal({SEARCH: many}, "application/json")).fetch(SEARCH)
    pages = {SEARCH: answered(0, 2, 6)}
    pages |= {f"{PORTAL}/api/3/action/package_search?fq=x&start={n}&rows=100": answered(n, n + 2, 6) for n in (2, 4)}
    monkeypatch.setattr(ckan, "MOST_VALUES", 2 * ckan.values(answered(2, 4, 6)) + 10)
    delivery = await Fetcher(Portal(pages, "application/json")).fetch(SEARCH)
    assert (len(names(delivery)), delivery.complete, delivery.pages) == (4, False, 2)


@pytest.mark.threat("T76")
async def test_bug_pages_within_the_limits_were_gigabytes_together() -> None:
    """>> two pages, of Hydra and of CKAN, that are more than one document may come to << the first one, incomplete; all
    of them where they just fit."""
    hydras = {FIRST: hydra("a", SECOND), SECOND: hydra("b", None)}
    both = sum(read(page, media_type="text/turtle").written for page in hydras.values())
    for less, found in (({"written": both - 1}, ["a"]), ({"triples": 3}, ["a"]), ({"written": both}, ["a", "b"])):
        limits = msgspec.structs.replace(LIMITS, **less)
        delivery = await Fetcher(Portal(hydras), limits=limits).fetch(FIRST)
        assert (names(delivery), delivery.complete, delivery.pages) == (found, len(found) == 2, len(found))
    answers = {
        SEARCH: answered(0, 2, 4),
        f"{PORTAL}/api/3/action/package_search?fq=x&start=2&rows=100": answered(2, 4, 4),
    }
    each = (await ckan_answer.read(answers[SEARCH], PORTAL, 1_000)).written
    for written, count in ((2 * each - 1, 2), (2 * each, 4)):
        limits = msgspec.structs.replace(LIMITS, written=written)
        delivery = await Fetcher(Portal(answers, "application/json"), limits=limits).fetch(SEARCH)
        assert (len(names(delivery)), delivery.complete) == (count, count == 4)


@pytest.mark.parametrize("levels", [301, 900, 5_000, 100_000])
def test_an_answer_too_deep_is_none_on_every_python(levels: int) -> None:
    """Past bug: nine hundred levels were an answer of CKAN to Python 3.13 and none to 3.11."""
    deep = b"[" * levels + b"]" * levels
    with pytest.raises(PeerError) as fault:
        ckan.packages(b'{"success": true, "result": %s, "x": "\\ud800"}' % deep)
    assert fault.value.code == "harvest.no-ckan"
    within = Graph(ckan.dataset({"id": "a", "theme": deep.decode()}, PORTAL))
    assert within.values(NamedNode(f"{PORTAL}/dataset/a"), DCAT.theme) == ()


def test_packages_of_any_kind_end_as_triples() -> None:
    """>> members of the wrong type << left out; what is there is named below the portal."""
    wrong = {
        "id": "a b",
        "title": 7,
        "tags": "x",
        "extras": None,
        "resources": [7, {"url": ["x"]}],
        "organization": "y",
        "spatial": "{",
        "theme": "[[",
        "temporal_start": "2020",
    }
    found = Graph(ckan.dataset(wrong, PORTAL))
    (node,) = found.instances(DCAT.Dataset)
    assert node.value == f"{PORTAL}/dataset/a%20b"
    assert len(found.values(node, DCAT.distribution)) == 1
    half = b'{"success": true, "result": {"count": 1, "results": [{"id": "\\uD800", "title": "x\\udc00"}]}}'
    (odd,) = ckan.packages(half).packages.values()
    assert Literal("x?") in Graph(ckan.dataset(odd, PORTAL)).values(NamedNode(f"{PORTAL}/dataset/%3F"), DCT.title)
    within = Graph(ckan.dataset({"id": "a", "theme": '["\\ud800x"]'}, PORTAL))
    assert within.values(NamedNode(f"{PORTAL}/dataset/a"), DCAT.theme) == (Literal("?x"),)
    assert ckan.portal(SEARCH) == PORTAL
    assert ckan.packages(json.dumps({"success": True, "result": package(1)}).encode()).searched is False
    assert len(ckan.packages(json.dumps({"success": True, "result": [package(1), 7]}).encode()).packages) == 1

"""Answers of CKAN are read in a process of their own: what comes back, and what a hostile one costs."""

import json

import msgspec
import pytest

from connector.data.harvest import ckan, ckan_answer
from connector.data.harvest.fetch import Fetcher
from connector.foundation.errors import PeerError
from connector.kernel.metadata.rdf.reading import LIMITS
from tests.data.harvest.portals import PORTAL, Portal

SEARCH = f"{PORTAL}/api/3/action/package_search"
ODD = {
    "id": "a b",
    "title": 'Bäume "am" \\ Markt',
    "notes": "Zeile\r\nZeile\u2028\x00\x1f🌳",
    "url": "kein IRI",
    "tags": [{"name": "<baum>"}],
    "organization": {"id": "ä/ö", "title": "Stadt"},
    "maintainer_email": "amt@town.example",
    "resources": [{"id": "ü", "url": "https://town.example/x y.csv", "size": "12"}, {"url": ["x"]}],
}


def answer(count: object, *packages: dict[str, object]) -> bytes:
    return json.dumps({"success": True, "result": {"count": count, "results": packages}}).encode()


@pytest.mark.usefixtures("own_process")
async def test_what_comes_back_is_what_the_packages_say() -> None:
    """>> a package with odd characters, another beside it << the same triples in the same order, by id."""
    found = await ckan_answer.read(answer(7, ODD, {"id": "b"}), PORTAL, 1_000)
    assert (list(found.packages), found.count, found.searched) == (["a b", "b"], 7, True)
    said = [triple for package in (ODD, {"id": "b"}) for triple in ckan.dataset(package, PORTAL)]
    assert list(ckan_answer.triples(found.packages)) == said
    assert found.values == ckan.values(answer(7, ODD, {"id": "b"}))


@pytest.mark.parametrize(("told", "taken"), [(True, 1), (-3, -3), ("7", 1), (10**400, 2**53), (1.5, 1), (None, 1)])
async def test_how_many_there_are_is_a_number_or_what_came(told: object, taken: int) -> None:
    assert (await ckan_answer.read(answer(told, {"id": "a"}), PORTAL, 1_000)).count == taken


@pytest.mark.usefixtures("own_process")
@pytest.mark.threat("T76")
async def test_bug_a_page_of_many_names_held_up_all_participants(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> an answer of CKAN << nobody parses it in the process that serves all: four million values took
    it seconds, and a parser of JSON lets nothing else run."""
    monkeypatch.setattr(ckan, "packages", None)
    delivery = await Fetcher(Portal({SEARCH: answer(1, ODD)}, "application/json")).fetch(SEARCH)
    assert (len(delivery.triples), delivery.complete) == (len(list(ckan.dataset(ODD, PORTAL))), True)


@pytest.mark.usefixtures("own_process")
@pytest.mark.threat("T76")
@pytest.mark.parametrize(
    ("less", "content"),
    [
        ({"memory": 150 * 1024**2}, b'{"success": true, "result": {"results": [' + b"[]," * 2_000_000 + b"[]]}}"),
        ({"written": 1_000_000}, answer(1, {"id": "x" * 10_000, "resources": [{"url": "https://town.example"}] * 99})),
        ({"wall_s": 0}, answer(1, ODD)),
    ],
    ids=["lists that take seventy bytes for three", "a long id that each file repeats", "one that takes too long"],
)
async def test_what_exhausts_its_reader_is_one_error(less: dict[str, int], content: bytes) -> None:
    """>> too much memory, too many bytes, too long << refused, and the next answer is read."""
    with pytest.raises(PeerError, match=r"rdf\.exhausted"):
        await ckan_answer.read(content, PORTAL, 50_000_000, msgspec.structs.replace(LIMITS, **less))
    assert (await ckan_answer.read(answer(1, ODD), PORTAL, 1_000)).count == 1


@pytest.mark.parametrize("nothing", [b"", b"[", b"[]", b'{"success": true}', b"[" * 100_000, b"\xff"])
async def test_what_is_no_answer_is_said_to_be_none(nothing: bytes) -> None:
    with pytest.raises(PeerError, match=r"harvest\.no-ckan"):
        await ckan_answer.read(nothing, PORTAL, 1_000_000)

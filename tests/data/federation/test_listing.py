"""An inventory from a stranger, page by page, and the lines of an answer: what is believed and what is not."""

import json
from hashlib import sha256
from typing import Any

import pytest

from connector.data.federation.listing import ListingChanged, Reader, lines, told_as, usable
from connector.foundation.errors import HanseError, PeerError
from connector.kernel.protocol import codec
from connector.kernel.protocol.messages import Dataset
from tests.data.federation.stage import CONTEXT, DID, Member, entry, iri

pytestmark = pytest.mark.threat("T80")


def pages(count: int) -> list[bytes]:
    """The pages of an inventory of so many datasets, two on each."""
    member, found, after = Member(), list[bytes](), ""
    member.show(*(entry(f"{n:02}") for n in range(count)))
    while True:
        page = member.inventory_page("musterstadt", after)
        found.append(json.dumps(page).encode())
        if not page["more"]:
            return found
        after = page["datasets"][-1]["id"]


def test_pages_make_a_listing() -> None:
    reader = Reader(DID, 100)
    taken = [reader.read_page(page) for page in pages(5)]
    assert taken[:2] == [None, None]
    assert taken[2] is not None
    assert list(taken[2].items) == [iri(f"{n:02}") for n in range(5)]
    assert not taken[2].capped


def test_a_page_left_out_or_doubled_is_noticed() -> None:
    """>> the second page missing, the first one twice << refused, either way."""
    first, second, third = pages(5)
    for order in ([first, third], [first, first, second, third], [second, first, third]):
        reader = Reader(DID, 100)
        with pytest.raises(PeerError):
            [reader.read_page(page) for page in order]


def test_another_listing_in_between_begins_anew() -> None:
    reader = Reader(DID, 100)
    assert reader.read_page(pages(5)[0]) is None
    with pytest.raises(ListingChanged):
        reader.read_page(pages(6)[1])


def test_a_listing_that_is_capped_says_so() -> None:
    reader = Reader(DID, 3)
    assert reader.read_page(pages(5)[0]) is None
    listing = reader.read_page(pages(5)[1])
    assert listing is not None
    assert (listing.capped, len(listing.items), listing.size) == (True, 3, 5)


def told(body: bytes, **wanted: bytes) -> dict[str, Any]:
    """By the ends of the names: `ok`, or the code of what is wrong."""
    asked = {iri(name): sha256(line).hexdigest() for name, line in wanted.items()}
    found = {name.rpartition("/")[2]: one for name, one in lines(body, asked)}
    return {name: one.code if isinstance(one, HanseError) else "ok" for name, one in found.items()}


def test_lines_are_matched_by_what_they_are() -> None:
    """>> good, other bytes, no dataset, doubled, not asked for, blank << each by its name, once, if asked for."""
    context = {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"]}
    a, b, c, d = (json.dumps({**context, **entry(name)}).encode() for name in "abcd")
    broken = b'{"@id":"x"'
    body = b"\n".join([b"", a, b.replace(b"B", b"b", 1), broken, c, c, d, b""])
    assert told(body, a=a, b=b, broken=broken, c=c) == {
        "a": "ok",
        "b": "federation.entry-hash",
        "broken": "http.json-syntax",
        "c": "ok",
    }


@pytest.mark.parametrize("name", ["", "x" * 513, "a\x00b", "a\u202eb", "a\ud800b", "a\nb", "a\u200bb"])
def test_names_that_nobody_could_be_shown(name: str) -> None:
    with pytest.raises(PeerError, match=r"federation\.entry-name"):
        usable(name)
    assert told_as(name).encode() or not name
    assert told_as(name).isprintable()


def public(**more: Any) -> bytes:
    """The line of a dataset that nobody offers."""
    way = {"@type": "Distribution", "dcat:accessURL": {"@id": "https://files.example/"}}
    members = {"@context": [CONTEXT], "@id": iri("p"), "@type": "Dataset", "dct:title": "Bäume", "distribution": [way]}
    return json.dumps({name: value for name, value in (members | more).items() if value is not LEFT_OUT}).encode()


LEFT_OUT = object()
WAY = {"@type": "Distribution", "dcat:accessURL": {"@id": "https://files.example/"}}


def test_a_dataset_that_nobody_offers_says_where_it_is() -> None:
    """>> with places of data, without any; each without `hasPolicy` << taken as it is, without its context."""
    for line in (public(), public(distribution=LEFT_OUT), public(**{"@type": LEFT_OUT})):
        ((name, entry),) = lines(line, {iri("p"): sha256(line).hexdigest()})
        assert isinstance(entry, dict)
        assert (name, entry["dct:title"], {"hasPolicy", "@context"} & entry.keys()) == (iri("p"), "Bäume", set())


@pytest.mark.parametrize(
    "more",
    [
        {"hasPolicy": []},
        {"hasPolicy": None},
        {"hasPolicy": [{}]},
        {"@context": []},
        {"@context": LEFT_OUT},
        {"@type": "Catalog"},
        {"@type": None},
        {"@id": 7},
        {"distribution": []},
        {"distribution": WAY},
        {"distribution": ["https://files.example/"]},
        {"distribution": [{"@type": "Distribution"}]},
        {"distribution": [WAY, {**WAY, "accessService": "urn:s"}]},
        {"distribution": [{**WAY, "@type": "Offer"}]},
        {"distribution": [{**WAY, "dcat:accessURL": "https://files.example/"}]},
        {"distribution": [{**WAY, "dcat:downloadURL": {"@id": ["https://files.example/"]}}]},
    ],
)
def test_half_an_offer_is_none(more: dict[str, Any]) -> None:
    """>> offers that are no offers, ways of the protocol without one, places that are none << set aside."""
    line = public(**more)
    assert told(line, p=line) == {"p": "federation.entry-form"}


def test_in_a_catalogue_of_the_protocol_every_dataset_has_an_offer() -> None:
    with pytest.raises(codec.Malformed) as fault:
        codec.decode(Dataset, json.loads(public()))
    assert fault.value.pointer == "/hasPolicy"

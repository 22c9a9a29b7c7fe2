"""An inventory from a stranger, page by page, and the lines of an answer: what is believed and what is not."""

import json
from hashlib import sha256
from typing import Any

import pytest

from connector.errors import HanseError, PeerError
from connector.federation.listing import Changed, Reader, lines, told_as, usable
from tests.federation.stage import DID, Member, entry, iri

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
    taken = [reader.take(page) for page in pages(5)]
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
            [reader.take(page) for page in order]


def test_another_listing_in_between_begins_anew() -> None:
    reader = Reader(DID, 100)
    assert reader.take(pages(5)[0]) is None
    with pytest.raises(Changed):
        reader.take(pages(6)[1])


def test_a_listing_that_is_capped_says_so() -> None:
    reader = Reader(DID, 3)
    assert reader.take(pages(5)[0]) is None
    listing = reader.take(pages(5)[1])
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
        "a": "ok", "b": "federation.entry-hash", "broken": "http.json-syntax", "c": "ok",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["", "x" * 513, "a\x00b", "a\u202eb", "a\ud800b", "a\nb", "a\u200bb"])
def test_names_that_nobody_could_be_shown(name: str) -> None:
    with pytest.raises(PeerError, match=r"federation\.entry-name"):
        usable(name)
    assert told_as(name).encode() or not name
    assert told_as(name).isprintable()

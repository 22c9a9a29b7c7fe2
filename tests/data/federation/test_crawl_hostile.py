"""A member that lies, drips, repeats itself, shows what is not its own: set aside or refused, and nothing is lost."""

import asyncio
import json
from hashlib import sha256
from typing import Any

import pytest
from msgspec.structs import replace

from connector.data.federation.model import UnreadEntry
from connector.foundation.errors import HanseError, PeerError
from connector.foundation.http.outbound import Answer
from connector.foundation.storage import Database
from tests.data.federation.stage import DID, OTHER, ROOTS, Stage, catalogue_page, entry, iri

pytestmark = pytest.mark.threat("T80")


@pytest.fixture
def stage(sqlite_db: Database) -> Stage:
    """What is written is the same as in `test_crawl.py`, which runs on both databases."""
    return Stage(sqlite_db)


def inventory(pairs: list[tuple[str, str]], **changes: Any) -> Answer:
    """A whole inventory of these pairs, unless `changes` say otherwise."""
    digest = sha256("".join(f"{name} {told}\n" for name, told in pairs).encode()).hexdigest()
    body = {
        "participantId": DID,
        "digest": digest,
        "size": len(pairs),
        "datasets": [{"id": name, "sha256": told} for name, told in pairs],
        "more": False,
        **changes,
    }
    return Answer(200, {}, json.dumps(body).encode())


def listing(stage: Stage, answer: Answer) -> None:
    """The member answers every question for its inventory so."""
    stage.member.bent = lambda what, given: answer if what == "inventory" else given


FALSE = sha256(b"x").hexdigest()
BROKEN = {
    "of another participant": inventory([], participantId="did:web:bergdorf.example"),
    "a digest of something else": inventory([(iri("b"), FALSE)], digest=FALSE),
    "fewer than announced": inventory([(iri("b"), FALSE)], size=2),
    "more than announced": inventory([(iri("b"), FALSE), (iri("c"), FALSE)], size=1, more=True),
    "doubled": inventory([(iri("b"), FALSE), (iri("b"), FALSE)]),
    "not ascending": inventory([(iri("c"), FALSE), (iri("b"), FALSE)]),
    "more, but nothing": inventory([], more=True, size=1),
    "no hash": inventory([(iri("b"), "x")]),
    "no size": inventory([], size=-1),
    "no inventory": Answer(200, {}, b"{}"),
    "no JSON": Answer(200, {}, b"<html>"),
    "a page of a gigabyte": Answer(200, {}, b"[" * (3 << 20)),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_an_inventory_that_does_not_hold_removes_nothing(stage: Stage, name: str) -> None:
    stage.member.show(entry("a"))
    await stage.crawl()
    listing(stage, BROKEN[name])
    stage.member.show(entry("b"))
    told = await stage.crawl()
    assert isinstance(told.error, PeerError)
    assert await stage.held() == {"a"}


async def test_of_a_million_ids_only_so_many_are_read(stage: Stage) -> None:
    """>> ids without end, room for 5 << 5 are read and kept, nothing is forgotten, and that is told."""
    stage.bounds = replace(stage.bounds, datasets=5)
    stage.member.show(entry("zz"))
    await stage.crawl()
    stage.member.show(*(entry(f"{n:05}") for n in range(200)))
    told = await stage.crawl()
    assert (told.error and told.error.code, told.listed) == ("federation.too-many", 200)
    assert stage.member.asked.count("inventory") == 1 + 3
    assert await stage.held() == {"zz", *(f"{n:05}" for n in range(5))}
    assert (await stage.member_state()).partial_at is not None


async def test_a_catalogue_without_end_is_left(stage: Stage) -> None:
    """>> a page that always names a further one << what repeats is left at once, what is new at the limit."""
    stage.member.has_inventory = False
    stage.member.show(entry("a"))
    await stage.crawl()
    stage.member.pages = lambda number: catalogue_page(number, entry("b"), more=True)
    told = await stage.crawl()
    assert (told.error and told.error.code, len(stage.member.asked) <= 6) == ("federation.endless", True)
    stage.member.pages = lambda number: replace(
        catalogue_page(number, more=True),
        url="https://seestadt.example/daten/0",
        following="https://seestadt.example/daten/0",
    )
    told = await stage.crawl()
    assert told.error
    assert told.error.code == "federation.endless"
    stage.bounds = replace(stage.bounds, datasets=20)
    stage.member.pages = lambda number: catalogue_page(number, entry(f"n{number}"), more=True)
    told = await stage.crawl()
    assert told.error
    assert told.error.code == "federation.too-many"
    assert {"a", "b", "n1"} <= await stage.held()


async def test_a_dataset_of_another_member_is_set_aside(stage: Stage) -> None:
    """>> an id below the root of another member, by inventory and by catalogue << told, never kept, never asked for."""
    stolen = f"{OTHER}/datasets/x"
    stage.member.show(entry("a"), entry(stolen, "Falsch"))
    for with_inventory in (True, False):
        stage.member.has_inventory = with_inventory
        told = await stage.crawl()
        assert (told.error, told.set_aside) == (None, 1)
        assert (await stage.held(), await stage.aside()) == ({"a"}, {"x": "federation.entry-elsewhere"})
    assert "entries 2" not in stage.member.asked


@pytest.mark.parametrize("with_inventory", [True, False])
async def test_what_was_published_before_a_move_is_found_once_the_list_says_so(
    stage: Stage, with_inventory: bool
) -> None:
    """>> read before the list names a successor << set aside; it does, nothing else has changed << held."""
    stage.member.has_inventory = with_inventory
    stage.member.show(entry("a"), entry(f"{OTHER}/datasets/x", "Baumkataster"))
    assert (await stage.crawl()).set_aside == 1
    stage.former = frozenset({ROOTS[OTHER]})
    told = await stage.crawl()
    assert (told.error, told.set_aside, await stage.held()) == (None, 0, {"a", "x"})


def bent_entries(stage: Stage, change: Any) -> None:
    """Each line of an answer with entries is changed on its way."""

    def bend(what: str, answer: Answer) -> Answer:
        if not what.startswith("entries"):
            return answer
        return Answer(200, {}, b"\n".join(change(line) for line in answer.body.splitlines()))

    stage.member.bent = bend


async def test_an_entry_that_is_not_what_was_listed_is_set_aside_and_asked_for_again(stage: Stage) -> None:
    """>> `b` given with another title than its hash says << its older copy stays; given as listed: taken."""
    stage.member.show(entry("a"), entry("b"))
    await stage.crawl()
    stage.member.show(entry("a", "Neu"), entry("b", "Neu"))
    bent_entries(stage, lambda line: line.replace(b"Neu", b"Lug") if b"/b" in line else line)
    told = await stage.crawl()
    assert (told.error, told.fetched, told.set_aside) == (None, 1, 1)
    assert (await stage.titles(), await stage.aside()) == ({"a": "Neu", "b": "Bäume"}, {"b": "federation.entry-hash"})
    stage.member.bent = None
    await stage.crawl()
    assert (await stage.titles(), await stage.aside()) == ({"a": "Neu", "b": "Neu"}, {})


async def test_an_entry_that_is_no_dataset_is_set_aside_once(stage: Stage) -> None:
    """>> `b` becomes an entry without offers << the rest goes on, its older copy stays, and it is not fetched again
    until it is another one; when it is not listed any more it goes like others."""
    stage.member.show(entry("a"), entry("b"))
    await stage.crawl()
    bad = {key: value for key, value in entry("b", "Kaputt").items() if key != "hasPolicy"}
    stage.member.show(entry("a", "Neu"), bad)
    told = await stage.crawl()
    assert (told.fetched, told.error, await stage.aside()) == (1, None, {"b": "federation.entry-form"})
    assert (await stage.titles())["b"] == "Bäume"
    stage.member.asked.clear()
    assert (await stage.crawl()).unchanged
    stage.member.show(entry("a", "Wieder neu"), bad)
    stage.member.asked.clear()
    await stage.crawl()
    assert stage.member.asked == ["inventory", "entries 1"]
    stage.member.show(entry("a"))
    await stage.crawl()
    assert (await stage.held(), await stage.aside()) == ({"a"}, {})


async def test_huge_unreadable_and_unasked_entries_leave_the_others_alone(stage: Stage) -> None:
    """>> one of 300 kB, one with a bell in its title, one that nobody asked for << two set aside, the good one kept."""
    stage.member.show(entry("bell", "a\x07b"), entry("good"), entry("huge", "x" * 300_000))
    stage.member.page_size = 10
    foreign = json.dumps(entry("unasked")).encode()
    stage.member.bent = lambda what, answer: (
        Answer(200, {}, answer.body + foreign + b"\n[]\n") if what.startswith("entries") else answer
    )
    told = await stage.crawl()
    assert (told.fetched, await stage.held()) == (1, {"good"})
    assert set(await stage.aside()) == {"bell", "huge"}


async def test_an_answer_that_is_too_large_is_asked_for_in_halves(stage: Stage) -> None:
    """>> more than we read at once << smaller questions, down to the one that is set aside alone."""
    stage.member.show(*(entry(name) for name in "abcd"))
    stage.member.page_size = 10

    def bend(what: str, answer: Answer) -> Answer | HanseError:
        return (
            PeerError("http.answer-size", limit=1)
            if what == "entries 4" or (b'/c"' in answer.body and (what.startswith("entries")))
            else answer
        )

    stage.member.bent = bend
    told = await stage.crawl()
    assert (told.error, await stage.held()) == (None, {"a", "b", "d"})
    assert await stage.aside() == {"c": "http.answer-size"}
    stage.member.bent = None
    await stage.crawl()
    assert (await stage.held(), await stage.aside()) == ({"a", "b", "c", "d"}, {})


async def test_what_is_absent_in_one_half_says_nothing_of_the_other(stage: Stage) -> None:
    """>> four are too much at once, and the first two are not given << the last two are asked for and kept."""
    stage.member.show(*(entry(name) for name in "abcd"))
    stage.member.page_size = 10

    def bend(what: str, answer: Answer) -> Answer | HanseError:
        if what == "entries 4":
            return PeerError("http.answer-size", limit=1)
        hidden = b'/a"' in answer.body and what.startswith("entries")
        return Answer(200, {}, b"") if hidden else answer

    stage.member.bent = bend
    await stage.crawl()
    assert await stage.held() == {"c", "d"}
    assert set(await stage.aside()) == {"a", "b"}


async def test_entries_beyond_the_room_are_not_kept(stage: Stage) -> None:
    """>> room for one entry << one kept, the rest told as too large; nothing older goes."""
    stage.bounds = replace(stage.bounds, bytes=400, portion=1)
    stage.member.show(*(entry(name) for name in "abc"))
    told = await stage.crawl()
    assert (told.error and told.error.code, told.fetched) == ("federation.too-large", 1)


async def test_a_listing_that_changes_all_the_time_removes_nothing(stage: Stage) -> None:
    """>> another inventory at every page << begun anew three times, then left for later."""
    stage.member.show(entry("a"), entry("b"), entry("c"))
    await stage.crawl()
    stage.member.show(entry("d"), entry("e"), entry("f"))
    turn = iter(range(100))

    def bend(what: str, answer: Answer) -> Answer:
        stage.member.show(*(entry(f"{name}{next(turn)}") for name in "xyz"))
        return answer

    stage.member.bent = bend
    told = await stage.crawl()
    assert told.error
    assert told.error.code in ("federation.changing", "federation.inventory")
    assert await stage.held() == {"a", "b", "c"}


async def test_a_member_that_drips_is_left_in_time(stage: Stage) -> None:
    """>> an answer that never comes << given up when the crawl's time is over, booked like silence."""
    stage.bounds = replace(stage.bounds, crawl_s=0.05)

    async def never(*_: object, **__: object) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    stage.member.get = never  # type: ignore[method-assign]
    told = await stage.crawl()
    assert told.error
    assert told.error.code == "federation.slow"
    assert (await stage.state()).failures == 1


async def test_a_nameless_entry_of_a_catalogue_makes_its_gaps_doubtful(stage: Stage) -> None:
    """>> one entry without a name, one missing << the missing one may be the nameless: heard again first."""
    stage.member.has_inventory = False
    stage.member.show(entry("a"), entry("b"))
    await stage.crawl()
    stage.member.show(entry("a"))
    stage.member.unread = [UnreadEntry(name=None, pointer="/dataset/1/@id")]
    assert (await stage.crawl()).doubted
    assert await stage.held() == {"a", "b"}
    stage.member.unread = [UnreadEntry(name=iri("b"), pointer="/dataset/1/hasPolicy")]
    told = await stage.crawl()
    assert (told.doubted, told.gone, await stage.aside()) == (False, 0, {"b": "federation.entry-form"})
    assert await stage.held() == {"a", "b"}


async def test_of_two_entries_of_one_name_the_first_counts(stage: Stage) -> None:
    stage.member.has_inventory = False
    stage.member.show(entry("a", "Erster"), entry("a", "Zweiter"))
    assert (await stage.crawl()).fetched == 1
    assert await stage.titles() == {"a": "Erster"}


async def test_odd_names_are_set_aside(stage: Stage) -> None:
    """>> an id of 600 characters, one with a mark that turns the line << told by their beginnings, the rest goes on."""
    stage.member.page_size = 10
    stage.member.show(entry("a"), entry("urn:x" + "y" * 600), entry("urn:z\u202e"))
    told = await stage.crawl()
    assert (told.error, told.set_aside, await stage.held()) == (None, 2, {"a"})
    assert set((await stage.aside()).values()) == {"federation.entry-name"}

"""One crawl: what differs is fetched, what is missing forgotten after a whole listing; nothing is lost otherwise."""

from contextlib import suppress
from typing import Any, cast

import pytest
from msgspec.structs import replace

from connector.data.federation import decide
from connector.foundation.errors import Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.storage import Database, Tx
from tests.data.federation.stage import HERE, THERE, Stage, entry, silent, status

HOUR_MS = 3_600_000


@pytest.fixture
def stage(any_db: Database) -> Stage:
    return Stage(any_db)


async def test_what_differs_is_fetched_and_what_is_missing_forgotten(stage: Stage) -> None:
    """>> a, b, c; then b says something else, c is gone, d has come << all three; then two fetched, one forgotten."""
    stage.member.show(entry("a"), entry("b"), entry("c"))
    first = await stage.crawl()
    assert (first.form, first.fetched, first.gone, first.error) == ("inventory", 3, 0, None)
    stage.member.show(entry("a"), entry("b", "Bänke"), entry("d"))
    second = await stage.crawl()
    assert (second.fetched, second.gone) == (2, 1)
    assert await stage.titles() == {"a": "Bäume", "b": "Bänke", "d": "Bäume"}


async def test_what_nobody_offers_is_kept_and_may_be_offered_later(stage: Stage) -> None:
    """>> public without offers, one of them badly; then the good one has an offer << kept, set aside; the new one."""
    free = {name: value for name, value in entry("a").items() if name not in ("hasPolicy", "distribution")}
    stage.member.show(free, {**free, "@id": entry("b")["@id"], "distribution": [{"@type": "Distribution"}]})
    first = await stage.crawl()
    assert (first.fetched, await stage.aside()) == (1, {"b": "federation.entry-form"})
    assert await stage.rules() == {"none": 1}
    stage.member.show(entry("a"))
    second = await stage.crawl()
    assert (second.fetched, second.gone, await stage.rules()) == (1, 0, {"other": 1})


async def test_what_is_the_same_takes_one_request(stage: Stage) -> None:
    """>> crawled twice << the second time 304, and the copy is as new as that."""
    stage.member.show(entry("a"))
    await stage.crawl()
    stage.member.asked.clear()
    again = await stage.crawl()
    assert (again.unchanged, stage.member.asked) == (True, ["unchanged"])
    state, member = await stage.state(), await stage.member_state()
    assert (state.failures, state.code) == (0, None)
    assert member.complete_at is not None
    assert member.failing_since is None


@pytest.mark.parametrize("with_inventory", [True, False])
async def test_a_member_that_is_silent_loses_nothing(stage: Stage, with_inventory: bool) -> None:
    """>> read, then silent twice << the copies stay; since when, why, and a pause that grows."""
    stage.member.has_inventory = with_inventory
    stage.member.show(entry("a"), entry("b"))
    await stage.crawl()
    stage.member.bent = silent
    await stage.crawl()
    one = await stage.state()
    since = (await stage.member_state()).failing_since
    await stage.crawl()
    two = await stage.state()
    assert await stage.held() == {"a", "b"}
    assert (one.code, one.failures, two.failures) == ("http.unreachable", 1, 2)
    assert since is not None
    assert (await stage.member_state()).failing_since == since
    stage.member.bent = None
    assert (await stage.crawl()).error is None
    assert (await stage.member_state()).failing_since is None


@pytest.mark.parametrize("code", [200, 204, 302, 400, 401, 403, 500, 502, 503])
@pytest.mark.threat("T80")
async def test_no_answer_but_a_whole_listing_removes_anything(stage: Stage, code: int) -> None:
    """>> an empty 200, a redirect, a refusal, a 5xx << the copies stay, the reason is told."""
    stage.member.show(entry("a"))
    await stage.crawl()
    stage.member.bent = status(code)
    stage.member.show()
    told = await stage.crawl()
    assert told.error is not None
    assert await stage.held() == {"a"}


@pytest.mark.parametrize("with_inventory", [True, False])
@pytest.mark.threat("T80")
async def test_an_empty_listing_has_to_be_heard_twice(stage: Stage, with_inventory: bool, any_db: Database) -> None:
    """>> nothing after something; a while later still nothing << doubted and kept; then believed."""
    stage.member.has_inventory = with_inventory
    stage.member.show(entry("a"), entry("b"))
    await stage.crawl()
    stage.member.show()
    doubted = await stage.crawl()
    assert (doubted.doubted, doubted.error, await stage.held()) == (True, None, {"a", "b"})
    state = await stage.state()
    assert state.code == "federation.doubted"
    assert (await stage.crawl()).doubted  # at once again is not a while later
    await any_db.write(HERE, _doubted_before, decide.CONFIRM_MS)
    believed = await stage.crawl()
    assert (believed.doubted, believed.gone, await stage.held()) == (False, 2, set())


async def test_a_clock_that_was_ahead_keeps_no_doubt_alive(stage: Stage, any_db: Database) -> None:
    """>> doubted and silent since next year, then the clock is mended << since now; believed ten minutes later."""
    stage.member.show(entry("a"))
    await stage.crawl()
    stage.member.bent = silent
    await stage.crawl()
    await any_db.write(HERE, _silent_since, 31_536_000_000)
    await stage.crawl()
    member = await stage.member_state()
    assert member.failing_since == member.failed_at
    stage.member.bent = None
    stage.member.show()
    await stage.crawl()
    await any_db.write(HERE, _doubted_before, -31_536_000_000)
    assert (await stage.crawl()).doubted
    await any_db.write(HERE, _doubted_before, decide.CONFIRM_MS)
    assert (await stage.crawl()).gone == 1


async def test_doubt_is_over_when_something_is_shown_again(stage: Stage, any_db: Database) -> None:
    """>> nothing, then all again, then nothing << the second time the doubt begins anew."""
    stage.member.show(entry("a"))
    await stage.crawl()
    stage.member.show()
    await stage.crawl()
    await any_db.write(HERE, _doubted_before, decide.CONFIRM_MS)
    stage.member.show(entry("a"))
    assert (await stage.crawl()).error is None
    stage.member.show()
    assert (await stage.crawl()).doubted
    assert await stage.held() == {"a"}


async def test_a_catalogue_that_shrinks_by_more_than_half_is_doubted_an_inventory_is_not(stage: Stage) -> None:
    """>> 12 datasets, then 3 << a catalogue may have been cut off; an inventory proves that it was not."""
    many, few = [entry(f"{n:02}") for n in range(12)], [entry(f"{n:02}") for n in range(3)]
    stage.member.show(*many)
    await stage.crawl()
    stage.member.show(*few)
    assert (await stage.crawl()).gone == 9
    stage.member.has_inventory = False
    stage.member.show(*many)
    await stage.crawl()
    stage.member.show(*few)
    assert (await stage.crawl()).doubted
    assert len(await stage.held()) == 12


async def test_a_connector_without_an_inventory_is_read_page_by_page(stage: Stage) -> None:
    """>> 5 datasets, one changed, one gone << three pages each time, only what differs is written."""
    stage.member.has_inventory = False
    stage.member.show(*(entry(name) for name in "abcde"))
    first = await stage.crawl()
    assert (first.form, first.fetched, stage.member.asked) == ("catalogue", 5, ["page 0", "page 1", "page 2"])
    stage.member.show(entry("a", "Anders"), *(entry(name) for name in "bcd"))
    second = await stage.crawl()
    assert (second.fetched, second.gone) == (1, 1)
    assert (await stage.titles())["a"] == "Anders"


async def test_a_connector_that_names_no_next_page_is_asked_for_what_lies_behind(stage: Stage) -> None:
    """>> 5 datasets by offset, two at a time; one goes << all five; what is missing may have slipped through a gap, so
    it is heard again. A connector that ignores the offset shows the same once more, and that was all."""
    stage.member.has_inventory, stage.member.by_offset = False, True
    stage.member.show(*(entry(name) for name in "abcde"))
    assert (await stage.crawl()).fetched == 5
    assert stage.member.asked == ["page 0", "behind 2", "behind 4", "behind 5"]
    stage.member.show(*(entry(name) for name in "abce"))
    assert (await stage.crawl()).doubted
    stage.member.page_size = 10
    stage.member.by_offset = False
    told = await stage.crawl()
    assert (told.doubted, told.gone, stage.member.asked[-2:]) == (False, 1, ["page 0", "behind 4"])


@pytest.mark.parametrize("code", [404, 405, 410, 501])
async def test_an_inventory_that_is_not_there_falls_back_to_the_catalogue(stage: Stage, code: int) -> None:
    stage.member.show(entry("a"))
    stage.member.bent = lambda what, answer: status(code)(what, answer) if what == "inventory" else answer
    told = await stage.crawl()
    assert (told.form, told.fetched, told.error) == ("catalogue", 1, None)


@pytest.mark.threat("T81")
async def test_what_one_participant_was_shown_another_is_not(stage: Stage) -> None:
    """>> `a` and `secret` shown here, `a` there; both crawl << there only `a` is held, whatever is stored already."""
    stage.member.show(entry("a"), entry("secret", "Geheim"))
    stage.member.show(entry("a"), to=THERE)
    await stage.crawl()
    told = await stage.crawl(THERE)
    assert told.fetched == 1
    assert await stage.titles(THERE) == {"a": "Bäume"}
    assert await stage.titles() == {"a": "Bäume", "secret": "Geheim"}


@pytest.mark.threat("T81")
async def test_naming_a_hash_brings_nobody_its_content(stage: Stage) -> None:
    """>> the member lists `secret` there too, by its true hash, and does not give it << not held there, only told."""
    stage.member.show(entry("secret", "Geheim"))
    await stage.crawl()
    stage.member.show(entry("secret", "Geheim"), to=THERE)
    stage.member.bent = lambda what, answer: Answer(200, {}, b"") if what.startswith("entries") else answer
    await stage.crawl(THERE)
    assert await stage.titles(THERE) == {}
    assert await stage.aside(THERE) == {"secret": "federation.entry-absent"}


async def test_a_crawl_that_was_taken_over_books_nothing(stage: Stage) -> None:
    """>> the lease is lost in the middle << nothing of it is written, nothing older goes."""
    stage.member.show(entry("a"))
    await stage.crawl()
    stage.member.show(entry("b"))
    stage.lost = True
    with pytest.raises(Unavailable):
        await stage.crawl()
    assert await stage.held() == {"a"}


async def test_a_crawl_that_dies_in_the_middle_leaves_the_last_good_copy_and_goes_on(stage: Stage) -> None:
    """>> one entry at a time, cut off after two << both kept, nothing older gone; the next crawl fetches the third."""
    stage.bounds = replace(stage.bounds, portion=1)
    stage.member.show(entry("old"))
    await stage.crawl()
    stage.member.show(entry("a"), entry("b"), entry("c"))
    stage.member.bent = lambda what, answer: (
        silent(what, answer) if stage.member.asked.count("entries 1") > 2 + 1 else answer
    )
    cut = await stage.crawl()
    assert (cut.fetched, cut.error is None) == (2, False)
    assert await stage.held() == {"old", "a", "b"}
    stage.member.bent = None
    rest = await stage.crawl()
    assert (rest.fetched, rest.gone) == (1, 1)
    assert await stage.held() == {"a", "b", "c"}


class Killed(BaseException):
    """The process is gone."""


class Mortal:
    """A database whose process dies just after the n-th transaction that writes; with 0, before the first."""

    def __init__(self, db: Database, left: int) -> None:
        self._db, self._left = db, left
        self.read = db.read

    async def write(self, *args: Any) -> Any:
        if self._left == 0:
            raise Killed
        self._left -= 1
        found = await self._db.write(*args)
        if self._left == 0:
            raise Killed
        return found


@pytest.mark.parametrize("with_inventory", [True, False])
async def test_killed_at_every_step_nothing_is_lost_and_the_next_crawl_ends_it(
    stage: Stage, any_db: Database, with_inventory: bool
) -> None:
    """>> dies before the first and after each transaction of a crawl in which one changes, two come and one goes <<
    until the last one everything older is there; the next crawl brings the rest."""
    stage.bounds, deaths = replace(stage.bounds, portion=1), 0
    stage.member.has_inventory = with_inventory
    for at in range(20):
        stage.member.show(entry("b"), entry("old"))
        await stage.crawl()
        assert await stage.titles() == {"b": "Bäume", "old": "Bäume"}
        stage.member.show(entry("a"), entry("b", "Neu"), entry("c"))
        stage.db = cast(Database, Mortal(any_db, at))
        with suppress(Killed):
            await stage.crawl()
            stage.db = any_db
            continue
        stage.db, deaths = any_db, deaths + 1
        held = await stage.held()
        assert held == {"a", "b", "c"} or held >= {"b", "old"}
        assert (await stage.crawl()).error is None
        assert await stage.titles() == {"a": "Bäume", "b": "Neu", "c": "Bäume"}
    assert deaths >= 5


async def test_a_crawl_that_died_takes_nothing_for_unchanged(stage: Stage, any_db: Database) -> None:
    """>> a, b; both change, the process dies after a; the member shows the old ones again << a is as before again."""
    stage.bounds = replace(stage.bounds, portion=1)
    old, new = [entry(name, "alt") for name in "ab"], [entry(name, "neu") for name in "ab"]
    stage.member.show(*old)
    await stage.crawl()
    stage.member.show(*new)
    stage.db = cast(Database, Mortal(any_db, 1))
    with suppress(Killed):
        await stage.crawl()
    stage.db = any_db
    assert await stage.titles() == {"a": "neu", "b": "alt"}
    stage.member.show(*old)
    assert (await stage.crawl()).error is None
    assert await stage.titles() == {"a": "alt", "b": "alt"}


async def test_copies_of_a_member_that_is_gone_for_good_go_too(stage: Stage, any_db: Database) -> None:
    """>> silent for 89 days; often in vain, but read lately; both << kept, kept, gone; since when is still known."""
    stage.member.show(entry("a"))
    await stage.crawl()
    stage.member.bent = silent
    day = 86_400_000
    for failures, days, left in ((decide.IN_VAIN, 89, {"a"}), (2, 91, {"a"}), (decide.IN_VAIN, 91, set[str]())):
        await any_db.write(HERE, _gone_since, failures, days * day)
        await stage.crawl()
        assert await stage.held() == left, (failures, days)
    assert (await stage.member_state()).failing_since is not None


def _doubted_before(tx: Tx, ms: int) -> None:
    tx.run("UPDATE crawl SET doubted_at = doubted_at - :ms WHERE doubted_at IS NOT NULL", ms=ms)


def _silent_since(tx: Tx, ms: int) -> None:
    tx.run("UPDATE copy_member SET failing_since = failing_since + :ms", ms=ms)


def _gone_since(tx: Tx, failures: int, ms: int) -> None:
    tx.run("UPDATE crawl SET failures = :failures", failures=failures)
    tx.run("UPDATE copy_member SET complete_at = :at", at=tx.now - ms)

"""Deleting a participant whose periods of retention still run: told by type, and only by an explicit word."""

import asyncio
from collections.abc import Mapping

import pytest

from connector.continuity.offboarding.close import ClosingStatus
from connector.continuity.privacy import holds, retention_store
from connector.continuity.privacy.erasure import End
from connector.continuity.privacy.retention import DAY_MS, Periods
from connector.continuity.privacy.unexpired import Retained, Unexpired
from connector.exchange.contracts.agreement.agreements import ended_at
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Tx
from connector.identity.audit import store as audit
from tests.continuity.offboarding.leaver import LEAVER, PARTNER, closed, gone, handed, state
from tests.testkit.leavers import leaving
from tests.testkit.neighbours import Neighbours
from tests.testkit.towns import Towns


def periods(days: Mapping[str, int] = {}, *, end: End = ended_at, other: int = 100, clock: bool = True) -> Unexpired:
    """These days by type, `other` for all else."""
    return Unexpired(Periods(days=days, other=other, duties=frozenset()), end, lambda now: clock)


def over(*_: object) -> int:
    """An agreement that has ended in 1970."""
    return 0


async def aged(towns: Towns, where: str, days: int) -> None:
    """Records are as if they had been made that long ago."""
    await towns.db.write(
        LEAVER,
        lambda tx: tx.run(
            f"UPDATE audit_entry SET at = at - :ms WHERE participant = :p AND {where}", p=LEAVER, ms=days * DAY_MS
        ),
    )


async def look(towns: Towns, kept: Unexpired) -> ClosingStatus:
    return await leaving(towns, periods=kept)[0].look(LEAVER)


async def told(towns: Towns, kept: Unexpired) -> dict[str, tuple[int, int]]:
    """Type -> records within their period, and those of them that are in no evidence."""
    return {one.type: (one.count, one.loose) for one in (await look(towns, kept)).retained}


async def refused(towns: Towns, kept: Unexpired, code: str = "leaving.retained") -> None:
    with pytest.raises(Mistake) as found:
        await leaving(towns, periods=kept)[1].delete(LEAVER, abandon=False)
    assert found.value.code == code
    assert await state(towns, LEAVER) == "closed"


async def logged(towns: Towns) -> dict[str, int]:
    """How many records of each type the leaver has."""
    rows = await towns.db.read(LEAVER, retention_store.grouped, LEAVER)
    return {type_: sum(count for other, _, count, _ in rows if other == type_) for type_, *_ in rows}


@pytest.mark.on_both
async def test_the_word_is_needed_while_a_period_runs(towns: Towns) -> None:
    """>> delete << refused in the transaction; >> with the word << gone, and of what ran nothing is left here."""
    await towns.concluded(PARTNER, LEAVER)
    await closed(towns)
    await handed(towns)
    kept = periods()
    await refused(towns, kept)
    found = (await look(towns, kept)).retained
    assert {one.type: one.count for one in found} == await logged(towns)
    ended = await towns.rows(LEAVER, "SELECT ended_at FROM agreement WHERE participant = :participant")
    until = {one.type: one.until for one in found}
    assert until["agreement"] == max(ended[0]["ended_at"], 0) + 100 * DAY_MS
    assert (await leaving(towns, periods=kept)[1].delete(LEAVER, abandon=False, despite=True)).state == "deleted"
    await gone(towns)


async def test_each_type_has_its_own_period_and_its_own_end(towns: Towns) -> None:
    """Periods of contracts begin with their end, others with the event; nothing is told of what is over."""
    await towns.concluded(PARTNER, LEAVER)
    await closed(towns)
    everything = await logged(towns)
    assert {"agreement", "termination", "key", "publication"} <= everything.keys(), everything
    one_day = dict.fromkeys(everything, 1)
    assert set(await told(towns, periods(end=over, other=1))) == set(everything)  # made a moment ago
    await aged(towns, "agreement IS NOT NULL", 2)
    assert set(await told(towns, periods(other=1))) >= {"agreement", "termination"}  # ended a moment ago
    rest = await told(towns, periods(end=over, other=1))
    assert {"agreement", "termination"}.isdisjoint(rest)
    await aged(towns, "agreement IS NULL", 2)
    assert await told(towns, periods(one_day, end=over)) == {}
    assert await told(towns, periods({**one_day, "key": 3}, end=over)) == {"key": (everything["key"], 0)}
    await handed(towns)
    found = await leaving(towns, periods=periods(one_day, end=over))[1].delete(LEAVER, abandon=False)
    assert found.state == "deleted"  # no word is needed any more


async def test_of_one_type_those_count_that_are_young_enough(towns: Towns) -> None:
    """Alarms of 30, 20 and 5 days ago, kept for 10, for 25 and for 4 days << one, two, none."""
    now = towns.clock.now()
    for days in (30, 5, 20):
        await towns.db.write(
            LEAVER,
            lambda tx, at: audit.append(tx, LEAVER, "alarm", None, "us", {}, did=towns.did(LEAVER), at=at),
            now - days * DAY_MS,
        )
    await closed(towns)
    newest = now - 5 * DAY_MS
    for days, count in ((10, 1), (25, 2), (4, 0)):
        found = [one for one in (await look(towns, periods({"alarm": days}))).retained if one.type == "alarm"]
        until = newest + days * DAY_MS
        assert found == ([Retained(type="alarm", count=count, loose=count, until=until)] if count else [])


async def test_what_is_in_no_evidence_is_told_apart(towns: Towns) -> None:
    """Publications are in no bundle; key events are in every one, but not where there is none."""
    await towns.concluded(PARTNER, LEAVER)
    await closed(towns)
    found = await told(towns, periods())
    assert found["publication"][0] == found["publication"][1] > 0
    assert [found[name][1] for name in ("agreement", "termination", "key")] == [0, 0, 0]
    await towns.db.write(
        LEAVER, lambda tx: tx.run("UPDATE agreement SET provider_jws = NULL WHERE participant = :p", p=LEAVER)
    )
    found = await told(towns, periods())
    assert found["key"] == (found["key"][0], found["key"][0])
    assert found["agreement"][1] == 0


async def test_for_ever_and_not_known_have_no_end(towns: Towns) -> None:
    """>> 0 days, or an agreement of which nobody knows an end << no date, and the word is needed."""
    await towns.concluded(PARTNER, LEAVER)
    await closed(towns)
    await handed(towns)
    await aged(towns, "1 = 1", 1000)
    [one] = (await look(towns, periods({"key": 0}, end=over, other=1))).retained
    assert (one.type, one.until) == ("key", None)
    unknown = periods(end=lambda *_: None, other=1)
    assert {one.until for one in (await look(towns, unknown)).retained} == {None}
    for kept in (unknown, periods({"key": 0}, end=over, other=1)):
        await refused(towns, kept)
    count = (await logged(towns))["key"]
    assert one == Retained(type="key", count=count, loose=0, until=None)


async def test_erased_records_and_holds_have_no_period(towns: Towns) -> None:
    """>> a hold set and lifted, which stays in the log for ever << no reason to keep a log that is to go."""
    await closed(towns)
    did = towns.did(LEAVER)
    hold = await towns.db.write(LEAVER, lambda tx: holds.put(tx, LEAVER, None, "Rechtsamt", "Klage", did=did))
    await refused(towns, periods(), "leaving.held")
    with pytest.raises(Mistake, match=r"leaving\.held"):  # the word is none against a hold
        await leaving(towns)[1].delete(LEAVER, abandon=True, despite=True)
    await towns.db.write(LEAVER, lambda tx: holds.lift(tx, LEAVER, hold.id, "Rechtsamt", "Ende", did=did))
    await aged(towns, "1 = 1", 1000)
    assert await told(towns, periods(end=over, other=1)) == {}
    assert (
        await leaving(towns, periods=periods(end=over, other=1))[1].delete(LEAVER, abandon=False)
    ).state == "deleted"


async def test_a_clock_that_runs_ahead_ends_no_period(towns: Towns) -> None:
    """>> by this clock all is over, but the trust list is not of that time << said, and the word is needed."""
    await closed(towns)
    await aged(towns, "1 = 1", 1000)
    kept = periods(end=over, other=1, clock=False)
    assert (await look(towns, kept)).doubted
    await refused(towns, kept, "leaving.doubted")
    assert (await leaving(towns, periods=kept)[1].delete(LEAVER, abandon=False, despite=True)).state == "deleted"


async def test_only_of_a_closed_participant_is_it_told(towns: Towns) -> None:
    assert (await look(towns, periods())).retained == ()
    await closed(towns)
    assert (await look(towns, periods())).retained
    await leaving(towns)[1].delete(LEAVER, abandon=False, despite=True)
    assert (await look(towns, periods())).retained == ()


async def test_what_is_being_deleted_goes_on_without_the_word(towns: Towns) -> None:
    """>> two at once, one of them without the word << it is refused before, or told that it is over; never halfway."""
    await closed(towns)
    _, deleting = leaving(towns, periods=periods())
    found = await asyncio.gather(
        deleting.delete(LEAVER, abandon=False, despite=True),
        deleting.delete(LEAVER, abandon=False),
        return_exceptions=True,
    )
    assert isinstance(found[0], ClosingStatus)
    assert isinstance(found[1], ClosingStatus | Mistake)
    await gone(towns)


@pytest.mark.on_both
async def test_bug_an_agreement_whose_record_has_served_its_time_could_not_be_taken_along(towns: Towns) -> None:
    """>> its agreement record is erased, so no bundle can be made << what there is, not a refusal for ever."""
    agreement = await towns.concluded(PARTNER, LEAVER)
    await closed(towns)
    _, deleting = leaving(towns)
    [before] = await deleting.evidence(LEAVER, "")
    assert before.bundle
    await Neighbours(towns).seal()
    await towns.db.write(LEAVER, served, agreement.id)
    [since] = await deleting.evidence(LEAVER, "")
    assert (since.agreement, since.bundle) == (agreement.id, False)
    what = await deleting.bare(LEAVER, agreement.id)
    assert what["providerSignature"] == agreement.provider_jws
    await handed(towns)
    assert (await deleting.delete(LEAVER, abandon=False, despite=True)).state == "deleted"


def served(tx: Tx, agreement: str) -> None:
    """The retention job has erased its agreement record."""
    own = "SELECT id FROM audit_entry WHERE participant = :p AND agreement = :a AND type = 'agreement'"
    for row in tx.all(own, p=LEAVER, a=agreement):
        assert retention_store.note_erasure(tx, LEAVER, row["id"], "retention", "retention-period")
        assert retention_store.empty(tx, LEAVER, row["id"])

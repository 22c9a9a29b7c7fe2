"""A statement on its way: the last second of the day of notice, a partner that is away or says no, who has to hear."""

import json

import pytest

from connector.exchange.contracts.termination import delivery, statement
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.http.outbound import Answer
from connector.identity.trust.members.successors import Step, Successors
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"
WHY = {"de": ["Wir lösen das Bauamt auf."], "en": ["We close the building office."]}
NOW = 1_795_000_000_000


async def questions(towns: Towns) -> list[str]:
    sql = "SELECT kind FROM question WHERE participant = :participant AND answered_at IS NULL"
    return [row["kind"] for row in await towns.rows(CONSUMER, sql)]


@pytest.mark.parametrize(
    ("day", "last"),
    [
        ("28.03.2027", "2027-03-28T21:59:59Z"),  # 23 hours
        ("2027-10-31", "2027-10-31T22:59:59Z"),  # 25 hours
        ("2027-06-01", "2027-06-01T21:59:59Z"),
    ],
)
def test_bug_a_day_of_notice_with_a_clock_change_ended_an_hour_off(day: str, last: str) -> None:
    assert rfc3339(statement.day_of_notice(day, NOW)) == last


async def test_bug_nobody_was_told_of_a_statement_that_did_not_arrive_for_days(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """<< away for four days >> asked once, and tried again; << back >> delivered, and nothing is asked any more."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    towns.wire.answers = [Unavailable("http.unreachable")] * 3
    await towns.termination_delivery.end(CONSUMER, agreement.id, WHY, None)
    await towns.run()
    assert await questions(towns) == []
    monkeypatch.setattr(delivery, "PATIENCE_MS", -1)
    await towns.hurry()
    await towns.hurry()
    assert await questions(towns) == [statement.UNDELIVERED]
    await towns.hurry()
    assert await questions(towns) == []
    assert (await towns.agreement(PROVIDER, agreement.id)).state == "ended"


async def test_bug_a_partner_that_does_not_know_us_for_a_while_never_heard_of_the_end(towns: Towns) -> None:
    """<< 401, five times: its trust list has run out >> it goes on being tried."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    towns.wire.answers = [Answer(401, {}, b"")] * 5
    await towns.termination_delivery.end(CONSUMER, agreement.id, WHY, None)
    await towns.run()
    for _ in range(5):
        await towns.hurry()
    assert (await towns.agreement(PROVIDER, agreement.id)).state == "ended"


async def test_a_partner_that_says_no_is_a_matter_for_a_person(towns: Towns) -> None:
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    towns.wire.answers = [Answer(400, {}, b"")] * delivery.TRIES
    await towns.termination_delivery.end(CONSUMER, agreement.id, WHY, None)
    await towns.run()
    for _ in range(delivery.TRIES):
        await towns.hurry()
    assert await questions(towns) == [statement.REFUSED]


async def test_bug_a_statement_on_its_way_did_not_follow_to_the_successor(towns: Towns) -> None:
    """>> stated while the partner is away << another town takes its place >> that one is to hear of it."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    await towns.add("seestadt")
    towns.wire.answers = [Unavailable("http.unreachable")]
    await towns.termination_delivery.end(CONSUMER, agreement.id, WHY, None)
    await towns.run()
    towns.line = Successors([Step(towns.did(PROVIDER), towns.did("seestadt"), towns.clock.now())])
    heard = await towns.db.read(CONSUMER, towns.terminations.receiver, CONSUMER, agreement.id)
    assert heard == towns.did("seestadt")
    await towns.hurry()
    assert (await towns.agreement(PROVIDER, agreement.id)).state == "finalized"  # it was not called any more


async def test_bug_a_long_reason_was_cut_short_before_it_was_sealed(towns: Towns) -> None:
    """>> one character too many << refused with the limit; at the limit every character is in the statement."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    long = "x" * (statement.LONGEST + 1)
    with pytest.raises(Mistake, match="long-reason"):
        await towns.termination_delivery.end(CONSUMER, agreement.id, {"de": ["kurz"], "en": [long]}, None)
    _, stated = await towns.termination_delivery.end(CONSUMER, agreement.id, {"de": ["kurz"], "en": [long[1:]]}, None)
    assert json.loads(stated.statement)["reason"]["en"] == [long[1:]]

"""What runs under an agreement that ends: cut with the reason at the day of notice or at once; duties outlive it."""

from typing import Any

import pytest

from connector.exchange.contracts.agreement import ending
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.termination import statement
from connector.exchange.transfer import enforcement
from connector.exchange.transfer.duties import Done
from connector.foundation.clock import instant, rfc3339
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.storage.work import REVIEW
from connector.kernel.policy.odrl.days import midnight, read_day
from connector.kernel.policy.odrl.names import ODRL
from tests.exchange.transfer.holds import CONSUMER, DAY, PROVIDER, clock, shown
from tests.testkit.towns import Towns

WHY = {"de": ["Das Amt wird aufgelöst."], "en": ["The office is closed."]}
OVER = ["TERMINATED", "TERMINATED"] * 2


async def end(towns: Towns, slug: str, agreement: Agreement, notice: int | None = None) -> None:
    await towns.termination_delivery.end(slug, agreement.id, WHY, notice)


async def state(towns: Towns, slug: str, agreement: Agreement) -> str:
    return (await towns.agreement(slug, agreement.id)).state


async def test_notice_ends_it_on_its_day_and_not_before(timed: Towns, agreed, started, accessed) -> None:
    """>> notice to a day ahead << it runs until then; then each side ends it by its own timer."""
    agreement = await agreed(timed)
    pair = await started(timed, agreement)
    notice = clock(timed).now() // 1000 * 1000 + 30 * DAY
    await end(timed, CONSUMER, agreement, notice)
    await timed.run()
    clock(timed).at = notice - 1
    await timed.tick()
    assert [await state(timed, slug, agreement) for slug in (PROVIDER, CONSUMER)] == ["finalized", "finalized"]
    assert (await accessed(timed, pair[1])).permit
    clock(timed).at = notice
    await timed.tick()
    await timed.tick()
    assert [await state(timed, slug, agreement) for slug in (PROVIDER, CONSUMER)] == ["ended", "ended"]
    assert await shown(timed, pair) == OVER
    assert (await timed.agreement(PROVIDER, agreement.id)).ended_at == notice


async def test_the_earlier_of_two_notices_counts(timed: Towns, agreed) -> None:
    agreement, now = await agreed(timed), clock(timed).now() // 1000 * 1000
    await end(timed, CONSUMER, agreement, now + 30 * DAY)
    await end(timed, PROVIDER, agreement, now + 10 * DAY)
    await timed.run()
    clock(timed).at = now + 10 * DAY
    await timed.tick()
    assert [await state(timed, slug, agreement) for slug in (PROVIDER, CONSUMER)] == ["ended", "ended"]
    clock(timed).at = now + 31 * DAY
    await timed.tick()
    assert (await timed.agreement(CONSUMER, agreement.id)).ended_at == now + 10 * DAY


async def test_the_gate_needs_no_review(timed: Towns, agreed, started, accessed) -> None:
    """>> an access after the end, before any timer has fired << refused, with the reason of whoever ended it."""
    agreement = await agreed(timed)
    pair = await started(timed, agreement)
    await end(timed, PROVIDER, agreement)
    decision = await accessed(timed, pair[1])
    assert not decision.permit
    assert WHY["de"][0] in decision.reasons["de"]
    assert "Datengeber" in decision.reasons["de"][0]


async def test_what_waits_for_an_answer_ends_too(timed: Towns, agreed) -> None:
    """>> a request is on its way when the consumer ends it << nothing is left open in either role."""
    agreement = await agreed(timed)
    asked = await timed.fetch(CONSUMER, PROVIDER, agreement)
    await end(timed, CONSUMER, agreement)
    await timed.tick()
    await timed.run()
    mine = await timed.process(CONSUMER, asked.id)
    assert mine.shown == "TERMINATED"


async def test_many_transfers_end_in_portions(timed: Towns, agreed, started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enforcement, "PORTION", 2)
    agreement = await agreed(timed)
    pairs = [await started(timed, agreement) for _ in range(5)]
    await end(timed, PROVIDER, agreement)
    for _ in range(4):
        await timed.tick()
    assert [await shown(timed, pair) for pair in pairs] == [OVER] * 5


async def test_what_another_replica_began_in_the_same_moment_is_found(timed: Towns, agreed, started) -> None:
    """>> a transaction that had read the agreement before its end commits after the review << a second look ends it."""
    agreement = await agreed(timed)
    pair = await started(timed, agreement)
    await end(timed, PROVIDER, agreement)
    await timed.db.write(PROVIDER, _reviewed_already)
    await timed.tick()
    assert (await timed.process(PROVIDER, pair[1].id)).shown == "STARTED"
    clock(timed).advance(ending.AGAIN_MS)
    await timed.tick()
    await timed.tick()
    assert await shown(timed, pair) == OVER


def _reviewed_already(tx: Any) -> None:
    tx.run("UPDATE timer SET done_at = :now WHERE kind = :kind", now=tx.now, kind=REVIEW)


async def test_duties_outlive_the_agreement(timed: Towns, agreed) -> None:
    """>> the data are deleted after the end << booked; a deadline that counts from the end counts from this one."""
    duty = {
        "action": "delete",
        "constraint": [
            {
                "leftOperand": "https://w3id.org/hanse/v1#dueWithin",
                "operator": ODRL + "lteq",
                "rightOperand": "agreementEnd+P3D",
            }
        ],
    }
    agreement = await agreed(timed, obligation=[duty])
    await end(timed, PROVIDER, agreement)
    await timed.run()
    now = clock(timed).now()
    standing = await timed.db.read(CONSUMER, timed.duties.standing, CONSUMER, agreement.id)
    assert [one.due_at for one in standing] == [now + 3 * DAY + 1]
    deed = await timed.db.write(CONSUMER, timed.duties.done, CONSUMER, agreement.id, Done(action="delete"), "steward")
    assert deed.action == ODRL + "delete"


async def test_an_end_is_for_good(timed: Towns, agreed) -> None:
    """>> a late countersignature, a late termination of its negotiation << an ended agreement stays ended."""
    agreement = await agreed(timed)
    await end(timed, PROVIDER, agreement)
    await timed.run()
    signed = await timed.agreement(PROVIDER, agreement.id)
    await timed.db.write(PROVIDER, timed.contracts.agreements.countersigned, signed, signed.consumer_jws)
    assert await state(timed, PROVIDER, agreement) == "ended"


@pytest.mark.parametrize("text", ["31.02.2027", "gestern", "2020-01-01", "9000-01-01", ""])
def test_a_day_of_notice_is_a_day_ahead(text: str) -> None:
    with pytest.raises(Mistake):
        statement.day_of_notice(text, 1_795_000_000_000)


def test_the_last_day_counts_in_full() -> None:
    """>> 31.03.2027 << the last second of that day in Germany, summer time included."""
    found = statement.day_of_notice("31.03.2027", 1_795_000_000_000)
    assert rfc3339(found) == "2027-03-31T21:59:59Z"
    assert statement.day_of_notice("2027-03-31", 1_795_000_000_000) == found
    day = read_day("1.4.2027")
    assert day is not None
    assert midnight(day) > instant(found)


async def test_an_agreement_of_nobody_cannot_be_ended(timed: Towns) -> None:
    with pytest.raises(Unknown):
        await timed.termination_delivery.end(CONSUMER, "urn:uuid:nothing", WHY, None)

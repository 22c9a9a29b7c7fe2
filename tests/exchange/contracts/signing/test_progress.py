"""How far the consumer's seal has got, in one word, on both sides and at every stop of its way."""

import json

import pytest

from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.signing.progress import Step, progress
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import Tx
from tests.exchange.contracts.late import Broken, broken, order, step
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"


async def change(towns: Towns, slug: str, assignment: str) -> None:
    sql = f"UPDATE agreement SET {assignment} WHERE participant = :p"
    await towns.db.write(slug, lambda tx: tx.run(sql, p=slug))


async def steps(towns: Towns, found: Broken) -> tuple[str, str]:
    """As provider and consumer see it."""
    return (await step(towns, found, PROVIDER))[1], (await step(towns, found))[1]


async def test_of_a_contract_that_both_sealed(towns: Towns) -> None:
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    for slug in (CONSUMER, PROVIDER):
        mine = await towns.agreement(slug, agreement.id)
        assert (await towns.db.read(slug, progress, towns.contracts.agreements, mine)).step == "given"


async def test_while_the_negotiation_goes_on_nobody_has_to_do_anything(towns: Towns) -> None:
    """>> asked, run row by row << automatic or making until it is given; a person is never told to sign."""
    asked = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))
    seen: list[Step] = []
    for _ in range(40):
        case = await towns.case(CONSUMER, asked.id)
        if case.agreement is not None:
            mine = await towns.agreement(CONSUMER, case.agreement)
            seen.append((await towns.db.read(CONSUMER, progress, towns.contracts.agreements, mine)).step)
        await towns.run(1)
    assert set(seen) <= {"automatic", "making", "unconfirmed", "given"}
    assert seen[-1] == "given"


@pytest.mark.on_both
async def test_the_way_of_a_late_one(towns: Towns) -> None:
    """>> missing, ordered, refused, ordered again, taken << open, making, handing-in, refused, given."""
    found = await broken(towns)
    assert await steps(towns, found) == ("other-side", "open")
    said = json.dumps({"code": "contracts.countersignature-invalid"}).encode()
    towns.wire.answers = [Answer(503, {}, b""), Answer(409, {}, said)]
    await order(towns, found)
    assert await steps(towns, found) == ("other-side", "making")
    await towns.run()
    assert await steps(towns, found) == ("other-side", "handing-in")
    await towns.hurry()
    assert await steps(towns, found) == ("other-side", "refused")
    await order(towns, found)
    await towns.run()
    assert await steps(towns, found) == ("given", "given")


@pytest.mark.on_both
@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("state = 'terminated'", "over"),  # what was sealed of it binds nobody
        ("state = 'ended', ended_at = 1, consumer_jws = NULL", "over"),
        ("state = 'ended', ended_at = 1", "given"),
    ],
)
async def test_of_a_contract_that_is_over(towns: Towns, assignment: str, expected: str) -> None:
    found = await broken(towns)
    await change(towns, CONSUMER, "consumer_jws = 'x'")
    await change(towns, CONSUMER, assignment)
    assert (await step(towns, found))[1] == expected


async def test_after_the_deadline(towns: Towns) -> None:
    """>> nobody signed in time << late, on both sides; to sign is not offered any more."""
    found = await broken(towns, countersignature="required")
    week = 8 * 86_400_000
    for slug in (PROVIDER, CONSUMER):
        mine = await towns.agreement(slug, found.agreement)

        def later(tx: Tx, agreement: Agreement = mine) -> str:
            tx.now += week
            return progress(tx, towns.contracts.agreements, agreement).step

        assert await towns.db.read(slug, later) == "late"

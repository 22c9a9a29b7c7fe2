"""The retention job over real agreements: what belongs to one is kept from its end on."""

import pytest

from connector.continuity.privacy import holds
from connector.continuity.privacy.jobs import RetentionJobs
from connector.exchange.contracts.agreement.agreements import ended_at
from connector.exchange.contracts.model import Agreement
from connector.foundation.settings.load import Retention
from connector.foundation.storage.database import Tx
from connector.identity.audit import store as audit
from tests.testkit.neighbours import Neighbours
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"
DAY = 86_400_000
PAST = "UPDATE agreement SET expires_at = :at WHERE participant = :p"


@pytest.fixture
async def both(towns: Towns) -> Neighbours:
    """All periods are ten days."""
    made = Neighbours(towns)
    days = {name: 10 for name in Retention.__struct_fields__ if name.endswith("_days")}
    made.keeping = RetentionJobs(
        towns.db,
        towns.clock,
        towns.participants,
        towns.contracts.agreements,
        Retention(**days),
        made.ask,
        made.log_keys,
    )
    return made


async def change(towns: Towns, agreement: Agreement, assignment: str, **values: object) -> None:
    sql = f"UPDATE agreement SET {assignment} WHERE participant = :p AND id = :id"
    await towns.db.write(PROVIDER, lambda tx: tx.run(sql, p=PROVIDER, id=agreement.id, **values))


async def erased(towns: Towns, agreement: Agreement) -> list[str]:
    rows = await towns.db.read(PROVIDER, audit.records, PROVIDER, agreement.id)
    return [row.type for row in rows if row.erased]


@pytest.mark.on_both
async def test_what_belongs_to_an_agreement_waits_for_its_end(both: Neighbours) -> None:
    """>> old records of an agreement that runs, one that ended yesterday, one long over << only the last one's goes."""
    towns, now = both.towns, both.towns.clock.now()
    contracts = [await towns.concluded(CONSUMER, PROVIDER) for _ in range(3)]
    for one in contracts:
        await both.log(PROVIDER, "decision", one, at=now - 400 * DAY)
    await change(towns, contracts[1], "expires_at = :at", at=now - DAY)
    await change(towns, contracts[2], "expires_at = :at", at=now - 11 * DAY)
    await both.seal()
    await both.keeping.retain()
    assert [await erased(towns, one) for one in contracts] == [[], [], ["decision"]]
    await both.seal()
    await both.keeping.retain()  # again: nothing is left to do
    rows = await towns.db.read(PROVIDER, audit.records, PROVIDER, contracts[2].id)
    assert [row.type for row in rows].count("tombstone") == 1
    assert (await both.compare(PROVIDER, contracts[2])).state == "agrees"


@pytest.mark.on_both
async def test_a_hold_outlasts_every_round(both: Neighbours) -> None:
    """>> all is due, everything is held << nothing goes in any round; the neighbour's records go all the same."""
    towns, now = both.towns, both.towns.clock.now()
    agreement = await towns.concluded(CONSUMER, PROVIDER)

    def hold(tx: Tx) -> None:
        holds.put(tx, PROVIDER, None, "legal office", "lawsuit", did=towns.did(PROVIDER))

    await towns.db.write(PROVIDER, hold)
    for slug in (PROVIDER, CONSUMER):
        await both.log(slug, "decision", agreement, at=now - 400 * DAY)
        await towns.db.write(slug, lambda tx, s=slug: tx.run(PAST, at=now - 300 * DAY, p=s))
    await both.seal()
    await both.keeping.retain()
    assert await erased(towns, agreement) == []
    rows = await towns.db.read(CONSUMER, audit.records, CONSUMER, agreement.id)
    assert [row.type for row in rows if row.erased] == ["decision"]


@pytest.mark.on_both
@pytest.mark.parametrize(
    ("assignment", "ends"),
    [
        ("state = 'signed'", None),
        ("expires_at = NULL", None),
        ("expires_at = 5", 5),
        ("state = 'ended', ended_at = 7", 7),
        ("state = 'terminated'", "drawn up"),
        ("expires_at = 99999999999999", None),
    ],
)
async def test_when_an_agreement_is_over(both: Neighbours, assignment: str, ends: object) -> None:
    agreement = await both.towns.concluded(CONSUMER, PROVIDER)
    await change(both.towns, agreement, assignment)
    ours = await both.towns.agreement(PROVIDER, agreement.id)
    found = await both.towns.db.read(PROVIDER, ended_at, PROVIDER, agreement.id)
    assert found == (ours.created_at if ends == "drawn up" else ends)
    assert await both.towns.db.read(PROVIDER, ended_at, PROVIDER, "urn:uuid:none") is None


async def test_a_clock_that_runs_ahead_erases_nothing(both: Neighbours) -> None:
    """>> all periods are over by a clock that is past the trust list's `nextUpdate` << nothing goes until it is not."""
    towns, now, asked, fresh = both.towns, both.towns.clock.now(), list[int](), [False]

    def in_time(at: int) -> bool:
        asked.append(at)
        return fresh[0]

    days = {name: 10 for name in Retention.__struct_fields__ if name.endswith("_days")}
    keeping = RetentionJobs(
        towns.db,
        towns.clock,
        towns.participants,
        towns.contracts.agreements,
        Retention(**days),
        both.ask,
        both.log_keys,
        in_time,
    )
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    await both.log(PROVIDER, "decision", agreement, at=now - 400 * DAY)
    await towns.db.write(PROVIDER, lambda tx: tx.run(PAST, at=now - 300 * DAY, p=PROVIDER))
    await both.seal()
    await keeping.retain()
    assert await erased(towns, agreement) == []
    assert abs(asked[0] - now) < DAY
    wish = await towns.db.read(PROVIDER, keeping.eraser.proof, PROVIDER, agreement.id)
    assert (None if wish is None else wish.why) == "clock"
    fresh[0] = True
    await keeping.retain()
    assert await erased(towns, agreement) == ["decision"]

"""Closing a participant: shut, ended, told; after every crash, on two replicas, before peers that go on sending."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from connector.continuity.offboarding import contracts
from connector.foundation.clock import SystemClock
from connector.foundation.errors import HanseError, Mistake, Unavailable, Unknown
from connector.identity.participants import lifecycle_store
from connector.identity.participants.lifecycle import Leaving
from connector.verify.bundle import verify_bundle
from tests.exchange.contracts.auditor import auditor
from tests.testkit.leavers import Killed, Mortal, leaving, offboarding
from tests.testkit.patience import PATIENCE_S
from tests.testkit.towns import Towns

LEAVER, PARTNER = "musterstadt", "nachbardorf"
WHY = "Die Stadt geht in der Großstadt auf."


async def state(towns: Towns, slug: str) -> str:
    found = await towns.db.read(slug, lifecycle_store.standing, slug)
    assert found is not None
    return found.state


async def events(towns: Towns, slug: str) -> list[str]:
    rows = await towns.rows(
        slug, "SELECT record FROM audit_entry WHERE participant = :participant AND type = 'key' ORDER BY seq"
    )
    return [str(json.loads(bytes(row["record"]))["body"]["event"]) for row in rows]


async def delivered(towns: Towns) -> None:
    """What a peer refuses is tried a few times before it counts as refused."""
    for _ in range(5):
        await towns.hurry()


async def closed(towns: Towns, slug: str = LEAVER) -> None:
    """It is closed, and the partner was told everything."""
    assert await state(towns, slug) == "closed"
    await delivered(towns)
    await towns.tick()
    look = await leaving(towns)[0].look(slug)
    assert (look.contracts, look.negotiations, look.transfers, look.offers, look.waiting) == (0, 0, 0, 0, {})


@pytest.mark.on_both
async def test_contracts_negotiations_transfers_and_offers_end_and_the_partner_is_told(towns: Towns) -> None:
    """>> close << both roles ended by sealed statements, the transfer terminated, no token left, the log says why."""
    sold = await towns.concluded(PARTNER, LEAVER)
    bought = await towns.concluded(LEAVER, PARTNER)
    running = await towns.fetch(PARTNER, LEAVER, sold)
    await towns.run()
    assert await towns.rows(LEAVER, "SELECT hash FROM access_token WHERE participant = :participant")
    asked = await towns.ask(PARTNER, LEAVER, await towns.publish(LEAVER))
    await towns.run(1)  # the request arrives; the answer waits
    before = await leaving(towns)[0].look(LEAVER)
    assert (before.state, before.contracts, before.partners, before.offers) == ("active", 2, 1, 2)
    after = await leaving(towns)[0].close(LEAVER, WHY)
    assert (after.state, after.contracts, after.negotiations, after.transfers) == ("closed", 0, 0, 0)
    assert after.waiting.keys() == {towns.did(PARTNER)}
    await closed(towns)
    for agreement in (sold, bought):
        for slug in (LEAVER, PARTNER):
            assert (await towns.agreement(slug, agreement.id)).state == "ended"
    stated = await towns.rows(PARTNER, "SELECT statement FROM ending WHERE participant = :participant")
    assert len(stated) == 2
    assert all("Großstadt" in bytes(row["statement"]).decode() for row in stated)
    assert (await towns.process(PARTNER, running.id)).shown == "TERMINATED"
    assert (await towns.case(PARTNER, asked.id)).shown == "TERMINATED"
    assert "Großstadt" in str((await towns.case(PARTNER, asked.id)).reason)
    assert await towns.rows(LEAVER, "SELECT hash FROM access_token WHERE participant = :participant") == []
    assert (await events(towns, LEAVER))[-2:] == ["closing", "closed"]


@pytest.mark.threat("T58")
async def test_nothing_new_begins_whoever_asks(towns: Towns) -> None:
    """<< a peer asks on, our steward too >> 410 with a sentence, nothing is kept of it."""
    agreement = await towns.concluded(PARTNER, LEAVER)
    made = await towns.publish(LEAVER)
    wanted = await towns.ask(PARTNER, LEAVER, made)
    await leaving(towns)[0].close(LEAVER, WHY)
    await delivered(towns)
    assert (await towns.case(PARTNER, wanted.id)).shown == "TERMINATED"
    for _ in range(3):
        case = await towns.ask(PARTNER, LEAVER, made)
        await delivered(towns)
        assert "leaving.closed" in str((await towns.case(PARTNER, case.id)).reason)
    sql = "SELECT count(*) AS n FROM negotiation WHERE participant = :participant"
    assert await towns.rows(LEAVER, sql) == [{"n": 1}]
    attempts: list[Any] = [
        lambda tx: towns.contracts.propose(tx, LEAVER, towns.partner(PARTNER), made[1].id),
        lambda tx: towns.contracts.request(
            tx, LEAVER, towns.partner(PARTNER), made[0].id, made[1].for_catalogue(), None, None
        ),
        lambda tx: towns.transfers.request(tx, LEAVER, towns.partner(PARTNER), agreement.id, None, None),
    ]
    for attempt in attempts:
        with pytest.raises(Leaving) as refused:
            await towns.db.write(LEAVER, attempt)
        assert refused.value.status == 410
    with pytest.raises(Leaving):
        await towns.publish(LEAVER)
    await closed(towns)


async def test_bug_an_agreement_under_notice_ends_at_once_too(towns: Towns) -> None:
    """>> notice for next year, then close << the later word ends it sooner."""
    agreement = await towns.concluded(PARTNER, LEAVER)
    year = towns.clock.now() + 365 * 86_400_000
    await towns.termination_delivery.end(
        LEAVER, agreement.id, {"de": ["Frist."], "en": ["Notice."]}, year // 1000 * 1000
    )
    await towns.run()
    assert (await leaving(towns)[0].close(LEAVER, WHY)).state == "closed"
    await closed(towns)
    assert (await towns.agreement(PARTNER, agreement.id)).state == "ended"


@pytest.mark.on_both
async def test_killed_after_each_transaction_another_process_goes_on(towns: Towns) -> None:
    """>> close, dead after 0, 1, 2, ... transactions; a job goes on << always closed, each end stated once."""
    for left in range(10):
        slug = f"stadt{left}"
        await towns.add(slug)
        agreement = await towns.concluded(PARTNER, slug)
        mortal = Mortal(towns.db, left)
        try:
            await leaving(towns, mortal)[0].close(slug, WHY)
        except Killed:
            if left == 0:
                await leaving(towns)[0].close(slug, WHY)  # nothing was begun: a person calls it again
            await leaving(towns)[0].job()
        await closed(towns, slug)
        for one in (slug, PARTNER):
            assert (await towns.agreement(one, agreement.id)).state == "ended"
        assert (await events(towns, slug)).count("closing") == 1
        assert (await events(towns, slug)).count("closed") == 1
        if mortal.survived:
            assert left >= 3  # begun, a portion, the end
            return
    pytest.fail("it never came to an end by itself")


@pytest.mark.on_both
async def test_two_replicas_close_at_once(towns: Towns) -> None:
    """>> two processes close it together << one statement of each contract, one event of each kind."""
    agreements = [await towns.concluded(PARTNER, LEAVER) for _ in range(3)]
    looks = await asyncio.gather(*(leaving(towns)[0].close(LEAVER, WHY) for _ in range(2)))
    assert {one.state for one in looks} <= {"closing", "closed"}
    await leaving(towns)[0].job()
    await closed(towns)
    for agreement in agreements:
        assert (await towns.agreement(PARTNER, agreement.id)).state == "ended"
    assert (await events(towns, LEAVER)).count("closing") == 1
    assert (await events(towns, LEAVER)).count("closed") == 1


@pytest.mark.on_both
async def test_what_begins_in_the_same_moment_is_ended_or_refused(towns: Towns) -> None:
    """>> twenty requests while it closes << none is open afterwards, on either side."""
    made = await towns.publish(LEAVER)
    cases = [await towns.ask(PARTNER, LEAVER, made) for _ in range(20)]
    await asyncio.gather(towns.run(), leaving(towns)[0].close(LEAVER, WHY))
    await leaving(towns)[0].job()
    await closed(towns)
    for case in cases:
        found = await towns.case(PARTNER, case.id)
        agreement = None if found.agreement is None else await towns.agreement(PARTNER, found.agreement)
        assert found.shown == "TERMINATED" or (agreement is not None and agreement.state == "ended"), found.shown


async def test_a_keeper_of_the_seal_key_that_is_away_stops_the_statements_alone(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """<< no signature >> transfers and negotiations end, the state stays `closing` and says why; << back >> closed."""
    agreement = await towns.concluded(PARTNER, LEAVER)
    await towns.fetch(PARTNER, LEAVER, agreement)
    await towns.run()
    real = contracts.seal

    async def away(*_: object) -> None:
        raise Unavailable("http.unreachable", host="tresor.example")

    monkeypatch.setattr(contracts, "seal", away)
    found = await leaving(towns)[0].close(LEAVER, WHY)
    assert (found.state, found.contracts, found.transfers) == ("closing", 1, 0)
    assert found.problem is not None
    await leaving(towns)[0].job()
    monkeypatch.setattr(contracts, "seal", real)
    await leaving(towns)[0].job()
    await closed(towns)


@pytest.mark.threat("T167")
async def test_bug_ends_sealed_slowly_are_booked_while_their_time_is_believed(
    towns: Towns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Bug: >> leaves, each seal takes 90 seconds << all were dated when the first was made and booked after the last,
    so that no verifier believes the times of an honest town. Now each is proven from the bundle."""
    agreements = [await towns.concluded(PARTNER, LEAVER) for _ in range(4)]
    evidence, roots = await auditor(towns, tmp_path)
    real, now, later = contracts.seal, SystemClock.now, 0

    async def slow(*given: Any) -> contracts.Sealed:
        nonlocal later
        later += 90_000
        return await real(*given)

    monkeypatch.setattr(SystemClock, "now", lambda clock: now(clock) + later)
    monkeypatch.setattr(contracts, "seal", slow)
    await leaving(towns)[0].close(LEAVER, WHY)
    assert await state(towns, LEAVER) == "closed"
    for agreement in agreements:
        report = verify_bundle(await evidence.bundle(LEAVER, agreement.id), roots, "en")
        assert report.holds_apart_from_time, report.reason
        assert any("declared that the agreement ends" in check.sentence for check in report.checks)


async def test_a_wrong_name_and_no_reason_are_said(towns: Towns) -> None:
    for slug, reason, error in (("niemand", WHY, Unknown), (LEAVER, "  ", Mistake), (LEAVER, "x" * 501, Mistake)):
        with pytest.raises(error):
            await leaving(towns)[0].close(slug, reason)
    assert await state(towns, LEAVER) == "active"


async def test_closing_again_changes_nothing(towns: Towns) -> None:
    """>> close, close with other words << the first reason stands."""
    await leaving(towns)[0].close(LEAVER, WHY)
    found = await leaving(towns)[0].close(LEAVER, "Etwas anderes.")
    assert (found.state, found.reason) == ("closed", WHY)
    assert (await events(towns, LEAVER)).count("closing") == 1


@pytest.mark.on_both
async def test_it_never_comes_back(towns: Towns) -> None:
    """The database itself lets a participant leave in one direction alone."""
    await leaving(towns)[0].close(LEAVER, WHY)
    for wanted in ("active", "closing", "deleted"):
        with pytest.raises(HanseError):
            await towns.db.write(
                LEAVER,
                lambda tx, wanted=wanted: tx.run("UPDATE participant SET state = :s WHERE id = :p", s=wanted, p=LEAVER),
            )
    assert await state(towns, LEAVER) == "closed"


@pytest.mark.on_both
async def test_whoever_waits_for_a_sealed_message_is_named_too(towns: Towns) -> None:
    """<< the partner is away while the address of a transfer is on its way >> counted, and told once it is back."""
    agreement = await towns.concluded(PARTNER, LEAVER)
    running = await towns.fetch(PARTNER, LEAVER, agreement)
    await towns.run(1)  # the request has arrived; the start with its token waits
    towns.wire.answers = [Unavailable("http.unreachable", host="x")] * 30
    await towns.run()
    sealed = "SELECT id FROM outbox WHERE participant = :participant AND sealed = 1 AND done_at IS NULL"
    assert await towns.rows(LEAVER, sealed)
    found = await leaving(towns)[0].close(LEAVER, WHY)
    assert found.state == "closed"
    assert found.waiting == {towns.did(PARTNER): 3}  # start, termination, statement
    towns.wire.answers = []
    await closed(towns)
    assert (await towns.process(PARTNER, running.id)).shown == "TERMINATED"


@pytest.mark.on_both
async def test_bug_a_long_name_does_not_keep_it_open_for_ever(towns: Towns) -> None:
    """>> a participant with a name longer than a sentence of a statement may be << its contracts end all the same."""
    agreement = await towns.concluded(PARTNER, LEAVER)
    named = "UPDATE participant SET name = :name WHERE id = :p"
    await towns.db.write(LEAVER, lambda tx: tx.run(named, name="Zweckverband " * 200, p=LEAVER))
    assert (await leaving(towns)[0].close(LEAVER, "x" * 500)).state == "closed"
    assert (await towns.agreement(LEAVER, agreement.id)).state == "ended"


async def test_bug_timers_of_others_do_not_wait_for_one_that_leaves(towns: Towns) -> None:
    """>> the clockwork comes round while it takes long to close and to delete << it goes on at once."""
    made = offboarding(towns)
    async with made.closing._turn, made.deletion._turn:
        await towns.db.write(LEAVER, lifecycle_store.begin, LEAVER, WHY)
        await towns.db.write(PARTNER, lifecycle_store.begin, PARTNER, WHY)
        await towns.db.write(PARTNER, lifecycle_store.close, PARTNER)
        await towns.db.write(PARTNER, lifecycle_store.begin_deleting, PARTNER)
        for _, job in made.work.every.values():
            async with asyncio.timeout(PATIENCE_S):
                await job()
        await asyncio.sleep(0)
        assert (await state(towns, LEAVER), await state(towns, PARTNER)) == ("closing", "deleting")
    async with asyncio.timeout(PATIENCE_S):
        while (await state(towns, LEAVER), await state(towns, PARTNER)) != ("closed", "deleted"):
            await asyncio.sleep(0.02)
    for one in made.work.rounds:
        await one.stop()

"""An agreement ends by a sealed statement of either side; both keep it, transfers end, nothing begins (threat T47)."""

import asyncio
import json
import zipfile
from io import BytesIO
from typing import Any

import pytest

from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.evidence.service import Evidence
from connector.exchange.contracts.termination import statement
from connector.foundation.clock import SystemClock
from connector.foundation.errors import HanseError, Mistake, PeerError, Unavailable, Unknown
from connector.foundation.http.outbound import Answer
from connector.identity.trust.members.successors import Step, Successors
from tests.exchange.contracts.ending import (
    CONSUMER,
    PROVIDER,
    WHY,
    Bent,
    end,
    hand_over,
    log,
    signing_time,
    stated,
    states,
)
from tests.fuzz.effort import one_in
from tests.testkit.towns import Towns


@pytest.mark.parametrize("slug", [PROVIDER, CONSUMER])
async def test_either_side_ends_it_and_both_keep_the_statement(towns: Towns, slug: str) -> None:
    """>> end, for a reason << sealed, in both logs, `ended` on both sides; a transfer that ran is terminated."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    asked = await towns.fetch(CONSUMER, PROVIDER, agreement)
    await towns.run()
    await end(towns, slug, agreement)
    assert (await towns.agreement(slug, agreement.id)).state == "ended"
    await towns.run()
    await towns.tick()
    assert await states(towns, agreement) == ["ended", "ended"]
    ours, theirs = (await stated(towns, PROVIDER, agreement))[0], (await stated(towns, CONSUMER, agreement))[0]
    assert (ours.statement, ours.jws) == (theirs.statement, theirs.jws)
    assert json.loads(ours.statement)["agreement"] == agreement.digest
    assert {ours.answer, theirs.answer} == {"delivered", "theirs"}
    for side in (PROVIDER, CONSUMER):
        records = await log(towns, side, agreement)
        assert [one["event"] for one in records] == ["stated", "ended"]
        assert records[0]["statement"] == ours.sha256
        assert records[0]["jws"] == sealing.digest(ours.jws.encode())
    mine = await towns.process(CONSUMER, asked.id)
    theirs_too = await towns.process(PROVIDER, mine.kernel.peer_pid)
    assert (mine.shown, theirs_too.shown) == ("TERMINATED", "TERMINATED")
    assert mine.reason is not None
    assert WHY["de"][0] in " ".join(mine.reason["de"])


async def test_nothing_begins_under_an_ended_agreement(towns: Towns) -> None:
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    await end(towns, PROVIDER, agreement)
    with pytest.raises(Unknown) as refused:
        await towns.db.write(PROVIDER, towns.contracts.agreements.in_force, PROVIDER, agreement.id, towns.did(CONSUMER))
    assert refused.value.code == "endings.over"
    asked = await towns.fetch(CONSUMER, PROVIDER, agreement)  # the consumer has not heard of it yet
    await towns.run()
    for _ in range(5):
        await towns.hurry()
    await towns.tick()
    assert (await towns.process(CONSUMER, asked.id)).shown == "TERMINATED"


async def test_it_is_delivered_when_the_partner_is_back(towns: Towns) -> None:
    """>> the partner is away, then busy << it waits; in the end it is there."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    towns.wire.answers = [Unavailable("http.unreachable"), Answer(503, {}, b"")]
    await end(towns, CONSUMER, agreement)
    await towns.run()
    assert await states(towns, agreement) == ["finalized", "ended"]
    assert [one.answer for one in await stated(towns, CONSUMER, agreement)] == ["waiting"]
    await towns.hurry()
    await towns.hurry()
    assert await states(towns, agreement) == ["ended", "ended"]


@pytest.mark.threat("T167")
async def test_bug_a_statement_whose_seal_took_too_long_is_not_booked(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: >> the keeper of the key answers after six minutes << booked with a time that no verifier believes. Now
    nothing is stated, and the next attempt bears its own time."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    now, later = SystemClock.now, 0
    monkeypatch.setattr(SystemClock, "now", lambda clock: now(clock) + later)
    real = sealing.seal

    async def slow(*given: Any) -> str:
        nonlocal later
        later += statement.FRESH_MS + 1_000
        return await real(*given)

    monkeypatch.setattr(sealing, "seal", slow)
    with pytest.raises(Unavailable) as refused:
        await end(towns, PROVIDER, agreement)
    assert refused.value.code == "endings.late"
    assert await stated(towns, PROVIDER, agreement) == []
    monkeypatch.setattr(sealing, "seal", real)
    await end(towns, PROVIDER, agreement)
    assert (await towns.agreement(PROVIDER, agreement.id)).state == "ended"


@pytest.mark.on_both
async def test_a_crash_after_the_delivery_delivers_the_same_again(towns: Towns) -> None:
    """>> delivered, and dead before it was booked << delivered again: the partner has it once."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    await end(towns, CONSUMER, agreement)
    await towns.run()

    def forget(tx: Any) -> None:
        tx.run("UPDATE outbox SET done_at = NULL WHERE kind = :kind", kind=statement.DELIVER)

    await towns.db.write(CONSUMER, forget)
    await towns.hurry()
    assert towns.wire.sent.count(f"{CONSUMER}: termination") == 2
    assert [one["event"] for one in await log(towns, PROVIDER, agreement)] == ["stated", "ended"]
    assert [one.answer for one in await stated(towns, CONSUMER, agreement)] == ["delivered"]


@pytest.mark.on_both
async def test_both_end_it_at_once_and_both_statements_are_kept(towns: Towns) -> None:
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    await end(towns, PROVIDER, agreement)
    await end(towns, CONSUMER, agreement)
    await towns.run()
    for slug in (PROVIDER, CONSUMER):
        assert sorted(one.side for one in await stated(towns, slug, agreement)) == ["consumer", "provider"]
        assert [one["event"] for one in await log(towns, slug, agreement)] == ["stated", "ended", "stated"]


@pytest.mark.parametrize("rotated", [False, True])
async def test_the_bundle_shows_both_statements_and_an_auditor_can_check_them(towns: Towns, rotated: bool) -> None:
    """>> both end it, one with a new seal key << the evidence of either side has both statements and holds."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    if rotated:
        await towns.participants.rotate(CONSUMER, "seal")
    await end(towns, PROVIDER, agreement)
    await end(towns, CONSUMER, agreement)
    await towns.run()
    for slug in (PROVIDER, CONSUMER):
        evidence = Evidence(towns.db, towns.clock, towns.participants, lambda own, dids: "a.b.c")
        with zipfile.ZipFile(BytesIO(await evidence.bundle(slug, agreement.id))) as bundle:
            names = set(bundle.namelist())
            kept = {name: bundle.read(name) for name in names}
        sides = ("provider", "consumer")
        assert {f"termination-{side}.{end}" for side in sides for end in ("json", "jws")} <= names
        assert ("did-termination-consumer.json" in names) is rotated
        for one in await stated(towns, slug, agreement):
            assert kept[f"termination-{one.side}.json"] == one.statement


async def test_a_partner_that_knows_no_statements_is_not_pressed(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> its document announces no such route << kept and shown here; its transfers end by the protocol."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    asked = await towns.fetch(CONSUMER, PROVIDER, agreement)
    await towns.run()

    async def document(did: str) -> dict[str, Any]:
        return {"id": did, "service": [{"type": "DataService", "serviceEndpoint": "https://edc.example/"}]}

    monkeypatch.setattr(towns.termination_delivery, "_document", document)
    await end(towns, CONSUMER, agreement)
    await towns.run()
    await towns.tick()
    assert f"{CONSUMER}: termination" not in towns.wire.sent
    assert [one.answer for one in await stated(towns, CONSUMER, agreement)] == ["not-possible"]
    mine = await towns.process(CONSUMER, asked.id)
    assert (mine.shown, (await towns.process(PROVIDER, mine.kernel.peer_pid)).shown) == ("TERMINATED", "TERMINATED")


@pytest.mark.parametrize(
    ("status", "answer"),
    one_in(3, [(404, "not-possible"), (405, "not-possible"), (501, "not-possible"), (409, "refused")]),
)
async def test_a_no_is_believed_after_a_few_times(towns: Towns, status: int, answer: str) -> None:
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    towns.wire.answers = [Answer(status, {}, b"")] * 4
    await end(towns, CONSUMER, agreement)
    for _ in range(4):
        await towns.hurry()
    assert towns.wire.answers == []
    assert [one.answer for one in await stated(towns, CONSUMER, agreement)] == [answer]
    assert (await log(towns, CONSUMER, agreement))[-1] == {
        "event": "not-delivered",
        "answer": answer,
        "counterparty": agreement.counterparty,
    }


async def test_an_end_needs_a_reason_an_agreement_in_force_and_is_stated_once(towns: Towns) -> None:
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    with pytest.raises(Mistake, match="no-reason"):
        await towns.termination_delivery.end(CONSUMER, agreement.id, {"de": [" "], "en": ["x"]}, None)
    await end(towns, CONSUMER, agreement)
    with pytest.raises(Mistake, match="not-in-force"):
        await end(towns, CONSUMER, agreement)


@pytest.mark.on_both
async def test_two_replicas_that_end_it_at_once_state_it_once(towns: Towns) -> None:
    """>> both have sealed a statement << one is booked, the other is told so."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    later = towns.clock.now() + 40 * statement.DAY_MS
    first = await towns.db.read(CONSUMER, towns.terminations.draft, CONSUMER, agreement.id, WHY, later)
    second = await towns.db.read(CONSUMER, towns.terminations.draft, CONSUMER, agreement.id, WHY, later)
    await towns.db.write(CONSUMER, towns.terminations.declare, CONSUMER, agreement.id, first[1], "a..b", b"{}")
    with pytest.raises(Mistake, match=r"endings\.no-sooner"):
        await towns.db.write(CONSUMER, towns.terminations.declare, CONSUMER, agreement.id, second[1], "c..d", b"{}")
    assert len(await stated(towns, CONSUMER, agreement)) == 1


# What a hostile partner may try


FORMS: dict[str, Bent] = {
    "another version": {"v": 2},
    "another kind": {"kind": "renewal"},
    "no reason": {"reason": {"de": [], "en": []}},
    "a reason in one language": {"reason": {"de": ["a"]}},
    "endless reasons": {"reason": {"de": ["a"] * 5, "en": ["a"]}},
    "a long reason": {"reason": {"de": ["a" * 2001], "en": ["a"]}},
    "a digest that is none": {"agreement": "ABC"},
    "a local time": {"at": "2026-11-24T20:00:03+01:00"},
    "a day that is none": {"notice": "2027-02-31T00:00:00Z"},
    "something more": {"amount": 500},
    "nobody's side": {"by": "both"},
}


@pytest.mark.threat("T47")
async def test_what_is_no_statement_is_refused(towns: Towns) -> None:
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    for bent in FORMS.values():
        with pytest.raises(PeerError) as refused:
            await hand_over(towns, agreement, bent)
        assert refused.value.code in ("endings.statement", "contract.not-canonical")
        assert (await towns.agreement(PROVIDER, agreement.id)).state == "finalized"


@pytest.mark.threat("T47")
async def test_a_statement_in_the_other_sides_name_is_refused(towns: Towns) -> None:
    """>> the consumer seals what the provider is to have said << refused."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    with pytest.raises(PeerError, match="other-agreement"):
        await hand_over(towns, agreement, {"by": "provider"})


@pytest.mark.threat("T47")
async def test_a_statement_about_another_agreement_is_refused(towns: Towns) -> None:
    """>> replayed at another door; sealed over another agreement; naming another digest << all refused."""
    agreement, other = await towns.concluded(CONSUMER, PROVIDER), await towns.concluded(CONSUMER, PROVIDER)
    with pytest.raises(PeerError, match="other-agreement"):
        await hand_over(towns, agreement, name=other.id)
    with pytest.raises(PeerError, match="seal-invalid"):
        await hand_over(towns, agreement, about=other)
    with pytest.raises(PeerError, match="other-agreement"):
        await hand_over(towns, agreement, {"agreement": other.digest})
    assert await states(towns, agreement) == ["finalized", "finalized"]


@pytest.mark.threat("T47")
async def test_a_seal_over_less_or_more_is_refused(towns: Towns) -> None:
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    whole = [
        sealing.Reference(agreement.id, agreement.document, "application/json"),
        sealing.Reference("https://localhost:18443/nachbardorf/evidence/objects/x", b"{}", "application/json"),
    ]
    for references in (whole, whole[:1], [*whole, sealing.Reference("urn:x", b"x", "text/plain")]):
        with pytest.raises(PeerError, match="seal-invalid"):
            await hand_over(towns, agreement, references=references)


@pytest.mark.threat("T47")
async def test_nobody_else_can_end_it(towns: Towns) -> None:
    """>> a third member, with its own valid seal, or in the consumer's name << there is no such agreement for it."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    await towns.add("fremdstadt")
    with pytest.raises(Unknown):
        await hand_over(towns, agreement, signer="fremdstadt", caller="fremdstadt")
    with pytest.raises(PeerError, match="seal-invalid"):
        await hand_over(towns, agreement, signer="fremdstadt")
    assert await states(towns, agreement) == ["finalized", "finalized"]


@pytest.mark.threat("T47")
async def test_a_second_statement_that_says_something_else_is_refused(towns: Towns) -> None:
    """>> the same again << nothing new; >> another reason << 409, the first one stands."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    at = signing_time(towns)
    assert await hand_over(towns, agreement, {"at": at})
    assert not await hand_over(towns, agreement, {"at": at})
    with pytest.raises(HanseError) as refused:
        await hand_over(towns, agreement, {"at": at, "reason": {"de": ["c"], "en": ["d"]}})
    assert (refused.value.code, refused.value.status) == ("endings.doubled", 409)
    assert len(await log(towns, PROVIDER, agreement)) == 2


@pytest.mark.threat("T47")
async def test_times_that_contradict_each_other_are_refused(towns: Towns) -> None:
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    far, past = signing_time(towns, statement.LATEST_MS + statement.DAY_MS), signing_time(towns, -statement.DAY_MS)
    ahead = signing_time(towns, 2 * statement.SKEW_MS)
    for bent in ({"notice": past}, {"notice": far}, {"at": past}, {"at": ahead}):
        with pytest.raises(PeerError, match=r"endings\.time"):
            await hand_over(towns, agreement, bent)


@pytest.mark.threat("T69")
async def test_a_statement_sealed_at_another_time_is_refused(towns: Towns) -> None:
    """>> it says now, its seal says another time << refused: it would spoil our own evidence."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    for late in (-86_400, -400, 400, 86_400):
        with pytest.raises(PeerError, match="seal-invalid"):
            await hand_over(towns, agreement, late=late)
    assert await hand_over(towns, agreement, late=60)


async def test_a_partner_that_is_ahead_is_asked_to_come_again(towns: Towns) -> None:
    """>> a statement about what is not final here yet << 503: the partner keeps it and repeats."""
    asked = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))
    await towns.run(rows=1)
    case = await towns.case(CONSUMER, asked.id)
    theirs = await towns.case(PROVIDER, case.kernel.peer_pid or "")
    agreement = await towns.agreement(PROVIDER, theirs.agreement)
    with pytest.raises(Unavailable):
        await hand_over(towns, agreement)


@pytest.mark.threat("T47")
async def test_nothing_is_booked_about_what_was_never_concluded(towns: Towns) -> None:
    """>> a negotiation that was ended before its agreement was final, then a statement about that << there is no such
    agreement; no statement is kept, no record is written."""
    asked = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))
    await towns.run(rows=1)
    theirs = await towns.case(PROVIDER, (await towns.case(CONSUMER, asked.id)).kernel.peer_pid or "")
    await towns.db.write(PROVIDER, towns.contracts.terminate, PROVIDER, theirs.id, "operator", WHY)
    await towns.run()
    agreement = await towns.agreement(PROVIDER, theirs.agreement)
    before = await log(towns, PROVIDER, agreement)
    assert agreement.state == "terminated"
    with pytest.raises(Unknown):
        await hand_over(towns, agreement)
    assert await stated(towns, PROVIDER, agreement) == []
    assert await log(towns, PROVIDER, agreement) == before


@pytest.mark.threat("T47")
async def test_a_successor_states_the_end_with_its_own_seal(towns: Towns) -> None:
    """>> a member states it for the consumer; then the trust list names it as its successor << refused, then taken."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    await towns.add("seestadt")
    with pytest.raises(Unknown):
        await hand_over(towns, agreement, signer="seestadt", caller="seestadt")
    towns.line = Successors([Step(towns.did(CONSUMER), towns.did("seestadt"), 1)])
    assert await hand_over(towns, agreement, signer="seestadt", caller="seestadt")
    assert (await towns.agreement(PROVIDER, agreement.id)).state == "ended"


@pytest.mark.on_both
@pytest.mark.threat("T47")
async def test_two_replicas_hear_the_same_statement_at_once(towns: Towns) -> None:
    """>> delivered twice at the same time << booked once; the other one finds it there."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    bent = {"at": signing_time(towns)}
    new = await asyncio.gather(*(hand_over(towns, agreement, bent) for _ in range(2)))
    assert sorted(new) == [False, True]
    assert [one["event"] for one in await log(towns, PROVIDER, agreement)] == ["stated", "ended"]

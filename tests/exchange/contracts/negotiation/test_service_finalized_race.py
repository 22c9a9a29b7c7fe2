"""What meets FINALIZED in one moment: a no, a termination, an end, another replacement. One outcome, on both sides."""

import json
from typing import Any

import pytest

from connector.exchange.contracts.model import Agreement, NegotiationRow
from connector.exchange.contracts.negotiation.service import Contracts
from connector.foundation.errors import Unavailable, Unknown
from connector.foundation.http.outbound import Answer
from connector.foundation.language.reasons import because
from connector.foundation.storage.database import Tx
from tests.exchange.contracts.ending import WHY
from tests.exchange.contracts.replacing import CONSUMER, PROVIDER, ask, first
from tests.testkit.towns import Towns

VERIFY = "ContractAgreementVerificationMessage"
REASON = because("contracts.offer-gone")


def lost(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> list[Answer]:
    """Every FINALIZED is lost while the list is empty; the first answer in it is given to all of them instead."""
    post, answers = towns.wire.post, list[Answer]()

    async def bent(slug: str, did: str, url: str, body: bytes) -> Answer:
        if b'"FINALIZED"' not in body:
            return await post(slug, did, url, body)
        if not answers:
            raise Unavailable("http.unreachable")
        return answers[0]

    monkeypatch.setattr(towns.wire, "post", bent)
    return answers


async def unheard(towns: Towns, asked: NegotiationRow) -> Agreement:
    """The provider's agreement, whose FINALIZED is under way."""
    await towns.run()
    theirs = await towns.case(PROVIDER, (await towns.case(CONSUMER, asked.id)).kernel.peer_pid or "")
    assert str(theirs.kernel.pending and theirs.kernel.pending.kind) == "FINALIZE"
    return await towns.agreement(PROVIDER, theirs.agreement)


async def both(towns: Towns, asked: NegotiationRow) -> tuple[str, str, str, str]:
    """The negotiation and the agreement: consumer, provider, consumer, provider."""
    ours = await towns.case(CONSUMER, asked.id)
    theirs = await towns.case(PROVIDER, ours.kernel.peer_pid or "")
    kept = [(await towns.agreement(slug, ours.agreement)).state for slug in (CONSUMER, PROVIDER)]
    return ours.shown, theirs.shown, kept[0], kept[1]


async def records(towns: Towns, slug: str, agreement: Agreement) -> list[tuple[str, dict[str, Any]]]:
    rows = await towns.rows(
        slug,
        "SELECT type, record FROM audit_entry WHERE participant = :participant AND agreement = :id ORDER BY seq",
        id=agreement.id,
    )
    return [(row["type"], json.loads(bytes(row["record"]))["body"]) for row in rows]


async def questions(towns: Towns) -> list[str]:
    sql = "SELECT kind FROM question WHERE participant = :participant AND answered_at IS NULL"
    return [row["kind"] for row in await towns.rows(PROVIDER, sql)]


@pytest.mark.threat("T57")
async def test_an_agreement_whose_finalized_was_refused_is_not_in_force(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """<< FINALIZED >> 400 for good << nothing begins under it, a person is asked; ended by that person, both know."""
    asked = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))
    answers = lost(towns, monkeypatch)
    agreement = await unheard(towns, asked)
    assert agreement.state == "finalized"
    answers.append(Answer(400, {}, b""))
    for _ in range(8):
        await towns.hurry()
    assert await both(towns, asked) == ("VERIFIED", "VERIFIED", "signed", "signed")
    assert await questions(towns) == ["refused"]
    with pytest.raises(Unknown):
        await towns.db.write(PROVIDER, towns.contracts.agreements.in_force, PROVIDER, agreement.id, towns.did(CONSUMER))
    contracts: Contracts = towns.contracts
    await towns.db.write(PROVIDER, contracts.terminate, PROVIDER, agreement.negotiation, "x", REASON)
    assert (await towns.agreement(PROVIDER, agreement.id)).state == "terminated"
    await towns.run()
    assert await both(towns, asked) == ("TERMINATED", "TERMINATED", "terminated", "terminated")


async def test_after_a_refused_finalized_a_late_seal_finalizes_anew(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """<< FINALIZED without a countersignature >> 400 for good, then the seal by its own route << FINALIZED again."""
    towns.wire.bend[VERIFY] = lambda message: [
        message.pop(name) for name in list(message) if name.endswith("agreementSignature")
    ]
    asked = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER, countersignature="preferred"))
    answers = lost(towns, monkeypatch)
    agreement = await unheard(towns, asked)
    answers.append(Answer(400, {}, b""))
    for _ in range(8):
        await towns.hurry()
    monkeypatch.undo()
    seal = (await towns.agreement(CONSUMER, agreement.id)).consumer_jws or ""
    url = f"https://localhost:18443/{PROVIDER}/evidence/{agreement.uuid}/countersignature"
    await towns.late(CONSUMER, towns.did(PROVIDER), url, seal)
    for _ in range(3):
        await towns.hurry()
    assert await both(towns, asked) == ("FINALIZED", "FINALIZED", "finalized", "finalized")


@pytest.mark.on_both
@pytest.mark.threat("T57")
async def test_a_termination_that_meets_an_end_leaves_the_same_on_both_sides(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """<< FINALIZED is lost, the provider states the end >> the consumer terminates << never in force, on both sides.

    The provider's used to stay `ended` where the consumer's had never come about.
    """
    asked = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))
    lost(towns, monkeypatch)
    agreement = await unheard(towns, asked)
    await towns.termination_delivery.end(PROVIDER, agreement.id, WHY, None)
    assert (await towns.agreement(PROVIDER, agreement.id)).state == "ended"
    await towns.db.write(CONSUMER, towns.contracts.terminate, CONSUMER, asked.id, "x", REASON)
    for _ in range(10):
        await towns.hurry()
    assert await both(towns, asked) == ("TERMINATED", "TERMINATED", "terminated", "terminated")
    told = await records(towns, PROVIDER, agreement)
    assert "peer" in [body.get("by") for type_, body in told if type_ == "termination"]


@pytest.mark.on_both
@pytest.mark.threat("T57")
@pytest.mark.parametrize("which", [0, 1])
async def test_of_two_replacements_of_one_agreement_exactly_one_comes_into_force(
    which: int, towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> two requests replace the same one, both verified << one FINALIZED, the other TERMINATED with the reason."""
    old, made = await first(towns)
    asked = [await ask(towns, made, old.id) for _ in range(2)]
    with monkeypatch.context() as patch:
        lost(towns, patch)
        if which:
            await towns.db.write(CONSUMER, _first_waits, asked[0].id)
        await towns.run()
    assert (await towns.agreement(PROVIDER, old.id)).state == "finalized", "it ends only once both sides are final"
    for _ in range(10):
        await towns.hurry()
    found = [await both(towns, one) for one in asked]
    assert found.count(("FINALIZED", "FINALIZED", "finalized", "finalized")) == 1
    assert found.count(("TERMINATED", "TERMINATED", "terminated", "terminated")) == 1
    winner = asked[found.index(("FINALIZED", "FINALIZED", "finalized", "finalized"))]
    loser = await towns.case(CONSUMER, asked[1 - asked.index(winner)].id)
    assert loser.reason is not None
    assert "abgelöst" in " ".join(loser.reason["de"])
    new = await towns.agreement(CONSUMER, (await towns.case(CONSUMER, winner.id)).agreement)
    for slug in (PROVIDER, CONSUMER):
        [ended] = [body for type_, body in await records(towns, slug, old) if type_ == "termination"]
        assert (ended["event"], ended["by"]) == ("replaced", new.digest)
    assert winner == asked[which]


def _first_waits(tx: Tx, case_id: str) -> None:
    """The worker comes to the other request before this one."""
    tx.run("UPDATE outbox SET due_at = :later WHERE stream LIKE :stream", later=tx.now + 60_000, stream=f"%{case_id}")


async def test_a_renewal_still_comes_into_force_when_the_old_one_has_ended_meanwhile(towns: Towns) -> None:
    """>> the old one's day of notice comes while the new one is negotiated << the new one is in force."""
    old, made = await first(towns)
    asked = await ask(towns, made, old.id)
    await towns.termination_delivery.end(CONSUMER, old.id, WHY, None)
    for _ in range(5):
        await towns.hurry()
    assert (await both(towns, asked))[2:] == ("finalized", "finalized")


@pytest.mark.threat("T57")
async def test_a_second_verification_is_a_repetition_whatever_it_brings(towns: Towns) -> None:
    """>> verification without a seal, then another with it << answered alike, the seal is not taken; late, it is."""
    kept = list[dict[str, Any]]()

    def strip(message: dict[str, Any]) -> None:
        kept.append(dict(message))
        for name in [name for name in message if name.endswith("Signature")]:
            del message[name]

    towns.wire.bend[VERIFY] = strip
    asked = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER, countersignature="required"))
    await towns.run()
    ours = await towns.case(CONSUMER, asked.id)
    del towns.wire.bend[VERIFY]
    base = f"https://localhost:18443/{PROVIDER}"
    url = f"{base}/2025-1/negotiations/{ours.kernel.peer_pid}/agreement/verification"
    await towns.receive(CONSUMER, towns.did(PROVIDER), url, {**kept[0], "@id": "urn:uuid:another"})
    await towns.run()
    agreement = await towns.agreement(PROVIDER, ours.agreement)
    assert (agreement.state, agreement.consumer_jws) == ("signed", None)
    seal = (await towns.agreement(CONSUMER, ours.agreement)).consumer_jws or ""
    await towns.late(CONSUMER, towns.did(PROVIDER), f"{base}/evidence/{agreement.uuid}/countersignature", seal)
    await towns.run()
    assert (await both(towns, asked))[1] == "FINALIZED"

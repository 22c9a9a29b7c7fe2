"""What a person has read is what is sealed, by one of those who decide; what the provider takes of it (threat T65)."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from connector.exchange.contracts import object_store
from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.document import draft, sealing
from connector.exchange.contracts.signing.book import SealBooking
from connector.exchange.contracts.signing.review import Readings
from connector.foundation.errors import HanseError, Mistake, Unavailable
from connector.kernel.protocol.messages import HANSE
from tests.exchange.contracts.lying import ALL, CONSUMER, HEAD, PRICE, PROVIDER, asked, lying, order, read
from tests.fuzz.effort import one_in
from tests.testkit.towns import Towns

OTHER = Approval(role="Amtsleitung", pseudonym="p-000001")
BY_CONSUMER = draft.APPROVAL["consumer"]
SEAL = f"{HANSE}agreementSignature"
pytestmark = pytest.mark.threat("T65")


async def test_a_person_seals_just_what_was_read(towns: Towns) -> None:
    """<< another text; read, its digest named >> FINALIZED, with role and pseudonym in the signed approval."""
    case = await lying(towns, *ALL["an added sentence"])
    told = await read(towns, case)
    await order(towns, case, told.digest[:16])
    await towns.run()
    assert (await towns.case(CONSUMER, case.id)).shown == "FINALIZED"
    kept = await towns.db.read(CONSUMER, object_store.objects, CONSUMER, case.id)
    by = json.loads(kept[BY_CONSUMER].body)
    assert (by["role"], by["pseudonym"]) == (HEAD.role, HEAD.pseudonym)
    assert PRICE in kept[draft.TEXT].body.decode()


@pytest.mark.on_both
@pytest.mark.parametrize("name", [draft.TEXT, draft.PROFILE, draft.DATASET])
async def test_what_was_swapped_after_it_was_read_is_not_sealed(towns: Towns, name: str) -> None:
    """>> read, then other bytes lie here, then ordered << refused; swapped after the order: not sealed either."""
    case = await lying(towns, *ALL["an added sentence"])
    told = await read(towns, case)
    await order(towns, case, told.digest)
    await towns.db.write(CONSUMER, _ordered_other)
    await towns.run()
    assert (await towns.case(CONSUMER, case.id)).shown == "AGREED"
    assert (await towns.agreement(CONSUMER, case.agreement)).consumer_jws is None
    kept = (await towns.db.read(CONSUMER, object_store.objects, CONSUMER, case.id))[name]
    other = draft.evidence_object(name, kept.media_type, kept.body + b" ")
    await towns.db.write(CONSUMER, object_store.take_object, CONSUMER, case.id, towns.did(PROVIDER), other)
    with pytest.raises(Mistake, match=r"other-text-read"):
        await order(towns, case, told.digest)


def _ordered_other(tx: Any) -> None:
    """As if the order had been for something else than lies there now."""
    for row in tx.all("SELECT id, body FROM outbox WHERE kind = 'countersign' AND done_at IS NULL"):
        errand = json.loads(bytes(row["body"]))
        errand["facts"]["read"] = "0" * 64
        tx.run("UPDATE outbox SET body = :body WHERE id = :id", body=json.dumps(errand).encode(), id=row["id"])


@pytest.mark.on_both
async def test_of_two_who_answer_at_once_one_signs(towns: Towns) -> None:
    """>> two people at two replicas order the same << one errand, one seal, one approval."""
    case = await lying(towns, *ALL["an added sentence"])
    told = await read(towns, case)
    await asyncio.gather(*(order(towns, case, told.digest, by) for by in (HEAD, OTHER)))
    sql = "SELECT body FROM outbox WHERE participant = :participant AND kind = 'countersign' AND done_at IS NULL"
    [errand] = await towns.rows(CONSUMER, sql)
    await towns.run()
    assert (await towns.case(CONSUMER, case.id)).shown == "FINALIZED"
    kept = await towns.db.read(CONSUMER, object_store.objects, CONSUMER, case.id)
    assert json.loads(kept[BY_CONSUMER].body)["pseudonym"] == json.loads(bytes(errand["body"]))["facts"]["person"]
    with pytest.raises(Mistake, match=r"nothing-to-countersign"):
        await order(towns, case, told.digest, OTHER)


@pytest.mark.on_both
async def test_declined_and_signed_at_once_is_one_of_both(towns: Towns) -> None:
    """>> one declines while another signs << the negotiation ends in one way on both sides."""
    case = await lying(towns, *ALL["an added sentence"])
    told = await read(towns, case)
    why = {"de": ["Der Preis ist nicht vereinbart."], "en": ["The price was not agreed."]}
    declined = towns.db.write(CONSUMER, towns.contracts.terminate, CONSUMER, case.id, "operator", why)
    await asyncio.gather(order(towns, case, told.digest), declined, return_exceptions=True)
    await towns.run()
    ours = await towns.case(CONSUMER, case.id)
    theirs = await towns.case(PROVIDER, ours.kernel.peer_pid or "")
    assert (ours.shown, theirs.shown) == ("TERMINATED", "TERMINATED")
    assert (await towns.agreement(PROVIDER, case.agreement)).consumer_jws is None


@pytest.mark.on_both
async def test_a_crash_before_the_question_is_stored_asks_again(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies between check and booking: nothing is sealed or asked; the next attempt asks, once."""

    def died(*args: Any) -> None:
        raise Unavailable("storage.unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(SealBooking, "contract", died)
        case = await lying(towns, *ALL["a script"])
        assert await towns.rows(CONSUMER, "SELECT 1 AS one FROM question WHERE participant = :participant") == []
    await towns.hurry()
    assert await asked(towns, await towns.case(CONSUMER, case.id)) == "contracts.other-text"
    assert (await read(towns, case)).differences


async def test_the_question_outlives_a_restart(towns: Towns, tmp_path: Any) -> None:
    """<< another process on the same database >> question, documents and what differs are there, and it is signed."""
    case = await lying(towns, *ALL["a comment"])
    before = await read(towns, case)
    await towns.hurry()
    assert await asked(towns, await towns.case(CONSUMER, case.id)) == "contracts.other-text"
    after = Readings(towns.contracts.agreements, towns.engine, towns.name_of)
    hosted, agreement = await towns.participants.get(CONSUMER), await towns.agreement(CONSUMER, case.agreement)
    assert after.read(await towns.db.read(CONSUMER, after.gather, hosted, agreement)) == before


# What the provider takes


NOT_OURS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "a further member": lambda body: sealing.canonical({**body, "note": PRICE}),
    "another rule": lambda body: sealing.canonical({**body, "rule": PRICE}),
    "another moment": lambda body: sealing.canonical({**body, "at": PRICE}),
    "another principal": lambda body: sealing.canonical({**body, "onBehalfOf": PRICE}),
    "spread": lambda body: json.dumps(body, sort_keys=True).encode(),
    "not in NFC": lambda body: sealing.canonical({**body, "role": "L", "pseudonym": "p-7f3a91"}).replace(
        b'"L"', '"A\u0308mter"'.encode()
    ),
    "in another order": lambda body: json.dumps(dict(reversed(body.items())), separators=(",", ":")).encode(),
    "twice": lambda body: sealing.canonical(body)[:-1] + b"," + sealing.canonical(body)[1:],
}


@pytest.mark.parametrize("change", one_in(3, NOT_OURS.values()), ids=NOT_OURS)
async def test_bug_words_in_the_consumers_approval_were_taken(
    towns: Towns, change: Callable[[dict[str, Any]], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a countersignature over an approval that is not in our form, to the byte << it counts as missing."""
    honest = draft.approval

    def approval(did: str, role: str, *args: Any) -> Any:
        made = honest(did, role, *args)
        if role != "consumer":
            return made
        return draft.evidence_object(made.name, made.media_type, change(json.loads(made.body)))

    begun = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))
    with monkeypatch.context() as patch:
        patch.setattr(draft, "approval", approval)
        await towns.run(rows=3)  # the request, the agreement, the consumer's seal
    assert (await towns.agreement(CONSUMER, (await towns.case(CONSUMER, begun.id)).agreement)).consumer_jws is not None
    await towns.run()
    case = await towns.case(CONSUMER, begun.id)
    theirs = await towns.agreement(PROVIDER, case.agreement)
    assert (theirs.state, theirs.consumer_jws) == ("one-sided", None)


async def test_a_late_countersignature_is_over_what_was_read_too(towns: Towns) -> None:
    """>> the seal got lost; a person signs late, naming another digest << refused; the right one << finalized."""
    towns.wire.bend["ContractAgreementVerificationMessage"] = lambda message: message.pop(SEAL)
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    case = await towns.case(CONSUMER, agreement.negotiation)
    told = await read(towns, case)
    assert (told.objections, told.differences) == ((), ())
    for digest in ("0" * 64, told.files[draft.TEXT], told.digest[:15], ""):
        with pytest.raises(HanseError, match=r"other-text-read"):
            await order(towns, case, digest)
    await order(towns, case, told.digest)
    await towns.run()
    assert (await towns.agreement(PROVIDER, case.agreement)).state == "finalized"

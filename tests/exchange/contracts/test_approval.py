"""Who approved: a rule, or a person by role and pseudonym; and what a person confirms without sealing it."""

import json
from typing import Any

import msgspec
import pytest

from connector.exchange.contracts import approval, object_store
from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.document import draft
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.negotiation import late_countersignature
from connector.foundation.errors import Mistake, PeerError
from connector.kernel.protocol.messages import HANSE
from tests.testkit.cities import PURPOSE
from tests.testkit.forging import forged
from tests.testkit.shown import as_shown
from tests.testkit.towns import Towns

DID = "did:web:localhost%3A18443:nachbardorf"
PERSON = Approval(role="Amtsleitung", pseudonym="p-7f3a91", mandate="M-12", on_behalf_of="did:web:kreis.example")


def said(**changes: Any) -> bytes:
    """A person's approval as the consumer's side says it, with these members changed; None removes one."""
    body = {**approval.body(DID, "consumer", "urn:offer", "2026-11-24T20:00:03Z", PERSON), **changes}
    return json.dumps({name: value for name, value in body.items() if value != "-"}).encode()


def test_a_rule_and_a_person_have_the_same_members() -> None:
    """Nobody is named where a rule decided; a person is role, pseudonym, mandate and on whose behalf."""
    rule = approval.body(DID, "consumer", "urn:offer", "2026-11-24T20:00:03Z")
    person = approval.body(DID, "consumer", "urn:offer", "2026-11-24T20:00:03Z", PERSON)
    assert rule.keys() == person.keys()
    assert (rule["role"], rule["pseudonym"], rule["mandate"], rule["onBehalfOf"]) == ("automatic", None, None, DID)
    assert (person["role"], person["pseudonym"], person["mandate"]) == ("Amtsleitung", "p-7f3a91", "M-12")
    assert person["onBehalfOf"] == "did:web:kreis.example"
    for body in (rule, person):
        approval.check(json.dumps(body).encode(), "consumer")


def test_an_approval_is_one_of_its_side_however_often_it_is_asked() -> None:
    """>> the same bytes as an approval of either side, in turns  << theirs each time, and never the other's."""
    for _ in range(2):
        assert approval.check(said(), "consumer")["pseudonym"] == "p-7f3a91"
        with pytest.raises(PeerError, match=r"contracts\.approval"):
            approval.check(said(), "provider")


ODD: dict[str, bytes] = {
    "a name": said(pseudonym="Erika Mustermann"),
    "a person without pseudonym": said(pseudonym=None),
    "a rule with a person": said(role="automatic"),
    "the other side": said(side="provider"),
    "a member more": said(name="Erika Mustermann"),
    "a member less": said(rule="-"),
    "a number": said(at=1),
    "a long text": said(rule="x" * 401),
    "a role that steers": said(role="Amt\u001b[2J"),
    "a mandate in two lines": said(mandate="M\n12"),
    "a rule that steers": said(rule="urn:\u001b[2J"),
    "two lines on whose behalf": said(onBehalfOf="did:web:a\nb"),
    "a time that turns round": said(at="\u202e2026"),
    "no object": b"[]",
    "no json": b"{",
    "large": said(rule="x" * 5000),
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_the_other_sides_approval_is_read_strictly(body: bytes) -> None:
    with pytest.raises(PeerError, match=r"contracts\.approval"):
        approval.check(body, "consumer")


async def test_a_provider_whose_approval_names_somebody_gets_no_signature(
    towns: Towns,
) -> None:
    """<< a sealed approval with a person's name >> TERMINATED; the name is not kept."""

    def named(body: bytes) -> bytes:
        return json.dumps({**json.loads(body), "role": "Leitung", "pseudonym": "Erika Mustermann"}).encode()

    with forged({draft.APPROVAL["provider"]: named}):
        asked = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt"))
        await towns.run()
    case = await towns.case("nachbardorf", asked.id)
    assert case.shown == "TERMINATED"
    kept = await towns.db.read("nachbardorf", object_store.objects, "nachbardorf", case.id)
    assert draft.APPROVAL["provider"] not in kept


async def test_whoever_accepts_stands_in_the_signed_approval(towns: Towns) -> None:
    """<< an offer nobody asked for >> accepted by a person << FINALIZED; both sides keep who that was, by pseudonym."""
    made = await towns.publish("musterstadt")
    case = await towns.db.write(
        "musterstadt", towns.contracts.propose, "musterstadt", towns.partner("nachbardorf"), made[1].id
    )
    await towns.run()
    mine = (await towns.case("musterstadt", case.id)).kernel.peer_pid or ""
    lies = await towns.case("nachbardorf", mine)
    await towns.db.write("nachbardorf", towns.contracts.looked_at, "nachbardorf", mine, as_shown(*made))
    terms = towns.engine.digest(lies.policy)
    with pytest.raises(Mistake, match=r"contracts\.pseudonym"):
        await towns.db.write(
            "nachbardorf",
            towns.contracts.accept,
            "nachbardorf",
            mine,
            terms,
            approval=Approval(role="Amtsleitung", pseudonym="Erika"),
        )
    await towns.db.write("nachbardorf", towns.contracts.accept, "nachbardorf", mine, terms, approval=PERSON)
    await towns.run()
    for slug, case_id in (("nachbardorf", mine), ("musterstadt", case.id)):
        assert (await towns.case(slug, case_id)).shown == "FINALIZED"
        kept = await towns.db.read(slug, object_store.objects, slug, case_id)
        body = json.loads(kept[draft.APPROVAL["consumer"]].body)
        assert (body["role"], body["pseudonym"], body["onBehalfOf"]) == (
            "Amtsleitung",
            "p-7f3a91",
            "did:web:kreis.example",
        )
        assert json.loads(kept[draft.APPROVAL["provider"]].body)["role"] == "automatic"


async def test_whoever_asks_stands_in_the_signed_approval(towns: Towns) -> None:
    """>> a person's request, answered with what was asked for << that person's approval."""
    dataset, offer = await towns.publish("musterstadt")
    case = await towns.db.write(
        "nachbardorf",
        towns.contracts.request,
        "nachbardorf",
        towns.partner("musterstadt"),
        dataset.id,
        offer.for_catalogue(),
        PURPOSE,
        None,
        PERSON,
        None,
        as_shown(dataset, offer),
    )
    await towns.run()
    kept = await towns.db.read("nachbardorf", object_store.objects, "nachbardorf", case.id)
    assert json.loads(kept[draft.APPROVAL["consumer"]].body)["pseudonym"] == "p-7f3a91"


# Confirmations


async def one_sided(towns: Towns, **wish: Any) -> Agreement:
    """As the provider holds it."""
    towns.wire.bend["ContractAgreementVerificationMessage"] = lambda message: message.pop(f"{HANSE}agreementSignature")
    asked = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt", **wish))
    await towns.run()
    return await towns.agreement("musterstadt", (await towns.case("nachbardorf", asked.id)).agreement)


async def confirmed(towns: Towns, agreement: Agreement, statement: str = "Telefonisch bestätigt.") -> None:
    rules = towns.contracts.countersigning
    await towns.db.write("musterstadt", rules.confirm, "musterstadt", agreement, PERSON, statement)


@pytest.mark.on_both
@pytest.mark.parametrize("setting", ["preferred", "required"])
async def test_a_confirmation_is_recorded_and_is_no_seal(towns: Towns, setting: str) -> None:
    """>> what a person states << a record under its pseudonym, shown; a required countersignature is still missing."""
    agreement = await one_sided(towns, countersignature=setting)
    await confirmed(towns, agreement)
    await towns.run()
    after = await towns.agreement("musterstadt", agreement.id)
    assert (after.state, after.consumer_jws) == (agreement.state, None)
    standing = await towns.db.read("musterstadt", towns.contracts.countersigning.standing, after)
    [one] = standing.confirmations
    assert (one.role, one.pseudonym, one.statement) == ("Amtsleitung", "p-7f3a91", "Telefonisch bestätigt.")
    assert (standing.countersignature, standing.verified) == (setting, True)
    [record] = await towns.rows(
        "musterstadt", "SELECT record FROM audit_entry WHERE participant = :participant AND type = 'confirmation'"
    )
    logged = msgspec.json.decode(bytes(record["record"]))
    assert logged["actor"] == "p-7f3a91"
    assert logged["body"]["statement"] == "Telefonisch bestätigt."


@pytest.mark.parametrize("statement", ["", "  \n ", "x" * 501])
async def test_a_statement_is_short_and_says_something(towns: Towns, statement: str) -> None:
    agreement = await one_sided(towns)
    with pytest.raises(Mistake, match=r"contracts\.statement"):
        await confirmed(towns, agreement, statement)


async def test_confirmations_are_bounded_and_need_a_contract(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_countersignature, "MOST_CONFIRMATIONS", 1)
    agreement = await one_sided(towns, countersignature="required")
    await confirmed(towns, agreement)
    with pytest.raises(Mistake, match=r"contracts\.confirmations"):
        await confirmed(towns, agreement)
    case = await towns.case("musterstadt", agreement.negotiation)
    await towns.db.write("musterstadt", towns.contracts.countersigning.deadline, "musterstadt", case.id)
    with pytest.raises(Mistake, match=r"contracts\.never-concluded"):
        await confirmed(towns, await towns.agreement("musterstadt", agreement.id))

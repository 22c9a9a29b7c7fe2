"""A hostile provider puts its own words into what both seal: nothing is sealed, and a person is asked (threat T65)."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from connector.contracts import drafting, rendering, signing, store
from connector.contracts.approval import Approval
from connector.contracts.model import Case
from connector.contracts.reading import Reading, Readings
from connector.errors import HanseError, Mistake, Unavailable
from connector.protocol.messages import HANSE
from connector.testing.forging import Change, forged, other_agreement
from connector.testing.shown import as_shown
from connector.testing.towns import Towns

PROVIDER, CONSUMER = "musterstadt", "nachbardorf"
APPROVAL, BY_CONSUMER = rendering.PROVIDER, drafting.APPROVAL["consumer"]
HEAD, OTHER = (Approval(role="Amtsleitung", pseudonym=name) for name in ("p-7f3a91", "p-000001"))
PRICE = "Der Datennehmer zahlt 100.000 EUR je Monat"
SEAL = f"{HANSE}agreementSignature"
pytestmark = pytest.mark.threat("T65")


def swapped(old: str, new: str) -> Change:
    """A text with something else in one place."""

    def change(body: bytes) -> bytes:
        text = body.decode()
        assert old in text
        return text.replace(old, new, 1).encode()

    return change


def saying(**members: Any) -> Change:
    """JSON with further or other members, in canonical form."""
    return lambda body: signing.canonical({**json.loads(body), **members})


def _reordered(body: bytes) -> bytes:
    return json.dumps(dict(reversed(json.loads(body).items())), separators=(",", ":"), ensure_ascii=False).encode()


def _spread(body: bytes) -> bytes:
    return json.dumps(json.loads(body), sort_keys=True, indent=1, ensure_ascii=False).encode()


TEXT: dict[str, Change] = {
    "an added sentence": swapped("</main>", f"<p>{PRICE}.</p></main>"),
    "another precedence clause": swapped("so geht die ODRL-Regel vor", "so geht dieser Text vor"),
    "a script": swapped("</main>", "<script>document.body.textContent=''</script></main>"),
    "an attribute": swapped("<main>", "<main hidden>"),
    "a style": swapped("</style>", "td { display: none; }\n</style>"),
    "a comment": swapped("<main>", f"<main><!-- {PRICE} -->"),
    "white space": swapped("<main>\n", "<main>\n\n"),
    "a confusable letter": swapped("Musterstadt", "Muster\u0455tadt"),
    "an invisible sign": swapped("Musterstadt", "Muster\u200bstadt"),
    "a byte that is no letter": lambda body: body.replace(b"</main>", b"\xff</main>"),
}  # fmt: skip
JSON: dict[str, tuple[str, Change]] = {
    f"{what}, {name}": (name, change)
    for name in (drafting.PROFILE, drafting.DATASET)
    for what, change in {
        "a further member": saying(note=PRICE), "members in another order": _reordered, "other spacing": _spread,
    }.items()
}  # fmt: skip
OTHERS: dict[str, tuple[str, Change]] = {
    "another form": (drafting.PROFILE, saying(textForm=2)),
    "no form": (drafting.PROFILE, lambda body: signing.canonical(_without(body, "textForm"))),
    "another operand": (drafting.PROFILE, saying(operands={"https://w3id.org/hanse/v1#x": {"source": PRICE}})),
    "another vocabulary": (drafting.PROFILE, saying(vocabulary="0" * 64)),
    "another title": (drafting.DATASET, saying(**{"dct:title": "Bäume gegen Entgelt"})),
    "another description": (drafting.DATASET, saying(**{"dct:description": PRICE})),
    "another file name": (drafting.DATASET, saying(**{f"{HANSE}fileName": f"{PRICE}.csv"})),
    "a person at the provider's": (APPROVAL, saying(role=PRICE, pseudonym="p-7f3a91")),
    "another rule": (APPROVAL, saying(rule=PRICE)),
    "another moment": (APPROVAL, saying(at=PRICE)),
}  # fmt: skip
ALL: dict[str, tuple[str, Change]] = {
    **{name: (drafting.TEXT, change) for name, change in TEXT.items()}, **JSON, **OTHERS,
}  # fmt: skip


def _without(body: bytes, member: str) -> dict[str, Any]:
    return {name: value for name, value in json.loads(body).items() if name != member}


async def lying(towns: Towns, name: str, change: Change, **wish: Any) -> Case:
    """Musterstadt seals that instead; everything that can be delivered is. The consumer's negotiation."""
    with forged({name: change}):
        asked = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER, **wish))
        await towns.run()
    return await towns.case(CONSUMER, asked.id)


async def asked(towns: Towns, case: Case) -> str:
    """Nothing is sealed, a person is asked, and the negotiation waits; why, as a key."""
    assert case.shown == "AGREED"
    assert f"{CONSUMER}: ContractAgreementVerificationMessage" not in towns.wire.sent
    assert (await towns.agreement(CONSUMER, case.agreement)).consumer_jws is None
    found = await towns.rows(CONSUMER, "SELECT kind, facts FROM question WHERE participant = :participant")
    assert [one["kind"] for one in found] == ["countersign"]
    return str(json.loads(found[0]["facts"])["fault"])


async def read(towns: Towns, case: Case) -> Reading:
    readings = Readings(towns.contracts.agreements, towns.judge, towns.name_of)
    hosted, agreement = await towns.participants.get(CONSUMER), await towns.agreement(CONSUMER, case.agreement)
    return readings.read(await towns.db.read(CONSUMER, readings.gather, hosted, agreement))


async def order(towns: Towns, case: Case, digest: str, by: Approval = HEAD) -> None:
    rules = towns.contracts.countersigning
    await towns.db.write(CONSUMER, rules.order, CONSUMER, case.agreement, by, digest)


@pytest.mark.parametrize(("name", "change"), ALL.values(), ids=ALL)
async def test_bug_foreign_words_were_countersigned_unasked(towns: Towns, name: str, change: Change) -> None:
    """<< one document with words of the provider's own, sealed >> nothing is sealed; what differs is told."""
    case = await lying(towns, name, change)
    assert (await asked(towns, case)).startswith("contracts.")
    told = await read(towns, case)
    assert name in [one.name for one in told.objections]
    assert name in [one.name for one in told.differences]


async def test_an_added_sentence_is_told_beside_ours(towns: Towns) -> None:
    """<< a price in the text >> the line as it stands there, and no other line than that."""
    case = await lying(towns, *ALL["an added sentence"])
    assert await asked(towns, case) == "contracts.other-text"
    [found] = (await read(towns, case)).differences
    assert [(line.side, PRICE in line.text) for line in found.lines] == [("ours", False), ("theirs", True)]


@pytest.mark.parametrize("name", [drafting.PROFILE, drafting.DATASET, APPROVAL])
async def test_a_member_that_stands_twice_is_refused(towns: Towns, name: str) -> None:
    """<< JSON that two readers read differently >> no person is asked to seal that: TERMINATED."""

    def twice(body: bytes) -> bytes:
        return body[:-1] + b"," + body[1:]

    case = await lying(towns, name, twice)
    assert case.shown == "TERMINATED"
    assert (await towns.agreement(CONSUMER, case.agreement)).consumer_jws is None


@pytest.mark.parametrize("member", ["dct:description", "uid", "note"])
async def test_words_in_the_agreement_itself_are_not_sealed(towns: Towns, member: str) -> None:
    """<< an agreement with more in it than was asked for >> refused, or a person reads it; nothing is sealed."""
    made = await towns.publish(PROVIDER)

    def more(plain: dict[str, Any]) -> dict[str, Any]:
        [permission, *rest] = plain["permission"]
        return {**plain, "permission": [{**permission, member: f"urn:{PRICE}"}, *rest]}

    with other_agreement(more):
        begun = await towns.ask(CONSUMER, PROVIDER, made)
        await towns.run(rows=1)
    await towns.run()
    case = await towns.case(CONSUMER, begun.id)
    assert f"{CONSUMER}: ContractAgreementVerificationMessage" not in towns.wire.sent
    if member == "uid":  # the digest of a deal is blind to it
        assert await asked(towns, case) == "contracts.unsaid"
    else:
        assert case.agreement is None


async def test_words_in_what_was_asked_for_are_not_sealed_unread(towns: Towns) -> None:
    """<< an offer with a remark that no sentence says, taken as it stood >> a person is asked."""
    made = await towns.publish(PROVIDER)
    offer = {**made[1].for_catalogue(), "dct:description": PRICE}
    await towns.db.write(PROVIDER, _remarked, made[1].id, offer)
    case = await towns.db.write(
        CONSUMER, towns.contracts.request, CONSUMER, towns.partner(PROVIDER), made[0].id, offer, None, None, None, None,
        as_shown(*made),
    )  # fmt: skip
    await towns.run()
    now = await towns.case(CONSUMER, case.id)
    assert now.shown != "FINALIZED"
    assert f"{CONSUMER}: ContractAgreementVerificationMessage" not in towns.wire.sent


def _remarked(tx: Any, offer_id: str, offer: dict[str, Any]) -> None:
    policy = {name: value for name, value in offer.items() if name not in ("@id", "@type")}
    tx.run("UPDATE offer SET policy = :policy WHERE id = :id", policy=json.dumps(policy), id=offer_id)


async def test_bug_the_provider_sealed_words_of_the_consumers_as_it_was_asked(towns: Towns) -> None:
    """>> the published terms with a sentence as identifier of a rule << our own terms are offered instead."""
    made = await towns.publish(PROVIDER)
    [permission, *rest] = made[1].for_catalogue()["permission"]
    wish = {**made[1].for_catalogue(), "permission": [{**permission, "uid": f"urn:x: {PRICE}"}, *rest]}
    case = await towns.db.write(
        CONSUMER, towns.contracts.request, CONSUMER, towns.partner(PROVIDER), made[0].id, wish, None, None, None, None,
        as_shown(*made),
    )  # fmt: skip
    await towns.run(rows=1)
    theirs = await towns.case(PROVIDER, (await towns.case(CONSUMER, case.id)).kernel.peer_pid)  # type: ignore[arg-type]
    assert (theirs.agreement, PRICE in json.dumps(theirs.policy)) == (None, False)


async def test_bug_the_provider_sealed_a_sentence_as_purpose(towns: Towns) -> None:
    """>> a request whose purpose is a sentence << refused: it would stand in the text that the provider seals."""
    made = await towns.publish(PROVIDER, rule="open-attribution", slots={"source": "Stadt"})
    case = await towns.ask(CONSUMER, PROVIDER, made, "Der Datengeber zahlt 100.000 EUR je Monat")
    await towns.run()
    found = await towns.rows(PROVIDER, "SELECT count(*) AS n FROM agreement WHERE participant = :participant")
    assert ((await towns.case(CONSUMER, case.id)).agreement, found[0]["n"]) == (None, 0)


async def test_a_proposal_whose_data_nobody_looked_at_is_read_before_it_is_sealed(towns: Towns) -> None:
    """<< an offer that nobody asked for, accepted >> what it says of the data nobody has seen: a person is asked."""
    made = await towns.publish(PROVIDER, description=PRICE)
    ours = await towns.db.write(
        PROVIDER, towns.contracts.propose, PROVIDER, towns.partner(CONSUMER), made[1].id
    )  # fmt: skip
    await towns.run()
    theirs = (await towns.case(PROVIDER, ours.id)).kernel.peer_pid or ""
    terms = towns.judge.digest((await towns.case(CONSUMER, theirs)).policy)
    await towns.db.write(CONSUMER, towns.contracts.accept, CONSUMER, theirs, terms, approval=HEAD)
    await towns.run()
    case = await towns.case(CONSUMER, theirs)
    found = await towns.rows(
        CONSUMER, "SELECT kind FROM question WHERE answered_at IS NULL AND participant = :participant"
    )
    assert (case.shown, [one["kind"] for one in found]) == ("AGREED", ["countersign"])
    told = await read(towns, case)
    assert [one.code for one in told.objections] == ["contracts.undescribed"]
    [only] = told.differences
    assert (only.name, only.marks, PRICE in str(only.lines)) == (drafting.DATASET, ("unknown",), True)


async def test_what_the_catalogue_shows_later_is_not_what_was_asked_for(towns: Towns) -> None:
    """<< another description between request and agreement >> a person is asked, and shown which."""
    made = await towns.publish(PROVIDER)
    begun = await towns.ask(CONSUMER, PROVIDER, made)
    await towns.db.write(PROVIDER, _described, made[0].id)
    await towns.run()
    case = await towns.case(CONSUMER, begun.id)
    assert await asked(towns, case) == "contracts.other-description"


def _described(tx: Any, dataset: str) -> None:
    row = tx.one("SELECT document FROM dataset WHERE id = :id", id=dataset)
    document = {**json.loads(row["document"]), "description": PRICE}
    tx.run("UPDATE dataset SET document = :document WHERE id = :id", document=json.dumps(document), id=dataset)


# What a person decides


async def test_a_person_seals_just_what_was_read(towns: Towns) -> None:
    """<< another text; read, its digest named >> FINALIZED, with role and pseudonym in the signed approval."""
    case = await lying(towns, *ALL["an added sentence"])
    told = await read(towns, case)
    await order(towns, case, told.digest[:16])
    await towns.run()
    assert (await towns.case(CONSUMER, case.id)).shown == "FINALIZED"
    kept = await towns.db.read(CONSUMER, store.objects, CONSUMER, case.id)
    by = json.loads(kept[BY_CONSUMER].body)
    assert (by["role"], by["pseudonym"]) == (HEAD.role, HEAD.pseudonym)
    assert PRICE in kept[drafting.TEXT].body.decode()


@pytest.mark.parametrize("name", [drafting.TEXT, drafting.PROFILE, drafting.DATASET])
async def test_what_was_swapped_after_it_was_read_is_not_sealed(towns: Towns, name: str) -> None:
    """>> read, then other bytes lie here, then ordered << refused; swapped after the order: not sealed either."""
    case = await lying(towns, *ALL["an added sentence"])
    told = await read(towns, case)
    await order(towns, case, told.digest)
    await towns.db.write(CONSUMER, _ordered_other)
    await towns.run()
    assert (await towns.case(CONSUMER, case.id)).shown == "AGREED"
    assert (await towns.agreement(CONSUMER, case.agreement)).consumer_jws is None
    kept = (await towns.db.read(CONSUMER, store.objects, CONSUMER, case.id))[name]
    other = drafting.evidence_object(name, kept.media_type, kept.body + b" ")
    await towns.db.write(CONSUMER, store.take_object, CONSUMER, case.id, towns.did(PROVIDER), other)
    with pytest.raises(Mistake, match=r"other-text-read"):
        await order(towns, case, told.digest)


def _ordered_other(tx: Any) -> None:
    """As if the order had been for something else than lies there now."""
    for row in tx.all("SELECT id, body FROM outbox WHERE kind = 'countersign' AND done_at IS NULL"):
        errand = json.loads(bytes(row["body"]))
        errand["facts"]["read"] = "0" * 64
        tx.run("UPDATE outbox SET body = :body WHERE id = :id", body=json.dumps(errand).encode(), id=row["id"])


async def test_of_two_who_answer_at_once_one_signs(towns: Towns) -> None:
    """>> two people at two replicas order the same << one errand, one seal, one approval."""
    case = await lying(towns, *ALL["an added sentence"])
    told = await read(towns, case)
    await asyncio.gather(*(order(towns, case, told.digest, by) for by in (HEAD, OTHER)))
    sql = "SELECT body FROM outbox WHERE participant = :participant AND kind = 'countersign' AND done_at IS NULL"
    [errand] = await towns.rows(CONSUMER, sql)
    await towns.run()
    assert (await towns.case(CONSUMER, case.id)).shown == "FINALIZED"
    kept = await towns.db.read(CONSUMER, store.objects, CONSUMER, case.id)
    assert json.loads(kept[BY_CONSUMER].body)["pseudonym"] == json.loads(bytes(errand["body"]))["facts"]["person"]
    with pytest.raises(Mistake, match=r"nothing-to-countersign"):
        await order(towns, case, told.digest, OTHER)


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


async def test_a_crash_before_the_question_is_stored_asks_again(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies between check and booking: nothing is sealed or asked; the next attempt asks, once."""
    rules = towns.contracts.countersigning

    def died(*args: Any) -> None:
        raise Unavailable("storage.unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(rules, "unclear", died)
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
    after = Readings(towns.contracts.agreements, towns.judge, towns.name_of)
    hosted, agreement = await towns.participants.get(CONSUMER), await towns.agreement(CONSUMER, case.agreement)
    assert after.read(await towns.db.read(CONSUMER, after.gather, hosted, agreement)) == before


# What the provider takes


NOT_OURS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "a further member": lambda body: signing.canonical({**body, "note": PRICE}),
    "another rule": lambda body: signing.canonical({**body, "rule": PRICE}),
    "another moment": lambda body: signing.canonical({**body, "at": PRICE}),
    "another principal": lambda body: signing.canonical({**body, "onBehalfOf": PRICE}),
    "spread": lambda body: json.dumps(body, sort_keys=True).encode(),
    "not in NFC": lambda body: signing.canonical({**body, "role": "L", "pseudonym": "p-7f3a91"}).replace(
        b'"L"', '"A\u0308mter"'.encode()
    ),
    "in another order": lambda body: json.dumps(dict(reversed(body.items())), separators=(",", ":")).encode(),
    "twice": lambda body: signing.canonical(body)[:-1] + b"," + signing.canonical(body)[1:],
}  # fmt: skip


@pytest.mark.parametrize("change", NOT_OURS.values(), ids=NOT_OURS)
async def test_bug_words_in_the_consumers_approval_were_taken(
    towns: Towns, change: Callable[[dict[str, Any]], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a countersignature over an approval that is not in our form, to the byte << it counts as missing."""
    honest = drafting.approval

    def approval(did: str, role: str, *args: Any) -> Any:
        made = honest(did, role, *args)
        if role != "consumer":
            return made
        return drafting.evidence_object(made.name, made.media_type, change(json.loads(made.body)))

    begun = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))
    with monkeypatch.context() as patch:
        patch.setattr(drafting, "approval", approval)
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
    for digest in ("0" * 64, told.files[drafting.TEXT], told.digest[:15], ""):
        with pytest.raises(HanseError, match=r"other-text-read"):
            await order(towns, case, digest)
    await order(towns, case, told.digest)
    await towns.run()
    assert (await towns.agreement(PROVIDER, case.agreement)).state == "finalized"

"""A hostile provider puts its own words into what both seal: nothing is sealed, and a person is asked (threat T65)."""

import json
from typing import Any

import pytest

from connector.exchange.contracts.document import draft
from connector.foundation.language.reasons import because
from tests.exchange.contracts.lying import ALL, APPROVAL, CONSUMER, HEAD, PRICE, PROVIDER, asked, lying, read
from tests.fuzz.effort import one_in
from tests.testkit.forging import Change, other_agreement
from tests.testkit.shown import as_shown
from tests.testkit.towns import Towns

pytestmark = pytest.mark.threat("T65")


@pytest.mark.parametrize(("name", "change"), one_in(3, ALL.values()), ids=ALL)
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


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b"</main>", b"\xff</main>"),
        lambda body: body.replace(b"</main>", b"\0</main>"),
        lambda body: b"\xef\xbb\xbf" + body,
    ],
    ids=["no UTF-8", "NUL", "a byte order mark"],
)
async def test_bug_a_text_that_a_person_sealed_failed_the_evidence(towns: Towns, change: Change) -> None:
    """<< characters that two programs read differently, as no verifier takes >> no person is asked: TERMINATED."""
    case = await lying(towns, draft.TEXT, change)
    assert (case.shown, case.reason) == ("TERMINATED", because("contracts.text-characters"))


@pytest.mark.threat("T190")
@pytest.mark.parametrize("name", [draft.PROFILE, draft.DATASET])
@pytest.mark.parametrize("number", ["9007199254740992", "-9007199254740992"])
async def test_bug_a_number_that_a_person_sealed_failed_the_evidence(towns: Towns, name: str, number: str) -> None:
    """<< a number that not every program can hold, as no verifier takes >> no person is asked: TERMINATED. The bundle
    of a contract with it was FAILED, whoever told it."""
    case = await lying(towns, name, lambda body: body[:-1] + f',"note":{number}}}'.encode())
    assert (case.shown, case.reason) == ("TERMINATED", because("contracts.numbers", name=name))


@pytest.mark.parametrize("name", [draft.PROFILE, draft.DATASET, APPROVAL])
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


@pytest.mark.on_both
async def test_words_in_what_was_asked_for_are_not_sealed_unread(towns: Towns) -> None:
    """<< an offer with a remark that no sentence says, taken as it stood >> a person is asked."""
    made = await towns.publish(PROVIDER)
    offer = {**made[1].for_catalogue(), "dct:description": PRICE}
    await towns.db.write(PROVIDER, _remarked, made[1].id, offer)
    case = await towns.db.write(
        CONSUMER,
        towns.contracts.request,
        CONSUMER,
        towns.partner(PROVIDER),
        made[0].id,
        offer,
        None,
        None,
        None,
        None,
        as_shown(*made),
    )
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
        CONSUMER,
        towns.contracts.request,
        CONSUMER,
        towns.partner(PROVIDER),
        made[0].id,
        wish,
        None,
        None,
        None,
        None,
        as_shown(*made),
    )
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


@pytest.mark.on_both
async def test_a_proposal_whose_data_nobody_looked_at_is_read_before_it_is_sealed(towns: Towns) -> None:
    """<< an offer that nobody asked for, accepted >> what it says of the data nobody has seen: a person is asked."""
    made = await towns.publish(PROVIDER, description=PRICE)
    ours = await towns.db.write(PROVIDER, towns.contracts.propose, PROVIDER, towns.partner(CONSUMER), made[1].id)
    await towns.run()
    theirs = (await towns.case(PROVIDER, ours.id)).kernel.peer_pid or ""
    terms = towns.engine.digest((await towns.case(CONSUMER, theirs)).policy)
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
    assert (only.name, only.marks, PRICE in str(only.lines)) == (draft.DATASET, ("unknown",), True)


@pytest.mark.on_both
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

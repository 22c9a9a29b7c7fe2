"""What people are told: each thing once, whoever finds it, and only those whom it concerns."""

import asyncio
from typing import Any

import pytest
from cryptography import x509

from connector.data.approvals.model import ApprovalRule, Voter
from connector.data.approvals.publications import NewDataset
from connector.data.catalogue.service import Publication
from connector.foundation.storage.database import Tx
from connector.oversight.notifications import store
from connector.oversight.notifications.causes import Causes
from connector.oversight.notifications.message import sentence
from connector.oversight.notifications.model import Notification
from connector.oversight.notifications.service import Notifications
from tests.testkit.towns import Towns

TOWN, VILLAGE = "musterstadt", "nachbardorf"
ANNA, BERTA = Voter("p-aaaaaa", frozenset({"steward"})), Voter("p-bbbbbb", frozenset({"steward"}))
LENA = Voter("p-111111", frozenset({"auditor"}))


@pytest.fixture
def notes(towns: Towns) -> Notifications:
    towns.people.roles = {ANNA.who: {"steward"}, BERTA.who: {"steward"}, LENA.who: {"auditor"}}
    causes = Causes(towns.approvals, towns.contracts, towns.duties, towns.name_of)
    return Notifications(towns.db, towns.participants, causes)


async def waiting(towns: Towns, notes: Notifications, who: Voter = ANNA, slug: str = TOWN) -> list[Notification]:
    """Without that rules were changed, which tests do all the time."""
    return [one for one in await towns.db.read(slug, notes.waiting, slug, who) if one.cause != "rules"]


async def causes(towns: Towns, notes: Notifications, who: Voter = ANNA, slug: str = TOWN) -> list[str]:
    await notes.look()
    await notes.look_further()
    return [one.cause for one in await waiting(towns, notes, who, slug)]


async def ruled(towns: Towns, **more: Any) -> None:
    base: dict[str, Any] = {"subject": "contract", "template": "", "people": "one", "protection": False, "days": 14}
    await towns.db.write(TOWN, towns.approvals.rules.put, TOWN, ApprovalRule(**{**base, **more}), ANNA.who)


async def test_an_approval_is_told_once_to_those_who_may_agree(towns: Towns, notes: Notifications) -> None:
    """>> a contract waits; two replicas look at once, and again << one note, for stewards; read, it is gone."""
    await ruled(towns)
    await towns.ask(VILLAGE, TOWN, await towns.publish(TOWN))
    await towns.run()
    await asyncio.gather(notes.look(), notes.look())
    await notes.look()
    (one,) = await waiting(towns, notes)
    assert (one.cause, one.place[0]) == ("approval", "approvals")
    assert sentence(one, "de").startswith("„Bäume“ (Nachbardorf) wartet auf Ihre Freigabe, Frist: ")
    assert [len(await waiting(towns, notes, who)) for who in (BERTA, LENA)] == [1, 0]
    await towns.db.write(TOWN, notes.read, TOWN, ANNA, frozenset({one.name}))
    assert [len(await waiting(towns, notes, who)) for who in (ANNA, BERTA)] == [0, 1]
    listed = await towns.db.read(TOWN, notes.all, TOWN, ANNA)
    assert [(each.cause, read) for each, read in listed] == [("approval", True)]


async def test_a_draft_is_told_as_one(towns: Towns, notes: Notifications) -> None:
    towns.people.roles["p-999999"] = {"publisher"}
    wish = Publication(title="Bäume", access="announced")
    paula = Voter("p-999999", frozenset({"publisher"}))
    await towns.db.write(TOWN, towns.publications.submit, TOWN, paula, NewDataset(wish))
    assert await causes(towns, notes) == ["approval"]
    (one,) = await waiting(towns, notes)
    assert sentence(one, "de").startswith("Der Entwurf „Bäume“ wartet auf Ihre Freigabe, Frist: ")


@pytest.mark.on_both
async def test_the_deputy_is_reminded(towns: Towns, notes: Notifications) -> None:
    """>> half of the time is over << the deputy hears of it, too."""
    await ruled(towns, responsible=ANNA.who, deputy=BERTA.who)
    await towns.ask(VILLAGE, TOWN, await towns.publish(TOWN))
    await towns.run()
    assert await causes(towns, notes, BERTA) == []
    await towns.db.write(TOWN, lambda tx: tx.run("UPDATE approval SET remind_at = :now", now=tx.now - 1))
    assert await causes(towns, notes, BERTA) == ["reminder"]
    assert await causes(towns, notes, ANNA) == ["reminder", "approval"]


@pytest.mark.threat("T93")
async def test_nobody_changes_the_rules_unseen(towns: Towns, notes: Notifications) -> None:
    """>> Anna asks for four eyes << the other steward hears of it, Anna does not."""
    await ruled(towns, people="two")
    await notes.look()
    (one,) = await towns.db.read(TOWN, notes.waiting, TOWN, BERTA)
    assert (one.cause, one.place) == ("rules", ("approvals", "rules"))
    assert await towns.db.read(TOWN, notes.waiting, TOWN, ANNA) == []


@pytest.mark.on_both
@pytest.mark.threat("T145")
async def test_bug_whose_agreement_a_loosening_waits_for_was_not_told(towns: Towns, notes: Notifications) -> None:
    """>> Rita wants two people no more, and no data protection << Bea and Carl are told, Rita and stewards not; Carl
    agrees << his goes; Bea is admin no more and is again, and refuses << all of it is gone."""
    roles = towns.people.roles
    roles |= {"p-dddddd": {"admin"}, "p-eeeeee": {"admin"}, "p-cccccc": {"protection"}}
    rita, bea, carl = (Voter(one, frozenset(roles[one])) for one in ("p-dddddd", "p-eeeeee", "p-cccccc"))
    rules, write = towns.approvals.rules, towns.db.write

    async def told() -> list[list[str]]:
        await asyncio.gather(notes.look(), notes.look())
        return await listed()

    async def listed() -> list[list[str]]:
        return [[one.cause for one in await waiting(towns, notes, who)] for who in (rita, bea, carl, ANNA)]

    await ruled(towns, people="two", protection=True)
    looser = ApprovalRule(subject="contract", template="", people="none", protection=False, days=14)
    assert not await write(TOWN, rules.put, TOWN, looser, rita.who)
    assert await told() == [[], ["rule-waits"], ["rule-waits"], []]
    (one,) = await waiting(towns, notes, bea)
    assert one.place == ("approvals", "rules")
    assert sentence(one, "en").startswith("Who has to approve something is to be loosened.")
    await write(TOWN, rules.agree, TOWN, one.subject, carl)
    assert await told() == [[], ["rule-waits"], [], []]
    for held, found in ((set[str](), []), ({"admin"}, ["rule-waits"])):
        roles[bea.who] = held
        await notes.look_further()
        assert await listed() == [[], found, [], []]
    await write(TOWN, rules.refuse, TOWN, one.subject, bea)
    assert await told() == [[], [], [], []]


async def test_an_offer_without_a_deadline_is_told_without_one(towns: Towns, notes: Notifications) -> None:
    made = await towns.publish(TOWN)
    await towns.db.write(TOWN, towns.contracts.propose, TOWN, towns.partner(VILLAGE), made[1].id)
    await towns.run()
    assert await causes(towns, notes, slug=VILLAGE) == ["approval"]
    (one,) = await waiting(towns, notes, slug=VILLAGE)
    assert sentence(one, "de").endswith("wartet auf Ihre Entscheidung.")


@pytest.mark.on_both
async def test_a_contract_that_ends_soon(towns: Towns, notes: Notifications) -> None:
    agreement = await towns.concluded(VILLAGE, TOWN)
    assert await causes(towns, notes, slug=VILLAGE) == []

    def soon(tx: Tx, days: int) -> None:
        tx.run("UPDATE agreement SET expires_at = :at WHERE id = :id", at=tx.now + days * 86_400_000, id=agreement.id)

    await towns.db.write(VILLAGE, soon, 31)
    assert await causes(towns, notes, slug=VILLAGE) == []
    await towns.db.write(VILLAGE, soon, 29)
    assert await causes(towns, notes, slug=VILLAGE) == ["ends"]
    (one,) = await waiting(towns, notes, slug=VILLAGE)
    assert one.place == ("contracts", agreement.uuid)


async def test_ended_by_the_partner(towns: Towns, notes: Notifications) -> None:
    agreement = await towns.concluded(VILLAGE, TOWN)
    reason = {"de": ["Nicht mehr gebraucht."], "en": ["Not needed any more."]}
    await towns.termination_delivery.end(VILLAGE, agreement.id, reason, None)
    await towns.run()
    assert await causes(towns, notes) == ["ended"]
    assert await causes(towns, notes, slug=VILLAGE) == []  # who did it knows


async def test_refused_by_the_partner(towns: Towns, notes: Notifications) -> None:
    await ruled(towns)
    await towns.ask(VILLAGE, TOWN, await towns.publish(TOWN))
    await towns.run()
    (one,) = await towns.db.read(TOWN, towns.approvals.waiting, TOWN)
    await towns.db.write(TOWN, towns.approvals.no, TOWN, one.id, ANNA, "terms", "")
    await towns.run()
    assert await causes(towns, notes, slug=VILLAGE) == ["refused"]
    (told,) = await waiting(towns, notes, slug=VILLAGE)
    assert sentence(told, "en") == "Musterstadt has refused “Bäume”, or ended the negotiation."
    assert told.place == ("requests", told.subject.removeprefix("urn:uuid:"))


async def test_the_note_about_a_declined_proposal_led_to_a_request_that_was_none(
    towns: Towns, notes: Notifications
) -> None:
    """>> the town proposes, the village declines << the town is told, and led to its partners."""
    _, offer = await towns.publish(TOWN)
    proposed = await towns.db.write(TOWN, towns.contracts.propose, TOWN, towns.partner(VILLAGE), offer.id)
    await towns.run()
    (here,) = await towns.db.read(VILLAGE, towns.contracts.all, VILLAGE)
    why = {"de": ["Kein Bedarf"], "en": ["No need"]}
    await towns.db.write(VILLAGE, towns.contracts.terminate, VILLAGE, here.id, "operator", why)
    await towns.run()
    assert (await towns.case(TOWN, proposed.id)).shown == "TERMINATED"
    assert await causes(towns, notes) == ["not-agreed"]
    (told,) = await waiting(towns, notes)
    assert (told.subject, told.place) == (proposed.id, ("partners",))
    assert sentence(told, "de") == "Nachbardorf hat die Verhandlung über „Bäume“ beendet."


@pytest.mark.on_both
async def test_a_delivery_that_failed(towns: Towns, notes: Notifications) -> None:
    agreement = await towns.concluded(VILLAGE, TOWN)
    process = await towns.fetch(VILLAGE, TOWN, agreement)
    await towns.db.write(
        VILLAGE, lambda tx: tx.run("UPDATE transfer SET outcome = 'broken' WHERE id = :id", id=process.id)
    )
    assert await causes(towns, notes, slug=VILLAGE) == ["failed"]


async def test_a_certificate_that_ends(towns: Towns, notes: Notifications) -> None:
    """Told within the last 30 days alone, to whoever can ask for a new one."""
    await towns.add("kleindorf")
    hosted = await towns.participants.get("kleindorf")
    ends = int(x509.load_der_x509_certificate(hosted.chain[0]).not_valid_after_utc.timestamp() * 1000)
    causes = Causes(towns.approvals, towns.contracts, towns.duties, towns.name_of)

    def told(tx: Tx, at: int) -> list[frozenset[str]]:
        tx.now = at
        return [one.audience for one in causes.seldom(tx, hosted)]

    days = [await towns.db.read("kleindorf", told, ends - days * 86_400_000) for days in (31, 29, -1)]
    assert days == [[], [frozenset({"admin", "steward"})], []]


async def test_what_is_old_goes(towns: Towns, notes: Notifications) -> None:
    one = Notification(name="failed:x", cause="failed", subject="x", facts={}, audience=frozenset({"steward"}), at=1)
    await towns.db.write(TOWN, store.add, TOWN, one)
    assert len(await waiting(towns, notes)) == 1
    await notes.look_further()
    assert await waiting(towns, notes) == []


@pytest.mark.threat("T171")
async def test_bug_a_neighbours_list_named_the_partner_in_what_people_are_told(towns: Towns) -> None:
    """>> lists call a partner otherwise for another participant of the process << people are told the name by the lists
    that count for their own."""
    causes = Causes(towns.approvals, towns.contracts, towns.duties, lambda did, own: f"{did} as {own} knows it")
    notes = Notifications(towns.db, towns.participants, causes)
    towns.people.roles = {ANNA.who: {"steward"}}
    await ruled(towns)
    await towns.ask(VILLAGE, TOWN, await towns.publish(TOWN))
    await towns.run()
    await notes.look()
    (one,) = await waiting(towns, notes)
    assert one.facts["partner"] == f"{towns.did(VILLAGE)} as {towns.did(TOWN)} knows it"

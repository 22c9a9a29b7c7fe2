"""What waits in a town, gathered from what really happened there; how far each person has looked."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from connector.data.approvals.model import ApprovalRule, Voter
from connector.exchange.reconciliation import store as reconciliation
from connector.exchange.reconciliation.store import Compared
from connector.foundation.storage.database import PROCESS, Database, Tx
from connector.foundation.storage.work import ask
from connector.oversight.tasks import store
from connector.oversight.tasks.assemble import approvals
from connector.oversight.tasks.model import Task, Viewer
from connector.oversight.tasks.service import QUESTIONS, Tasks
from tests.oversight.tasks.persons import add_person
from tests.testkit.cities import COMPANY
from tests.testkit.towns import Towns

TOWN, VILLAGE = "musterstadt", "nachbardorf"
DAY = 86_400_000
STEWARD = Viewer(person="anna", pseudonym="p-7f3a91", roles=frozenset({"steward", "publisher"}))
READER = Viewer(person="ben", pseudonym="p-000000", roles=frozenset({"auditor"}))


def tasks(towns: Towns) -> Tasks:
    return Tasks(towns.contracts, towns.duties)


async def waiting(towns: Towns, slug: str, viewer: Viewer = STEWARD) -> list[tuple[str, str]]:
    found = await towns.db.read(slug, tasks(towns).waiting, slug, viewer)
    return [(one.kind, one.title) for one in found]


@pytest.mark.threat("T145")
async def test_bug_a_loosening_waited_and_nobody_had_it_to_do(towns: Towns) -> None:
    """>> a rule is to ask for nobody any more << a task for another admin and for data protection, until each agrees;
    none for who proposed it, or for a steward."""
    officer, rita, bea = (
        Viewer(person=role, pseudonym=who, roles=frozenset({role}))
        for role, who in (("protection", "p-cccccc"), ("admin", "p-dddddd"), ("admin", "p-eeeeee"))
    )
    towns.people.roles = {one.pseudonym: set(one.roles) for one in (officer, rita, bea)}
    rules, gathered = towns.approvals.rules, Tasks(towns.contracts, towns.duties, (approvals(towns.approvals),))

    async def found() -> list[list[str]]:
        read = [await towns.db.read(TOWN, gathered.waiting, TOWN, one) for one in (officer, bea, rita, STEWARD)]
        return [[one.kind for one in tasks] for tasks in read]

    strict = ApprovalRule(subject="contract", template="", people="two", protection=True, days=14)
    for rule in (strict, replace(strict, people="none", protection=False)):
        await towns.db.write(TOWN, rules.put, TOWN, rule, rita.pseudonym)
    assert await found() == [["rule-waits"], ["rule-waits"], [], []]
    (one,) = await towns.db.read(TOWN, rules.pending, TOWN)
    await towns.db.write(TOWN, rules.agree, TOWN, one.proposal.id, Voter(officer.pseudonym, officer.roles))
    assert await found() == [[], ["rule-waits"], [], []]
    await towns.db.write(TOWN, rules.agree, TOWN, one.proposal.id, Voter(bea.pseudonym, bea.roles))
    assert await found() == [[], [], [], []]


async def test_nothing_waits_in_a_town_without_business(towns: Towns) -> None:
    assert await waiting(towns, TOWN) == []


async def test_an_offer_waits_for_an_answer(towns: Towns) -> None:
    """>> a proposal to somebody who never asked << there one task, here none; not for readers."""
    made = await towns.publish(TOWN)
    await towns.db.write(TOWN, towns.contracts.propose, TOWN, towns.partner(VILLAGE), made[1].id)
    await towns.run()
    (found,) = await towns.db.read(VILLAGE, tasks(towns).waiting, VILLAGE, STEWARD)
    assert (found.kind, found.partner) == ("answer-offer", towns.did(TOWN))
    assert await waiting(towns, TOWN) == []
    assert await waiting(towns, VILLAGE, READER) == []


async def test_a_contract_that_ends_within_a_month_is_told_to_who_gets_data(towns: Towns) -> None:
    agreement = await towns.concluded(VILLAGE, TOWN)
    assert await waiting(towns, VILLAGE) == []

    def soon(tx: Tx) -> None:
        assert tx.run("UPDATE agreement SET expires_at = :at WHERE participant = :p", p=tx.scope, at=tx.now + 20 * DAY)

    for slug in (TOWN, VILLAGE):
        await towns.db.write(slug, soon)
    (found,) = await towns.db.read(VILLAGE, tasks(towns).waiting, VILLAGE, STEWARD)
    assert (found.kind, found.subject, found.title) == ("contract-ends", agreement.id, "Bäume")
    assert await waiting(towns, TOWN) == []


async def test_logs_that_differ_are_a_task(towns: Towns) -> None:
    """>> our log and the partner's say different things about a contract << a task with the contract's title."""
    agreement = await towns.concluded(VILLAGE, TOWN)
    found = Compared(
        agreement=agreement.id, counterparty=towns.did(TOWN), state="differs", findings=(), code="", at=1, due_at=2
    )
    await towns.db.write(VILLAGE, reconciliation.save, VILLAGE, found)
    assert await waiting(towns, VILLAGE) == [("difference", "Bäume")]
    await towns.db.write(VILLAGE, reconciliation.save, VILLAGE, replace(found, state="agrees"))
    assert await waiting(towns, VILLAGE) == []


@pytest.mark.on_both
async def test_every_question_that_is_asked_becomes_a_task(towns: Towns) -> None:
    """Each kind of question has words on the page; one of a later release is passed over."""

    def put(tx: Tx) -> None:
        for kind in (*QUESTIONS, "of-tomorrow"):
            ask(tx, TOWN, f"urn:uuid:{kind}", kind, quota="peer_hour_starts", why="x")

    await towns.db.write(TOWN, put)
    found = await waiting(towns, TOWN)
    assert {kind for kind, _ in found} == set(QUESTIONS.values())


async def test_other_slices_bring_their_own(towns: Towns) -> None:
    """>> a supplier that knows of an approval of a proposal's answer << one task instead of two, in its place."""
    made = await towns.publish(TOWN)
    await towns.db.write(TOWN, towns.contracts.propose, TOWN, towns.partner(VILLAGE), made[1].id)
    await towns.run()
    (offer,) = await towns.db.read(VILLAGE, tasks(towns).waiting, VILLAGE, STEWARD)

    def supply(tx: Tx, slug: str, viewer: Viewer) -> Iterator[Task]:
        yield Task(kind="draft", subject="d", since=0, title="Entwurf")
        yield Task(kind="approval", subject="a", since=tx.now, process=offer.subject, due=tx.now + DAY)

    both = Tasks(towns.contracts, towns.duties, (supply,))
    found = await towns.db.read(VILLAGE, both.waiting, VILLAGE, STEWARD)
    assert [one.kind for one in found] == ["approval", "draft"]


@pytest.mark.on_both
async def test_a_refusal_is_news_until_she_has_seen_it(towns: Towns) -> None:
    """>> a firm is refused << told to both sides; >> seen << gone for her, not for her colleague."""
    await towns.add("stadtwerke", kind=COMPANY)
    made = await towns.publish(TOWN)
    await towns.ask("stadtwerke", TOWN, made)
    await towns.run()
    await towns.hurry()
    service = tasks(towns)
    found, since = await towns.db.read(TOWN, service.news, TOWN, STEWARD)
    assert [(one.outcome, one.noun, one.by, one.code, one.partner) for one in found] == [
        ("refused", "negotiation", "us", "policy", towns.did("stadtwerke"))
    ]
    assert found[0].title == "Bäume"
    theirs, _ = await towns.db.read("stadtwerke", service.news, "stadtwerke", STEWARD)
    assert [(one.outcome, one.by) for one in theirs] == [("refused", "peer")]
    for person in (STEWARD, READER):
        await towns.db.write(PROCESS, add_person, person.person)
    await towns.db.write(TOWN, service.seen, TOWN, STEWARD, found[0].at)
    assert (await towns.db.read(TOWN, service.news, TOWN, STEWARD)) == ([], found[0].at)
    assert (await towns.db.read(TOWN, service.news, TOWN, READER))[0] == found
    assert since < found[0].at


@pytest.mark.parametrize(("earlier", "later", "kept"), [(5, 9, 9), (9, 5, 9), (None, 5, 5)])
async def test_what_was_seen_stays_seen(any_db: Database, earlier: int | None, later: int, kept: int) -> None:
    """>> an older page is sent after a newer one << the newer mark stays; a mark goes with its person."""
    await any_db.write(PROCESS, add_person, "anna")
    for until in [one for one in (earlier, later) if one is not None]:
        await any_db.write(TOWN, store.mark, TOWN, "anna", until)
    assert await any_db.read(TOWN, store.seen, TOWN, "anna") == kept
    assert await any_db.read(VILLAGE, store.seen, VILLAGE, "anna") is None
    await any_db.write(PROCESS, lambda tx: tx.run("DELETE FROM person WHERE id = 'anna'"))
    assert await any_db.read(TOWN, store.seen, TOWN, "anna") is None


async def test_nobody_has_seen_what_is_yet_to_come(towns: Towns) -> None:
    await towns.db.write(PROCESS, add_person, "anna")
    await towns.db.write(TOWN, tasks(towns).seen, TOWN, STEWARD, 2**53)
    seen = await towns.db.read(TOWN, store.seen, TOWN, "anna")
    assert seen is not None
    assert seen <= towns.clock.now()

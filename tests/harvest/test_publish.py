"""An import is no way past the rules for publications: what others would see needs whoever the rules ask for."""

import asyncio
from typing import Any, cast

import pytest

from connector.approvals import store as approvals
from connector.approvals.model import ApprovalRule
from connector.approvals.rules import ApprovalRules
from connector.errors import HanseError, Mistake, Refusal, Unauthenticated
from connector.harvest.model import Answer
from connector.harvest.service import Harvest
from connector.participants.service import Participants
from connector.storage.database import Database, Tx, acting
from tests.harvest.imports import NEIGHBOUR, TOWN, WORDS, Hosting, catalogue, ended, harvest, served, taken
from tests.harvest.portals import PORTAL, Portal
from tests.testkit.towns import Holders

REFUSED = "harvest.needs-approval"
ANSWER = Answer(kind="licence", value="Nutzungsbedingungen", answer="dl-by-de/2.0")
OPEN = catalogue("a")
FIRST = f"{PORTAL}/catalog?page=1"


@pytest.fixture
def town(sqlite_db: Database) -> Harvest:
    return harvest(sqlite_db, gate=ApprovalRules(cast(Participants, Hosting()), Holders()))


async def ruled(db: Database, **rule: Any) -> None:
    base = {"subject": "publication", "template": "", "people": "none", "protection": False, "days": 14}
    await db.write(TOWN, approvals.put_rule, TOWN, ApprovalRule(**{**base, **rule}), "p-aaaaaa")


RULES: dict[str, dict[str, Any]] = {
    "four eyes": {"people": "two"},
    "data protection": {"protection": True},
    "four eyes on open data": {"people": "two", "template": "open-attribution"},
    "data protection on open data": {"protection": True, "template": "open-attribution"},
}


@pytest.mark.threat("T143")
@pytest.mark.parametrize("name", RULES)
async def test_bug_an_import_published_past_four_eyes_and_data_protection(
    town: Harvest, sqlite_db: Database, name: str
) -> None:
    """>> a file and an address, each under each rule << refused as a whole: nothing is public, no source is kept."""
    await ruled(sqlite_db, **RULES[name])
    run = await ended(town, await town.start(TOWN, OPEN, name="portal.ttl", media_type=None, source=None))
    assert (run.phase, run.error, run.report) == ("failed", REFUSED, None)
    there = harvest(sqlite_db, Portal({FIRST: OPEN}), ApprovalRules(cast(Participants, Hosting()), Holders()))
    assert (await ended(there, await there.start_url(TOWN, FIRST, source=None))).error == REFUSED
    assert (await served(town, sqlite_db), await town.sources(TOWN)) == ({}, [])


@pytest.mark.threat("T143")
async def test_bug_what_waited_came_out_by_an_answer_or_an_undone_rule_alone(
    town: Harvest, sqlite_db: Database
) -> None:
    """>> taken in while nothing asks for others; then a rule << answers, undoing and redoing open nothing; without the
    rule they do, once."""
    german = ":b dct:language <http://publications.europa.eu/resource/authority/language/GER> .\n"
    await taken(town, catalogue("a", licence=WORDS) + catalogue("b", more=german))
    before = await served(town, sqlite_db)
    assert set(before) == {"b"}
    await ruled(sqlite_db, people="two")
    with pytest.raises(Mistake, match=REFUSED):
        await town.answer(TOWN, [ANSWER])
    with pytest.raises(Mistake, match=REFUSED):
        await town.undo(TOWN, "language")
    assert await served(town, sqlite_db) == before
    await ruled(sqlite_db)
    await town.answer(TOWN, [ANSWER])
    await town.undo(TOWN, "language")
    await ruled(sqlite_db, protection=True)
    with pytest.raises(Mistake, match=REFUSED):
        await town.undo(TOWN, "language", redo=True)
    after = await served(town, sqlite_db)
    assert set(after) == {"a", "b"}
    assert b"language" not in after["b"].triples


@pytest.mark.threat("T143")
async def test_a_scheduled_run_that_changes_what_is_public_needs_the_same(town: Harvest, sqlite_db: Database) -> None:
    """>> the same delivery, one with other words, one with a new dataset, one with fewer, under four eyes << the
    same and fewer go through, for nobody sees anything new; the others are refused, and what was public stays."""
    names = [f"d{number:02}" for number in range(20)]
    await taken(town, catalogue(*names))
    await ruled(sqlite_db, people="two")
    assert (await taken(town, catalogue(*names))).changed == 0
    before = await served(town, sqlite_db)
    for other in (catalogue(*names, title="Anders"), catalogue(*names, "new")):
        run = await ended(town, await town.start(TOWN, other, name="portal.ttl", media_type=None, source=None))
        assert run.error == REFUSED
    assert await served(town, sqlite_db) == before
    assert (await taken(town, catalogue(*names[1:]))).removed == 1


async def test_what_only_waits_needs_nobody(town: Harvest, sqlite_db: Database) -> None:
    """>> a dataset with a question that holds it, under four eyes << it is taken in: nobody outside sees it."""
    await ruled(sqlite_db, people="two")
    report = await taken(town, catalogue("a", licence=WORDS))
    assert (report.published, report.held, report.new) == (0, 1, 1)


async def test_rules_of_a_neighbour_and_for_closed_data_do_not_count(town: Harvest, sqlite_db: Database) -> None:
    """>> four eyes for research and for contracts, and at another town << an import of open data goes out."""
    await ruled(sqlite_db, template="research", people="two")
    await ruled(sqlite_db, subject="contract", people="two", protection=True)
    assert (await taken(town, OPEN)).published == 1
    await ruled(sqlite_db, people="two")
    assert (await taken(town, OPEN, slug=NEIGHBOUR)).published == 1


@pytest.mark.threat("T140")
@pytest.mark.parametrize("refusal", [Unauthenticated("api.no-token"), Refusal("api.key-scope", scope="publish")])
async def test_bug_an_import_that_was_begun_with_a_right_published_without_it(
    town: Harvest, sqlite_db: Database, refusal: HanseError
) -> None:
    """>> a key begins a file and an address, and is ended, or its person loses the role, while they are read << both
    runs say so, nothing is public, no source is kept; with the right that stays the same goes out."""
    there = harvest(sqlite_db, Portal({FIRST: OPEN}), ApprovalRules(cast(Participants, Hosting()), Holders()))
    may = [True]

    def still(tx: Tx) -> None:
        if not may:
            raise refusal

    with acting({}, still):
        run = await town.start(TOWN, OPEN, name="portal.ttl", media_type=None, source=None)
        other = await there.start_url(TOWN, FIRST, source=None)
    may.clear()
    for service, one in ((town, run), (there, other)):
        done = await ended(service, one)
        assert (done.phase, done.error, done.report) == ("failed", "harvest.right-ended", None)
    assert (await served(town, sqlite_db), await town.sources(TOWN)) == ({}, [])
    may.append(True)
    with acting({}, still):
        run = await town.start(TOWN, OPEN, name="portal.ttl", media_type=None, source=None)
    assert (await ended(town, run)).error == ""
    assert set(await served(town, sqlite_db)) == {"a"}


@pytest.mark.threat("T147")
async def test_bug_answers_of_one_participant_held_the_imports_of_all(town: Harvest) -> None:
    """>> ten pieces of work of one town, as ten answers at once are, then one of its neighbour << that is the second:
    a town has one turn at a time, however much it asks for."""
    done: list[str] = []
    hands = [town._aside(TOWN, done.append, TOWN) for _ in range(10)]
    await asyncio.gather(*hands, town._aside(NEIGHBOUR, done.append, NEIGHBOUR))
    assert done == [TOWN, NEIGHBOUR, *[TOWN] * 9]

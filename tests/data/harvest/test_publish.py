"""Imports pass the rules of publications: what others would see waits for whoever the rules ask for."""

import asyncio
from typing import Any

import pytest

from connector.data.approvals import store as approvals
from connector.data.approvals.model import ApprovalRule
from connector.data.harvest.model import Answer
from connector.data.harvest.service import Harvest
from connector.foundation.errors import HanseError, Refusal, Unauthenticated
from connector.foundation.storage.database import Database, Tx, acting
from tests.data.harvest.imports import NEIGHBOUR, TOWN, WORDS, catalogue, ended, harvest, served, taken
from tests.data.harvest.portals import PORTAL, Portal
from tests.testkit.towns import Towns

ANSWER = Answer(kind="licence", value="Nutzungsbedingungen", answer="dl-by-de/2.0")
OPEN = catalogue("a")
FIRST = f"{PORTAL}/catalog?page=1"


@pytest.fixture
def town(towns: Towns) -> Harvest:
    return harvest(towns.db, people=towns.imports)


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
    town: Harvest, towns: Towns, name: str
) -> None:
    """>> a file and an address, each under each rule << both wait: nothing is public."""
    await ruled(towns.db, **RULES[name])
    assert (await taken(town, OPEN)).waiting == 1
    there = harvest(towns.db, Portal({FIRST: catalogue("b")}), towns.imports)
    report = (await ended(there, await there.start_url(TOWN, FIRST, source=None))).report
    assert report is not None
    assert (report.waiting, report.released, await served(town, towns.db)) == (1, 0, {})


@pytest.mark.threat("T143")
async def test_bug_what_waited_came_out_by_an_answer_or_an_undone_rule_alone(town: Harvest, towns: Towns) -> None:
    """>> taken in while nothing asks for others; then a rule << answers, undoing and redoing open nothing; without the
    rule they do."""
    german = ":b dct:language <http://publications.europa.eu/resource/authority/language/GER> .\n"
    await taken(town, catalogue("a", licence=WORDS) + catalogue("b", more=german))
    before = await served(town, towns.db)
    assert set(before) == {"b"}
    await ruled(towns.db, people="two")
    await town.answer(TOWN, [ANSWER])
    await town.undo(TOWN, "language")
    assert await served(town, towns.db) == before
    await ruled(towns.db)
    await town.undo(TOWN, "language", redo=True)
    assert set(await served(town, towns.db)) == {"a", "b"}
    await town.undo(TOWN, "language")
    await ruled(towns.db, protection=True)
    after = await served(town, towns.db)
    await town.undo(TOWN, "language", redo=True)
    assert await served(town, towns.db) == after
    assert b"language" not in after["b"].triples


async def test_rules_of_a_neighbour_and_for_closed_data_do_not_count(town: Harvest, towns: Towns) -> None:
    """>> four eyes for research and for contracts, and at another town << an import of open data goes out."""
    await ruled(towns.db, template="research", people="two")
    await ruled(towns.db, subject="contract", people="two", protection=True)
    assert (await taken(town, OPEN)).released == 1
    await ruled(towns.db, people="two")
    assert (await taken(town, OPEN, slug=NEIGHBOUR)).released == 1


async def test_a_source_may_wait_from_its_first_run(town: Harvest, towns: Towns) -> None:
    """>> no rule; begun with the choice << its first records wait already, and those of the next run."""
    run = await town.start(TOWN, OPEN, name="portal.ttl", media_type=None, source=None, wait=True)
    report = (await ended(town, run)).report
    assert report is not None
    assert (report.wait, report.waiting, await served(town, towns.db)) == (True, 1, {})
    assert (await taken(town, catalogue("a", "b"))).waiting == 2


@pytest.mark.threat("T140")
@pytest.mark.parametrize("refusal", [Unauthenticated("api.no-token"), Refusal("api.key-scope", scope="publish")])
async def test_bug_an_import_that_was_begun_with_a_right_published_without_it(
    town: Harvest, towns: Towns, refusal: HanseError
) -> None:
    """>> a key begins a file and an address, and is ended, or its person loses the role, while they are read << both
    runs say so, nothing is public, no source is kept; with the right that stays the same goes out."""
    there = harvest(towns.db, Portal({FIRST: OPEN}), towns.imports)
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
    assert (await served(town, towns.db), await town.sources(TOWN)) == ({}, [])
    may.append(True)
    with acting({}, still):
        run = await town.start(TOWN, OPEN, name="portal.ttl", media_type=None, source=None)
    assert (await ended(town, run)).error == ""
    assert set(await served(town, towns.db)) == {"a"}


@pytest.mark.threat("T147")
async def test_bug_answers_of_one_participant_held_the_imports_of_all(town: Harvest) -> None:
    """>> ten pieces of work of one town, as ten answers at once are, then one of its neighbour << that is the second:
    a town has one turn at a time, however much it asks for."""
    done: list[str] = []
    hands = [town._aside(TOWN, done.append, TOWN) for _ in range(10)]
    await asyncio.gather(*hands, town._aside(NEIGHBOUR, done.append, NEIGHBOUR))
    assert done == [TOWN, NEIGHBOUR, *[TOWN] * 9]

"""Every door that can open something, under every rule: nothing opens without the agreement, and with it, it does."""

from typing import Any

import pytest
from msgspec.structs import replace

from connector.data.approvals.decide import NotYours
from connector.data.approvals.publications import NewDataset, ReplacedDataset
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import acting
from tests.data.approvals.doors import (
    ANNA,
    BERTA,
    CARL,
    DOORS,
    OPEN_DATA,
    REFUSALS,
    TOWN,
    Door,
    Rule,
    World,
    refused,
    sampled,
)
from tests.testkit.towns import Towns

pytestmark = [pytest.mark.threat("T93"), pytest.mark.threat("T164")]

RULES: dict[str, Rule] = {
    "nobody": Rule(),
    "two people": Rule(people="two", agree=(BERTA,)),
    "data protection": Rule(protection=True, agree=(CARL,)),
    "two people and data protection": Rule(people="two", protection=True, agree=(BERTA, CARL)),
    "personal data": Rule(personal=True, agree=(CARL,)),
}
ALONE = ("two people", "data protection")
"""Which one rule has both of."""
QUICK = [pytest.param(name, marks=pytest.mark.long if name in ALONE else ()) for name in RULES]


async def begun(towns: Towns, rule: Rule) -> World:
    world = World(towns, rule)
    await world.begin()
    return world


async def agreed(w: World, door: Door, what: Any) -> None:
    """As a draft of the desk: nothing is seen until the last of those has agreed, and never by its author's yes."""
    assert door.wish is not None
    before, it = await w.seen(), w.towns.publications
    made = await w.towns.db.write(TOWN, it.submit, TOWN, ANNA, door.wish(w, what))
    if not w.rule.agree:
        assert made.approval is None
        return
    assert made.approval is not None
    with pytest.raises(NotYours):
        await w.towns.db.write(TOWN, it.yes, TOWN, made.approval.id, ANNA)
    for who in w.rule.agree:
        assert await w.seen() == before
        await w.towns.db.write(TOWN, it.yes, TOWN, made.approval.id, who)


def doors(rule: Rule) -> dict[str, Door]:
    return {name: one for name, one in DOORS.items() if one.persons or not rule.personal}


@pytest.mark.parametrize("name", QUICK)
async def test_one_person_alone_opens_nothing(towns: Towns, name: str) -> None:
    """>> each door by one person << without a rule others see something new; with one she is refused in words, and what
    others see is just what they saw."""
    w = await begun(towns, RULES[name])
    for called, door in doors(w.rule).items():
        what = await door.prepare(w)
        before = await w.seen()
        code = await refused(w, door, what)
        if w.rule.agree:
            assert (code in REFUSALS, await w.seen() == before) == (not door.waits, True), (called, code)
        else:
            assert (code, bool(await w.seen() - before)) == ("", True), called


@pytest.mark.parametrize("name", QUICK)
async def test_with_the_agreement_each_draft_opens_what_it_says(towns: Towns, name: str) -> None:
    """>> the same as drafts << they wait, nothing is seen; by the last yes something new is."""
    w = await begun(towns, RULES[name])
    for called, door in doors(w.rule).items():
        if door.wish is not None:
            what = await door.prepare(w)
            before = await w.seen()
            await agreed(w, door, what)
            assert await w.seen() - before, called


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.agree and not rule.personal])
async def test_what_cannot_be_drafted_opens_once_its_people_loosen_the_rule(towns: Towns, name: str) -> None:
    """>> imports, a group, a further offer; the rule loosened by those whom it names << each opens something."""
    w = await begun(towns, RULES[name])
    await w.loosened()
    for called, door in doors(w.rule).items():
        if door.wish is None:
            what = await door.prepare(w)
            before = await w.seen()
            assert (await refused(w, door, what), bool(await w.seen() - before)) == ("", True), called


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.agree and not rule.personal])
async def test_what_an_import_brought_opens_with_the_agreement(towns: Towns, name: str) -> None:
    """>> each door of imports by one person << it waits, she cannot agree; by the last yes of the others it is seen."""
    w, it = await begun(towns, RULES[name]), towns.publications
    for called, door in doors(w.rule).items():
        if door.waits:
            what, before = await door.prepare(w), await w.seen()
            known = {one.id for one in await towns.db.read(TOWN, towns.approvals.waiting, TOWN)}
            with acting({TOWN: ANNA.who}):
                assert await refused(w, door, what) == "", called
            (made,) = [one for one in await towns.db.read(TOWN, towns.approvals.waiting, TOWN) if one.id not in known]
            with pytest.raises(NotYours):
                await towns.db.write(TOWN, it.yes, TOWN, made.id, ANNA)
            for who in w.rule.agree:
                assert await w.seen() == before, called
                await towns.db.write(TOWN, it.yes, TOWN, made.id, who)
            assert await w.seen() - before, called


@pytest.mark.parametrize("name", ["two people", "data protection"])
async def test_bug_a_rule_for_open_data_did_not_ask_where_nothing_is_offered(towns: Towns, name: str) -> None:
    """>> a rule for the template of open data alone; each door to open data, CC0 too, which needs no offer << refused
    to one person, whether published, changed, replaced or imported; as drafts they wait; other doors stay open."""
    w = await begun(towns, RULES[name]._replace(template="open-attribution"))
    for called, door in DOORS.items():
        what = await door.prepare(w)
        before, asks = await w.seen(), called in OPEN_DATA
        code = await refused(w, door, what)
        assert (code in REFUSALS, await w.seen() == before) == (asks and not door.waits, asks), (called, code)
        if asks and door.wish is not None:
            await agreed(w, door, what)
            assert await w.seen() - before, called


@pytest.mark.parametrize("called", [name for name, door in DOORS.items() if door.bytes])
async def test_sample_data_come_out_of_no_door(towns: Towns, called: str) -> None:
    """>> the file for practising, at each door that takes bytes, without any rule << refused, as a draft too."""
    w, door = await begun(towns, RULES["nobody"]), DOORS[called]
    what, sample = await door.prepare(w), await sampled(w)
    what = (what[0], replace(what[1], source=sample)) if isinstance(what, tuple) else replace(what, source=sample)
    before = await w.seen()
    assert await refused(w, door, what) == "drafts.sample"
    assert door.wish is not None
    draft = door.wish(w, what)
    assert isinstance(draft, NewDataset | ReplacedDataset)
    with pytest.raises(Mistake, match=r"drafts\.sample"):
        await towns.db.write(TOWN, towns.publications.submit, TOWN, ANNA, draft)
    assert await w.seen() == before

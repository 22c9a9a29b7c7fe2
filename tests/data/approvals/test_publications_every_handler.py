"""Each door of the management surface by its address, with a steward's key: real routes, bodies and handlers.

`test_publications_every_door` drives the services; here nothing but addresses is called.
The desk: `test_publications_every_page`.
"""

import pytest

from connector.data.approvals import decide
from connector.data.approvals.imports import import_draft
from connector.data.approvals.model import Voter
from tests.data.approvals.addresses import Client, Walk, requests
from tests.data.approvals.doors import BERTA, CARL, DOORS, OPEN_DATA, OPENING, REFUSALS, TOWN, Rule, World
from tests.testkit.towns import Towns

pytestmark = [pytest.mark.threat("T164"), pytest.mark.threat("T165")]


@pytest.mark.parametrize(
    "rule",
    [
        Rule(),
        Rule(people="two", protection=True, agree=(BERTA, CARL)),
        Rule(personal=True, agree=(CARL,)),
        Rule(people="two", template="open-attribution", agree=(BERTA,)),
    ],
    ids=["nobody", "two and data protection", "personal data", "open data alone"],
)
async def test_a_key_opens_by_no_address_what_others_have_to_agree_to(
    towns: Towns, aiohttp_client: Client, rule: Rule
) -> None:
    """>> each door by its address << refused in words, or it waits for others, of whom she is none; what others see is
    just what they saw. Where no rule asks, each opens something. Every address that opens was walked, and each refusal
    has a status and code that the OpenAPI document names."""
    w = World(towns, rule)
    await w.begin()
    walk = Walk(w)
    await walk.begin(aiohttp_client)
    for name, door in DOORS.items():
        if rule.personal and not door.persons:
            continue
        what = await door.prepare(w)
        before = await w.seen()
        code = await walk.sends(requests(w, name, what))
        asks = bool(rule.agree) and (not rule.template or name in OPEN_DATA)
        assert (code in REFUSALS, await w.seen() == before) == (asks and not door.waits, asks), (name, code)
        assert asks or code == "", (name, code)
    if not rule.personal:
        assert walk.walked == {one for one in OPENING if one.startswith("POST P/")}
        await nobody_agrees_alone(w, Voter(walk.who, frozenset({"steward"})))


async def nobody_agrees_alone(w: World, who: Voter) -> None:
    """Of what waits since her key brought it, she can agree to nothing."""
    waiting = [one for one in await w.towns.db.read(TOWN, w.towns.approvals.waiting, TOWN) if import_draft(one)]
    assert bool(waiting) == bool(w.rule.agree)
    assert [decide.part_for(one.ballot, who) for one in waiting] == [None] * len(waiting)

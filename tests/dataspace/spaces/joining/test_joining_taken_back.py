"""Whoever leaves, or takes an application back, before or after it was admitted."""

from typing import Any

import pytest

from connector.data.approvals.decide import NotYours
from connector.dataspace.spaces.documents import RequestClaims
from connector.exchange.mandates.model import Wish
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Tx, acting
from tests.dataspace.spaces.conftest import (
    COUNTY,
    TOWN,
    County,
    applied,
    joined,
)
from tests.exchange.mandates.entrusting import YEAR_MS
from tests.testkit.cities import City


async def test_who_leaves_is_out_with_the_next_list(county: County, town: City) -> None:
    one = await joined(town, TOWN, county)
    assert (await town.services.spaces.joining.leave(TOWN, one.space)).state == "left"
    await county.issue()
    now = county.city.services.infra.clock.now()
    assert not county.city.services.trust.anchor.belonging(county.city.did(COUNTY), town.did(TOWN), now)
    assert (await town.services.spaces.joining.leave(TOWN, one.space)).state == "left"


async def test_an_applicant_takes_back_what_it_asked_for(county: County, town: City) -> None:
    """>> left while people still look at it << nobody can approve it any more, and it may apply anew."""
    one = await applied(town, TOWN, await county.invite(), county)
    assert (await town.services.spaces.joining.leave(TOWN, one.space)).state == "left"
    assert (await county.applications.get(COUNTY, one.application)).state == "withdrawn"
    with pytest.raises(Mistake):
        await county.admit(one)
    assert (await applied(town, TOWN, await county.invite(), county)).state == "pending"


async def test_an_applicant_under_a_mandate_takes_back_what_it_asked_for(county: County, town: City) -> None:
    """>> a mandate since it applied, so that its provider's key alone signs tokens << the town's seal says it."""
    one = await applied(town, TOWN, await county.invite(), county)
    until = town.services.infra.clock.now() + YEAR_MS
    wish = Wish(agent="did:web:it.example", name="IT", actions=("negotiate",), until=until, contract="1")
    await town.services.mandates.service.give(TOWN, wish)
    assert (await town.services.spaces.joining.leave(TOWN, one.space)).state == "left"
    assert (await county.applications.get(COUNTY, one.application)).state == "withdrawn"


async def test_who_leaves_while_it_is_admitted_is_out(
    county: County, town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the second yes comes between the look and the withdrawal << a member that left."""
    one = await applied(town, TOWN, await county.invite(), county)
    applications = county.applications
    waiting = applications.waiting

    async def meanwhile(slug: str, did: str) -> bool:
        found = await waiting(slug, did)
        await county.admit(one)
        return found

    monkeypatch.setattr(applications, "waiting", meanwhile)
    await town.services.spaces.joining.leave(TOWN, one.space)
    states = {one.did: one.state for one in await county.city.services.spaces.memberships.all(COUNTY)}
    assert states[town.did(TOWN)] == "left"


@pytest.mark.threat("T140")
async def test_bug_an_authority_was_told_by_whoever_might_do_so_no_more(county: County, town: City) -> None:
    """>> a person's right ends after the door and before the authority is told that the town leaves, agrees to a group,
    says a merger or takes it back << it is refused, and the authority was told nothing; the process itself may."""
    one = await joined(town, TOWN, county)
    spaces, asked = town.services.spaces, list[str]()
    http = spaces.joining._http

    class Counted:
        async def post(self, url: str, *args: Any, **kw: Any) -> Any:
            asked.append(url)
            return await http.post(url, *args, **kw)

    spaces.joining._http = Counted()  # type: ignore[assignment]

    def ended(tx: Tx) -> None:
        raise NotYours("access.role")

    group = RequestClaims(space=one.space, request="group-agree", group=f"{one.space}/groups/a")
    with acting({}, ended):
        for deed in (
            spaces.joining.leave(TOWN, one.space),
            spaces.elsewhere.ask(TOWN, group),
            spaces.own_mergers.say(TOWN, one.space, "", county.city.did(COUNTY), 0),
            spaces.own_mergers.withdraw(TOWN, one.space),
        ):
            with pytest.raises(NotYours):
                await deed
    assert asked == []
    states = {each.did: each.state for each in await county.city.services.spaces.memberships.all(COUNTY)}
    assert states[town.did(TOWN)] == "active"
    assert (await spaces.joining.leave(TOWN, one.space)).state == "left"
    assert len(asked) == 1

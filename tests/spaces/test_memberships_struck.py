"""A town ends its provider's mandate without the provider, by the code that it kept (T108; spec/mandates.md 5.2)."""

from typing import Any

import pytest
from msgspec.structs import replace

from connector.errors import Mistake, PeerError, Unauthenticated
from connector.mandates.model import Wish
from connector.spaces import decide
from connector.spaces.documents import RequestClaims
from connector.spaces.model import MOST_MANDATES, Entrusted, Keys, Member
from tests.mandates.entrusting import PROVIDER, YEAR_MS
from tests.spaces.conftest import COUNTY, PEOPLE, TOWN, County, joined
from tests.testkit.cities import City

pytestmark = pytest.mark.threat("T108")
CODE, OTHER = "0" * 64, "1" * 64


def member(**keys: Any) -> Member:
    return Member(
        participant=COUNTY, did="did:web:stadt.example", name="Stadt", operator="IT", kind="", ars="", admin_level="",
        keys=Keys(**keys), succeeds=(), state="active", since=0, until=None, suspended_since=None, reason="",
        application="", changed_at=0,
    )  # fmt: skip


def entrusted(code: str, *own: str) -> Entrusted:
    return Entrusted(agent=PROVIDER, withdrawal=code, own=own)


async def test_the_code_ends_it_everywhere(county: County, town: City) -> None:
    """>> a mandate, and its code read out at the authority << suspended, no member answers; its keys list nothing any
    more, and it does not come back while they are there."""
    memberships, spaces = county.city.services.spaces.memberships, town.services.spaces
    one = await joined(town, TOWN, county)
    until = town.services.infra.clock.now() + YEAR_MS
    wish = Wish(agent=PROVIDER, name="IT", actions=("negotiate",), until=until, contract="AVV 1")
    given = await town.services.mandates.service.give(TOWN, wish)
    await spaces.joining.work()
    did = town.did(TOWN)
    listed = next(entry for entry in await memberships.all(COUNTY) if entry.did == did)
    assert given.mandate.said["key"] in listed.keys.keys
    with pytest.raises(Mistake, match="withdrawal-code"):
        await memberships.strike(COUNTY, did, "0000-" * 7, PEOPLE[0])
    after = await memberships.strike(COUNTY, did, given.code.lower(), PEOPLE[0])
    assert (after.state, after.keys.keys) == ("suspended", ())
    assert set(after.keys.struck) == set(listed.keys.keys)
    await county.issue()
    anchor = county.city.services.trust.anchor
    with pytest.raises(Unauthenticated):
        anchor.between(county.city.did(COUNTY), did, county.city.services.infra.clock.now())
    hosted = await town.services.participants.get(TOWN)
    with pytest.raises(PeerError):
        await spaces.joining.request(hosted, one, RequestClaims(space=one.space, request="keys", keys=listed.keys))
    with pytest.raises(Mistake, match="keyless"):
        await memberships.change(COUNTY, did, "active", "", PEOPLE[0])
    await memberships.strike(COUNTY, did, given.code, PEOPLE[0])


def test_what_the_agent_does_not_hold_stays() -> None:
    """>> a seal key that lies with the town << it alone stays listed, and lists other keys."""
    after = decide.struck(member(keys=("op", "old", "own"), mandates=(entrusted(CODE, "own"),)), CODE, 5)
    assert (after.state, after.suspended_since, after.keys.keys, after.keys.struck) == (
        "suspended", 5, ("own",), ("op", "old"),
    )  # fmt: skip
    fresh = decide.with_keys(after, Keys(keys=("own", "new")), 6)
    assert (fresh.keys.keys, fresh.keys.struck, fresh.keys.mandates) == (
        ("own", "new"), ("op", "old"), after.keys.mandates,
    )  # fmt: skip
    with pytest.raises(PeerError, match="struck-key"):
        decide.with_keys(after, Keys(keys=("own", "op")), 6)


def test_a_provider_makes_no_code_forgotten() -> None:
    """>> keys sent without the mandate, with another one, with what the authority alone says, or with very many << the
    first code still counts."""
    before = member(keys=("op",), mandates=(entrusted(CODE),))
    for keys in (Keys(keys=("op",)), Keys(keys=("op",), mandates=(entrusted(OTHER),), struck=("x",))):
        after = decide.with_keys(before, keys, 1)
        assert after.keys.mandates[0] == entrusted(CODE)
        assert after.keys.struck == ()
        assert decide.struck(after, CODE, 2).state == "suspended"
    many = replace(before, keys=Keys(mandates=tuple(entrusted(f"{at:064x}") for at in range(MOST_MANDATES))))
    with pytest.raises(PeerError, match="mandates"):
        decide.with_keys(many, Keys(mandates=(entrusted("f" * 64),)), 1)


def test_a_code_of_another_member_and_who_left() -> None:
    with pytest.raises(Mistake, match="withdrawal-code"):
        decide.struck(member(keys=("op",), mandates=(entrusted(OTHER),)), CODE, 1)
    gone = replace(member(mandates=(entrusted(CODE),)), state="left")
    with pytest.raises(Mistake, match="step"):
        decide.struck(gone, CODE, 1)

"""Of two lists of one number the strictest counts until an operator settles it: nobody gains by the laxer one."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connector.foundation.clock import FakeClock, rfc3339
from connector.foundation.http.outbound import SafeClient
from connector.foundation.storage.database import PROCESS, Database
from connector.identity.trust.members import forks, pins
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.forks import ForkedList
from connector.identity.trust.members.space_lists import SpaceLists
from connector.identity.trust.members.strictest import disagreement, strictest
from connector.identity.trust.members.trust_list import (
    Entry,
    GroupPeriod,
    MergedInto,
    Predecessor,
    SecondKey,
    TrustList,
    Witness,
)
from tests.identity.trust.members.keepers import Keeper, of
from tests.identity.trust.members.lists import HOUR, NOW, entry

pytestmark = pytest.mark.threat("T163")
LATER, SOONER = rfc3339(NOW + 2 * HOUR), rfc3339(NOW + HOUR)
GROUP = "https://north.de/space/groups/a"
KEY = {"kty": "AKP", "alg": "ML-DSA-65", "pub": "x"}
LOG = {"kty": "EC", "crv": "P-256", "x": "a", "y": "b"}
WITNESS = Witness("Zeuge", "https://witness.de", ({"kty": "OKP"},))


def _list(*members: Entry, version: int = 7, **more: Any) -> TrustList:
    return TrustList(
        version=version, issued=rfc3339(NOW), next_update=SOONER, authority="urn:x", participants=members, **more
    )


def _counting(one: TrustList, two: TrustList, listed: TrustList | None = None) -> dict[str, Entry]:
    """The same whichever of both was held."""
    doubt, turned = disagreement(one, two), disagreement(two, one)
    found = [strictest(each, listed or one).participants for each in (doubt, turned)]
    assert found[0] == found[1]
    return {each.did: each for each in found[0]}


@pytest.mark.parametrize(
    ("lax", "strict", "counts"),
    [
        ({}, {"state": "suspended", "suspended_since": LATER}, {"state": "suspended", "suspended_since": LATER}),
        ({"valid_until": LATER}, {"valid_until": SOONER}, {"valid_until": SOONER}),
        ({}, {"valid_until": SOONER}, {"valid_until": SOONER}),
        ({}, {"valid_from": LATER}, {"valid_from": LATER}),
        ({"keys": ("a", "b")}, {"keys": ("b",)}, {"keys": ("b",)}),
        ({"groups": (GROUP, "x")}, {"groups": ("x",)}, {"groups": ("x",)}),
        (
            {"groups": (GROUP,), "group_periods": (GroupPeriod(GROUP, LATER),)},
            {"groups": (GROUP,)},
            {"groups": (), "group_periods": ()},
        ),
        ({"log_keys": (LOG,)}, {"log_keys": ({**LOG, "until": SOONER},)}, {"log_keys": ({**LOG, "until": SOONER},)}),
        (
            {"seal_certificates": ("a" * 64, "b" * 64)},
            {"seal_certificates": ("b" * 64,)},
            {"seal_certificates": ("b" * 64,)},
        ),
        (
            {"seal_key_pq": KEY},
            {"former_seal_keys_pq": (SecondKey(KEY, valid_until=SOONER),)},
            {"seal_key_pq": None, "former_seal_keys_pq": ()},
        ),
        ({"kind": "https://x.de/state"}, {}, {"kind": ""}),
        ({"ars": "01"}, {"ars": "02"}, {"ars": None}),
        ({"merged_into": MergedInto("did:web:w.de", SOONER, SOONER)}, {}, {"kind": "", "ars": None}),
        ({"succeeds": (Predecessor("did:web:old.de", SOONER),)}, {}, {"state": "suspended"}),
    ],
)
def test_of_what_two_lists_say_differently_the_strictest_counts(
    lax: dict[str, Any], strict: dict[str, Any], counts: dict[str, Any]
) -> None:
    """>> each thing that a list says of a member, said differently, in either order << what both bear out, and the rest
    of it as it was."""
    one, two = (replace(entry("town", NOW), **said) for said in (lax, strict))
    other = entry("village", NOW)
    for listed in (_list(one, other), _list(two, other), _list(one, other, version=9)):
        found = _counting(_list(one, other), _list(two, other), listed)
        assert {name: getattr(found[one.did], name) for name in counts} == counts
        assert found[other.did] is other


def test_who_is_a_member_in_one_of_both_alone_is_none_and_a_later_one_is() -> None:
    """>> the other list does not name it; a later list names somebody whom neither did << suspended; a member."""
    town, village, later = entry("town", NOW), entry("village", NOW), entry("later", NOW)
    found = _counting(_list(town, village), _list(town), _list(town, village, later, version=8))
    assert [one.state for one in found.values()] == ["active", "suspended", "active"]


def test_bug_whose_place_one_of_both_gives_away_went_on_acting() -> None:
    """>> by one of both a member has taken the place of another one, which both name alike; the member is listed by
    both, or by that one alone << neither of them acts, whichever list is in force, and later; with both alike it is as
    the list says."""
    old, heir, village = (entry(name, NOW) for name in ("old", "town", "village"))
    takes = replace(heir, succeeds=(Predecessor(old.did, rfc3339(NOW)),))
    moved = _list(old, takes, village)
    for before in (_list(old, heir, village), _list(old, village)):
        for listed in (moved, before, _list(old, takes, village, version=9)):
            found = _counting(moved, before, listed)
            states = {did: one.state for did, one in found.items()}
            assert states == {did: "active" if did == village.did else "suspended" for did in found}
    assert strictest(disagreement(moved, moved), moved) == moved


def test_a_witness_or_authority_of_which_both_say_something_else_does_not_count(tmp_path: Path) -> None:
    """>> a witness with other keys, a recognised space that one of both names << neither; what is alike stays."""
    named, alike = Keeper(tmp_path, "south").named(), replace(WITNESS, operator="Alike")
    one = _list(witnesses=(WITNESS, alike), recognised=(named,))
    two = _list(witnesses=(replace(WITNESS, keys=({"kty": "EC"},)), alike))
    found = strictest(disagreement(one, two), one)
    assert (found.witnesses, found.recognised) == ((alike,), ())


class Process:
    """One that goes by the list of a space; `named` is what it goes by of each member."""

    def __init__(self, db: Database) -> None:
        self.anchors: AnchorOfSpaces = of()
        self.lists = SpaceLists(db, FakeClock(NOW), self.anchors, SafeClient())

    def state(self, name: str) -> str:
        found = self.anchors.between("did:web:village.de", f"did:web:{name}.de", NOW) if self._is(name) else None
        return "none" if found is None else found.state

    def _is(self, name: str) -> bool:
        return bool(self.anchors.belonging("did:web:village.de", f"did:web:{name}.de", NOW))


async def test_the_strictest_counts_for_each_replica_and_after_a_start_until_it_is_settled(
    any_db: Database, tmp_path: Path
) -> None:
    """>> the list in force names a member that is suspended in the other of that number; a later list, a start, another
    replica << it is none for all of them, and each tells of the change; settled, the list in force counts again."""
    keeper, town, village = Keeper(tmp_path, "north"), entry("town", NOW), entry("village", NOW)
    held = keeper.says(town, village, version=7)
    other = keeper.says(replace(town, state="suspended"), village, version=7)
    await any_db.write(PROCESS, pins.pin, village.did, keeper.pin)
    await any_db.write(PROCESS, pins.keep, keeper.key.id, 7, held)
    one, two = Process(any_db), Process(any_db)
    for each in (one, two):
        await each.lists.catch_up()
        assert each.state("town") == "active"
    pair = ForkedList(authority=keeper.key.id, version=7, held=held, other=other)
    await any_db.write(PROCESS, forks.keep, pair, keeper.key.public_jwk)
    for each in (one, two):
        assert await each.lists.catch_up() == {town.did}
        assert await each.lists.catch_up() == set()
    await any_db.write(PROCESS, pins.keep, keeper.key.id, 8, keeper.says(town, village, version=8))
    started = Process(any_db)
    for each in (one, two, started):
        await each.lists.catch_up()
        listed = each.anchors.list_of(keeper.key.id)
        assert listed is not None
        assert (each.state("town"), each.state("village"), listed.version) == ("none", "active", 8)
    assert await any_db.write(PROCESS, forks.settle, keeper.key.id, 7)
    assert not await any_db.write(PROCESS, forks.settle, keeper.key.id, 7)
    for each in (one, two, started):
        assert await each.lists.catch_up() == {town.did}
        assert each.state("town") == "active"

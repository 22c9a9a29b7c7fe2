"""A member that is part of another one: rules know of it what the list says of both, from the decision on."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from connector.foundation.clock import rfc3339
from connector.foundation.errors import PeerError
from connector.identity.trust.keys.signing import SoftwareKey
from connector.identity.trust.members import mergers
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.claims import requester
from connector.identity.trust.members.mergers import UNKNOWN, Facts
from connector.identity.trust.members.successors import Step, Successors
from connector.identity.trust.members.trust_list import Anchor, Entry, MergedInto, Predecessor, read_list
from connector.kernel.policy.odrl.names import HANSE
from tests.identity.trust.members.keepers import Keeper, of
from tests.identity.trust.members.lists import HOUR, KIND, NOW, entry, listed

PART, WHOLE, MORE, OWN = (f"did:web:{name}.de" for name in ("part", "whole", "more", "own"))
COUNTY = "https://w3id.org/hanse/v1#county"
TOWN = Facts(KIND, "x:local", "053150000000")
NOBODY = Successors(())
pytestmark = pytest.mark.threat("T122")


def told(*known: tuple[str, Facts]) -> Mapping[str, Facts]:
    return dict(known)


def part_of(did: str, facts: Facts = TOWN) -> Facts:
    return facts._replace(into=did)


@pytest.mark.parametrize(
    ("whole", "known"),
    [
        (TOWN._replace(ars="051110000000"), TOWN),
        (TOWN._replace(kind=COUNTY), TOWN._replace(kind="")),
        (TOWN._replace(admin_level=None), TOWN._replace(admin_level=None)),
        (TOWN._replace(ars="091620000000"), TOWN._replace(ars=None)),
        (TOWN._replace(ars=None), TOWN._replace(ars=None)),
    ],
)
def test_what_the_list_says_of_both_is_known(whole: Facts, known: Facts) -> None:
    """>> a whole in the same state, of another kind, level or state, of no seat << what differs nobody knows."""
    found = told((PART, part_of(WHOLE)), (WHOLE, whole))
    assert mergers.common(PART, found.get, NOBODY, NOW) == known
    assert mergers.common(WHOLE, found.get, NOBODY, NOW) == whole, "the whole is what it was"


def test_whoever_took_the_place_of_the_whole_counts() -> None:
    """>> the whole has moved, or is itself part of a county << its successor's facts; those of all three."""
    line = Successors([Step(WHOLE, MORE, NOW)])
    found = told((PART, part_of(WHOLE)), (WHOLE, TOWN), (MORE, TOWN._replace(kind=COUNTY)))
    assert mergers.common(PART, found.get, line, NOW - 1).kind == KIND
    assert mergers.common(PART, found.get, line, NOW).kind == ""
    found = told((PART, part_of(WHOLE)), (WHOLE, part_of(MORE)), (MORE, TOWN._replace(kind=COUNTY)))
    assert mergers.common(PART, found.get, NOBODY, NOW).kind == ""


def test_nothing_is_known_of_a_part_of_nobody_and_in_a_circle() -> None:
    """>> the whole is not on the list; it is part of its part; of itself << nothing."""
    for found in (
        told((PART, part_of(WHOLE))),
        told((PART, part_of(WHOLE)), (WHOLE, part_of(PART))),
        told((PART, part_of(PART))),
        told((PART, part_of(WHOLE)), (WHOLE, part_of(MORE)), (MORE, part_of(WHOLE))),
    ):
        assert mergers.common(PART, found.get, NOBODY, NOW) == UNKNOWN


def test_parts_of_parts_change_with_their_whole() -> None:
    into = [(PART, WHOLE), (WHOLE, MORE), (OWN, "did:web:other.de")]
    assert mergers.parts({MORE}, into) == {PART, WHOLE}
    assert mergers.parts({PART}, into) == frozenset()
    assert mergers.parts({WHOLE}, [(PART, WHOLE), (WHOLE, PART)]) == {PART}


def merged(did: str, since: int = NOW, at: int = NOW) -> MergedInto:
    return MergedInto(did=did, since=rfc3339(since), listed=rfc3339(at))


@pytest.fixture
def authority() -> Authority:
    return Authority(SoftwareKey.generate("peer", "did:web:authority.example"))


def anchor(authority: Authority, *entries: Entry) -> Anchor:
    found = Anchor(authority.public_jwk)
    found.update(authority.issue(listed(authority, NOW, *entries)))
    return found


def test_rules_see_it_from_the_decision_on_and_can_be_asked_of_any_instant(authority: Authority) -> None:
    """>> merged since a year by law, decided an hour from now << until then kind and state, from then on the state."""
    part = entry("part", NOW - HOUR, ars="053150000000", merged_into=merged(WHOLE, NOW - 400 * 24 * HOUR, NOW + HOUR))
    found = anchor(authority, part, entry("whole", NOW - HOUR, kind=COUNTY, ars="051110000000"))
    before, after = (requester(found.member(PART, at)) for at in (NOW + HOUR - 1, NOW + HOUR))
    assert (before.kind, after.kind) == (KIND, "")
    state = HANSE + "participantLocation"
    assert dict(before.facts)[state] == dict(after.facts)[state]
    assert found.whole(OWN, PART, NOW) == (WHOLE, NOW - 400 * 24 * HOUR)
    assert found.whole(OWN, WHOLE, NOW) is None
    assert found.whole(OWN, "did:web:nobody.de", NOW) is None


def test_the_place_of_both_may_have_been_taken(authority: Authority) -> None:
    """>> asked of the part by the DID that it had before its move; the whole has moved as well << the DIDs of now."""
    moved = Predecessor(did="did:web:old.de", since=rfc3339(NOW))
    found = anchor(
        authority,
        entry("old", NOW - HOUR, valid_until=rfc3339(NOW)),
        entry("part", NOW, succeeds=(moved,), merged_into=merged(WHOLE)),
        entry("whole", NOW - HOUR),
        entry("more", NOW, succeeds=(Predecessor(did=WHOLE, since=rfc3339(NOW)),)),
    )
    assert found.whole(OWN, "did:web:old.de", NOW) == (MORE, NOW)


def test_a_list_with_a_time_that_is_none_is_no_list(authority: Authority) -> None:
    for wrong in (MergedInto(WHOLE, "2026-01-01", rfc3339(NOW)), MergedInto(WHOLE, rfc3339(NOW), "soon")):
        jws = authority.issue(listed(authority, NOW, entry("part", NOW, merged_into=wrong)))
        with pytest.raises(PeerError):
            read_list(jws, authority.public_jwk)


@pytest.fixture
def spaces(tmp_path: Path) -> tuple[Keeper, Keeper]:
    return Keeper(tmp_path, "north"), Keeper(tmp_path, "south")


def both(spaces: tuple[Keeper, Keeper], north: Entry, south: Entry, *more: Entry) -> AnchorOfSpaces:
    one, two = spaces
    own = entry("own", NOW - HOUR)
    return of((one, one.says(own, north, *more)), (two, two.says(own, south, *more)))


def test_of_two_spaces_either_may_say_it_and_neither_against_the_other(spaces: tuple[Keeper, Keeper]) -> None:
    """>> two lists that both count: one says it; both; each something else << it is shown, shown, not shown. Rules know
    the kind where both lists leave it."""
    part, more = entry("part", NOW - HOUR), (entry("whole", NOW), entry("more", NOW, kind=COUNTY))
    into = msgspec.structs.replace(part, merged_into=merged(WHOLE))
    other = msgspec.structs.replace(part, merged_into=merged(MORE))
    assert both(spaces, into, part, *more).whole(OWN, PART, NOW) == (WHOLE, NOW)
    assert both(spaces, into, into, *more).whole(OWN, PART, NOW) == (WHOLE, NOW)
    later = msgspec.structs.replace(part, merged_into=merged(WHOLE, NOW - 1, NOW - HOUR))
    assert both(spaces, into, later, *more).whole(OWN, PART, NOW) == (WHOLE, NOW), "each space decides in its own time"
    assert both(spaces, into, other, *more).whole(OWN, PART, NOW) is None
    assert both(spaces, into, part, *more).between(OWN, PART, NOW).kind == KIND
    assert both(spaces, into, other, *more).between(OWN, PART, NOW).kind == ""


def test_of_two_spaces_one_may_have_heard_of_the_move_of_the_whole(spaces: tuple[Keeper, Keeper]) -> None:
    """>> the whole has moved; one list said of whom the part is part before that, the other one after << the same."""
    part, old = entry("part", NOW - HOUR), entry("whole", NOW - HOUR, valid_until=rfc3339(NOW))
    heir = entry("more", NOW, succeeds=(Predecessor(did=WHOLE, since=rfc3339(NOW)),))
    before, after = (msgspec.structs.replace(part, merged_into=merged(did)) for did in (WHOLE, MORE))
    found = both(spaces, before, after, old, heir)
    assert found.whole(OWN, PART, NOW) == (MORE, NOW)


def test_parts_are_those_by_any_list_and_of_whoever_took_the_place_of_the_whole(spaces: tuple[Keeper, Keeper]) -> None:
    """>> two lists that each say something else of a part; the whole of one has moved << it is looked at again with
    either, and with the successor."""
    part, old = entry("part", NOW - HOUR), entry("whole", NOW - HOUR, valid_until=rfc3339(NOW))
    heir = entry("heir", NOW, succeeds=(Predecessor(did=WHOLE, since=rfc3339(NOW)),))
    one, other = (msgspec.structs.replace(part, merged_into=merged(did)) for did in (WHOLE, MORE))
    found = both(spaces, one, other, old, heir, entry("more", NOW))
    for did in (WHOLE, MORE, "did:web:heir.de"):
        assert found.parts({did}) == {PART}


def test_the_authority_of_another_space_says_nothing(spaces: tuple[Keeper, Keeper]) -> None:
    """>> a list of a space that our town is no member of says that its partner is part of somebody << nothing of it."""
    north, south = spaces
    part, own = entry("part", NOW - HOUR), entry("own", NOW - HOUR)
    hostile = msgspec.structs.replace(part, merged_into=merged("did:web:thief.de"), kind=COUNTY)
    found = of(
        (north, north.says(own, part)), (south, south.says(entry("village", NOW - HOUR), hostile, entry("thief", NOW)))
    )
    assert found.whole(OWN, PART, NOW) is None
    assert found.between(OWN, PART, NOW).kind == KIND
    assert found.whole("did:web:village.de", PART, NOW) == ("did:web:thief.de", NOW)

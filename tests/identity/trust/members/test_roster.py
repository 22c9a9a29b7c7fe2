"""What rules may know of a peer: what the trust list says of it now, and nothing about whoever does not belong."""

import pytest
from msgspec.structs import replace

from connector.foundation.clock import rfc3339
from connector.identity.trust.members.claims import STATES, requester
from connector.identity.trust.members.list_writer import next_list
from connector.identity.trust.members.roster import CurrentMembers
from connector.identity.trust.members.trust_list import Anchor, Entry, Group
from connector.kernel.policy.odrl.names import HANSE

NOW = 1_795_000_000_000
LEVEL = f"{HANSE}municipalLevel"
MEMBER = Entry(
    did="did:web:a.example",
    name="A",
    operator="A",
    kind=f"{HANSE}municipality",
    groups=("urn:g",),
    state="active",
    valid_from="2020-01-01T00:00:00Z",
    ars="053150000000",
    admin_level=LEVEL,
)


def claims(entry: Entry, on_hold: bool = False) -> CurrentMembers:
    class Listed(Anchor):
        def __init__(self) -> None:
            pass

        def entry(self, did: str) -> Entry | None:
            return entry if did == entry.did else None

    return CurrentMembers(Listed(), lambda did, own: on_hold)


def test_a_member_is_known_by_kind_groups_level_and_state() -> None:
    known = requester(MEMBER).known()
    assert known[f"{HANSE}participantKind"].value == {MEMBER.kind}
    assert known[f"{HANSE}memberOf"].value == {"urn:g"}
    assert known[f"{HANSE}adminLevel"].value == {LEVEL}
    assert known[f"{HANSE}participantLocation"].value == {f"{HANSE}DE-NW"}
    assert {fact.source for fact in known.values()} == {"verified-credential"}


@pytest.mark.parametrize("ars", [None, "", "0", "99999", "XX", "5315"])
def test_a_seat_that_the_list_does_not_say_is_unknown(ars: str | None) -> None:
    """An unreadable key is no place: absent, so that no rule about places is met."""
    assert f"{HANSE}participantLocation" not in requester(replace(MEMBER, ars=ars)).known()


def test_all_sixteen_states_are_known() -> None:
    assert len(set(STATES.values())) == 16


def test_who_does_not_belong_now_is_nobody() -> None:
    """Suspended, not yet, no longer, on hold, or somebody else."""
    assert claims(MEMBER).requester("", MEMBER.did, NOW) is not None
    assert claims(MEMBER).requester("", "did:web:b.example", NOW) is None
    assert claims(MEMBER, on_hold=True).requester("", MEMBER.did, NOW) is None
    assert claims(replace(MEMBER, state="suspended")).requester("", MEMBER.did, NOW) is None
    assert claims(replace(MEMBER, valid_from=rfc3339(NOW + 60_000))).requester("", MEMBER.did, NOW) is None
    assert claims(replace(MEMBER, valid_until=rfc3339(NOW))).requester("", MEMBER.did, NOW) is None


def test_the_end_of_a_membership_is_known_beforehand() -> None:
    assert claims(MEMBER).until("", MEMBER.did, NOW) is None
    assert claims(replace(MEMBER, valid_until=rfc3339(NOW))).until("", MEMBER.did, NOW) == NOW
    assert claims(MEMBER).until("", "did:web:b.example", NOW) is None


def test_members_and_what_they_hold_are_those_of_the_list() -> None:
    """>> one that belongs, one on hold, one suspended, one whose time is over << all but the last may be named."""
    listed = [
        MEMBER,
        replace(MEMBER, did="did:web:b.example"),
        replace(MEMBER, did="did:web:c.example", state="suspended"),
        replace(MEMBER, did="did:web:d.example", valid_until=rfc3339(NOW), groups=("urn:gone",)),
    ]

    class Listed(Anchor):
        version = 1

        def __init__(self) -> None:
            self._entries = {entry.did: entry for entry in listed}
            bare = next_list(None, authority="urn:a", now=NOW, life_ms=1, participants=())
            self._list = replace(
                bare, groups=(Group("urn:empty", {}, "did:web:a"), Group("urn:over", {}, "", bare.issued))
            )

    found = CurrentMembers(Listed(), lambda did, own: did == "did:web:b.example")
    assert [one.requester.did for one in found.members(NOW)] == [MEMBER.did]
    held = found.held(NOW)
    assert held[f"{HANSE}participant"] == {MEMBER.did, "did:web:b.example", "did:web:c.example"}
    assert held[f"{HANSE}memberOf"] == {"urn:g", "urn:empty"}, "a group that goes on, though nobody is in it yet"


def test_before_there_is_a_list_a_rule_may_name_anybody() -> None:
    assert CurrentMembers(Anchor({}), lambda did, own: False).held(NOW) == {}

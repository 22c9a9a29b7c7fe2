"""What an authority takes back from its own newest list, and numbers that no list had."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connector.data.approvals.model import Ballot
from connector.dataspace.spaces.decision import next_list, taking_back
from connector.dataspace.spaces.decision.taking_back import Change, unused
from connector.dataspace.spaces.model import DAY_MS, Keys, Member, Merger, WitnessKeys
from connector.dataspace.spaces.seal_model import Strike
from connector.foundation.clock import rfc3339
from connector.identity.trust.keys.jwk import thumbprint
from connector.identity.trust.keys.signing import SoftwareKey
from connector.identity.trust.members.trust_list import TrustList
from tests.dataspace.spaces.values import NOW, SPACE, member

pytestmark = pytest.mark.threat("T151")
LATER = NOW + DAY_MS
A, B, C, D, E, F, G = (f"did:web:{name}.de" for name in "abcdefg")
SEAL, OTHER = "a" * 64, "b" * 64
JWK = {name: text for name, text in SoftwareKey.generate("peer", "urn:x").public_jwk.items() if name != "kid"}
WITNESS = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}
BALLOT = Ballot(stewards=2, protection=0, drafter="", due_at=NOW)


def keys(did: str, letter: str) -> Keys:
    key = {**WITNESS, "x": letter * 43}
    return Keys(
        seal_certificates=(letter.lower() * 64,),
        log_keys=({**WITNESS, "x": letter * 42 + "Q"},),
        keys=(thumbprint(JWK),),
        witness=WitnessKeys(url=f"https://{did[8:]}/w", keys=(key,)),
        proven=(thumbprint(key),),
    )


LOST = (
    member(A, operator="RZ A", keys=keys(A, "A"), changed_at=NOW - 9),
    member(B, operator="RZ B", keys=keys(B, "B"), until=NOW + 300 * DAY_MS),
    member(C, operator="RZ C", keys=keys(C, "C"), state="suspended", suspended_since=NOW - 1_000),
    member(D, operator="RZ D", keys=keys(D, "D"), state="expelled", until=NOW - 1_000),
    member(E, operator="RZ E", state="left", until=NOW - 2_000),
    member(F, operator="RZ E", succeeds=((E, rfc3339(NOW - 2_000)),)),
    member(G, merger=Merger(into=F, since=NOW - DAY_MS, ballot=BALLOT, asked_at=NOW - 9, agreed=True, listed=NOW - 8)),
)
"""Members as they were when the newest list was made: what a restore loses."""


def listed(members: tuple[Member, ...] | list[Member], before: TrustList | None = None, at: int = NOW) -> TrustList:
    return next_list.following(SPACE, members, before, at, 9 if before is None else 10)


def test_the_next_list_is_as_if_nothing_had_been_lost() -> None:
    """>> nothing in the database, or everybody as active members with other keys << the list that follows says of
    members and witnesses what it would have said without the restore."""
    newest = listed(LOST)
    meant = listed(LOST, newest, LATER)
    backup = {
        one.did: replace(
            one,
            state="active",
            until=None,
            suspended_since=None,
            succeeds=(),
            merger=None,
            keys=replace(one.keys, seal_certificates=(OTHER,)),
            changed_at=NOW - DAY_MS,
        )
        for one in LOST[:4]
    }
    restored: list[Mapping[str, Member]] = [{}, backup]
    for known in restored:
        taken = taking_back.members("kreis", known, newest, LATER)
        found = listed(taken, newest, LATER)
        assert found.participants == meant.participants
        assert found.witnesses == meant.witnesses


def test_nobody_belongs_again_by_a_restore() -> None:
    """>> people were stricter here after the list that is taken back was made << that stays; what they allowed does
    not."""
    newest = listed([LOST[0], LOST[2]])
    known = {
        A: replace(LOST[0], state="suspended", suspended_since=LATER, changed_at=LATER),
        C: replace(LOST[2], state="active", suspended_since=None, changed_at=LATER),
    }
    taken = taking_back.members("kreis", known, newest, LATER)
    assert [(one.state, one.suspended_since) for one in taken] == [("suspended", LATER), ("suspended", NOW - 1_000)]


def test_what_was_struck_off_stays_struck_off() -> None:
    """>> a certificate was struck off since the backup << it is in what is taken back."""
    strike = Strike(name=SEAL, since=rfc3339(NOW - DAY_MS))
    first = listed([LOST[0]])
    struck = replace(LOST[0], keys=replace(LOST[0].keys, seal_certificates=(), strikes=(strike,)))
    (taken,) = taking_back.members("kreis", {A: LOST[0]}, listed([struck], first, LATER), LATER)
    assert taken.keys.strikes == (strike,)
    assert taken.keys.seal_certificates == ()


def test_people_read_what_changes_of_whom() -> None:
    """>> a list with all of them, against a database with two << each once, with the word for it."""
    newest = listed(LOST)
    known = {A: LOST[0], C: replace(LOST[2], state="active", suspended_since=None)}
    taken = taking_back.members("kreis", known, newest, LATER)
    found = taking_back.changes(known, taken, frozenset({A}))
    assert Change(did=C, name="A", what="suspended") in found
    assert {one.did: one.what for one in found} == {
        A: "groups",
        B: "new",
        C: "suspended",
        D: "new-ended",
        E: "new-left",
        F: "new",
        G: "new",
    }


class History:
    """An authority, its backups, and all numbers that it ever gave; lists are made once a second at most."""

    def __init__(self) -> None:
        self.now, self.newest, self.floor = NOW, 1, 0
        self.given, self.backups = [1], [(1, 0)]

    def issue(self, count: int) -> None:
        for _ in range(count):
            self.now += 1_000
            self.newest = max(self.newest + 1, self.floor)
            self.given.append(self.newest)

    def restore(self, which: int) -> None:
        """It takes a second at least: a stop, a command, a start, a person."""
        self.now += 1_000
        self.newest, floor = self.backups[which % len(self.backups)]
        self.floor = max(unused(NOW, self.now), floor + 1, self.newest + 1)


def test_bug_a_number_was_counted_from_the_newest_list_of_each_backup() -> None:
    """>> an old backup, then a younger one of the branch that was given up << it goes on above the other branch."""
    history = History()
    history.issue(3)
    history.backups.append((history.newest, history.floor))
    history.restore(0)
    history.issue(2)
    history.restore(1)
    history.issue(1)
    assert len(history.given) == len(set(history.given))


@given(st.lists(st.tuples(st.sampled_from(["issue", "wait", "backup", "restore"]), st.integers(0, 50)), max_size=30))
def test_no_number_is_given_twice_whatever_is_put_back(steps: list[tuple[str, int]]) -> None:
    """>> lists made, days without any, backups, and any of these put back in any order, nobody showing a list << each
    number once."""
    history = History()
    for what, number in steps:
        match what:
            case "issue":
                history.issue(number)
            case "wait":
                history.now += number * 777
            case "backup":
                history.backups.append((history.newest, history.floor))
            case _:
                history.restore(number)
    assert len(history.given) == len(set(history.given))

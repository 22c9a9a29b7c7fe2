"""Legal succession by the trust list: one successor each, no circle, from its day on."""

import pytest
from msgspec.structs import replace

from connector.foundation.errors import PeerError
from connector.identity.trust.keys.signing import SoftwareKey
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.list_writer import next_list
from connector.identity.trust.members.successors import Step, Successors, unambiguous
from connector.identity.trust.members.trust_list import Anchor, Entry, Predecessor, TrustList, read_list

A, B, C = (f"did:web:{name}.example" for name in ("altdorf", "neustadt", "kreisstadt"))


@pytest.fixture
def authority() -> Authority:
    return Authority(SoftwareKey.generate("peer", "did:web:authority.example"))


def entry(did: str, *succeeds: Predecessor) -> Entry:
    return Entry(
        did=did,
        name=did,
        operator=did,
        kind="x:municipality",
        groups=(),
        state="active",
        valid_from="2026-01-01T00:00:00Z",
        succeeds=succeeds,
    )


def listed(*entries: Entry, version: int = 1) -> TrustList:
    made = next_list(None, authority="urn:authority", now=1_795_000_000_000, life_ms=86_400_000, participants=entries)
    return replace(made, version=version)


def test_a_place_is_taken_from_its_day_on() -> None:
    line = Successors([Step(A, B, 100)])
    assert (line.successor(A, 99), line.successor(A, 100), line.successor(B, 100)) == (None, B, None)
    assert (line.predecessors(B, 99), line.predecessors(B, 100)) == ((), (A,))
    assert (line.since(A, 99), line.since(A, 100), line.succeeded(99), line.succeeded(100)) == (None, 100, (), (A,))


def test_a_place_may_be_taken_twice_one_after_the_other() -> None:
    """A became part of B, B later part of C << C stands in A's contracts, and B no longer."""
    line = Successors([Step(A, B, 100), Step(B, C, 200)])
    assert [line.successor(A, at) for at in (150, 250)] == [B, C]
    assert line.since(A, 250) == 200
    assert (line.predecessors(C, 250), line.predecessors(B, 250)) == ((A, B), ())


def test_two_successors_a_circle_and_oneself_are_no_line() -> None:
    assert unambiguous([Step(A, B, 1), Step(B, C, 1)])
    for steps in ([Step(A, B, 1), Step(A, C, 1)], [Step(A, B, 1), Step(B, A, 1)], [Step(A, A, 1)]):
        assert not unambiguous(steps)


@pytest.mark.parametrize(
    "entries",
    [
        (entry(B, Predecessor(A, "2027-01-01T00:00:00Z")), entry(C, Predecessor(A, "2027-01-01T00:00:00Z"))),
        (entry(A, Predecessor(A, "2027-01-01T00:00:00Z")),),
        (entry(B, Predecessor(A, "2027-01-01")),),
        (entry(B, Predecessor(A, "soon")),),
    ],
    ids=["two successors", "itself", "a day without a zone", "no time"],
)
def test_a_list_that_is_unclear_about_it_is_refused(authority: Authority, entries: tuple[Entry, ...]) -> None:
    with pytest.raises(PeerError, match="list-form"):
        read_list(authority.issue(listed(*entries)), authority.public_jwk)


def test_the_anchor_goes_by_the_newest_list(authority: Authority) -> None:
    anchor = Anchor(authority.public_jwk)
    now = 1_800_000_000_000
    assert anchor.line_for().successor(A, now) is None
    anchor.update(authority.issue(listed(entry(A), entry(B, Predecessor(A, "2027-01-01T00:00:00Z")))))
    assert (anchor.line_for().successor(A, now), anchor.line_for().successor(A, 1_795_000_000_000)) == (B, None)
    line = anchor.line_for()
    assert (line.predecessors(B, now), line.succeeded(now), line.since(A, now)) == ((A,), (A,), 1_798_761_600_000)
    anchor.update(authority.issue(listed(entry(A), entry(B), version=2)))
    assert anchor.line_for().successor(A, now) is None


def test_a_list_without_successors_reads_as_ever(authority: Authority) -> None:
    assert read_list(authority.issue(listed(entry(A))), authority.public_jwk).participants == (entry(A),)

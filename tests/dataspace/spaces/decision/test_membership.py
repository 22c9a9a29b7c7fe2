"""What becomes of a membership, as values: every state, every way an invitation may not hold."""

import itertools

import pytest
from msgspec.structs import replace

from connector.dataspace.spaces.decision import membership, next_list
from connector.dataspace.spaces.model import DAY_MS, OVER, Invitation, MemberState, Rules
from connector.foundation.errors import Mistake
from tests.dataspace.spaces.values import NOW, member


def invitation(**more: object) -> Invitation:
    known = Invitation(
        participant="kreis",
        id="1",
        code_hash="",
        name="A",
        ars="",
        kind="",
        domain="",
        state="open",
        made_by="",
        made_at=NOW,
        until=NOW + DAY_MS,
    )
    return replace(known, **more)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(membership.STEPS, membership.STEPS)))
def test_every_step_of_a_membership(before: str, after: str) -> None:
    """What is over stays over, and an end is one from that instant on; who is suspended is listed as such."""
    one = member(state=before, suspended_since=NOW - 1 if before == "suspended" else None)
    if before == after or before in OVER:
        with pytest.raises(Mistake):
            membership.step(one, after, NOW)  # type: ignore[arg-type]
        return
    entry = next_list.entry_of(membership.step(one, after, NOW))  # type: ignore[arg-type]
    assert entry.admitted(NOW) is (after == "active")
    assert (entry.state == "suspended") is (after == "suspended")
    assert (entry.valid_until is not None) is (after in OVER)


@pytest.mark.threat("T30")
@pytest.mark.parametrize(
    ("found", "host"),
    [
        (None, "a.de"),
        (invitation(state="used"), "a.de"),
        (invitation(state="withdrawn"), "a.de"),
        (invitation(until=NOW), "a.de"),
        (invitation(domain="a.de"), "b.de"),
        (invitation(domain="a.de"), "evil-a.de"),
        (invitation(domain="a.de"), "a.de.evil.de"),
    ],
)
def test_an_invitation_that_does_not_hold(found: Invitation | None, host: str) -> None:
    with pytest.raises(membership.WrongCode):
        membership.require_usable(found, host, NOW)


@pytest.mark.parametrize("host", ["a.de", "connector.a.de"])
def test_an_invitation_for_a_domain_is_for_hosts_below_it(host: str) -> None:
    assert membership.require_usable(invitation(domain="a.de"), host, NOW).id == "1"


@pytest.mark.parametrize("state", ["active", "suspended", "expelled", "left", "ended"])
def test_people_renew_who_belongs(state: MemberState) -> None:
    """>> each state << a term from today for who belongs, even if suspended; an error for who is over."""
    one, rules = member(state=state, until=NOW + DAY_MS), Rules(term_days=30, renewal="people")
    if state in OVER:
        with pytest.raises(Mistake):
            membership.extended(one, rules, NOW)
    else:
        assert membership.extended(one, rules, NOW).until == NOW + 30 * DAY_MS


def test_no_end_comes_sooner_by_renewal() -> None:
    long, endless, lapsed = member(until=NOW + 90 * DAY_MS), member(until=None), member(until=NOW)
    assert membership.extended(long, Rules(term_days=30), NOW) == long
    assert membership.extended(endless, Rules(term_days=30), NOW) == endless
    assert membership.extended(long, Rules(term_days=0), NOW).until is None
    with pytest.raises(Mistake):
        membership.extended(lapsed, Rules(term_days=30), NOW)


def test_renewal_is_in_time_and_once() -> None:
    rules, soon = Rules(term_days=365, renew_days=60), member(until=NOW + 60 * DAY_MS)
    renewed = membership.renewed(soon, rules, NOW)
    assert renewed is not None
    assert renewed.until == NOW + 365 * DAY_MS
    assert membership.renewed(renewed, rules, NOW) is None
    assert membership.renewed(member(until=NOW + 61 * DAY_MS), rules, NOW) is None
    assert membership.renewed(soon, replace(rules, renewal="people"), NOW) is None
    assert membership.renewed(replace(soon, state="suspended"), rules, NOW) is None
    assert membership.renewed(replace(soon, until=NOW), rules, NOW) is None
    assert membership.lapsed(replace(soon, until=NOW), NOW)
    assert not membership.lapsed(replace(soon, until=NOW, state="left"), NOW)


@pytest.mark.parametrize(("term", "renew"), [(1, 60), (30, 60), (60, 60), (61, 60), (90, 60), (365, 60)])
def test_a_term_shorter_than_its_notice_is_renewed_once(term: int, renew: int) -> None:
    """>> a term of thirty days that is renewed sixty days before its end << not anew in each second."""
    rules = Rules(term_days=term, renew_days=renew)
    first = member(until=membership.term(rules, NOW))
    assert membership.renewed(first, rules, NOW) is None
    later = NOW + term * DAY_MS - min(renew, term / 2) * DAY_MS
    renewed = membership.renewed(first, rules, int(later))
    assert renewed is not None
    assert membership.renewed(renewed, rules, int(later) + 1_000) is None


@pytest.mark.threat("T148")
def test_an_operator_is_known_by_how_its_name_looks() -> None:
    """>> a name that looks like a known one << refused, and taken for that one when a member moves there; written as a
    known one, or looking like none: as it is."""
    known = ("ITK Nord", "Itk Nord", "RZ")
    for name in ("ITK NORD", "ITK\u200b Nord", "\u0406TK Nord"):
        with pytest.raises(Mistake) as refused:
            membership.require_own_operator(name, known)
        assert refused.value.code == "spaces.operator-alike"
        assert membership.as_known(name, known) == "ITK Nord"
    for name in (*known, "ITK Süd"):
        membership.require_own_operator(name, known)
        assert membership.as_known(name, known) == name

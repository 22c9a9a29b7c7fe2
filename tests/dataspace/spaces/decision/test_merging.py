"""What makes a merger true, as values: who said what, when, and what can be at all."""

import pytest
from msgspec.structs import replace

from connector.data.approvals.decide import Late
from connector.data.approvals.model import Voter
from connector.dataspace.spaces.decision import membership, merging, next_list
from connector.dataspace.spaces.model import APPLICATION_MS, Keys, Member, Rules
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake, PeerError
from tests.dataspace.spaces.values import NOW, SPACE, member

PART, WHOLE, MORE = (f"did:web:{name}.de" for name in ("part", "whole", "more"))
DAY = NOW - 1
OWN = "did:web:kreis.de"
ANNA, BERT = (Voter(who, frozenset({"steward"})) for who in ("anna", "bert"))
pytestmark = pytest.mark.threat("T122")


def of(*known: Member) -> dict[str, Member]:
    return {one.did: one for one in known}


def two(**more: object) -> dict[str, Member]:
    return of(member(PART, **more), member(WHOLE))


def asked(members: dict[str, Member], did: str = PART, into: str = WHOLE, day: int = DAY, at: int = NOW) -> Member:
    return merging.asked(members[did], into, day, Rules(), members, at)


def said(members: dict[str, Member], did: str = PART, into: str = WHOLE) -> dict[str, Member]:
    """Both have said it."""
    members = members | of(asked(members, did, into))
    return members | of(merging.agreed(members[did], into, DAY, members, NOW))


def listed(members: dict[str, Member], did: str = PART) -> dict[str, Member]:
    """Two people have agreed."""
    for voter in (ANNA, BERT):
        members = members | of(merging.approved(members[did], voter, members, OWN, NOW))
    return members


def test_three_words_make_it_true() -> None:
    """>> the part, the whole, two people << in the list from then on, and not before the last of them."""
    members = said(two())
    assert next_list.entry_of(members[PART]).merged_into is None
    members = members | of(merging.approved(members[PART], ANNA, members, OWN, NOW))
    assert next_list.entry_of(members[PART]).merged_into is None
    members = members | of(merging.approved(members[PART], BERT, members, OWN, NOW + 5))
    found = next_list.entry_of(members[PART]).merged_into
    assert found is not None
    assert (found.did, found.since, found.listed) == (WHOLE, rfc3339(DAY), rfc3339(NOW + 5))
    told = next_list.following(SPACE, list(members.values()), None, NOW, 1)
    assert [one.did for one in told.participants if one.merged_into is not None] == [PART]


@pytest.mark.parametrize(
    ("into", "since", "agrees"),
    [
        (WHOLE, "2026-11-18", True),
        ("", "2026-11-18", True),
        (WHOLE, "", True),
        (MORE, "2026-11-18", False),
        (MORE, "", False),
        (WHOLE, "2026-11-17", False),
        (WHOLE, "gestern", False),
    ],
)
def test_bug_nothing_noticed_if_people_agreed_to_another_whole_than_they_read(
    into: str, since: str, agrees: bool
) -> None:
    """>> what she read: the same, half of it; another whole, another day << her word; told to read again."""
    members = said(two())
    seen = merging.ShownMerger(into, since)
    if agrees:
        assert merging.approved(members[PART], ANNA, members, OWN, NOW, seen) != members[PART]
        return
    with pytest.raises(Mistake, match=r"spaces\.merger-changed"):
        merging.approved(members[PART], ANNA, members, OWN, NOW, seen)


def test_the_same_again_is_the_same() -> None:
    """>> every word twice << as after the first; also once it is in the list."""
    members = said(two())
    once = merging.approved(members[PART], ANNA, members, OWN, NOW)
    assert merging.approved(once, ANNA, members | of(once), OWN, NOW + 1) == once
    for _ in range(2):
        assert asked(members, at=NOW + 1) == members[PART]
        assert merging.agreed(members[PART], WHOLE, DAY, members, NOW + 1) == members[PART]
        members = listed(members) if merging.listed(members[PART]) is None else members
    with pytest.raises(Late, match=r"spaces\.merger-approved"):
        merging.approved(members[PART], ANNA, members, OWN, NOW)


def test_another_word_of_the_part_takes_the_first_ones_place() -> None:
    """>> another day, or another whole << nobody has agreed to that; in the list nothing changes any more."""
    members = said(two()) | of(member(MORE))
    members = members | of(merging.approved(members[PART], ANNA, members, OWN, NOW))
    for change in ({"day": DAY - 1}, {"into": MORE}):
        after = asked(members, **change).merger  # type: ignore[arg-type]
        assert after is not None
        assert (after.agreed, after.ballot.votes) == (False, ())
        with pytest.raises(PeerError, match="merged-already"):
            asked(members | of(merging.approved(members[PART], BERT, members, OWN, NOW)), **change)  # type: ignore[arg-type]


def test_the_whole_says_the_very_same_or_nothing() -> None:
    members = two() | of(asked(two()), member(MORE))
    for into, day in ((WHOLE, DAY - 1), (MORE, DAY)):
        with pytest.raises(PeerError, match="merger-unsaid"):
            merging.agreed(members[PART], into, day, members, NOW)
    for found in (None, members[MORE]):
        with pytest.raises(PeerError, match="merger-unsaid"):
            merging.agreed(found, WHOLE, DAY, members, NOW)


def test_people_agree_only_to_what_both_have_said() -> None:
    """>> before the whole has spoken; the authority is the whole << refused; its people are its word."""
    members = two() | of(asked(two()))
    with pytest.raises(Mistake, match="merger-unagreed"):
        merging.approved(members[PART], ANNA, members, OWN, NOW)
    assert merging.approved(members[PART], ANNA, members, WHOLE, NOW) != members[PART]
    with pytest.raises(Mistake, match="no-merger"):
        merging.approved(members[WHOLE], ANNA, members, OWN, NOW)


def test_in_time_or_anew() -> None:
    """>> nobody decided for a month << the whole's word and people's come too late; said anew it is open again."""
    members, late = said(two()), NOW + APPLICATION_MS
    unsaid = two() | of(asked(two()))
    with pytest.raises(Late, match=r"spaces\.merger-expired"):
        merging.approved(members[PART], ANNA, members, OWN, late)
    with pytest.raises(PeerError, match="merger-unsaid"):
        merging.agreed(unsaid[PART], WHOLE, DAY, unsaid, late)
    again = asked(members, at=late)
    assert again != members[PART]
    assert merging.agreed(again, WHOLE, DAY, members | of(again), late) != again


def test_one_no_ends_it() -> None:
    members = said(two())
    gone = merging.refused(members[PART], ANNA, "Kein Beschluss.", NOW)
    assert (gone.merger and gone.merger.reason, merging.listed(gone)) == ("Kein Beschluss.", None)
    with pytest.raises(Late, match=r"spaces\.merger-refused"):
        merging.approved(gone, BERT, members | of(gone), OWN, NOW)
    with pytest.raises(PeerError, match="merger-unsaid"):
        merging.agreed(gone, WHOLE, DAY, members | of(gone), NOW)


def test_the_whole_takes_its_word_back_before_it_is_decided() -> None:
    """>> both have said it, Anna agrees; the whole takes it back, twice << as if neither it nor Anna had said anything;
    people agree to nothing; both may go on."""
    members = said(two())
    members = members | of(merging.approved(members[PART], ANNA, members, OWN, NOW))
    back = merging.withdrawn(members[PART], WHOLE, NOW + 1)
    assert back.merger is not None
    assert (back.merger.agreed, back.merger.ballot.votes, back.merger.asked_at) == (False, (), NOW + 1)
    assert merging.withdrawn(back, WHOLE, NOW + 2) == back
    with pytest.raises(Mistake, match="merger-unagreed"):
        merging.approved(back, BERT, members | of(back), OWN, NOW + 2)
    again = members | of(merging.agreed(back, WHOLE, DAY, members | of(back), NOW + 3))
    assert merging.listed(listed(again)[PART]) is not None


def test_the_part_takes_its_word_back_and_says_it_anew() -> None:
    """>> both have said it; the part takes it back, twice; the whole says it; people agree; the part says it anew
    << refused, with what became of it; nothing of the first counts."""
    members = said(two())
    back = merging.withdrawn(members[PART], PART, NOW + 1)
    assert merging.withdrawn(back, PART, NOW + 2) == merging.withdrawn(back, WHOLE, NOW + 2) == back
    with pytest.raises(PeerError, match="merger-unsaid"):
        merging.agreed(back, WHOLE, DAY, members | of(back), NOW + 2)
    for decide_on in (merging.refused(members[PART], ANNA, "Kein Beschluss.", NOW), back):
        state = "refused" if decide_on is not back else "withdrawn"
        with pytest.raises(Late, match=rf"spaces\.merger-{state}"):
            merging.approved(decide_on, BERT, members | of(decide_on), OWN, NOW + 2)
    anew = asked(members | of(back), at=NOW + 3).merger
    assert anew is not None
    assert (anew.agreed, anew.ballot.votes, anew.ballot.state) == (False, (), "open")


def test_nothing_is_taken_back_after_the_decision_or_by_others() -> None:
    """>> in the list, refused, a month later; by somebody else, of who said nothing, of a stranger << refused."""
    members = said(two())
    refused = merging.refused(members[PART], ANNA, "Kein Beschluss.", NOW)
    over = ((listed(members)[PART], NOW), (refused, NOW), (members[PART], NOW + APPLICATION_MS))
    for decided, at in over:
        for who in (PART, WHOLE):
            with pytest.raises(PeerError, match="merger-decided"):
                merging.withdrawn(decided, who, at)
    for found, who in ((members[PART], MORE), (members[WHOLE], WHOLE), (None, WHOLE)):
        with pytest.raises(PeerError, match="merger-not-said"):
            merging.withdrawn(found, who, NOW)


@pytest.mark.parametrize("did", [PART, WHOLE])
def test_nobody_whose_term_is_over_is_a_member(did: str) -> None:
    """>> the term of either ends in this moment, and nobody has booked it yet << refused, and taken just before."""
    for until, over in ((NOW, True), (NOW + 1, False)):
        members = said(two())
        members = members | of(replace(members[did], until=until))
        if over:
            with pytest.raises(Mistake, match="merger-state"):
                merging.approved(members[PART], ANNA, members, OWN, NOW)
        else:
            assert merging.approved(members[PART], ANNA, members, OWN, NOW).merger is not None


@pytest.mark.parametrize("state", ["suspended", "expelled", "left", "ended"])
def test_both_are_active_members(state: str) -> None:
    """When it is asked for, when the whole says it, and when people decide."""
    members = said(two())
    for did in (PART, WHOLE):
        off = two() | of(member(did, state=state))
        with pytest.raises(PeerError, match="merger-state"):
            asked(off)
        off = members | of(replace(members[did], state=state))  # type: ignore[arg-type]
        with pytest.raises(Mistake, match="merger-state"):
            merging.approved(off[PART], ANNA, off, OWN, NOW)
        first = two() | of(asked(two()))
        off = first | of(replace(first[did], state=state))  # type: ignore[arg-type]
        with pytest.raises(PeerError, match="merger-state"):
            merging.agreed(off[PART], WHOLE, DAY, off, NOW)
    with pytest.raises(PeerError, match="merger-state"):
        asked(of(member(PART)))


def test_no_circle_however_long() -> None:
    """>> into itself; the whole into its part; into a part of its part; into what the part was before it moved."""
    members = listed(said(two())) | of(member(MORE))
    with pytest.raises(PeerError, match="merger-circle"):
        asked(two(), into=PART)
    with pytest.raises(PeerError, match="merger-circle"):
        asked(members, did=WHOLE, into=PART)
    longer = listed(said(members, WHOLE, MORE), WHOLE)
    with pytest.raises(PeerError, match="merger-circle"):
        asked(longer, did=MORE, into=PART)
    moved = members | of(member(WHOLE, state="left"), member(MORE, succeeds=((WHOLE, rfc3339(NOW)),)))
    with pytest.raises(PeerError, match="merger-circle"):
        asked(moved, did=MORE, into=PART)
    assert merging.wholes(PART, of(member(PART, succeeds=((PART, ""),)))) == [PART], "ends, whatever stands there"


def test_only_from_its_day_on() -> None:
    for day in (NOW + 1, 0, -1):
        with pytest.raises(PeerError, match="merger-early"):
            asked(two(), day=day)
    assert asked(two(), day=NOW).merger is not None


def test_what_is_true_goes_along_when_it_moves() -> None:
    """>> a part moves; one that had only asked; one that had taken it back, was refused, or waited for too long, and
    one that moves again << still part of the whole; to be said anew; as it was."""
    members = listed(said(two()))
    after = membership.moved(members[PART], MORE, Keys(), "RZ", NOW + 9)
    assert after.merger == members[PART].merger
    asked_for = said(two())[PART]
    moved = membership.moved(asked_for, MORE, Keys(), "RZ", NOW).merger
    assert moved is not None
    assert (moved.lapsed, moved.into, moved.since, moved.ballot.state) == (True, WHOLE, DAY, "withdrawn")
    over = [merging.withdrawn(asked_for, PART, NOW), merging.refused(asked_for, ANNA, "Nein.", NOW)]
    for one in (*over, replace(asked_for, merger=moved)):
        assert membership.moved(one, MORE, Keys(), "RZ", NOW).merger == one.merger
    assert membership.moved(asked_for, MORE, Keys(), "RZ", NOW + APPLICATION_MS).merger == asked_for.merger


def test_what_waits_for_people_is_over_when_the_whole_moves() -> None:
    """>> a whole moves of which one says to be part, one is by the list, and one was part of another << the first
    alone has to say it anew, and nobody can agree to it, refuse or confirm it."""
    members = said(two())
    other = listed(said(of(member(MORE), member(WHOLE)), MORE), MORE)
    members = members | of(other[MORE], asked(of(member(OWN), member(MORE)), OWN, MORE))
    ((after, into),) = merging.lapsed(members, {WHOLE}, NOW)
    assert (after.did, after.merger is not None and after.merger.lapsed, into) == (PART, True, WHOLE)
    members = members | of(after)
    for decided in (
        lambda: merging.approved(members[PART], ANNA, members, OWN, NOW),
        lambda: merging.refused(members[PART], ANNA, "Nein.", NOW),
    ):
        with pytest.raises(Late, match="merger-lapsed"):
            decided()
    with pytest.raises(PeerError, match="merger-unsaid"):
        merging.agreed(members[PART], WHOLE, DAY, members, NOW)
    assert list(merging.lapsed(members, {WHOLE}, NOW)) == []


def test_a_member_is_known_by_all_its_names() -> None:
    """>> one that moved twice; one that never did; a circle that a broken table would have << each once."""
    first, second = replace(member(PART), succeeds=((MORE, ""),)), replace(member(WHOLE), succeeds=((PART, ""),))
    members = of(first, second, member(MORE))
    assert merging.names(WHOLE, members) == {PART, WHOLE, MORE}
    assert merging.names(MORE, members) == {MORE}
    assert merging.names(PART, members | of(replace(members[MORE], succeeds=((PART, ""),)))) == {PART, MORE}

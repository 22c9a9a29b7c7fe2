"""The state machine of an approval: pure, and explored exhaustively by its test (spec/approvals.md 2).

Whoever wrote a part of it does not agree to it, any steward may refuse, one person agrees once, and after the end
nothing changes. What is not approved in time is not approved: it fails closed.
"""

from msgspec.structs import replace

from connector.data.approvals.model import Ballot, Part, State, Vote, Voter
from connector.foundation.errors import Mistake

ROLE_OF: dict[Part, str] = {"steward": "steward", "protection": "protection"}


class Late(Mistake):
    """It was decided already, or its time is over: 409."""

    status = 409


class NotYours(Mistake):
    """Somebody else has to decide that: 403."""

    status = 403


def yes(ballot: Ballot, voter: Voter, part: Part, now: int) -> Ballot:
    """The same ballot if she has said so already; raises Late or NotYours."""
    require_open(ballot, now)
    before = next((vote for vote in ballot.votes if vote.who == voter.who), None)
    if before is not None:
        if before.part == part:
            return ballot
        raise NotYours("approvals.one-voice")
    _require_entitled(ballot, voter, part)
    if ballot.missing(part) <= 0:
        raise NotYours("approvals.enough")
    after = replace(ballot, votes=(*ballot.votes, Vote(voter.who, part, now)))
    done = after.missing("steward") <= 0 and after.missing("protection") <= 0
    return replace(after, state="approved") if done else after


def revoke(ballot: Ballot, voter: Voter, now: int) -> Ballot:
    """Without her yes; raises Late after the last one, NotYours if there is none of hers."""
    require_open(ballot, now)
    left = tuple(vote for vote in ballot.votes if vote.who != voter.who)
    if left == ballot.votes:
        raise NotYours("approvals.no-vote")
    return replace(ballot, votes=left)


def departed(ballot: Ballot, who: str, role: str) -> Ballot:
    """Without what she has said in a role that she has no more; what was decided stays as it is."""
    if ballot.state != "open":
        return ballot
    return replace(ballot, votes=tuple(vote for vote in ballot.votes if vote.who != who or ROLE_OF[vote.part] != role))


def no(ballot: Ballot, voter: Voter, now: int) -> Ballot:
    """One no ends it: of any steward, also of one who wrote it; raises Late or NotYours."""
    return _ended(ballot, voter, now, "refused")


def counter(ballot: Ballot, voter: Voter, now: int) -> Ballot:
    """Other terms are offered instead: for a steward; raises Late or NotYours."""
    require_open(ballot, now)
    _require_role(voter, "steward")
    _require_other(ballot, voter)
    return _ended(ballot, voter, now, "countered")


def expire(ballot: Ballot, now: int) -> Ballot:
    """The deadline: what is open then is over."""
    return replace(ballot, state="expired") if ballot.state == "open" and now >= ballot.due_at else ballot


def withdraw(ballot: Ballot) -> Ballot:
    """Nobody needs it any more: its drafter took it back, or the negotiation went on without it."""
    return replace(ballot, state="withdrawn") if ballot.state == "open" else ballot


def part_for(ballot: Ballot, voter: Voter) -> Part | None:
    """In which part she could still agree; None: in none. Data protection first, for few can do that."""
    if (
        ballot.state != "open"
        or not voter.who
        or voter.who in ballot.authors
        or any(vote.who == voter.who for vote in ballot.votes)
    ):
        return None
    parts: tuple[Part, ...] = ("protection", "steward")
    return next((part for part in parts if ROLE_OF[part] in voter.roles and ballot.missing(part) > 0), None)


def lacking(ballot: Ballot, stewards: frozenset[str], officers: frozenset[str]) -> Part | None:
    """The part in which there are not enough people who could still agree, of those who have the roles; None: there
    are enough. Whoever is steward and data protection is one person, and counts for one part."""
    gone = ballot.authors | {vote.who for vote in ballot.votes}
    free, other = stewards - gone, officers - gone
    wanted, protection = max(ballot.missing("steward"), 0), max(ballot.missing("protection"), 0)
    if wanted > len(free):
        return "steward"
    if protection > len(other):
        return "protection"
    return "steward" if protection and wanted + protection > len(free | other) else None


def falls_short(ballot: Ballot, stewards: int, protection: int) -> bool:
    """Whether it asks for fewer people than these: a yes counted under such a rule completes nothing any more."""
    return ballot.stewards < stewards or ballot.protection < protection


def require_open(ballot: Ballot, now: int) -> None:
    """Raises Late: with what became of it."""
    state: State = expire(ballot, now).state
    if state != "open":
        raise Late(f"approvals.{state}")


def _ended(ballot: Ballot, voter: Voter, now: int, state: State) -> Ballot:
    require_open(ballot, now)
    if not voter.who or not any(ROLE_OF[part] in voter.roles and _asked(ballot, part) for part in ROLE_OF):
        raise NotYours("approvals.role")
    if "steward" not in voter.roles:
        _require_other(ballot, voter)
    return replace(ballot, state=state)


def _asked(ballot: Ballot, part: Part) -> bool:
    return part == "steward" or ballot.protection > 0


def _require_entitled(ballot: Ballot, voter: Voter, part: Part) -> None:
    _require_role(voter, ROLE_OF[part])
    _require_other(ballot, voter)


def _require_role(voter: Voter, role: str) -> None:
    if role not in voter.roles or not voter.who:  # without a name two people could not be told apart
        raise NotYours("approvals.role")


def _require_other(ballot: Ballot, voter: Voter) -> None:
    if voter.who in ballot.authors:
        raise NotYours("approvals.own-draft")

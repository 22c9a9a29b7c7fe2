"""Who of ours agreed to a contract: all who voted, whoever asked for it, whoever ordered the signature.

What the ballots of `approvals` count is what the signed approval says, person by person (spec/contracts.md 1.7).
"""

from collections.abc import Sequence

from connector.data.approvals.model import ApprovalRow
from connector.exchange.contracts.approval import Approval, Joint, jointly
from connector.exchange.contracts.model import NegotiationRow
from connector.foundation.clock import rfc3339
from connector.verify.formats.people import Person


def by(held: ApprovalRow, case: NegotiationRow) -> Approval:
    """All who agreed; outside stands the steward who was last, else data protection."""
    votes = held.ballot.votes
    last = next((vote for vote in reversed(votes) if vote.part == "steward"), votes[-1])
    return jointly(Approval(role=last.part, pseudonym=last.who), rfc3339(last.at), _counted(held, case))


def ordered(by: Approval, now: int, held: ApprovalRow | None, case: NegotiationRow, terms: str) -> Approval:
    """Of a person who orders our signature at `now` (ms), with those who had agreed to the same terms (a digest)."""
    if held is None or held.ballot.state != "approved" or held.terms != terms:
        return by
    return jointly(by, rfc3339(now), _counted(held, case))


def _counted(held: ApprovalRow, case: NegotiationRow) -> list[Person]:
    """Those who voted, and whoever of ours asked for it, where the ballot counts her as the first who agrees."""
    voted = [Person(rfc3339(vote.at), vote.who, vote.part) for vote in held.ballot.votes]
    return [*(one for one in _known(held, case) if one.pseudonym in held.ballot.authors), *voted]


def _known(held: ApprovalRow, case: NegotiationRow) -> Sequence[Person]:
    """Whom the negotiation names so far: whoever asked, when it began, or all of an earlier step."""
    known = case.approval
    if known is None or isinstance(known, Joint):
        return () if known is None else known.people
    asked_at = held.asked_at if case.proposed else case.created_at
    return (Person(rfc3339(asked_at), known.pseudonym, known.role),)

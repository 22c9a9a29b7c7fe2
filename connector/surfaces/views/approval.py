"""An approval as people see it: what it is about, who has agreed, who is missing, and what somebody can do now."""

from typing import Literal

import msgspec

from connector.data.approvals import decide
from connector.data.approvals.imports import ImportedDatasets, import_draft
from connector.data.approvals.model import ApprovalRow, Part, State, Subject, Voter
from connector.foundation.storage.database import Tx
from connector.identity.accounts.directory import Directory
from connector.identity.trust.members.trust_list import Anchor
from connector.surfaces.views.members import Members

Tone = Literal["info", "success", "warning", "danger"]
TONES: dict[State, Tone] = {
    "open": "warning",
    "approved": "success",
    "refused": "danger",
    "countered": "info",
    "expired": "danger",
    "withdrawn": "info",
}


class VoteView(msgspec.Struct, frozen=True):
    """A yes: in which part, by whom (empty once nobody knows her any more), when (ms), and whether it is one's own."""

    part: Part
    name: str
    at: int
    mine: bool


class ApprovalView(msgspec.Struct, frozen=True, kw_only=True):
    """`part` is the one in which whoever looks could agree now; `revocable` and `withdrawable` are hers to do.

    `unconfirmed` are those names that nobody but the person herself stands for. `about`: of publications, whether it is
    about imports. `refusable`: she may say no. `stewards` and `protection` are how many are missing. Times in
    milliseconds.
    """

    id: str
    subject: Subject
    about: Literal["publication", "contract", "offer", "import", "let-go"]
    state: State
    tone: Tone
    title: str
    partner: str
    counterparty: str
    process: str
    dataset: str
    template: str
    drafter: str
    drafted: bool
    asked_at: int
    due_at: int | None
    ended_at: int | None
    stewards: int
    protection: int
    votes: list[VoteView]
    unconfirmed: list[str]
    code: str
    reason: str
    part: Part | None
    revocable: bool
    refusable: bool
    withdrawable: bool


class ApprovalViews:
    def __init__(self, people: Directory, anchor: Anchor) -> None:
        self._people, self._members = people, Members(anchor)

    def one(self, tx: Tx, row: ApprovalRow, voter: Voter) -> ApprovalView:
        ballot, slug = row.ballot, row.participant
        is_open = ballot.state == "open" and ballot.due_at > tx.now
        mine = any(vote.who == voter.who for vote in ballot.votes)
        drafted = voter.who in ballot.authors
        entitled = "steward" in voter.roles or ("protection" in voter.roles and ballot.protection > 0)
        return ApprovalView(
            id=row.id,
            subject=row.subject,
            about=_about(row),
            state=ballot.state if is_open or ballot.state != "open" else "expired",
            tone=TONES[ballot.state],
            title=row.title,
            partner=self._members.name(row.counterparty) if row.counterparty else "",
            counterparty=row.counterparty,
            process=row.process,
            dataset=row.dataset,
            template=row.template,
            drafter=", ".join(self._people.name(tx, slug, who) for who in dict.fromkeys(ballot.drafter.split())),
            drafted=drafted,
            asked_at=row.asked_at,
            due_at=row.due_at,
            ended_at=row.ended_at,
            stewards=max(ballot.missing("steward"), 0),
            protection=max(ballot.missing("protection"), 0),
            votes=[
                VoteView(vote.part, self._people.name(tx, slug, vote.who), vote.at, vote.who == voter.who)
                for vote in ballot.votes
            ],
            unconfirmed=self._people.unconfirmed(tx, slug, _named(row)),
            code=row.code,
            reason=row.reason,
            part=decide.part_for(ballot, voter) if is_open else None,
            revocable=is_open and mine,
            refusable=is_open and entitled and ("steward" in voter.roles or not drafted),
            withdrawable=is_open and drafted and row.subject == "publication",
        )


def _named(row: ApprovalRow) -> list[str]:
    """Whom the page names: who wrote it, and who has agreed."""
    return [*row.ballot.drafter.split(), *(vote.who for vote in row.ballot.votes)]


def _about(row: ApprovalRow) -> Literal["publication", "contract", "offer", "import", "let-go"]:
    draft = import_draft(row)
    if draft is None:
        return row.subject
    return "import" if isinstance(draft, ImportedDatasets) else "let-go"

"""What waits for people to agree, who has to, and how many: values only (spec/approvals.md 1).

A person is the pseudonym that she has in the participant's log; her name stays with the accounts.
"""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from connector.foundation.storage.database import Tx

Subject = Literal["publication", "contract", "offer"]
"""`publication`: a draft of ours; `contract`: a partner asks for an offer of ours; `offer`: terms of a partner's."""
Part = Literal["steward", "protection"]
State = Literal["open", "approved", "refused", "countered", "expired", "withdrawn"]
People = Literal["none", "one", "two"]
PEOPLE: Mapping[People, int] = {"none": 0, "one": 1, "two": 2}
SUBJECTS: tuple[Subject, ...] = ("publication", "contract", "offer")
DAY_MS = 86_400_000
NEVER_MS = 253_402_300_799_000
"""The deadline of what has none: the last second that a calendar of ours reaches."""
NOBODY = "p-******"
"""A pseudonym of whom nobody can say who she is."""


class Voter(msgspec.Struct, frozen=True):
    """Who acts, and in which roles."""

    who: str
    roles: frozenset[str]


class Vote(msgspec.Struct, frozen=True):
    """A yes; `at` in milliseconds."""

    who: str
    part: Part
    at: int


class Ballot(msgspec.Struct, frozen=True, kw_only=True):
    """How far an approval has got. `stewards` and `protection` are how many have to agree in each part.

    `drafter` names all who wrote what is to be approved, with a space between, first who submitted it (empty: a partner
    did): together they are the first of two. From `due_at` (ms) on nobody can agree any more.
    """

    stewards: int
    protection: int
    drafter: str
    due_at: int
    state: State = "open"
    votes: tuple[Vote, ...] = ()

    @property
    def authors(self) -> frozenset[str]:
        """Each who wrote a part of it."""
        return frozenset(self.drafter.split())

    def missing(self, part: Part) -> int:
        """How many of this part have not agreed yet. Of whom nobody can say who she is, because she was erased, no yes
        counts: it could be the same person again. If that is the drafter, one steward more has to agree, also
        where none had to: she could be data protection, too."""
        wanted = self.stewards if part == "steward" else self.protection
        wanted += part == "steward" and "*" in self.drafter
        return wanted - sum(vote.part == part and "*" not in vote.who for vote in self.votes)


class ApprovalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `approval`. `process` is the negotiation, empty for a publication, whose `draft` is JSON.

    `terms` is the digest of what was asked for or offered, of a draft that of what it would offer; `terms_back` what we
    offer instead (JSON), with `countered`.
    `dataset_version` is that of the data which a contract would give when it was asked for.
    `code` and `reason` say why it was refused; the partner is told of it. Times in milliseconds.
    """

    participant: str
    id: str
    subject: Subject
    process: str
    dataset: str
    title: str
    counterparty: str
    template: str
    terms: str
    dataset_version: str = ""
    draft: str | None
    ballot: Ballot
    code: str = ""
    reason: str = ""
    terms_back: str | None = None
    ended_by: str = ""
    asked_at: int
    remind_at: int
    ended_at: int | None = None
    version: int = 1

    @property
    def due_at(self) -> int | None:
        """Its deadline (ms), if it has one."""
        return None if self.ballot.due_at == NEVER_MS else self.ballot.due_at


class ApprovalRule(msgspec.Struct, frozen=True, kw_only=True):
    """How many people have to agree to what falls under `template` (empty: under any without a rule of its own).

    `protection`: whether data protection has to agree besides. `days` is the time that they have; 0: it never ends.
    `responsible` hears of it at once, `deputy` with the reminder; empty: everybody who may agree.
    """

    subject: Subject
    template: str
    people: People
    protection: bool
    days: int
    responsible: str = ""
    deputy: str = ""


class RuleProposal(msgspec.Struct, frozen=True, kw_only=True):
    """A change that loosens a rule and waits: one row of `rule_proposal`. `wanted` None: the rule is dropped.

    `admin` and `officer` (data protection) are who has agreed, empty: nobody yet. Pseudonyms; the time in ms.
    """

    id: str
    subject: Subject
    template: str
    wanted: ApprovalRule | None
    proposed_at: int
    proposed_by: str
    admin: str = ""
    officer: str = ""


class PendingChange(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal with the rule that holds, the one that would, and in which roles somebody has to agree still."""

    proposal: RuleProposal
    before: ApprovalRule
    after: ApprovalRule
    missing: frozenset[str]


class RuleChange(msgspec.Struct, frozen=True):
    """A rule was set or dropped at that time (ms), by a pseudonym."""

    subject: Subject
    template: str
    at: int
    by: str


class Directory(Protocol):
    """Who may do what at a participant. Implemented by the accounts."""

    def holding(self, tx: Tx, slug: str, role: str) -> frozenset[str]:
        """The pseudonyms of those who have this role."""

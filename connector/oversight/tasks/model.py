"""What waits for somebody, and what came to an end without her: facts, and no words."""

from typing import Literal

import msgspec

Kind = Literal[
    "approval",
    "protection",
    "answer-offer",
    "countersign",
    "read-and-sign",
    "countersign-trouble",
    "seal-missing",
    "duty",
    "contract-ends",
    "end-undelivered",
    "end-refused",
    "undeliverable",
    "refused",
    "no-address",
    "quota",
    "difference",
    "import",
    "draft",
    "admission",
    "admission-second",
    "membership-ends",
    "renewals",
    "group-asked",
    "merger",
    "merger-second",
    "seal",
    "seal-second",
    "list-lost",
    "rule-waits",
]
Outcome = Literal["ended", "notice", "replaced", "refused", "failed", "alarm"]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """`subject` is what the next step is about, by `kind`: an approval, change of a rule, agreement, negotiation,
    transfer, source of imports, draft, application to a space, space, group of one, member (DID) that says to be part
    of another, or whose seal certificates wait; `agreement` the contract it belongs to, if any.
    `due` and `since` in milliseconds, `due` None without a deadline. `partner` is a DID. `count`: how many things of
    that kind this is one task for. `action` is that of a duty (IRI), `process` the negotiation that an approval
    decides. `ours`: we asked for what it is about."""

    kind: Kind
    subject: str
    since: int
    due: int | None = None
    agreement: str = ""
    partner: str = ""
    title: str = ""
    count: int = 1
    action: str = ""
    process: str = ""
    ours: bool = True


class News(msgspec.Struct, frozen=True, kw_only=True):
    """Something that ended, was refused or failed, as the log has it: `entry` is the id there, `at` its time (ms).

    `noun` says what `subject` is. `by`: whether we did it ourselves or the partner, or empty. `code` is the reason's.
    `ours`: we asked for what it is about.
    """

    outcome: Outcome
    noun: Literal["agreement", "negotiation", "transfer", "log", "space"]
    subject: str
    entry: int
    at: int
    agreement: str = ""
    partner: str = ""
    title: str = ""
    by: Literal["", "us", "peer"] = ""
    code: str = ""
    count: int = 1
    ours: bool = True


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks: her id, what the participant's log calls her, and her roles there."""

    person: str
    pseudonym: str
    roles: frozenset[str]

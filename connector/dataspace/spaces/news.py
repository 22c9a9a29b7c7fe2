"""What people should hear of their spaces: what became of a membership, which ones end, and lists that are false.

Read from the log, where each of these is an entry, and from the rows of joined spaces; nothing here is written.
"""

from collections.abc import Mapping
from math import inf
from typing import Final, Literal

import msgspec
from msgspec import Struct

from connector.dataspace.spaces.decision import membership
from connector.dataspace.spaces.model import DAY_MS, AskedFor, Rules
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Tx

Event = Literal["member", "refused", "ended", "suspended", "resumed", "renewed", "seal listed", "seal refused"]
EVENTS: Final[Mapping[str, Event]] = {
    "member": "member",
    "refused": "refused",
    "ended": "ended",
    "suspended": "suspended",
    "resumed": "resumed",
    "renewed": "renewed",
    "seal listed": "seal listed",
    "seal refused": "seal refused",
}
MergerEvent = Literal["merger asked", "merger withdrawn", "merger lapsed", "merged", "not merged"]
MERGERS: Final[Mapping[str, MergerEvent]] = {
    "merger asked": "merger asked",
    "merger withdrawn": "merger withdrawn",
    "merger lapsed": "merger lapsed",
    "merged": "merged",
    "not merged": "not merged",
}
UNSHOWN: Final = "trust.list-unshown"
"""Alarm about a member that claims another list of one number and does not show it."""
FALSE: Final = frozenset({"trust.list-fork", "trust.list-rollback", "trust.list-other-space", UNSHOWN})
"""Alarms about a list."""
RULES: Final = "rules"
"""Rules of a space that is kept here were changed."""
MOST: Final = 200


class News(Struct, frozen=True, kw_only=True):
    """What became of a membership of ours: `at` is the time of the entry of the log, `until` the new end (ms)."""

    at: int
    event: Event
    space: str
    name: str
    until: int | None
    reason: str
    sha256: str = ""
    """Of the seal certificate that was listed or refused."""


class MergerNews(Struct, frozen=True, kw_only=True):
    """A merger that is said to concern us, or was taken back or decided: `member` is part of `into` (DIDs), in the
    space of that name. `at` is the time of the entry of the log (ms)."""

    at: int
    event: MergerEvent
    space: str
    name: str
    member: str
    into: str


class RuleNews(Struct, frozen=True, kw_only=True):
    """Rules of a space of ours were changed: so many people let somebody in since then (ms)."""

    at: int
    approvals: str


class FalseList(Struct, frozen=True, kw_only=True):
    """A list that was rolled back, forked or another space's; or one that `member` (DID) claims and does not show."""

    at: int
    code: str
    space: str
    name: str
    member: str = ""


class Ending(Struct, frozen=True, kw_only=True):
    """A membership of ours and its end (ms)."""

    space: str
    name: str
    until: int


class GroupAsks(Struct, frozen=True, kw_only=True):
    """A group (IRI, name by language) that waits for our agreement, of the space of that name; `at` in ms."""

    group: str
    label: Mapping[str, str]
    space: str
    at: int


class _Body(Struct, frozen=True):
    event: str = ""
    space: str = ""
    did: str = ""
    member: str = ""
    into: str = ""
    approvals: object = ""
    sha256: object = ""
    told: object = ""
    """Of a certificate: whatever else has such members in the log may mean something else by them."""


class _Record(Struct, frozen=True):
    type: str
    body: _Body = _Body()


class _Standing(Struct, frozen=True):
    space: str
    name: str
    until: int | None
    reason: str


_READ: Final = msgspec.json.Decoder(_Record)


def news(tx: Tx, participant: str, since: int) -> tuple[list[News], list[MergerNews], list[FalseList], list[RuleNews]]:
    """Since then (ms), the newest first: of our memberships, mergers of ours, lists of spaces that we belong to or
    keep, and of the rules of a space that we keep."""
    rows = tx.all(
        "SELECT at, record FROM audit_entry WHERE participant = :participant AND record IS NOT NULL AND at > :since"
        " AND type IN ('space', 'alarm') ORDER BY id DESC LIMIT :most",
        participant=participant,
        since=since,
        most=MOST,
    )
    read = [(row["at"], _READ.decode(row["record"])) for row in rows]
    events = EVENTS.keys() | MERGERS.keys() | FALSE
    rules = [
        RuleNews(at=at, approvals=str(one.body.approvals))
        for at, one in read
        if one.type == "space" and one.body.event == RULES
    ]
    told = [one for one in read if one[1].body.space and one[1].body.event in events]
    known = _standings(tx, participant) if told else {}
    memberships, mergers, lists = list[News](), list[MergerNews](), list[FalseList]()
    for at, record in told:
        space, event = record.body.space, record.body.event
        standing = known.get(space)
        name = space if standing is None else standing.name
        if record.type == "alarm":
            lists.append(FalseList(at=at, code=event, space=space, name=name, member=record.body.member))
        elif standing is not None and event in MERGERS:
            body = record.body
            mergers.append(
                MergerNews(at=at, event=MERGERS[event], space=space, name=name, member=body.member, into=body.into)
            )
        elif standing is not None and event in EVENTS:
            memberships.append(
                News(
                    at=at,
                    event=EVENTS[event],
                    space=space,
                    name=name,
                    until=standing.until,
                    reason=str(record.body.told) or standing.reason,
                    sha256=str(record.body.sha256),
                )
            )
    return memberships, mergers, lists, rules


def alarmed(tx: Tx, participant: str, code: str, space: str, since: int) -> bool:
    """Whether the log has that alarm of a space since then (ms)."""
    rows = tx.all(
        "SELECT record FROM audit_entry WHERE participant = :participant AND record IS NOT NULL AND at >= :since"
        " AND type = 'alarm' ORDER BY id DESC LIMIT :most",
        participant=participant,
        since=since,
        most=MOST,
    )
    bodies = (_READ.decode(row["record"]).body for row in rows)
    return any((one.event, one.space) == (code, space) for one in bodies)


def _standings(tx: Tx, participant: str) -> dict[str, _Standing]:
    rows = tx.all(
        "SELECT space, name, until, reason FROM joined_space WHERE participant = :participant", participant=participant
    )
    return {row["space"]: msgspec.convert(row, _Standing) for row in rows}


def asked(tx: Tx, participant: str) -> list[GroupAsks]:
    """Groups of spaces that we belong to which wait for our agreement, by IRI."""
    rows = tx.all(
        "SELECT name, asked FROM joined_space WHERE participant = :participant AND state = 'member' AND asked <> '{}'"
        " ORDER BY space",
        participant=participant,
    )
    return [
        GroupAsks(group=group, label=said.name, space=row["name"], at=said.at)
        for row in rows
        for group, said in sorted(msgspec.json.decode(row["asked"], type=dict[str, AskedFor]).items())
    ]


def label(one: GroupAsks) -> str:
    """What people read: its German name, or any."""
    return plain(one.label.get("de") or next(iter(one.label.values()), one.group), 200)


def ending(tx: Tx, participant: str, before: int) -> list[Ending]:
    """Memberships of ours that end before then (ms), the nearest first.

    What is renewed by itself is no news before its time for that has passed for a day.
    """
    rows = tx.all(
        "SELECT space, name, until, rules, suspended FROM joined_space WHERE participant = :participant"
        " AND state = 'member' AND until <= :before ORDER BY until, space",
        participant=participant,
        before=before,
    )
    return [
        Ending(space=row["space"], name=row["name"], until=row["until"])
        for row in rows
        if row["suspended"] or row["until"] <= tx.now + _overdue(msgspec.json.decode(row["rules"], type=Rules))
    ]


def _overdue(rules: Rules) -> float:
    """How long before its end a membership should have been renewed (ms)."""
    return membership.notice(rules) - DAY_MS if rules.renewal == "automatic" else inf

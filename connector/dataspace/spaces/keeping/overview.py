"""What an authority's people see of their space in lists: one statement for each, however many members there are.

Keys, signed statements and documents are not read: what a list shows is names, states and times (spec/spaces.md 4.3).
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from connector.data.approvals import decide as ballots
from connector.data.approvals.model import Vote
from connector.dataspace.spaces import store
from connector.dataspace.spaces.decision import sealing
from connector.dataspace.spaces.model import DAY_MS, ApplicationState, Keys, MemberState, Merger, Space
from connector.dataspace.spaces.rows import struct
from connector.foundation.storage.database import Row, Tx

MOST: Final = 1_000
"""Rows of one list."""
MOST_DECIDED: Final = 50
_MEMBER: Final = "did, name, operator, kind, state, since, until, reason"


class MemberLine(Struct, frozen=True, kw_only=True):
    """A member, or a former one, in a list. Times in milliseconds; `until` None: without end."""

    did: str
    name: str
    operator: str
    kind: str
    state: MemberState
    since: int
    until: int | None
    reason: str


class InvitationLine(Struct, frozen=True, kw_only=True):
    """An invitation that may still be used; `until` in milliseconds."""

    id: str
    name: str
    ars: str
    domain: str
    made_at: int
    until: int


class ApplicationLine(Struct, frozen=True, kw_only=True):
    """An application that waits. `name` is whom the authority invited; `missing` people have to agree yet."""

    id: str
    did: str
    name: str
    asked_at: int
    due_at: int
    needed: int
    votes: tuple[Vote, ...]

    @property
    def missing(self) -> int:
        return max(self.needed - len(self.votes), 0)

    def agreed(self, who: str) -> bool:
        """Whether that person has said yes already."""
        return any(vote.who == who for vote in self.votes)


class MergerLine(Struct, frozen=True, kw_only=True):
    """A merger that waits for people: `name` is who became part of `whole`, whose DID is `into`; `missing` people have
    to agree yet. Times in milliseconds."""

    did: str
    name: str
    whole: str
    into: str
    asked_at: int
    due_at: int
    missing: int
    votes: tuple[Vote, ...]

    def agreed(self, who: str) -> bool:
        """Whether that person has said yes already."""
        return any(vote.who == who for vote in self.votes)


class SealLine(Struct, frozen=True, kw_only=True):
    """A seal certificate above level L1, by its SHA-256, of the member `name` (`did`) that waits for people since then
    (ms); `missing` have to agree yet."""

    did: str
    name: str
    sha256: str
    asked_at: int
    missing: int
    votes: tuple[Vote, ...]

    @property
    def subject(self) -> str:
        """What makes it one of its kind: the same certificate is another one for another member, or asked anew."""
        return f"{self.did}:{self.sha256}"

    def agreed(self, who: str) -> bool:
        """Whether that person has said yes already."""
        return any(vote.who == who for vote in self.votes)


class DecidedLine(Struct, frozen=True, kw_only=True):
    """An application that is over, and when that was (ms)."""

    id: str
    name: str
    state: ApplicationState
    decided_at: int


class GroupLine(Struct, frozen=True, kw_only=True):
    """A group of the space that goes on: its `label` by language, who keeps it, is in it, or was asked, by name."""

    name: str
    label: Mapping[str, str]
    keeper: str
    within: tuple[str, ...]
    asked: tuple[str, ...]


def members(tx: Tx, participant: str) -> list[MemberLine]:
    """Everybody who ever was one, by name."""
    rows = tx.all(
        f"SELECT {_MEMBER} FROM space_member WHERE participant = :participant ORDER BY name, did",  # noqa: S608 constant
        participant=participant,
    )
    return [struct(row, MemberLine) for row in rows]


def member(tx: Tx, participant: str, did: str) -> MemberLine | None:
    row = tx.one(
        f"SELECT {_MEMBER} FROM space_member WHERE participant = :participant AND did = :did",  # noqa: S608 constant
        participant=participant,
        did=did,
    )
    return None if row is None else struct(row, MemberLine)


def invitations(tx: Tx, participant: str) -> list[InvitationLine]:
    """Invitations that may still be used, the newest first."""
    rows = tx.all(
        "SELECT id, name, ars, domain, made_at, until FROM space_invitation WHERE participant = :participant"
        " AND state = 'open' AND until > :now ORDER BY made_at DESC, id LIMIT :most",
        participant=participant,
        now=tx.now,
        most=MOST,
    )
    return [struct(row, InvitationLine) for row in rows]


def waiting(tx: Tx, participant: str) -> list[ApplicationLine]:
    """Applications that wait for people, those first that have waited longest."""
    rows = tx.all(
        "SELECT a.id, a.did, i.name, a.asked_at, a.due_at, a.needed, a.votes FROM space_application a"
        " JOIN space_invitation i ON i.participant = a.participant AND i.id = a.invitation"
        " WHERE a.participant = :participant AND a.state = 'pending' AND a.due_at > :now"
        " ORDER BY a.asked_at, a.id LIMIT :most",
        participant=participant,
        now=tx.now,
        most=MOST,
    )
    return [
        struct(row, ApplicationLine, votes=msgspec.json.decode(row["votes"], type=tuple[Vote, ...])) for row in rows
    ]


def mergers(tx: Tx, participant: str) -> list[MergerLine]:
    """Mergers that wait for people here and for nobody else's word, the oldest first.

    Nobody can agree while one of both is no active member, so that is nobody's task.
    """
    rows = tx.all(
        "SELECT did, name, merger, (SELECT did FROM participant WHERE id = :participant) AS own FROM space_member"
        " WHERE participant = :participant AND state = 'active' AND merger IS NOT NULL ORDER BY did",
        participant=participant,
    )
    found = [_merger(tx, participant, row, msgspec.json.decode(row["merger"], type=Merger)) for row in rows]
    return sorted((one for one in found if one is not None), key=lambda one: (one.asked_at, one.did))


def _merger(tx: Tx, participant: str, row: Row, one: Merger) -> MergerLine | None:
    """Where the authority itself takes the member in, its people are its word."""
    open_ = ballots.expire(one.ballot, tx.now).state == "open" and (one.agreed or one.into == row["own"])
    whole = member(tx, participant, one.into) if open_ else None
    if whole is None or whole.state != "active":
        return None
    return MergerLine(
        did=row["did"],
        name=row["name"],
        whole=whole.name,
        into=whole.did,
        asked_at=one.asked_at,
        due_at=one.ballot.due_at,
        missing=max(one.ballot.missing("steward"), 0),
        votes=one.ballot.votes,
    )


def seals(tx: Tx, participant: str) -> list[SealLine]:
    """Seal certificates above level L1 that wait for people, those first that have waited longest."""
    rows = tx.all(
        "SELECT did, name, keys, state FROM space_member WHERE participant = :participant AND keys LIKE :asked"
        " AND state IN ('active', 'suspended') ORDER BY did",
        participant=participant,
        asked='%"asked":[{%',  # few members ever have one, and keys are long to read
    )
    space = store.space(tx, participant) if rows else None
    if space is None:
        return []
    found = [
        SealLine(
            did=row["did"],
            name=row["name"],
            sha256=one.sha256,
            asked_at=one.at,
            votes=one.votes,
            missing=max(sealing.ballot(one, space.rules).missing("steward"), 0),
        )
        for row in rows
        for one in msgspec.json.decode(row["keys"], type=Keys).asked
        if not one.refused
    ]
    return sorted(found, key=lambda one: (one.asked_at, one.did, one.sha256))


def decided(tx: Tx, participant: str) -> list[DecidedLine]:
    """Applications that are decided or over, the latest first."""
    rows = tx.all(
        "SELECT a.id, i.name, a.state, a.decided_at FROM space_application a"
        " JOIN space_invitation i ON i.participant = a.participant AND i.id = a.invitation"
        " WHERE a.participant = :participant AND a.decided_at IS NOT NULL"
        " ORDER BY a.decided_at DESC, a.id LIMIT :most",
        participant=participant,
        most=MOST_DECIDED,
    )
    return [struct(row, DecidedLine) for row in rows]


def groups(tx: Tx, participant: str) -> list[GroupLine]:
    """Groups that go on, by the last part of their IRI; two statements for all of them."""
    found = tx.all(
        "SELECT g.name, g.label, g.keeper, m.name AS called FROM space_group g LEFT JOIN space_member m"
        " ON m.participant = g.participant AND m.did = g.keeper"
        " WHERE g.participant = :participant AND g.ended_at IS NULL ORDER BY g.name",
        participant=participant,
    )
    people = tx.all(
        "SELECT g.name, g.since, m.name AS called FROM space_grouped g JOIN space_member m"
        " ON m.participant = g.participant AND m.did = g.did"
        " WHERE g.participant = :participant AND g.until IS NULL ORDER BY m.name, m.did",
        participant=participant,
    )
    return [
        GroupLine(
            name=row["name"],
            label=msgspec.json.decode(row["label"], type=dict[str, str]),
            keeper=row["called"] or row["keeper"],
            within=tuple(one["called"] for one in people if one["name"] == row["name"] and one["since"] is not None),
            asked=tuple(one["called"] for one in people if one["name"] == row["name"] and one["since"] is None),
        )
        for row in found
    ]


def ending(space: Space, found: Sequence[MemberLine], now: int) -> list[MemberLine]:
    """Members whose membership ends soon because people renew it, the nearest end first."""
    if space.rules.renewal != "people":
        return []
    before = now + space.rules.renew_days * DAY_MS
    soon = [(one.until, one) for one in found if one.state == "active" and one.until is not None]
    return [one for until, one in sorted(soon, key=lambda pair: pair[0]) if until <= before]

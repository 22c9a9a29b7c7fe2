"""SQL of approvals and of the rules that ask for them.

An approval changes only if its version is still the one that was read; else the whole unit runs again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from connector.data.approvals.model import NOBODY, ApprovalRow, ApprovalRule, Ballot, RuleChange, Subject, Vote
from connector.foundation.storage.database import Conflict, Row, Tx, for_update
from connector.foundation.storage.seldom import once

MOST = 200
DROPPED = "dropped"
"""In place of how many people: the rule holds no more."""
_BALLOT = ("stewards", "protection", "drafter", "due_at", "state")
_PLAIN = tuple(name for name in ApprovalRow.__struct_fields__ if name != "ballot")


def _row(row: Row) -> ApprovalRow:
    votes = msgspec.json.decode(row["votes"], type=tuple[Vote, ...])
    ballot = Ballot(votes=votes, **{name: row[name] for name in _BALLOT})
    return ApprovalRow(ballot=ballot, **{name: row[name] for name in _PLAIN})


def _values(one: ApprovalRow) -> dict[str, Any]:
    ballot = {name: getattr(one.ballot, name) for name in _BALLOT}
    votes = msgspec.json.encode(one.ballot.votes).decode()
    return {**{name: getattr(one, name) for name in _PLAIN}, **ballot, "votes": votes}


def insert(tx: Tx, one: ApprovalRow) -> None:
    values = _values(one)
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    tx.run(f"INSERT INTO approval ({names}) VALUES ({places})", **values)  # noqa: S608 names of a Struct


def save(tx: Tx, one: ApprovalRow) -> ApprovalRow:
    """Compare and set; raises Conflict if somebody else was faster."""
    changed = tx.run(
        "UPDATE approval SET state = :state, votes = :votes, code = :code, reason = :reason, terms_back = :terms_back,"
        " ended_by = :ended_by, ended_at = :ended_at, dataset = :dataset, drafter = :drafter, version = version + 1"
        " WHERE participant = :participant AND id = :id AND version = :version",
        **{name: value for name, value in _values(one).items() if name in _SAVED},
    )
    if not changed:
        raise Conflict
    return replace(one, version=one.version + 1)


def redraft(tx: Tx, one: ApprovalRow) -> ApprovalRow:
    """Compare and set what it is about, and whom it asks for; raises Conflict if somebody else was faster."""
    names = ("participant", "id", "version", "draft", "template", "stewards", "protection", "drafter")
    if not tx.run(
        "UPDATE approval SET draft = :draft, template = :template, stewards = :stewards, protection = :protection,"
        " drafter = :drafter, version = version + 1"
        " WHERE participant = :participant AND id = :id AND version = :version",
        **{name: value for name, value in _values(one).items() if name in names},
    ):
        raise Conflict
    return replace(one, version=one.version + 1)


_SAVED = frozenset(
    {
        "participant",
        "id",
        "version",
        "state",
        "votes",
        "code",
        "reason",
        "terms_back",
        "ended_by",
        "ended_at",
        "dataset",
        "drafter",
    }
)


def approval(tx: Tx, participant: str, approval_id: str, *, lock: bool = False) -> ApprovalRow | None:
    row = tx.one(
        "SELECT * FROM approval WHERE participant = :participant AND id = :id"  # noqa: S608 constants
        + (for_update(tx) if lock else ""),
        participant=participant,
        id=approval_id,
    )
    return None if row is None else _row(row)


def of_process(tx: Tx, participant: str, process: str) -> ApprovalRow | None:
    """The newest approval about a negotiation."""
    row = tx.one(
        "SELECT * FROM approval WHERE participant = :participant AND process = :process AND process <> ''"
        " ORDER BY asked_at DESC, id DESC LIMIT 1",
        participant=participant,
        process=process,
    )
    return None if row is None else _row(row)


def nothing(tx: Tx, participant: str, process: str) -> bool:
    """Whether the participant has no rule, and there is no approval about this negotiation."""
    if tx.kept is not None and once(tx, _never, participant):
        return True
    row = tx.one(
        "SELECT EXISTS (SELECT 1 FROM approval_rule WHERE participant = :participant AND people <> :dropped)"
        " OR EXISTS (SELECT 1 FROM approval WHERE participant = :participant AND process = :process AND process <> '')"
        " AS something",
        participant=participant,
        dropped=DROPPED,
        process=process,
    )
    return row is not None and not row["something"]


def _never(tx: Tx, participant: str) -> bool:
    """Whether there is neither a rule nor an approval about anything."""
    rule = tx.one(
        "SELECT 1 FROM approval_rule WHERE participant = :participant AND people <> :dropped LIMIT 1",
        participant=participant,
        dropped=DROPPED,
    )
    if rule is not None:
        return False
    return tx.one("SELECT 1 FROM approval WHERE participant = :participant LIMIT 1", participant=participant) is None


def of_dataset(tx: Tx, participant: str, dataset: str) -> list[ApprovalRow]:
    """All drafts about a dataset, the newest first."""
    rows = tx.all(
        "SELECT * FROM approval WHERE participant = :participant AND subject = 'publication' AND dataset = :dataset"
        " ORDER BY asked_at DESC, id LIMIT :most",
        participant=participant,
        dataset=dataset,
        most=MOST,
    )
    return [_row(row) for row in rows]


def open_ones(tx: Tx, participant: str) -> list[ApprovalRow]:
    """What waits, what is due first in front. Of more than `MOST` each partner has its turn: one that asks a thousand
    times hides nobody else's question."""
    rows = tx.all(
        "SELECT * FROM (SELECT a.*, ROW_NUMBER() OVER (PARTITION BY counterparty ORDER BY due_at, id) AS turn"
        " FROM approval a WHERE participant = :participant AND state = 'open') waiting"
        " ORDER BY turn, due_at, id LIMIT :most",
        participant=participant,
        most=MOST,
    )
    return sorted((_row(row) for row in rows), key=lambda one: (one.ballot.due_at, one.id))


def open_drafts(tx: Tx, participant: str) -> list[ApprovalRow]:
    """Every draft that waits."""
    rows = tx.all(
        "SELECT * FROM approval WHERE participant = :participant AND state = 'open' AND subject = 'publication'"
        " ORDER BY asked_at, id",
        participant=participant,
    )
    return [_row(row) for row in rows]


def open_naming(tx: Tx, participant: str, who: str) -> list[ApprovalRow]:
    """What waits and has a yes of this pseudonym, or was written or asked for by it, locked."""
    rows = tx.all(
        "SELECT * FROM approval WHERE participant = :participant AND state = 'open'"  # noqa: S608
        " AND (votes LIKE :who OR drafter LIKE :drafter)"
        f" ORDER BY due_at, id{for_update(tx)}",
        participant=participant,
        who=f'%"{who}"%',
        drafter=f"%{who}%",
    )
    return [_row(row) for row in rows]


def forget_author(tx: Tx, participant: str, who: str) -> None:
    """In place of this pseudonym stands that nobody knows who it was, as after an erasure."""
    tx.run(
        "UPDATE approval SET drafter = REPLACE(drafter, :who, :nobody), version = version + 1"
        " WHERE participant = :participant AND state = 'open' AND drafter LIKE :like",
        participant=participant,
        who=who,
        nobody=NOBODY,
        like=f"%{who}%",
    )


def ended_ones(tx: Tx, participant: str, limit: int) -> list[ApprovalRow]:
    """What was decided, the newest first."""
    rows = tx.all(
        "SELECT * FROM approval WHERE participant = :participant AND state <> 'open'"
        " ORDER BY ended_at DESC, id LIMIT :limit",
        participant=participant,
        limit=limit,
    )
    return [_row(row) for row in rows]


def rules(tx: Tx, participant: str) -> Mapping[tuple[Subject, str], ApprovalRule]:
    """By what they are about and their template."""
    rows: Sequence[Row] = tx.all(
        "SELECT * FROM approval_rule WHERE participant = :participant AND people <> :dropped"
        " ORDER BY subject, template",
        participant=participant,
        dropped=DROPPED,
    )
    found = [
        ApprovalRule(
            subject=row["subject"],
            template=row["template"],
            people=row["people"],
            protection=bool(row["protection"]),
            days=row["days"],
            responsible=row["responsible"],
            deputy=row["deputy"],
        )
        for row in rows
    ]
    return {(one.subject, one.template): one for one in found}


def put_rule(tx: Tx, participant: str, rule: ApprovalRule, by: str) -> None:
    values = {**msgspec.structs.asdict(rule), "protection": int(rule.protection)}
    tx.run(
        "INSERT INTO approval_rule (participant, subject, template, people, protection, days, responsible, deputy,"
        " changed_at, changed_by) VALUES (:participant, :subject, :template, :people, :protection, :days, :responsible,"
        " :deputy, :now, :by) ON CONFLICT (participant, subject, template) DO UPDATE SET people = :people,"
        " protection = :protection, days = :days, responsible = :responsible, deputy = :deputy, changed_at = :now,"
        " changed_by = :by",
        participant=participant,
        now=tx.now,
        by=by,
        **values,
    )


def drop_rule(tx: Tx, participant: str, subject: Subject, template: str, by: str) -> None:
    """It holds no more; that it was dropped stays known."""
    tx.run(
        "UPDATE approval_rule SET people = :dropped, changed_at = :now, changed_by = :by"
        " WHERE participant = :participant AND subject = :subject AND template = :template",
        participant=participant,
        subject=subject,
        template=template,
        dropped=DROPPED,
        now=tx.now,
        by=by,
    )


def changed_rules(tx: Tx, participant: str, since: int) -> list[RuleChange]:
    rows = tx.all(
        "SELECT subject, template, changed_at, changed_by FROM approval_rule WHERE participant = :participant"
        " AND changed_at > :since ORDER BY changed_at, subject, template",
        participant=participant,
        since=since,
    )
    return [RuleChange(row["subject"], row["template"], row["changed_at"], row["changed_by"]) for row in rows]

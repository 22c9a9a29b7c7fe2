"""SQL of the case file of an agreement: what was done under it, and which decisions were made from which world.

A deed is only ever added. Decisions are kept for explanations and age away; the log keeps their digest for good.
"""

from collections.abc import Sequence

import msgspec

from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Row, Tx
from connector.kernel.policy.odrl.names import USE
from connector.kernel.policy.odrl.state_of_world import Deed, Value

MOST_DEEDS = 500
"""Of one agreement, as reported by people; every decision looks at all of them."""
MOST_REFUSALS = 20
"""Decisions against one process that are kept."""
MOST_PERMITS = 20
"""Decisions for one process that are kept, in each phase: a peer may suspend and resume for ever (threat T40)."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A deed as kept: `actor` is who reported it, `created_at` when (ms)."""

    id: str
    action: str
    rule: str
    party: str
    at: int
    facts: dict[str, int | list[str]]
    evidence: str
    actor: str
    created_at: int


class KeptDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as kept: `record` and `world` are JSON documents."""

    id: str
    agreement: str
    process: str
    phase: str
    permit: bool
    at: int
    record: str
    world: str


def insert_deed(tx: Tx, participant: str, agreement: str, deed: Entry) -> bool:
    """False if there is one of that id."""
    values = msgspec.structs.asdict(deed) | {"facts": msgspec.json.encode(deed.facts, order="sorted").decode()}
    added = tx.run(
        "INSERT INTO deed (participant, id, agreement, action, rule, party, at, facts, evidence, actor, created_at)"
        " VALUES (:participant, :id, :agreement, :action, :rule, :party, :at, :facts, :evidence, :actor, :created_at)"
        " ON CONFLICT DO NOTHING",
        participant=participant,
        agreement=agreement,
        **values,
    )
    return added == 1


def note_use(tx: Tx, participant: str, agreement: str, process: str, party: str, known: Sequence[Deed]) -> None:
    """Notes that the data are used now: once, and once again after each deed, for deadlines that count from an access.

    More would say nothing: such a deadline counts from the first access after which its duty was not done. `known` are
    the deeds under the agreement as this transaction read them.
    """
    used = max((deed.at for deed in known if deed.action == USE), default=None)
    done = max((deed.at for deed in known if deed.action != USE), default=None)
    if used is not None and (done is None or done < used):
        return
    deed = Entry(
        id=new_uuid(),
        action=USE,
        rule="",
        party=party,
        at=tx.now,
        facts={},
        evidence=process,
        actor="system",
        created_at=tx.now,
    )
    insert_deed(tx, participant, agreement, deed)


def entries(tx: Tx, participant: str, agreement: str) -> list[Entry]:
    """The deeds under an agreement in the order in which they were done."""
    rows = tx.all(
        "SELECT * FROM deed WHERE participant = :participant AND agreement = :agreement ORDER BY at, created_at, id"
        " LIMIT :most",
        participant=participant,
        agreement=agreement,
        most=2 * MOST_DEEDS + 2,
    )
    return [_entry(row) for row in rows]


def deeds(tx: Tx, participant: str, agreement: str) -> tuple[Deed, ...]:
    """The same as a decision looks at them."""
    return tuple(_deed(entry) for entry in entries(tx, participant, agreement))


def insert_decision(tx: Tx, participant: str, ruled: KeptDecision) -> None:
    """Keeps it; whoever may do so again and again trims afterwards."""
    tx.run(
        "INSERT INTO decision (participant, id, agreement, process, phase, permit, at, record, world) VALUES"
        " (:participant, :id, :agreement, :process, :phase, :permit, :at, :record, :world)",
        participant=participant,
        **(msgspec.structs.asdict(ruled) | {"permit": int(ruled.permit)}),
    )


_HELD = (
    "SELECT 1 FROM hold h WHERE h.participant = decision.participant AND h.lifted_at IS NULL"
    " AND (h.agreement IS NULL OR h.agreement = decision.agreement)"
)
"""A hold on everything, or on the agreement of the decision."""


def trim(tx: Tx, participant: str, ruled: KeptDecision) -> None:
    """Of refusals of one process only the last few stay, and of permissions the last few of each phase.

    What was there when a legal hold was set on it stays beside them, and no peer decides how much that is.
    """
    like = "participant = :participant AND process = :process AND permit = :permit"
    among = {"participant": participant, "process": ruled.process, "permit": int(ruled.permit)}
    if ruled.permit:
        like += " AND phase = :phase"
        among["phase"] = ruled.phase
    tx.run(
        f"DELETE FROM decision WHERE {like} AND id NOT IN"  # noqa: S608 constants
        f" (SELECT id FROM decision WHERE {like} ORDER BY at DESC, id DESC LIMIT :most)"
        f" AND NOT EXISTS ({_HELD} AND decision.at <= h.set_at)",
        most=MOST_PERMITS if ruled.permit else MOST_REFUSALS,
        **among,
    )


def refusals(tx: Tx, participant: str, process: str, since: int) -> int:
    """How many decisions against this process are kept from since then (ms)."""
    row = tx.one(
        "SELECT count(*) AS n FROM decision WHERE participant = :participant AND process = :process AND permit = 0"
        " AND at >= :since",
        participant=participant,
        process=process,
        since=since,
    )
    return 0 if row is None else int(row["n"])


def decision(tx: Tx, participant: str, decision_id: str) -> KeptDecision | None:
    row = tx.one(
        "SELECT * FROM decision WHERE participant = :participant AND id = :id", participant=participant, id=decision_id
    )
    return None if row is None else _ruled(row)


def decisions(tx: Tx, participant: str, process: str) -> list[KeptDecision]:
    """The decisions about a process that are still kept, the newest first."""
    rows = tx.all(
        "SELECT * FROM decision WHERE participant = :participant AND process = :process"
        " ORDER BY at DESC, id DESC LIMIT 100",
        participant=participant,
        process=process,
    )
    return [_ruled(row) for row in rows]


def forget(tx: Tx, participant: str, before: int) -> None:
    """Decisions from before that instant (ms) on which no legal hold stands; what the log says of them stays."""
    tx.run(
        f"DELETE FROM decision WHERE participant = :participant AND at < :before AND NOT EXISTS ({_HELD})",  # noqa: S608
        participant=participant,
        before=before,
    )


def _ruled(row: Row) -> KeptDecision:
    values = {name: row[name] for name in KeptDecision.__struct_fields__}
    return KeptDecision(**{**values, "permit": bool(row["permit"])})


def _entry(row: Row) -> Entry:
    values = {name: row[name] for name in Entry.__struct_fields__}
    return Entry(**{**values, "facts": msgspec.json.decode(row["facts"], type=dict[str, int | list[str]])})


def _deed(entry: Entry) -> Deed:
    values: dict[str, Value] = {
        iri: value if isinstance(value, int) else frozenset(value) for iri, value in entry.facts.items()
    }
    return Deed(
        action=entry.action, at=entry.at, party=entry.party, rule=entry.rule, values=values, evidence=entry.evidence
    )

"""SQL of statements that end agreements, and of successions; what was stated is added, never changed.

Whoever has a reason to end at once must not be held to the notice it gave before: an end that comes sooner counts from
then on, the former statement stays as evidence. What ends at once is the last word of its side (spec/contracts.md 6.2).
"""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.model import Agreement
from connector.foundation.storage.database import Conflict, Row, Tx

Side = Literal["provider", "consumer"]
Answer = Literal["waiting", "delivered", "refused", "not-possible", "theirs", "superseded"]
"""What became of our statement on its way to the partner; one of the partner's own needs no way.

`superseded`, of either side: it counts no more, because that side has stated an end that comes sooner.
"""
MOST_NOTICES = 10
"""Statements of one side that give notice; a partner could name an earlier second without end. At once goes always."""


class Termination(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `ending`: `statement` are the canonical bytes, `jws` the seal over the agreement and them.

    `notice` and `at` are what it says (ms), `effective` when it takes effect here: never before it was booked.
    """

    participant: str
    agreement: str
    side: Side
    statement: bytes
    sha256: str
    jws: str
    notice: int | None
    effective: int
    at: int
    booked_at: int
    answer: Answer


class Succession(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `succession`: the DID that stands in for the counterparty of an agreement, since when (ms)."""

    agreement: str
    predecessor: str
    successor: str
    since: int
    booked_at: int


def hold(tx: Tx, participant: str, agreement: str) -> None:
    """First thing of a unit that books a statement: a late seal changes the agreement before its log, and so do we.

    In the other order each would hold what the other waits for. Rows that refer to the agreement go on being added.
    """
    if tx.dialect == "postgres":
        tx.one(
            "SELECT 1 FROM agreement WHERE participant = :participant AND id = :id FOR NO KEY UPDATE",
            participant=participant,
            id=agreement,
        )


def insert_ending(tx: Tx, ending: Termination) -> bool:
    """False if one of that side counts already."""
    added = tx.run(
        "INSERT INTO ending (participant, agreement, side, statement, sha256, jws, notice, effective, at, booked_at,"
        " answer) VALUES (:participant, :agreement, :side, :statement, :sha256, :jws, :notice, :effective, :at,"
        " :booked_at, :answer) ON CONFLICT DO NOTHING",
        **msgspec.structs.asdict(ending),
    )
    return added == 1


def entered(tx: Tx, agreement: Agreement, new: Termination, names: Iterable[str]) -> bool:
    """Whether it counts now, as the first of its side or in the place of one that ends it later; False changes nothing.

    An end can never be put off, because the partner may rely on the day that it was told. `names` are those of its
    objects, which the former ones give up. Raises Conflict if another unit was faster.
    """
    if insert_ending(tx, new):
        return True
    known = ending(tx, new.participant, new.agreement, new.side)
    if known is None:  # this very one, superseded before
        return False
    if not sooner(tx, known, new.notice, new.at):
        return False
    if not (supersede(tx, known) and insert_ending(tx, new)):
        raise Conflict
    slug, case_id, partner = agreement.participant, agreement.negotiation, agreement.counterparty
    kept = object_store.objects(tx, slug, case_id)
    for item in (kept[name] for name in names if name in kept):
        object_store.keep_object(tx, slug, case_id, partner, replace(item, name=f"former:{item.sha256}"))
        object_store.drop_use(tx, slug, case_id, item.name)
    return True


def sooner(tx: Tx, known: Termination, notice: int | None, at: int) -> bool:
    """Whether an end at `notice` (ms), or at once as of `at`, may take the place of what that side has stated.

    Both are held against each other by what they say themselves: delivery may have taken days.
    """
    if known.notice is None or not (at if notice is None else notice) < known.notice:
        return False
    return notice is None or stated(tx, known.participant, known.agreement, known.side) < MOST_NOTICES


def supersede(tx: Tx, ending: Termination) -> bool:
    """From now on this one of the side does not count any more; False if it did not before."""
    changed = tx.run(
        "UPDATE ending SET answer = 'superseded' WHERE participant = :participant AND agreement = :agreement"
        " AND side = :side AND sha256 = :sha256 AND answer <> 'superseded'",
        participant=ending.participant,
        agreement=ending.agreement,
        side=ending.side,
        sha256=ending.sha256,
    )
    return changed == 1


def stated(tx: Tx, participant: str, agreement: str, side: Side) -> int:
    """How many statements that side has made about its end."""
    row = tx.one(
        "SELECT count(*) AS n FROM ending WHERE participant = :participant AND agreement = :agreement AND side = :side",
        participant=participant,
        agreement=agreement,
        side=side,
    )
    return 0 if row is None else int(row["n"])


def ending(tx: Tx, participant: str, agreement: str, side: Side) -> Termination | None:
    """The statement of that side that counts."""
    row = tx.one(
        "SELECT * FROM ending WHERE participant = :participant AND agreement = :agreement AND side = :side"
        " AND answer <> 'superseded'",
        participant=participant,
        agreement=agreement,
        side=side,
    )
    return None if row is None else _ending(row)


def terminations(tx: Tx, participant: str, agreement: str) -> list[Termination]:
    """Those that count of both sides, the one that takes effect first before the other."""
    rows = tx.all(
        "SELECT * FROM ending WHERE participant = :participant AND agreement = :agreement AND answer <> 'superseded'"
        " ORDER BY effective, booked_at, side",
        participant=participant,
        agreement=agreement,
    )
    return [_ending(row) for row in rows]


def note_answer(tx: Tx, participant: str, agreement: str, sha256: str, answer: Answer) -> bool:
    """How the delivery of our own statement with that SHA-256 went; False if another one counts by now."""
    noted = tx.run(
        "UPDATE ending SET answer = :answer WHERE participant = :participant AND agreement = :agreement"
        " AND sha256 = :sha256 AND answer <> 'superseded'",
        participant=participant,
        agreement=agreement,
        sha256=sha256,
        answer=answer,
    )
    return noted == 1


def end_agreement(tx: Tx, participant: str, agreement: str) -> bool:
    """In force no more; False if it was not, so that exactly one cause ends it."""
    ended = tx.run(
        "UPDATE agreement SET state = 'ended', ended_at = :now WHERE participant = :participant AND id = :id"
        " AND state IN ('finalized', 'one-sided')",
        participant=participant,
        id=agreement,
        now=tx.now,
    )
    return ended == 1


def by_digest(tx: Tx, participant: str, digest: str, *, lock: bool = False) -> Agreement | None:
    """The agreement with these bytes, if the participant has it; `lock` before a decision that rests on it.

    Sorted by an expression, since a database that sees a key to sort by would read all agreements in its order.
    """
    row = tx.one(
        "SELECT id FROM agreement WHERE participant = :participant AND digest = :digest ORDER BY id || '' LIMIT 1"  # noqa: S608 constants
        + (" FOR UPDATE" if lock and tx.dialect == "postgres" else ""),
        participant=participant,
        digest=digest,
    )
    return None if row is None else store.agreement(tx, participant, str(row["id"]))


def successor(tx: Tx, participant: str, digest: str) -> Agreement | None:
    """The agreement that came into force in the place of the one with this digest; None while there is none."""
    row = tx.one(
        "SELECT id FROM agreement WHERE participant = :participant AND replaces = :digest AND finalized_at IS NOT NULL"
        " AND state IN ('finalized', 'one-sided', 'ended') ORDER BY finalized_at, id LIMIT 1",
        participant=participant,
        digest=digest,
    )
    return None if row is None else store.agreement(tx, participant, str(row["id"]))


def replaced_by_another(tx: Tx, agreement: Agreement) -> bool:
    """As provider: whether one that came into force has already replaced what `agreement` would replace."""
    row = tx.one(
        "SELECT 1 FROM agreement WHERE participant = :participant AND dataset = :dataset AND role = 'provider'"
        " AND replaces = :replaces AND id <> :id AND state IN ('finalized', 'one-sided', 'ended') LIMIT 1",
        participant=agreement.participant,
        dataset=agreement.dataset,
        replaces=agreement.replaces,
        id=agreement.id,
    )
    return row is not None


def insert_succession(tx: Tx, participant: str, found: Succession) -> bool:
    """False if it is booked already."""
    added = tx.run(
        "INSERT INTO succession (participant, agreement, predecessor, successor, since, booked_at) VALUES"
        " (:participant, :agreement, :predecessor, :successor, :since, :booked_at) ON CONFLICT DO NOTHING",
        participant=participant,
        **msgspec.structs.asdict(found),
    )
    return added == 1


def successions(tx: Tx, participant: str, agreement: str) -> list[Succession]:
    """Who has stood in the counterparty's place, in order."""
    rows = tx.all(
        "SELECT agreement, predecessor, successor, since, booked_at FROM succession"
        " WHERE participant = :participant AND agreement = :agreement ORDER BY since, successor",
        participant=participant,
        agreement=agreement,
    )
    return [msgspec.convert(row, Succession) for row in rows]


def unbooked(tx: Tx, participant: str, counterparty: str, successor: str, limit: int) -> list[str]:
    """Concluded agreements with `counterparty` that do not know yet that `successor` has taken its place."""
    rows = tx.all(
        "SELECT id FROM agreement a WHERE participant = :participant AND counterparty = :counterparty"
        " AND state IN ('finalized', 'one-sided', 'ended') AND NOT EXISTS (SELECT 1 FROM succession s"
        " WHERE s.participant = a.participant AND s.agreement = a.id AND s.successor = :successor)"
        " ORDER BY id || '' LIMIT :limit",
        participant=participant,
        counterparty=counterparty,
        successor=successor,
        limit=limit,
    )
    return [str(row["id"]) for row in rows]


def _ending(row: Row) -> Termination:
    values: dict[str, Any] = {**row, "statement": bytes(row["statement"])}
    return msgspec.convert(values, Termination)

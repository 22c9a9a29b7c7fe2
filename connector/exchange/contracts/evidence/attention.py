"""SQL for what of a participant's contracts and evidence may need somebody soon. Reads only."""

from typing import NamedTuple

import msgspec

from connector.exchange.contracts import store
from connector.exchange.contracts.agreement import titles
from connector.exchange.contracts.model import Agreement
from connector.foundation.storage.database import Tx
from connector.kernel.protocol.process import Role

MOST = 200
"""Agreements looked at: the newest that may still be countersigned; and questions about seals, the oldest."""


class EndingSoon(NamedTuple):
    """Statements of ours that the partner does not have: `waiting` since at least `oldest` (ms), or `refused`."""

    waiting: int
    oldest: int | None
    refused: int


class WitnessedAgreements(NamedTuple):
    """Since when states of our log have been waiting for somebody else's time (ms, None: none waits).

    `unstamped_since`: for a timestamp; `untimed_since`: for that or a witness.
    """

    unstamped_since: int | None
    untimed_since: int | None


def terminations(tx: Tx, participant: str) -> EndingSoon:
    row = tx.one(
        "SELECT COALESCE(SUM(CASE WHEN answer = 'waiting' THEN 1 ELSE 0 END), 0) AS waiting,"
        " COALESCE(SUM(CASE WHEN answer = 'refused' THEN 1 ELSE 0 END), 0) AS refused,"
        " MIN(CASE WHEN answer = 'waiting' THEN booked_at END) AS oldest FROM ending WHERE participant = :participant",
        participant=participant,
    )
    assert row is not None
    return EndingSoon(int(row["waiting"]), None if row["oldest"] is None else int(row["oldest"]), int(row["refused"]))


def vouched(tx: Tx, participant: str) -> WitnessedAgreements:
    row = tx.one(
        "WITH stamped AS (SELECT COALESCE(MAX(size), 0) AS size FROM audit_timestamp WHERE participant = :participant),"
        " seen AS (SELECT COALESCE(MAX(size), 0) AS size FROM cosignature WHERE participant = :participant)"
        " SELECT MIN(CASE WHEN s.size > stamped.size THEN s.at END) AS unstamped, MIN(CASE WHEN s.size > stamped.size"
        " AND s.size > seen.size THEN s.at END) AS untimed FROM audit_seal s CROSS JOIN stamped CROSS JOIN seen"
        " WHERE s.participant = :participant AND s.checkpoint IS NOT NULL",
        participant=participant,
    )
    assert row is not None
    return WitnessedAgreements(*(None if row[name] is None else int(row[name]) for name in ("unstamped", "untimed")))


def partners(tx: Tx, participant: str) -> list[str]:
    """DIDs of those with whom an agreement is in force, the first 200."""
    rows = tx.all(
        "SELECT DISTINCT counterparty FROM agreement WHERE participant = :participant"
        " AND state IN ('finalized', 'one-sided') ORDER BY counterparty LIMIT :most",
        participant=participant,
        most=MOST,
    )
    return [str(row["counterparty"]) for row in rows]


def seals_missing(tx: Tx, participant: str) -> list[str]:
    """Why seals of ours that contracts wait for could not be had: one code each, as a person was told of it."""
    rows = tx.all(
        "SELECT facts FROM question WHERE participant = :participant AND kind = 'seal' AND answered_at IS NULL"
        " ORDER BY asked_at, id LIMIT :most",
        participant=participant,
        most=MOST,
    )
    return [str(msgspec.json.decode(row["facts"]).get("why", "")) for row in rows]


def over_quota(tx: Tx, participant: str) -> list[dict[str, str]]:
    """Peers that have used up a quota in the last day: `peer` and the name of the `quota`."""
    rows = tx.all(
        "SELECT subject, facts FROM question WHERE participant = :participant AND kind = 'quota'"
        " AND answered_at IS NULL ORDER BY asked_at, id LIMIT :most",
        participant=participant,
        most=MOST,
    )
    return [{"peer": str(row["subject"]), "quota": msgspec.json.decode(row["facts"])["quota"]} for row in rows]


def unfinished(tx: Tx, participant: str) -> list[Agreement]:
    """The newest agreements that wait for a seal, or have one of two."""
    rows = tx.all(
        "SELECT id FROM agreement WHERE participant = :participant AND state IN ('signed', 'one-sided')"
        " ORDER BY created_at DESC, id LIMIT :most",
        participant=participant,
        most=MOST,
    )
    found = (store.agreement(tx, participant, str(row["id"])) for row in rows)
    return [one for one in found if one is not None]


class NegotiationNews(NamedTuple):
    """What happened in a negotiation at `at` (ms); `title` is what it is about, `agreement` what came of it. `ours`: we
    are the consumer in it."""

    negotiation: str
    counterparty: str
    title: str
    at: int
    ours: bool
    agreement: str = ""


class Ending(NamedTuple):
    """An agreement and an instant (ms) at which it ends, or at which the partner stated that it does."""

    agreement: str
    counterparty: str
    at: int


def refusals(tx: Tx, participant: str, since: int) -> list[NegotiationNews]:
    """Negotiations that partners ended since then (ms), as the log has it."""
    rows = tx.all(
        "SELECT record, at FROM audit_entry WHERE participant = :participant AND type = 'termination' AND at > :since"
        " AND record IS NOT NULL ORDER BY id DESC LIMIT :most",
        participant=participant,
        since=since,
        most=MOST,
    )
    bodies = [(msgspec.json.decode(row["record"])["body"], int(row["at"])) for row in rows]
    told = [(str(body["negotiation"]), at) for body, at in bodies if body.get("by") == "peer" and "event" not in body]
    return _news(tx, participant, told)


def ending_until(tx: Tx, participant: str, until: int) -> list[Ending]:
    """Agreements in force that end by then (ms), the soonest first."""
    rows = tx.all(
        "SELECT id, counterparty, expires_at FROM agreement WHERE participant = :participant"
        " AND state IN ('finalized', 'one-sided') AND expires_at > :now AND expires_at <= :until"
        " ORDER BY expires_at, id LIMIT :most",
        participant=participant,
        now=tx.now,
        until=until,
        most=MOST,
    )
    return [Ending(str(row["id"]), str(row["counterparty"]), int(row["expires_at"])) for row in rows]


def ended_by_partners(tx: Tx, participant: str, since: int) -> list[Ending]:
    """Agreements of which partners stated the end since then (ms); `at` is when it takes effect."""
    rows = tx.all(
        "SELECT e.agreement, a.counterparty, e.effective FROM ending e JOIN agreement a"
        " ON a.participant = e.participant AND a.id = e.agreement WHERE e.participant = :participant"
        " AND e.answer = 'theirs' AND e.booked_at > :since ORDER BY e.booked_at DESC LIMIT :most",
        participant=participant,
        since=since,
        most=MOST,
    )
    return [Ending(str(row["agreement"]), str(row["counterparty"]), int(row["effective"])) for row in rows]


def in_force(tx: Tx, participant: str) -> list[tuple[str, str]]:
    """Agreements in force with their counterparties, the newest first."""
    rows = tx.all(
        "SELECT id, counterparty FROM agreement WHERE participant = :participant"
        " AND state IN ('finalized', 'one-sided') ORDER BY created_at DESC, id LIMIT :most",
        participant=participant,
        most=MOST,
    )
    return [(str(row["id"]), str(row["counterparty"])) for row in rows]


def to_sign(tx: Tx, participant: str) -> list[NegotiationNews]:
    """Contracts that the partner sealed and a person has to read and sign: `at` is when she was asked."""
    rows = tx.all(
        "SELECT subject, asked_at FROM question WHERE participant = :participant AND answered_at IS NULL"
        " AND kind IN ('countersign', 'countersign-refused', 'countersign-failed') ORDER BY asked_at, id LIMIT :most",
        participant=participant,
        most=MOST,
    )
    return _news(tx, participant, [(str(row["subject"]), int(row["asked_at"])) for row in rows])


def _news(tx: Tx, participant: str, told: list[tuple[str, int]]) -> list[NegotiationNews]:
    found = [(store.case(tx, participant, negotiation), at) for negotiation, at in told]
    known = [(case, at) for case, at in found if case is not None]
    named = titles.named(tx, participant, [case for case, _ in known])
    return [
        NegotiationNews(one.id, one.counterparty, one.title, at, one.kernel.role is Role.CONSUMER, one.agreement or "")
        for one, (_, at) in zip(named, known, strict=True)
    ]

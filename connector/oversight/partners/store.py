"""SQL of what lies between a participant and members: contracts in force, ends that are on their way, own offers, the
newest case. Reads only."""

from connector.foundation.storage.database import Row, Tx

MOST = 2_000
MOST_DATASETS = 500


def contracts(tx: Tx, participant: str, counterparty: str = "") -> list[Row]:
    """In force now, the newest: id, role, counterparty; of one member only if it is named."""
    only = " AND counterparty = :counterparty" if counterparty else ""
    return tx.all(
        "SELECT id, role, counterparty FROM agreement WHERE participant = :participant"  # noqa: S608 constant
        f" AND state IN ('finalized', 'one-sided') AND (expires_at IS NULL OR expires_at > :now){only}"
        " ORDER BY finalized_at DESC, id LIMIT :most",
        participant=participant,
        now=tx.now,
        most=MOST,
        **({"counterparty": counterparty} if counterparty else {}),
    )


def met(tx: Tx, participant: str) -> dict[str, int]:
    """By member when (ms) something last happened in a case with it."""
    rows = tx.all(
        "SELECT counterparty, max(changed_at) AS at FROM negotiation WHERE participant = :participant"
        " GROUP BY counterparty",
        participant=participant,
    )
    return {row["counterparty"]: int(row["at"]) for row in rows}


def offers(tx: Tx, participant: str) -> tuple[list[Row], int]:
    """Published datasets by title, each row with one of its offers or none, and how many datasets there are."""
    count = tx.one(
        "SELECT count(*) AS n FROM dataset WHERE participant = :participant AND state = 'published'",
        participant=participant,
    )
    rows = tx.all(
        "SELECT d.id, d.title, d.access, o.policy, o.digest, o.visibility FROM (SELECT id, title, access FROM dataset"
        " WHERE participant = :participant AND state = 'published' ORDER BY title, id LIMIT :most) d"
        " LEFT JOIN offer o ON o.participant = :participant AND o.dataset = d.id AND o.state = 'published'"
        " ORDER BY d.title, d.id, o.created_at",
        participant=participant,
        most=MOST_DATASETS,
    )
    return rows, 0 if count is None else int(count["n"])


def untold(tx: Tx, participant: str) -> list[str]:
    """Partners (DIDs) that have not taken our statement yet that a contract ends, which runs on by its own text."""
    rows = tx.all(
        "SELECT DISTINCT a.counterparty FROM ending e JOIN agreement a ON a.participant = e.participant"
        " AND a.id = e.agreement WHERE e.participant = :participant AND e.answer = 'waiting'"
        " AND (a.expires_at IS NULL OR a.expires_at > :now) ORDER BY a.counterparty LIMIT :most",
        participant=participant,
        now=tx.now,
        most=MOST,
    )
    return [str(row["counterparty"]) for row in rows]

"""SQL of what a participant that leaves has to end: negotiations, agreements in force; and of what proves the rest."""

from typing import NamedTuple

import msgspec

from connector.contracts import store
from connector.contracts.model import Agreement, Case
from connector.protocol.negotiation import Negotiation, terminating
from connector.storage.database import Row, Tx

_OPEN = (
    "SELECT id, kernel FROM negotiation WHERE participant = :participant AND state NOT IN ('FINALIZED', 'TERMINATED')"
    " AND id > :after ORDER BY id LIMIT 200"
)


class Evidence(NamedTuple):
    """An agreement that came into force; `bundle`: a bundle can be made of it; `sha256` of what an operator holds."""

    agreement: str
    bundle: bool
    sha256: str | None


def open_cases(tx: Tx, participant: str, limit: int) -> list[Case]:
    """Negotiations that have not ended and that nobody is ending, locked."""
    found: list[Case] = []
    for row in _open(tx, participant):
        case = store.case(tx, participant, str(row["id"]), lock=True)
        if case is not None and _runs(case.kernel) and len(found) < limit:
            found.append(case)
    return found


def any_open(tx: Tx, participant: str) -> int:
    """How many such negotiations there are."""
    return sum(_runs(msgspec.json.decode(row["kernel"], type=Negotiation)) for row in _open(tx, participant))


def in_force(tx: Tx, participant: str, limit: int) -> list[Agreement]:
    rows = tx.all(
        "SELECT id FROM agreement WHERE participant = :participant AND state IN ('finalized', 'one-sided')"
        " ORDER BY id LIMIT :limit",
        participant=participant,
        limit=limit,
    )
    found = (store.agreement(tx, participant, str(row["id"])) for row in rows)
    return [one for one in found if one is not None]


def counts(tx: Tx, participant: str) -> tuple[int, int]:
    """Agreements in force, and partners of them."""
    row = tx.one(
        "SELECT count(*) AS n, count(DISTINCT counterparty) AS partners FROM agreement"
        " WHERE participant = :participant AND state IN ('finalized', 'one-sided')",
        participant=participant,
    )
    return (0, 0) if row is None else (int(row["n"]), int(row["partners"]))


def evidence(tx: Tx, participant: str, after: str, limit: int) -> list[Evidence]:
    """Agreements that ever came into force, by id, those beyond `after`."""
    rows = tx.all(
        "SELECT a.id, a.provider_jws IS NOT NULL AS bundle, h.sha256 FROM agreement a LEFT JOIN handover h"
        " ON h.participant = a.participant AND h.agreement = a.id"
        " WHERE a.participant = :participant AND a.state IN ('finalized', 'one-sided', 'ended') AND a.id > :after"
        " ORDER BY a.id LIMIT :limit",
        participant=participant,
        after=after,
        limit=limit,
    )
    return [Evidence(str(row["id"]), bool(row["bundle"]), row["sha256"]) for row in rows]


def not_handed(tx: Tx, participant: str) -> int:
    """How many agreements there are whose evidence no operator holds."""
    row = tx.one(
        "SELECT count(*) AS n FROM agreement a WHERE a.participant = :participant"
        " AND a.state IN ('finalized', 'one-sided', 'ended') AND NOT EXISTS (SELECT 1 FROM handover h"
        " WHERE h.participant = a.participant AND h.agreement = a.id)",
        participant=participant,
    )
    return 0 if row is None else int(row["n"])


def refused(tx: Tx, participant: str) -> list[str]:
    """Partners that did not take our statement that an agreement ends."""
    rows = tx.all(
        "SELECT DISTINCT a.counterparty FROM ending e JOIN agreement a"
        " ON a.participant = e.participant AND a.id = e.agreement"
        " WHERE e.participant = :participant AND e.answer = 'refused' ORDER BY a.counterparty",
        participant=participant,
    )
    return [str(row["counterparty"]) for row in rows]


def records(tx: Tx, participant: str, agreement: str) -> list[bytes]:
    """The records of the log about an agreement, in the order of their chain; none that is erased."""
    rows = tx.all(
        "SELECT record FROM audit_entry WHERE participant = :participant AND agreement = :agreement"
        " AND record IS NOT NULL ORDER BY seq",
        participant=participant,
        agreement=agreement,
    )
    return [bytes(row["record"]) for row in rows]


def _open(tx: Tx, participant: str) -> list[Row]:
    """Page by page, so that those that are being ended do not hide the others."""
    found: list[Row] = []
    while page := tx.all(_OPEN, participant=participant, after=found[-1]["id"] if found else ""):
        found += page
    return found


def _runs(kernel: Negotiation) -> bool:
    return not terminating(kernel)

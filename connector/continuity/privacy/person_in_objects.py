"""SQL that looks for a pseudonym in the signed objects of a participant, and deletes approvals.

An approval is the one object that names a person by itself. It is kept as long as its agreement can be proven, never
longer; and with it goes what the negotiation itself still says of who approved. The reason of an end may name one too.
"""

from collections.abc import Iterable
from typing import NamedTuple

from connector.continuity.privacy import pseudonyms
from connector.continuity.privacy.column_scan import overwriting
from connector.exchange.contracts.model import EvidenceObject
from connector.foundation.storage.database import Tx, for_update

JSON = "application/json"
_ORDERED = ("countersign", "countersign-late")
"""Errands that name the person who ordered them."""


class Use(NamedTuple):
    """Where an object belongs. `agreement` is None before there is one; `open`: that negotiation goes on."""

    name: str
    negotiation: str
    agreement: str | None
    open: bool

    @property
    def personal(self) -> bool:
        """Whether it says who approved, or why somebody ended it: no other use of the contract reads it."""
        return self.name.startswith(("approval-", "late:", "termination-", "former:"))


def objects_holding(tx: Tx, participant: str, text: str, after: str, limit: int) -> list[EvidenceObject]:
    """Objects that hold this text, by SHA-256 behind `after`; without names, for they may have several.

    Approvals with escapes are among them too: a partner's need not be written as ours are.
    """
    holds = "instr(o.body, :text) > 0" if tx.dialect == "sqlite" else "position(:text IN o.body) > 0"
    escapes = "instr(o.body, :escape) > 0" if tx.dialect == "sqlite" else "position(:escape IN o.body) > 0"
    rows = tx.all(
        "SELECT o.sha256, o.media_type, o.body FROM object o"  # noqa: S608 constants
        f" WHERE o.participant = :participant AND o.sha256 > :after AND ({holds} OR ({escapes} AND EXISTS"
        " (SELECT 1 FROM object_use u WHERE u.participant = o.participant AND u.sha256 = o.sha256"
        " AND (u.name LIKE 'approval-%' OR u.name LIKE 'late:%')))) ORDER BY o.sha256 LIMIT :limit",
        participant=participant,
        text=text.encode(),
        escape=b"\\u",
        after=after,
        limit=limit,
    )
    return [
        EvidenceObject(name="", sha256=row["sha256"], media_type=row["media_type"], body=bytes(row["body"]))
        for row in rows
    ]


def there(tx: Tx, participant: str, sha256: str) -> bool:
    """Whether the object is still there; it stays so until the end of a unit that changes it."""
    found = tx.one(
        "SELECT 1 FROM object WHERE participant = :participant AND sha256 = :sha256" + for_update(tx),  # noqa: S608 constants
        participant=participant,
        sha256=sha256,
    )
    return found is not None


def uses(tx: Tx, participant: str, sha256: str) -> list[Use]:
    """Where that object belongs, by negotiation and name; nowhere, if another one has taken its place.

    Sorted by an expression, so that the uses of this object are read and not all in the order of their key.
    """
    rows = tx.all(
        "SELECT u.name, u.negotiation, a.id AS agreement, n.settled FROM object_use u"
        " LEFT JOIN negotiation n ON n.participant = u.participant AND n.id = u.negotiation"
        " LEFT JOIN agreement a ON a.participant = n.participant AND a.id = n.agreement"
        " WHERE u.participant = :participant AND u.sha256 = :sha256 ORDER BY u.negotiation || '', u.name, a.id",
        participant=participant,
        sha256=sha256,
    )
    return [Use(row["name"], row["negotiation"], row["agreement"], row["settled"] == 0) for row in rows]


def let_go(tx: Tx, participant: str, sha256: str, without: Iterable[Use]) -> None:
    """Ends these uses of an object, and deletes it if none is left."""
    for use in without:
        tx.run(
            "DELETE FROM object_use WHERE participant = :participant AND negotiation = :negotiation AND name = :name"
            " AND sha256 = :sha256",
            participant=participant,
            negotiation=use.negotiation,
            name=use.name,
            sha256=sha256,
        )
    there(tx, participant, sha256)  # waits for whoever is adding a use, which the next statement then sees
    tx.run(
        "DELETE FROM object WHERE participant = :participant AND sha256 = :sha256 AND NOT EXISTS"
        " (SELECT 1 FROM object_use u WHERE u.participant = object.participant AND u.sha256 = object.sha256)",
        participant=participant,
        sha256=sha256,
    )


def release(tx: Tx, participant: str, agreement: str) -> None:
    """Deletes the approvals of an agreement that nothing else refers to; without its record they prove nothing.

    What its negotiation, and the errands done for it, say of who approved goes in the same transaction.
    """
    row = tx.one(
        "SELECT negotiation FROM agreement WHERE participant = :participant AND id = :agreement",
        participant=participant,
        agreement=agreement,
    )
    if row is None:
        return
    with overwriting(tx):
        _release(tx, participant, str(row["negotiation"]))


def _release(tx: Tx, participant: str, negotiation: str) -> None:
    rows = tx.all(
        "SELECT u.name, u.sha256 FROM object_use u WHERE u.participant = :participant AND u.negotiation = :negotiation"
        " AND (u.name LIKE 'approval-%' OR u.name LIKE 'late:%')",
        participant=participant,
        negotiation=negotiation,
    )
    for row in rows:
        let_go(tx, participant, row["sha256"], [Use(row["name"], negotiation, None, open=False)])
    tx.run(
        "UPDATE negotiation SET approval = NULL, version = version + 1"
        " WHERE participant = :participant AND id = :negotiation AND approval IS NOT NULL",
        participant=participant,
        negotiation=negotiation,
    )
    for work in _ORDERED:
        _unsign(tx, participant, f"{work}:negotiation:{participant}:{negotiation}")


def _unsign(tx: Tx, participant: str, stream: str) -> None:
    """Takes pseudonyms out of the errands of this stream that are done."""
    rows = tx.all(
        "SELECT id, body FROM outbox WHERE participant = :participant AND stream = :stream AND done_at IS NOT NULL",
        participant=participant,
        stream=stream,
    )
    for row in rows:
        text = bytes(row["body"]).decode()
        for pseudonym in pseudonyms.said(text):
            text = pseudonyms.blanked(text, pseudonym)
        tx.run(
            "UPDATE outbox SET body = :body WHERE participant = :participant AND id = :id",
            participant=participant,
            id=row["id"],
            body=text.encode(),
        )

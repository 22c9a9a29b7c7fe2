"""What a participant that leaves has to end here: negotiations, and by a sealed statement each agreement in force.

In portions, so that a participant with thousands of contracts does not hold up its neighbours; whatever a portion finds
ended already it leaves alone, so that a crash or a second replica changes nothing (decision 0037).
"""

import base64
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from connector.exchange.contracts import object_store
from connector.exchange.contracts import store as contract_store
from connector.exchange.contracts.agreement.agreements import sealer
from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.model import Agreement, NegotiationRow
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.contracts.termination import statement
from connector.exchange.contracts.termination.statement import Terminations
from connector.foundation.errors import HanseError, Mistake, Unknown
from connector.foundation.language.reasons import Reason
from connector.foundation.storage.database import Row, Tx
from connector.foundation.storage.nested import nested
from connector.identity.participants.service import Hosted
from connector.kernel.protocol.negotiation import Negotiation, terminating

CODE = "participant-left"
"""What a termination names as its `code`."""
PORTION = 25


_OPEN = (
    "SELECT id, kernel FROM negotiation WHERE participant = :participant AND state NOT IN ('FINALIZED', 'TERMINATED')"
    " AND id > :after ORDER BY id LIMIT 200"
)


_KEPT = """
SELECT a.id, a.provider_jws IS NOT NULL AND a.state IN ('finalized', 'one-sided', 'ended') AND EXISTS
   (SELECT 1 FROM audit_entry e WHERE e.participant = a.participant AND e.agreement = a.id AND e.type = 'agreement'
     AND e.record IS NOT NULL) AS bundle,
  (SELECT coalesce(max(e.seq) + 1, 0) FROM audit_entry e WHERE e.participant = a.participant AND e.agreement = a.id
     AND e.type <> 'told') AS records, h.sha256, h.records AS handed
 FROM agreement a LEFT JOIN handover h ON h.participant = a.participant AND h.agreement = a.id
 WHERE a.participant = :participant AND a.id <> ''
   AND (a.provider_jws IS NOT NULL OR a.state IN ('finalized', 'one-sided', 'ended'))"""
"""A seal that has left the house binds whoever made it, also if its negotiation ended before it was final here.

What a partner gave no name cannot be asked for, and must not hold up the deletion for ever. Nor must a record whose
period is over: without its agreement record no bundle can be made.
"""


class Evidence(NamedTuple):
    """An agreement that was sealed or came into force; `bundle`: a bundle can be made of it.

    `records`: how many of the log it has by now, up to the last that does not only tell how far it goes; `sha256` of
    what an operator holds, None if that has not all of them.
    """

    agreement: str
    bundle: bool
    records: int
    sha256: str | None


class Open(NamedTuple):
    """What has not ended: agreements in force, partners of them, negotiations."""

    contracts: int
    partners: int
    negotiations: int


class Sealed(NamedTuple):
    """A statement of ours with its seal, and the DID document that names the key."""

    agreement: str
    body: bytes
    jws: str
    document: bytes


class EndContracts:
    """Of all participants; every method names the participant."""

    def __init__(self, contracts: Contracts, terminations: Terminations) -> None:
        self._contracts, self._terminations = contracts, terminations

    def open(self, tx: Tx, slug: str) -> Open:
        return Open(*counts(tx, slug), any_open(tx, slug))

    def drafts(self, tx: Tx, slug: str, reason: Reason) -> list[tuple[Agreement, bytes]]:
        """The statements of the next portion, to be sealed outside of a transaction."""
        found: list[tuple[Agreement, bytes]] = []
        for agreement in in_force(tx, slug, PORTION):
            try:
                found.append(self._terminations.draft(tx, slug, agreement.id, reason, None))
            except Mistake:
                continue  # it ends by what we have stated before
        return found

    def end(self, tx: Tx, slug: str, reason: Reason, sealed: Sequence[Sealed]) -> int:
        """Ends a portion, and gives how many negotiations and agreements that were."""
        cases = open_cases(tx, slug, PORTION)
        for case in cases:
            self._contracts.sender.terminate(tx, case, CODE, reason)
        ended = 0
        for one in sealed:
            said = nested(tx, self._terminations.declare, slug, one.agreement, one.body, one.jws, one.document)
            ended += not isinstance(said, HanseError)  # else somebody has ended it meanwhile
        for agreement in in_force(tx, slug, PORTION):
            self._terminations.due(tx, slug, agreement.id)
        return len(cases) + ended

    def evidence(self, tx: Tx, slug: str, after: str, limit: int) -> list[Evidence]:
        """What an operator has to take along before the participant is deleted, a page beyond `after`."""
        return evidence(tx, slug, after, limit)

    def held(self, tx: Tx, slug: str) -> dict[str, bool]:
        """Agreements of which an operator takes evidence along -> whether that is a bundle, with the key events."""
        return held(tx, slug)

    def not_handed(self, tx: Tx, slug: str) -> int:
        return not_handed(tx, slug)

    def refused(self, tx: Tx, slug: str) -> list[str]:
        return refused(tx, slug)

    def kept(self, tx: Tx, slug: str, name: str) -> Agreement:
        """An agreement that was sealed or ever came into force, by its id; raises Unknown."""
        agreement = self._contracts.agreements.get(tx, slug, name)
        if not kept(tx, slug, name):
            raise Unknown("contracts.no-agreement", id=name[:200])
        return agreement

    def bare(self, tx: Tx, slug: str, name: str) -> dict[str, object]:
        """An agreement of which no bundle can be made, because its provider sealed nothing, it was never final or its
        agreement record has served its time: what there is of it, the objects that seals refer to in base64."""
        agreement = self.kept(tx, slug, name)
        objects = object_store.objects(tx, slug, agreement.negotiation)
        return {
            "agreement": agreement.document.decode(),
            "sha256": agreement.digest,
            "state": agreement.state,
            "counterparty": agreement.counterparty,
            "providerSignature": agreement.provider_jws,
            "consumerSignature": agreement.consumer_jws,
            "objects": {
                name: {"mediaType": one.media_type, "body": base64.b64encode(one.body).decode()}
                for name, one in objects.items()
            },
            "records": [msgspec.json.decode(one) for one in records(tx, slug, agreement.id)],
        }


async def seal(hosted: Hosted, agreement: Agreement, body: bytes, now_s: int) -> Sealed:
    """Raises Mistake without a certificate, Unavailable if the keeper of the key is away."""
    me = sealer(hosted)
    references = statement.references(agreement.document, agreement.id, me.root, body)
    jws = await sealing.seal(references, me.key, me.chain, now_s)
    return Sealed(agreement.id, body, jws, sealing.canonical(hosted.document))


def open_cases(tx: Tx, participant: str, limit: int) -> list[NegotiationRow]:
    """Negotiations that have not ended and that nobody is ending, locked."""
    found: list[NegotiationRow] = []
    for row in _open(tx, participant):
        if len(found) == limit:
            break
        case = contract_store.case(tx, participant, str(row["id"]), lock=True)
        if case is not None and _runs(case.kernel):
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
    found = (contract_store.agreement(tx, participant, str(row["id"])) for row in rows)
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
    """Agreements that were sealed or ever came into force, by id, those beyond `after`."""
    rows = tx.all(
        f"{_KEPT} AND a.id > :after ORDER BY a.id LIMIT :limit",
        participant=participant,
        after=after,
        limit=limit,
    )
    return [_evidence(row) for row in rows]


def held(tx: Tx, participant: str) -> dict[str, bool]:
    """All these agreements, and of which of them there is a bundle."""
    return {str(row["id"]): bool(row["bundle"]) for row in tx.all(_KEPT, participant=participant)}


def kept(tx: Tx, participant: str, agreement: str) -> bool:
    """Whether there is evidence of it."""
    return tx.one(f"{_KEPT} AND a.id = :agreement", participant=participant, agreement=agreement) is not None


def not_handed(tx: Tx, participant: str) -> int:
    """How many agreements there are whose evidence no operator holds, or not as it is now."""
    row = tx.one(
        f"SELECT count(*) AS n FROM ({_KEPT}) k WHERE k.handed IS NULL OR k.handed <> k.records",  # noqa: S608 constants
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


def _evidence(row: Row) -> Evidence:
    records = int(row["records"])
    return Evidence(str(row["id"]), bool(row["bundle"]), records, row["sha256"] if row["handed"] == records else None)


def _open(tx: Tx, participant: str) -> list[Row]:
    """Page by page, so that those that are being ended do not hide the others."""
    found: list[Row] = []
    while page := tx.all(_OPEN, participant=participant, after=found[-1]["id"] if found else ""):
        found += page
    return found


def _runs(kernel: Negotiation) -> bool:
    return not terminating(kernel)

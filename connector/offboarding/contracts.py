"""What a participant that leaves has to end here: negotiations, and by a sealed statement each agreement in force.

In portions, so that a participant with thousands of contracts does not hold up its neighbours; whatever a portion finds
ended already it leaves alone, so that a crash or a second replica changes nothing (decision 0037).
"""

import base64
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from connector.contracts import store as contract_store
from connector.contracts.agreement.agreements import sealer
from connector.contracts.document import sealing
from connector.contracts.model import Agreement
from connector.contracts.negotiation.service import Contracts
from connector.contracts.termination import statement
from connector.contracts.termination.statement import Terminations
from connector.errors import HanseError, Mistake, Unknown
from connector.language.reasons import Reason
from connector.offboarding import contracts_store as store
from connector.offboarding.contracts_store import Evidence as Evidence
from connector.participants.service import Hosted
from connector.storage.database import Tx
from connector.storage.nested import nested

CODE = "participant-left"
"""What a termination names as its `code`."""
PORTION = 25


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
        return Open(*store.counts(tx, slug), store.any_open(tx, slug))

    def drafts(self, tx: Tx, slug: str, reason: Reason) -> list[tuple[Agreement, bytes]]:
        """The statements of the next portion, to be sealed outside of a transaction."""
        found: list[tuple[Agreement, bytes]] = []
        for agreement in store.in_force(tx, slug, PORTION):
            try:
                found.append(self._terminations.draft(tx, slug, agreement.id, reason, None))
            except Mistake:
                continue  # it ends by what we have stated before
        return found

    def end(self, tx: Tx, slug: str, reason: Reason, sealed: Sequence[Sealed]) -> int:
        """Ends a portion, and gives how many negotiations and agreements that were."""
        cases = store.open_cases(tx, slug, PORTION)
        for case in cases:
            self._contracts.sender.terminate(tx, case, CODE, reason)
        ended = 0
        for one in sealed:
            said = nested(tx, self._terminations.declare, slug, one.agreement, one.body, one.jws, one.document)
            ended += not isinstance(said, HanseError)  # else somebody has ended it meanwhile
        for agreement in store.in_force(tx, slug, PORTION):
            self._terminations.due(tx, slug, agreement.id)
        return len(cases) + ended

    def evidence(self, tx: Tx, slug: str, after: str, limit: int) -> list[Evidence]:
        """What an operator has to take along before the participant is deleted, a page beyond `after`."""
        return store.evidence(tx, slug, after, limit)

    def held(self, tx: Tx, slug: str) -> dict[str, bool]:
        """Agreements of which an operator takes evidence along -> whether that is a bundle, with the key events."""
        return store.held(tx, slug)

    def not_handed(self, tx: Tx, slug: str) -> int:
        return store.not_handed(tx, slug)

    def refused(self, tx: Tx, slug: str) -> list[str]:
        return store.refused(tx, slug)

    def kept(self, tx: Tx, slug: str, name: str) -> Agreement:
        """An agreement that was sealed or ever came into force, by its id; raises Unknown."""
        agreement = self._contracts.agreements.get(tx, slug, name)
        if not store.kept(tx, slug, name):
            raise Unknown("contracts.no-agreement", id=name[:200])
        return agreement

    def bare(self, tx: Tx, slug: str, name: str) -> dict[str, object]:
        """An agreement of which no bundle can be made, because its provider sealed nothing, it was never final or its
        agreement record has served its time: what there is of it, the objects that seals refer to in base64."""
        agreement = self.kept(tx, slug, name)
        objects = contract_store.objects(tx, slug, agreement.negotiation)
        return {
            "agreement": agreement.document.decode(), "sha256": agreement.digest, "state": agreement.state,
            "counterparty": agreement.counterparty, "providerSignature": agreement.provider_jws,
            "consumerSignature": agreement.consumer_jws,
            "objects": {
                name: {"mediaType": one.media_type, "body": base64.b64encode(one.body).decode()}
                for name, one in objects.items()
            },
            "records": [msgspec.json.decode(one) for one in store.records(tx, slug, agreement.id)],
        }  # fmt: skip


async def seal(hosted: Hosted, agreement: Agreement, body: bytes, now_s: int) -> Sealed:
    """Raises Mistake without a certificate, Unavailable if the keeper of the key is away."""
    me = sealer(hosted)
    references = statement.references(agreement.document, agreement.id, me.root, body)
    jws = await sealing.seal(references, me.key, me.chain, now_s)
    return Sealed(agreement.id, body, jws, sealing.canonical(hosted.document))

"""The state of the world that a decision about a transfer looks at, gathered in the transaction that decides.

One immutable value per decision (spec/policy.md 7.1): who asks by the trust list of now, what was signed about the
data, what the flow is like, what was done under the agreement. What nobody vouches for is left out: absent means
unknown.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec.structs import replace

from connector.clock import State
from connector.contracts.agreement.agreements import Agreements
from connector.contracts.model import Agreement
from connector.dataplane.treatments import CAN
from connector.participants.service import Participants
from connector.policy.engine import PolicyEngine, Requester
from connector.policy.odrl.names import HANSE, ODRL
from connector.policy.odrl.state_of_world import Fact, World
from connector.policy.odrl.values import MILLION
from connector.storage.database import Tx
from connector.transfer.decision import decision_store
from connector.transfer.model import PUSH, TransferRow

SIGNED, LISTED = "agreement", "trust-list"
"""Evidence of facts: the signed description of the dataset, the data space's trust list."""

SUPPLIED = frozenset(
    [ODRL + name for name in ("dateTime", "elapsedTime", "count", "timeInterval", "purpose", "version", "fileFormat")]
    + [ODRL + name for name in ("absoluteSize", "deliveryChannel", "virtualLocation", "recipient", "payAmount")]
    + [HANSE + name for name in ("participant", "participantKind", "memberOf", "adminLevel", "participantLocation")]
    + [HANSE + name for name in ("dueBy", "dueWithin")]
)
"""Operands for which this house can have a value; what a badge promises must not go beyond (spec/policy.md 10.2)."""
MEDIA_TYPES = "https://www.iana.org/assignments/media-types/"
BYTES = "http://qudt.org/vocab/unit/BYTE"


class Claims(Protocol):
    """What the trust list says of a DID now."""

    def requester(self, did: str, now: int) -> Requester | None:
        """None once it does not belong any more."""

    def until(self, did: str) -> int | None:
        """When its membership ends by itself (ms), None if it does not."""


class StatesOfWorld:
    """States of the world for transfers that we provide, and of the duties under an agreement in either role."""

    def __init__(
        self, participants: Participants, agreements: Agreements, judge: PolicyEngine, claims: Claims,
        clock_state: Callable[[], State] = lambda: "",
    ) -> None:  # fmt: skip
        self._participants, self._agreements, self._judge, self._claims = participants, agreements, judge, claims
        self._clock_state = clock_state

    def member(self, did: str, now: int) -> bool:
        return self._claims.requester(did, now) is not None

    def until(self, did: str) -> int | None:
        return self._claims.until(did)

    def of(self, tx: Tx, agreement: Agreement, process: TransferRow | None, uses: Mapping[str, int]) -> World:
        """`uses` by window, this one included. Without a `process` only what holds for the agreement as a whole."""
        did = self.consumer(agreement)
        flow = {} if process is None else self._flow(process, did)
        return World(
            now=tx.now,
            clock=self._clock_state(),
            participant=did,
            action="" if process is None else process.action or "",
            target=agreement.dataset,
            facts={**_claims(self._seeker(tx, agreement, process, did)), **self._asset(tx, agreement), **flow},
            purpose=None if process is None else process.purpose,
            purpose_source="declared" if process is not None and process.purpose else "contractual",
            agreement_at=self._judge.signed_at(agreement.policy),
            agreement_end=agreement.end,
            first_access=agreement.first_access,
            uses=uses,
            deeds=decision_store.deeds(tx, agreement.participant, agreement.id),
            can=CAN,
        )

    def consumer(self, agreement: Agreement) -> str:
        """Who uses the data, and has the duties of it."""
        if agreement.role == "provider":
            return agreement.counterparty
        return self._participants.held(agreement.participant).participant.did

    def _seeker(self, tx: Tx, agreement: Agreement, process: TransferRow | None, did: str) -> Requester | None:
        """What is known of whoever uses the data; a successor is in the contract who its predecessor was."""
        who = did
        if agreement.role == "provider":
            who = self._agreements.acting(tx, agreement) if process is None else process.counterparty
        found = self._claims.requester(who, tx.now)
        return found if found is None or who == did else replace(found, did=did)

    def _asset(self, tx: Tx, agreement: Agreement) -> dict[str, Fact]:
        """From the description that both sides signed, so that nothing done to the catalogue later changes it."""
        terms = self._agreements.terms(tx, agreement.participant, agreement)
        found: dict[str, Fact] = {}
        if terms.media_type:
            found[ODRL + "fileFormat"] = Fact(frozenset((MEDIA_TYPES + terms.media_type,)), evidence=SIGNED)
        if terms.version:
            found[ODRL + "version"] = Fact(frozenset((terms.version,)), evidence=SIGNED)
        if terms.bytes is not None:
            found[ODRL + "absoluteSize"] = Fact(terms.bytes * MILLION, evidence=SIGNED, unit=BYTES)
        return found

    def _flow(self, process: TransferRow, did: str) -> dict[str, Fact]:
        channel = HANSE + ("push" if process.format == PUSH else "download")
        root = self._participants.held(process.participant).participant.root
        recipient = Fact(frozenset((did,)), "verified-credential", LISTED)
        return {
            ODRL + "deliveryChannel": Fact(frozenset((channel,)), evidence=process.id),
            ODRL + "virtualLocation": Fact(frozenset((f"{root}/data",)), evidence=process.id),
            ODRL + "recipient": recipient,
        }


def _claims(requester: Requester | None) -> dict[str, Fact]:
    """Nobody vouches for anything about whoever does not belong."""
    known = {} if requester is None else requester.known()
    return {iri: replace(fact, evidence=fact.evidence or LISTED) for iri, fact in known.items()}

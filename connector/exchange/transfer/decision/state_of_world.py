"""The state of the world that a decision about a transfer looks at, made of values that were read before.

One immutable value per decision (spec/policy.md 7.1): who asks by the trust list of now, what was signed about the
data, what the flow is like, what was done under the agreement. What nobody vouches for is left out: absent means
unknown.
"""

from collections.abc import Callable
from typing import Protocol

from msgspec.structs import replace

from connector.data.dataplane.treatments import CAN
from connector.exchange.contracts.agreement.agreements import Terms
from connector.exchange.contracts.model import Agreement
from connector.exchange.transfer.decision.agreement_now import AgreementNow, History
from connector.exchange.transfer.model import PUSH, TransferRow
from connector.foundation.clock import State
from connector.identity.participants.model import Participant
from connector.identity.participants.service import Participants
from connector.kernel.policy.engine import Requester
from connector.kernel.policy.odrl.names import HANSE, ODRL
from connector.kernel.policy.odrl.state_of_world import Fact, World, asked
from connector.kernel.policy.odrl.units import BYTES
from connector.kernel.policy.odrl.values import MILLION

SIGNED, LISTED = "agreement", "trust-list"
"""Evidence of facts: the signed description of the dataset, the data space's trust list."""

SUPPLIED = frozenset(
    [ODRL + name for name in ("dateTime", "elapsedTime", "count", "timeInterval", "purpose", "version", "fileFormat")]
    + [ODRL + name for name in ("absoluteSize", "deliveryChannel", "virtualLocation", "recipient")]
    + [HANSE + name for name in ("participant", "participantKind", "memberOf", "adminLevel", "participantLocation")]
    + [HANSE + name for name in ("regionalKey", "dueBy", "dueWithin")]
)
"""Operands for which this installation can have a value; a badge promises no more (spec/policy.md 10.2)."""
MEDIA_TYPES = "https://www.iana.org/assignments/media-types/"


class Claims(Protocol):
    """What the trust lists say of a DID now, as a participant of ours (`own`, a DID) may go by them."""

    def requester(self, own: str, did: str, now: int) -> Requester | None:
        """None once it does not belong any more."""

    def until(self, own: str, did: str, now: int) -> int | None:
        """When its membership ends by itself (ms), None if it does not."""


class StatesOfWorld:
    """States of the world for transfers that we provide, and of the duties under an agreement in either role."""

    def __init__(
        self, participants: Participants, claims: Claims, clock_state: Callable[[], State] = lambda: ""
    ) -> None:
        self._participants, self._claims, self._clock_state = participants, claims, clock_state

    def requester(self, slug: str, did: str, now: int) -> Requester | None:
        """None for whoever shares no space with our participant."""
        return self._claims.requester(self._participants.held(slug).participant.did, did, now)

    def until(self, slug: str, did: str, now: int) -> int | None:
        return self._claims.until(self._participants.held(slug).participant.did, did, now)

    def of(
        self, agreement: AgreementNow, requester: Requester | None, process: TransferRow | None, history: History
    ) -> World:
        """`history` counts this use. Without a `process` only what holds for the agreement as a whole."""
        flow = {} if process is None else _flow(agreement, process)
        return asked(
            agreement.now,
            agreement.consumer,
            action=None if process is None else process.action,
            purpose=None if process is None else process.purpose,
            clock=self._clock_state(),
            target=agreement.row.dataset,
            facts={**_claims(requester), **_asset(agreement.terms), **flow},
            agreement_at=agreement.signed_at,
            agreement_end=agreement.row.end,
            first_access=agreement.row.first_access,
            uses=history.uses,
            deeds=history.deeds,
            can=CAN,
            closure=agreement.closure,
        )

    def own(self, agreement: Agreement) -> Participant:
        """The participant whose agreement it is."""
        return self._participants.held(agreement.participant).participant

    def consumer(self, agreement: Agreement) -> str:
        """Who uses the data, and has the duties of it, as the agreement names it."""
        return agreement.counterparty if agreement.role == "provider" else agreement.own_did


def _asset(terms: Terms) -> dict[str, Fact]:
    """From the description that both sides signed, so that nothing done to the catalogue later changes it."""
    found: dict[str, Fact] = {}
    if terms.media_type:
        found[ODRL + "fileFormat"] = Fact(frozenset((MEDIA_TYPES + terms.media_type,)), evidence=SIGNED)
    if terms.version:
        found[ODRL + "version"] = Fact(frozenset((terms.version,)), evidence=SIGNED)
    if terms.bytes is not None:
        found[ODRL + "absoluteSize"] = Fact(terms.bytes * MILLION, evidence=SIGNED, unit=BYTES)
    return found


def _flow(agreement: AgreementNow, process: TransferRow) -> dict[str, Fact]:
    channel = HANSE + ("push" if process.format == PUSH else "download")
    return {
        ODRL + "deliveryChannel": Fact(frozenset((channel,)), evidence=process.id),
        ODRL + "virtualLocation": Fact(frozenset((f"{agreement.root}/data",)), evidence=process.id),
        ODRL + "recipient": Fact(frozenset((agreement.consumer,)), "verified-credential", LISTED),
    }


def _claims(requester: Requester | None) -> dict[str, Fact]:
    """Nobody vouches for anything about whoever does not belong."""
    known = {} if requester is None else requester.known()
    return {iri: replace(fact, evidence=fact.evidence or LISTED) for iri, fact in known.items()}

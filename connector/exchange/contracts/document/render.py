"""A contract written from facts: one function for both sides, so that the consumer knows what it is to seal.

The provider writes what it sends, the consumer writes the same and compares (`automatic_seal`). `FORM` numbers the way
in which text, profile and snapshot are written. Whoever changes one byte of what the same facts give raises it, and
may keep the former one in `_FORMS` for as long as it is written to the byte (decision 0045).
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeGuard

import msgspec

from connector.data.catalogue.model import Countersignature
from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.document import draft
from connector.exchange.contracts.document.agent import acted
from connector.exchange.contracts.document.described_data import Described
from connector.exchange.contracts.document.text import Party
from connector.exchange.contracts.document.translation import written
from connector.exchange.contracts.model import Agreement, EvidenceObject
from connector.foundation.errors import PeerError
from connector.kernel.policy.engine import PolicyEngine

FORM = 1
Names = Callable[[str], str]
NamesFor = Callable[[str, str], str]
"""What the lists call a DID that count for a participant of ours, whose DID comes second: in a contract a neighbour's
list names nobody."""


def itself(did: str, own: str = "") -> str:
    """Where no trust list is looked at."""
    return did


"""DID -> what the trust list calls it; the DID itself for whoever it does not name."""
Objects = dict[str, EvidenceObject]
PROVIDER = draft.APPROVAL["provider"]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a contract is written from besides the agreement itself.

    `offer` is the provider's id of the terms, `purpose` an IRI; `approved` is the provider's person who agreed, None
    where a rule decided.
    """

    described: Described
    provider: Party
    consumer: Party
    offer: str
    purpose: str | None
    approved: Approval | None = None
    agent: object = None
    """The sealed mandate of who acts for the provider."""


class Deadline(NamedTuple):
    """What the profile says of a countersignature; `until` in milliseconds."""

    setting: Countersignature
    until: int


def party(name_of: Names, did: str, own: str = "") -> Party:
    """Whom a contract names: as the trust list does; `own` is how one of ours calls itself, for who is not listed."""
    listed = name_of(did)
    return Party(own if own and listed == did else listed, did)


def known(form: object) -> TypeGuard[int]:
    """Whether this release writes that form to the byte."""
    return isinstance(form, int) and not isinstance(form, bool) and form in _FORMS


def described(agreement: Agreement, facts: Facts, engine: PolicyEngine, form: int = FORM) -> Objects:
    """References 2, 4 and 5: text, snapshot and the provider's approval by rule. PeerError, PolicyError or
    OverflowError where they cannot be written."""
    return _FORMS[form](agreement, facts, engine)


def profile(agreement: Agreement, engine: PolicyEngine, deadline: Deadline, form: int = FORM) -> EvidenceObject:
    """Reference 3. Raises as `described`."""
    return draft.profile(engine, agreement.document, *deadline, agreement.replaces, form)


def contract(
    agreement: Agreement, facts: Facts, engine: PolicyEngine, deadline: Deadline
) -> tuple[EvidenceObject, ...]:
    """All that the provider's seal refers to besides the agreement, as it is written now. Raises as `described`."""
    return (*described(agreement, facts, engine).values(), profile(agreement, engine, deadline))


def _first(agreement: Agreement, facts: Facts, engine: PolicyEngine) -> Objects:
    snapshot = draft.snapshot(agreement.dataset, facts.described, facts.provider.did)
    provider = acted(facts.provider, facts.agent)
    text = written(agreement, snapshot.body, provider, facts.consumer, facts.purpose, engine, "de")
    if text is None:
        raise PeerError("contracts.not-understood")
    at = str(agreement.policy["timestamp"])
    return {
        draft.TEXT: draft.evidence_object(draft.TEXT, "text/html", text),
        draft.DATASET: snapshot,
        PROVIDER: draft.approval(facts.provider.did, "provider", facts.offer, at, facts.approved, facts.agent),
    }


_FORMS: Mapping[int, Callable[[Agreement, Facts, PolicyEngine], Objects]] = {1: _first}

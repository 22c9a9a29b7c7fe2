"""A negotiation, and the terms of an offer before they are asked for."""

import msgspec

from connector.exchange.contracts.document.described_data import Described
from connector.exchange.contracts.model import NegotiationRow
from connector.foundation.clock import rfc3339
from connector.kernel.policy.engine import PolicyEngine
from connector.surfaces.views import status
from connector.surfaces.views.fields import Policy, Sentences, Time, optional_sentences
from connector.surfaces.views.members import Members
from connector.surfaces.views.status import StatusView, StepView
from connector.surfaces.views.terms import ClauseView, OfferView, clauses


class NegotiationView(msgspec.Struct, frozen=True, kw_only=True):
    """The `policy` on the table: its `clauses` in words (none: it cannot be said), `terms` its digest.

    `steps` are those taken of the four from a request to the data. `partner` is the name of the `counterparty` (a DID),
    `spaces` are the names of the data spaces through which both know each other.
    `deferred` points to the clauses of our offer that only a later phase decides; as consumer we are not told.
    `described` is, as consumer, what the provider's catalogue says of the data. Times with `_at` are milliseconds.
    """

    id: str
    role: str
    state: str
    status: StatusView
    steps: list[StepView]
    states: tuple[str, ...]
    proposed: bool
    counterparty: str
    partner: str
    spaces: list[str]
    dataset: str
    title: str
    created_at: int
    changed_at: int
    created: Time
    changed: Time
    offer: str
    policy: Policy
    terms: str
    clauses: list[ClauseView]
    agreement: str | None
    reason: Sentences | None
    deferred: tuple[str, ...]
    described: Described | None


class NegotiationsView(msgspec.Struct, frozen=True):
    negotiations: list[NegotiationView]


class StartedView(msgspec.Struct, frozen=True):
    """The process that has begun; its state is to be had under this id."""

    id: str


class TermsView(OfferView, frozen=True, kw_only=True):
    """An offer as it stands in the provider's catalogue now, to be read before it is asked for.

    `terms` and `data` are the digests that the request names; `described` is null for data that the catalogue does not
    describe as a contract of ours would: then the contract is read before it is sealed.
    """

    provider: str
    partner: str
    dataset: str
    title: str
    terms: str
    policy: Policy
    described: Described | None
    data: str


def negotiation(
    engine: PolicyEngine, members: Members, own: str, row: NegotiationRow, described: Described | None = None
) -> NegotiationView:
    """`own` is the DID of the participant."""
    return NegotiationView(
        id=row.id,
        role=str(row.kernel.role),
        state=row.shown,
        status=status.negotiation(row.shown, str(row.kernel.role)),
        steps=status.steps(row.states),
        states=row.states,
        proposed=row.proposed,
        counterparty=row.counterparty,
        partner=members.name(row.counterparty),
        spaces=members.spaces(own, row.counterparty),
        dataset=row.dataset,
        title=row.title,
        created_at=row.created_at,
        changed_at=row.changed_at,
        created=rfc3339(row.created_at),
        changed=rfc3339(row.changed_at),
        offer=row.offer,
        policy=row.policy,
        terms=engine.digest(row.policy),
        clauses=clauses(engine, row.policy),
        agreement=row.agreement,
        reason=optional_sentences(row.reason),
        deferred=row.deferred,
        described=described,
    )

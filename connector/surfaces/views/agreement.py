"""An agreement in lists and alone: partner, subject, state, times, and what there is of evidence."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from connector.exchange.contracts.agreement import termination_store
from connector.exchange.contracts.document.text import Agent
from connector.exchange.contracts.evidence import approvals
from connector.exchange.contracts.evidence.approvals import Side
from connector.exchange.contracts.model import Agreement, AgreementState
from connector.exchange.contracts.negotiation.late_countersignature import Confirmation
from connector.exchange.contracts.negotiation.service import Contracts
from connector.foundation.clock import rfc3339
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Tx
from connector.identity.trust.members.trust_list import Anchor
from connector.surfaces.views import status
from connector.surfaces.views.fields import Time, time
from connector.surfaces.views.members import LONGEST, Members
from connector.surfaces.views.status import StatusView


class NoticeView(msgspec.Struct, frozen=True):
    """The stated end that comes first while the agreement is in force: whose, and from when on."""

    by: str
    effective: Time


class SignedView(msgspec.Struct, frozen=True):
    """Which side has sealed."""

    provider: bool
    consumer: bool


class ActingView(msgspec.Struct, frozen=True, kw_only=True):
    """Who acted for a side by a mandate when it sealed: `agent` is a DID, `contract` refers to the processing contract,
    `mandate` is the SHA-256 (hex) of the sealed statement."""

    side: Side
    agent: str
    name: str
    contract: str
    until: Time
    mandate: str


class AgreementView(msgspec.Struct, frozen=True, kw_only=True):
    """`partner` is the name of the `counterparty` (a DID), `title` that of the dataset, empty if nobody told.

    `countersignature` is the setting that both seals name, `until` its deadline, `waits` that a person has to read;
    `verified`: the verification message is here. `spaces` are the names of the data spaces through which both know each
    other; `acting` says of each side that did not act itself who did. Times with `_at` are milliseconds.
    """

    agreement: str
    negotiation: str
    role: str
    state: AgreementState
    status: StatusView
    counterparty: str
    partner: str
    spaces: list[str]
    acting: list[ActingView]
    dataset: str
    title: str
    digest: str
    created_at: int
    expires_at: int | None
    ended_at: int | None
    created: Time
    expires: Time | None
    ended: Time | None
    notice: NoticeView | None
    signed: SignedView
    countersignature: Literal["required", "preferred", "none"]
    until: Time | None
    verified: bool
    confirmations: tuple[Confirmation, ...]
    waits: bool
    second_invalid: bool


class AgreementsView(msgspec.Struct, frozen=True):
    agreements: list[AgreementView]


class Agreements:
    """Shows them with the names that the trust list has for partners now."""

    def __init__(self, contracts: Contracts, anchor: Anchor) -> None:
        self._contracts, self._members = contracts, Members(anchor)

    def all(self, tx: Tx, slug: str) -> list[AgreementView]:
        return self.these(tx, slug, self._contracts.agreements.all(tx, slug))

    def one(self, tx: Tx, slug: str, agreement: Agreement) -> AgreementView:
        return self.these(tx, slug, [agreement])[0]

    def these(self, tx: Tx, slug: str, found: Sequence[Agreement]) -> list[AgreementView]:
        titles, acted = self._contracts.titles(tx, slug, [one.id for one in found]), approvals.all_acted(tx, found)
        return [self._row(tx, one, titles.get(one.id, ""), _acting(one, acted)) for one in found]

    def _row(self, tx: Tx, one: Agreement, title: str, acting: list[ActingView]) -> AgreementView:
        seals, notice = self._contracts.countersigning.standing(tx, one), _notice(tx, one)
        return AgreementView(
            agreement=one.id,
            negotiation=one.negotiation,
            role=one.role,
            state=one.state,
            status=agreement_status(tx, one, ending=notice is not None),
            counterparty=one.counterparty,
            partner=self._members.name(one.counterparty),
            spaces=self._members.spaces(one.own_did, one.counterparty),
            acting=acting,
            dataset=one.dataset,
            title=title,
            digest=one.digest,
            created_at=one.created_at,
            expires_at=one.expires_at,
            ended_at=one.ended_at,
            created=rfc3339(one.created_at),
            expires=time(one.expires_at),
            ended=time(one.ended_at),
            notice=notice,
            signed=SignedView(one.provider_jws is not None, one.consumer_jws is not None),
            countersignature=seals.countersignature,
            until=seals.until,
            verified=seals.verified,
            confirmations=seals.confirmations,
            waits=seals.waits,
            second_invalid=seals.second_invalid,
        )


def _acting(one: Agreement, acted: Mapping[tuple[str, Side], Agent]) -> list[ActingView]:
    sides: tuple[Side, ...] = ("provider", "consumer")
    return [
        ActingView(
            side=side,
            agent=agent.did,
            name=plain(agent.name, LONGEST),
            contract=plain(agent.contract, LONGEST),
            until=rfc3339(agent.until),
            mandate=agent.mandate,
        )
        for side in sides
        if (agent := acted.get((one.negotiation, side))) is not None
    ]


def agreement_status(tx: Tx, one: Agreement, *, ending: bool) -> StatusView:
    """As of the moment of the transaction."""
    expired = one.expires_at is not None and one.expires_at <= tx.now
    return status.agreement(one.state, expired=expired, ending=ending)


def _notice(tx: Tx, agreement: Agreement) -> NoticeView | None:
    stated = termination_store.terminations(tx, agreement.participant, agreement.id) if agreement.in_force else []
    return NoticeView(stated[0].side, rfc3339(stated[0].effective)) if stated else None

"""Mandates as people and programs see them: to whom, for what, until when, and what became of them."""

from collections.abc import Sequence

import msgspec

from connector.exchange.mandates.model import Given, MandateRow
from connector.surfaces.views.fields import Time, time


class MandateView(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: in-force, replaced, withdrawn, expired. `sealed`: whether the withdrawal, if it is one, has its seal."""

    mandate: str
    agent: str
    name: str
    actions: list[str]
    since: Time | None
    until: Time | None
    contract: str
    state: str
    ended: Time | None
    sealed: bool


class MandatesView(msgspec.Struct, frozen=True):
    mandates: list[MandateView]


class GivenView(msgspec.Struct, frozen=True):
    """`code` ends the mandate at the authority of a space; it is shown now and never again."""

    mandate: MandateView
    code: str


class StatementView(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from", "agent_name": "agentName"}):
    """The statement that is sealed, in its canonical form (spec/mandates.md 1.1)."""

    v: int
    kind: str
    principal: str
    agent: str
    agent_name: str
    actions: list[str]
    since: str
    until: str
    contract: str
    key: str
    own: list[str]
    withdrawal: str


class WithdrawalView(msgspec.Struct, frozen=True, kw_only=True):
    """What is sealed when a mandate is withdrawn (spec/mandates.md 5.1)."""

    v: int
    kind: str
    principal: str
    mandate: str
    at: str


class SealedMandateView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A mandate as it was sealed, for anybody: the statement, its seal, and those of the withdrawal."""

    mandate: StatementView
    seal: str
    state: str
    withdrawal: WithdrawalView | None
    withdrawal_seal: str


def mandate(row: MandateRow) -> MandateView:
    said = row.said
    actions = said["actions"]
    return MandateView(
        mandate=row.sha256,
        agent=row.agent,
        name=row.name,
        actions=list(actions) if isinstance(actions, list) else [],
        since=time(row.given_at),
        until=time(row.until),
        contract=str(said["contract"]),
        state=row.state,
        ended=time(row.ended_at),
        sealed=not row.withdrawal or bool(row.withdrawal_seal),
    )


def mandates(rows: Sequence[MandateRow]) -> MandatesView:
    return MandatesView([mandate(row) for row in rows])


def given(made: Given) -> GivenView:
    return GivenView(mandate(made.mandate), made.code)


def sealed(row: MandateRow) -> SealedMandateView:
    return SealedMandateView(
        mandate=msgspec.json.decode(row.statement, type=StatementView),
        seal=row.seal,
        state=row.state,
        withdrawal=msgspec.json.decode(row.withdrawal, type=WithdrawalView) if row.withdrawal else None,
        withdrawal_seal=row.withdrawal_seal,
    )

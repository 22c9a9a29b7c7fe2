"""Duties under an agreement, what was done about them, and the decisions about its transfers."""

import msgspec

from connector.exchange.transfer.decision.decision_store import Entry, KeptDecision
from connector.exchange.transfer.duties import DutyNow
from connector.foundation.clock import rfc3339
from connector.kernel.policy.engine import LANGUAGES, PolicyEngine
from connector.surfaces.views.fields import Json, Policy, Sentences, Time, time


class DutyView(DutyNow, frozen=True, kw_only=True):
    """With the `label` of its action, and when it is `due` (`due_at` in milliseconds)."""

    due: Time | None
    label: Sentences


class DeedView(Entry, frozen=True, kw_only=True):
    """With the `label` of its action; `done` is `at`, `created` is `created_at`, both in milliseconds."""

    done: Time
    created: Time
    label: Sentences


class DutiesView(msgspec.Struct, frozen=True, kw_only=True):
    """How each duty under an agreement stands now, and what was done so far (`deeds`)."""

    agreement: str
    role: str
    counterparty: str
    partner: str
    title: str
    first_access: int | None
    duties: list[DutyView]
    deeds: list[DeedView]


class DecisionView(msgspec.Struct, frozen=True, kw_only=True):
    """`process` is the transfer, `time` is `at`, in milliseconds."""

    id: str
    agreement: str
    process: str
    phase: str
    permit: bool
    at: int
    time: Time


class DecisionsView(msgspec.Struct, frozen=True):
    decisions: list[DecisionView]


class DecisionDetailView(DecisionView, frozen=True, kw_only=True):
    """With all that it was made from, to be explained and replayed."""

    record: Json
    world: Json
    policy: Policy


def duty(engine: PolicyEngine, one: DutyNow) -> DutyView:
    return DutyView(**msgspec.structs.asdict(one), due=time(one.due_at), label=_label(engine, one.action))


def deed(engine: PolicyEngine, one: Entry) -> DeedView:
    return DeedView(
        **msgspec.structs.asdict(one),
        done=rfc3339(one.at),
        created=rfc3339(one.created_at),
        label=_label(engine, one.action),
    )


def decision(one: KeptDecision) -> DecisionView:
    return DecisionView(
        id=one.id,
        agreement=one.agreement,
        process=one.process,
        phase=one.phase,
        permit=one.permit,
        at=one.at,
        time=rfc3339(one.at),
    )


def decision_detail(one: KeptDecision, policy: Policy) -> DecisionDetailView:
    record, world = msgspec.Raw(one.record.encode()), msgspec.Raw(one.world.encode())
    return DecisionDetailView(**msgspec.structs.asdict(decision(one)), record=record, world=world, policy=policy)


def _label(engine: PolicyEngine, action: str) -> Sentences:
    return {lang: engine.words(lang).action_text(action) for lang in LANGUAGES}

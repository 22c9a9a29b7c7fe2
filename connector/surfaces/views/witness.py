"""This process as a witness of other logs, and how its own logs stand with their witnesses."""

from typing import Annotated

import msgspec
from msgspec import Meta

from connector.dataspace.witness.cosign import Alarm
from connector.dataspace.witness.quorum import Progress, Restore
from connector.foundation.clock import rfc3339
from connector.oversight.operation.witness_status import Log, State
from connector.surfaces.views.fields import Time, time

WitnessKey = Annotated[dict[str, str], Meta(description="A public key (JWK) as the trust list names it.")]


class RotatedView(msgspec.Struct, frozen=True, kw_only=True):
    """New keys, and until when the old ones sign beside them."""

    keys: tuple[WitnessKey, ...]
    until: Time


class RetiringView(msgspec.Struct, frozen=True, kw_only=True):
    """A former key, which counts for nothing after `until`."""

    vkey: str
    until: Time


class SeenLogView(msgspec.Struct, frozen=True, kw_only=True):
    """A log of others that is vouched for: its newest size, and when that was seen."""

    origin: str
    size: int
    at: Time


class VouchedView(msgspec.Struct, frozen=True, kw_only=True):
    """What the quorum has seen."""

    size: int
    at: Time


class WitnessAnswerView(msgspec.Struct, frozen=True, kw_only=True):
    """The newest answer of one witness."""

    name: str
    size: int
    at: Time


class RestoredView(msgspec.Struct, frozen=True, kw_only=True):
    """When and why a restored log last got a new origin: `by` the witness that knew of more (`known`), or `own`."""

    at: Time
    size: int
    known: int
    by: str


class OwnLogView(msgspec.Struct, frozen=True, kw_only=True):
    """One of our logs. `state` is `new` while nothing is signed, `nobody` without a foreign witness, `never` without
    a quorum yet, `late` if a state waits for it for two hours, else `good`.

    `alone`: partners with contracts whose time nobody independent can vouch for.
    """

    participant: str
    origin: str
    state: State
    size: int
    at: Time | None
    vouched: VouchedView | None
    witnesses: list[WitnessAnswerView]
    alone: tuple[str, ...]
    restored: RestoredView | None


class WitnessView(msgspec.Struct, frozen=True, kw_only=True):
    """`keys` for the trust list, `vkeys` for a policy file (C2SP tlog-policy), `alarms` with both checkpoints."""

    url: str
    keys: tuple[WitnessKey, ...]
    vkeys: list[str]
    retiring: list[RetiringView]
    logs: list[SeenLogView]
    alarms: list[Alarm]
    own: list[OwnLogView]


def own_log(one: Log) -> OwnLogView:
    seen = one.progress
    return OwnLogView(
        participant=one.participant,
        origin=one.origin,
        state=one.state,
        size=seen.size,
        at=time(seen.sealed_at) if seen.size else None,
        vouched=_vouched(seen),
        witnesses=[WitnessAnswerView(name=said.name, size=said.size, at=rfc3339(said.at)) for said in seen.said],
        alone=tuple(one.alone),
        restored=None if seen.restore is None else _restored(seen.restore),
    )


def _vouched(seen: Progress) -> VouchedView | None:
    return None if seen.quorum_at is None else VouchedView(size=seen.quorum, at=rfc3339(seen.quorum_at))


def _restored(found: Restore) -> RestoredView:
    return RestoredView(at=rfc3339(found.at), size=found.size, known=found.known, by=found.witness)

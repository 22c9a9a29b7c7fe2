"""The gate before every data access: token, then the flow's state, then the policy of the contract.

The plane asks, the slice above decides: `Entitled` is implemented there, with policy, claims and counter in one
transaction (spec/architecture.md 1.1). A bad token is 401 and says nothing more; a refusal is 403 and says why. What
a review will hold rests already. A permission on condition that the data are treated on their way is void unless the
executor of this plane declares that it does so.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

import msgspec

from connector.data.dataplane import flows, tokens
from connector.data.dataplane.flows import Flow, OpenFlow
from connector.data.dataplane.treatments import Executor, Treatment, Untouched, void
from connector.data.sources.model import Description, Reading, Source
from connector.foundation.clock import Clock, rfc3339
from connector.foundation.errors import Refusal, Unauthenticated
from connector.foundation.language.reasons import because
from connector.foundation.storage.database import Database, Tx


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """One data access. Whoever counts uses calls `mark` in the counting transaction: it is True once per flow.

    If that access is then refused, `unmark` in the same transaction takes it back. `first` is only a hint for the log:
    two requests at once may both carry it. A HEAD is never a use.
    """

    counterparty: str
    agreement: str
    first: bool
    mark: Callable[[Tx], bool]
    unmark: Callable[[Tx], None]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """`reasons`: language -> sentences, for a refusal, which is not the last word where the flow is `held`;
    `expires_at`: ms, when this permission ends by itself."""

    permit: bool
    held: bool = False
    reasons: Mapping[str, list[str]] = {}
    expires_at: int | None = None
    during: tuple[Treatment, ...] = ()
    """What is to be done to the data while they flow, or the permission is void."""


class Entitled(Protocol):
    async def __call__(self, participant: str, flow: str, request: Access, now: int) -> Decision: ...


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """A permitted access; it ends at `expires_at` (ms) even while bytes flow."""

    participant: str
    flow: str
    source: Source
    expires_at: int | None
    during: tuple[Treatment, ...] = ()


class Gate:
    """Admits or raises: Unauthenticated for a token that does not open this flow, Refusal with reasons otherwise."""

    def __init__(self, database: Database, entitled: Entitled, clock: Clock, executor: Executor | None = None) -> None:
        self._database, self._entitled, self._clock = database, entitled, clock
        self._executor = executor or Untouched()

    async def admit(self, participant: str, flow: str, token: str | None, *, head: bool = False) -> Admission:
        if token is None:
            raise Unauthenticated("dataplane.token")
        held = await self._database.read(participant, flows.held, participant, flow, tokens.hashed(token))
        if held is None or held.flow.role != "provider":
            raise Unauthenticated("dataplane.token")
        return await self._judge(held, head)

    async def dispatch(self, participant: str, flow: str) -> Admission:
        """A push that we are about to send: judged like an access, without a token, because nobody comes."""
        held = await self._database.read(participant, flows.outgoing, participant, flow)
        if held is None:
            raise refusal("dataplane.ended")
        return await self._judge(held, head=False)

    async def _judge(self, held: OpenFlow, head: bool) -> Admission:
        now, flow = self._clock.now(), held.flow
        refuse_unless_open(flow, now)
        decision = await self._entitled(flow.participant, flow.id, _access(flow, head), now)
        if decision.held:
            raise Refusal("dataplane.suspended", reasons=dict(decision.reasons))
        if not decision.permit:
            raise Refusal("dataplane.refused", reasons=dict(decision.reasons))
        if not self._executor.able(decision.during):
            raise void()
        return Admission(
            participant=flow.participant,
            flow=flow.id,
            source=held.source,
            expires_at=_earlier(flow.expires_at, decision.expires_at),
            during=decision.during,
        )

    def treated(self, admission: Admission, reading: Reading, what: Description) -> Reading:
        """What may leave under this admission; Refusal before the first byte if it cannot be made so."""
        return self._executor.treated(reading, what, admission.during)


def refuse_unless_open(flow: Flow, now: int) -> None:
    """Refusal unless the flow is STARTED and not past its end at `now` (ms)."""
    if flow.expires_at is not None and flow.expires_at <= now:
        raise refusal("dataplane.expired", until=rfc3339(flow.expires_at))
    if flow.state == "SUSPENDED":
        raise refusal("dataplane.suspended")
    if flow.state != "STARTED":
        raise refusal("dataplane.ended")


def refusal(code: str, **facts: object) -> Refusal:
    """A Refusal whose only reason is its own sentence."""
    return Refusal(code, reasons=because(code, **facts), **facts)


def _access(flow: Flow, head: bool) -> Access:
    at = (flow.participant, flow.id)
    return Access(
        counterparty=flow.counterparty,
        agreement=flow.agreement,
        first=not flow.used and not head,
        mark=_never if head or flow.used else partial(_mark, at),  # once used it stays so
        unmark=partial(_unmark, at),
    )


def _mark(at: tuple[str, str], tx: Tx) -> bool:
    return flows.mark(tx, *at)


def _unmark(at: tuple[str, str], tx: Tx) -> None:
    flows.unmark(tx, *at)


def _never(tx: Tx) -> bool:
    return False


def _earlier(one: int | None, other: int | None) -> int | None:
    ends = [end for end in (one, other) if end is not None]
    return min(ends, default=None)

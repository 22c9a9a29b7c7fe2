"""What the policy of an agreement says of a transfer now: membership and kind are current, also under an old agreement.

At the request some clauses are deferred to the data access (spec/policy.md 6 to 8); at the access none is. Every ruling
that counts goes into the case file with its world, so that it can be explained and replayed.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from connector.contracts.agreement.agreements import Agreements
from connector.contracts.model import Agreement
from connector.ids import new_uuid
from connector.language.reasons import Reason, because
from connector.policy.engine import PolicyEngine
from connector.policy.evaluation.decision import Decision
from connector.policy.evaluation.record import plain, record, sha256
from connector.policy.odrl.model import Closure, Phase
from connector.policy.odrl.state_of_world import World
from connector.storage.database import Tx
from connector.transfer.decision import decision_store, use_counts
from connector.transfer.decision.decision_store import KeptDecision
from connector.transfer.decision.state_of_world import StatesOfWorld
from connector.transfer.model import Held, TransferRow

STEPS = 16
"""Edges of time that are looked beyond for the end of a permission; past these it counts as over and is asked anew."""

ClosureOf = Callable[[str], Closure]
"""The concept lists by their digest; of lists that we do not have an empty one, which contains nothing for sure."""
HOUR_MS = 3_600_000
MOST = decision_store.MOST_REFUSALS
"""Refusals of one transfer in an hour that are recorded: who is refused may ask again for ever."""


class TransferDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A decision with what it was made from; `vocabulary` is the digest of the lists that the agreement pins.

    `member`: whether the peer belongs to the data space at all. `until` is when that ends by itself (ms).
    """

    decision: Decision
    world: World
    document: dict[str, Any]
    vocabulary: str
    closure: Closure
    member: bool
    until: int | None

    @property
    def permit(self) -> bool:
        return self.member and self.decision.permit

    @property
    def held(self) -> Held:
        """Why bytes are held when it does not permit them."""
        return "duty" if self.decision.suspended else "policy"

    @property
    def next_change(self) -> int | None:
        """The next instant (ms) at which time alone may change the answer."""
        return earliest(self.decision.next_change, self.until if self.member else None)


class TransferDecisions:
    """Decisions about transfers that we provide, with what the log keeps of them and what people are told."""

    def __init__(
        self, judge: PolicyEngine, states: StatesOfWorld, agreements: Agreements, closure_of: ClosureOf
    ) -> None:
        self._judge, self._worlds, self._agreements, self._closure_of = judge, states, agreements, closure_of

    def at_request(self, tx: Tx, agreement: Agreement, process: TransferRow) -> TransferDecision:
        """Whether it may begin. Of an agreement that has run out no access can come, so nothing is deferred."""
        over = agreement.expires_at is not None and agreement.expires_at <= tx.now
        return self._rule(tx, agreement, process, "access" if over else "transfer", {})

    def at_access(
        self, tx: Tx, agreement: Agreement, process: TransferRow, uses: Mapping[str, int]
    ) -> TransferDecision:
        """Whether bytes may flow; `uses` by window count this access if it is the first of its flow."""
        return self._rule(tx, agreement, process, "access", uses)

    def standing(self, tx: Tx, agreement: Agreement, process: TransferRow) -> TransferDecision:
        """Whether bytes that flow, or could, may go on: as an access that was counted before."""
        used = use_counts.seen(tx, agreement.participant, agreement.id, self._judge.policy(agreement.policy))
        return self._rule(tx, agreement, process, "access", use_counts.with_that(used))

    def duties(self, tx: Tx, agreement: Agreement) -> Decision:
        """How the duties of an agreement stand, in either role; whether anything is permitted is not asked."""
        _, closure = self._pinned(tx, agreement)
        return self._judge.rule(agreement.policy, self._worlds.of(tx, agreement, None, {}), "access", closure)

    def used(self, tx: Tx, agreement: Agreement, *, lock: bool) -> dict[str, int]:
        """Uses so far in the windows that the policy counts in; with `lock` nobody else counts meanwhile."""
        look = use_counts.locked if lock else use_counts.seen
        return look(tx, agreement.participant, agreement.id, self._judge.policy(agreement.policy))

    def ends_at(self, ruling: TransferDecision, agreement: Agreement) -> int | None:
        """The first instant (ms) at which time alone ends this permission; None if it does not."""
        at = ruling.decision.next_change
        for _ in range(STEPS):
            if at is None:
                break
            world = replace(ruling.world, now=at)
            later = self._judge.rule(ruling.document, world, ruling.decision.phase, ruling.closure)
            if not later.permit:
                break
            at = later.next_change
        return earliest(at, ruling.until, agreement.expires_at)

    def reasons(self, ruling: TransferDecision) -> Reason:
        return self._judge.reasons(ruling.decision) if ruling.member else because("transfer.no-member")

    def record(self, tx: Tx, process: TransferRow, ruling: TransferDecision) -> dict[str, object] | None:
        """What the log is to keep; the whole goes into the case file. None for one refusal too many (threat T40)."""
        if not ruling.permit and decision_store.refusals(tx, process.participant, process.id, tx.now - HOUR_MS) >= MOST:
            return None
        whole = record(
            ruling.decision, ruling.world, ruling.document, vocabulary=ruling.vocabulary,
            registry=self._judge.registry, plugins=self._judge.plugins,
        )  # fmt: skip
        ruled = KeptDecision(
            id=new_uuid(), agreement=process.agreement, process=process.id, phase=ruling.decision.phase,
            permit=ruling.permit, at=tx.now, record=_json(whole), world=_json(plain(ruling.world)),
        )  # fmt: skip
        decision_store.insert_decision(tx, process.participant, ruled)
        digests = {"decision": ruled.id, "record": sha256(whole), "world": whole["world"]}
        return {**self._judge.record(ruling.decision), "permit": ruling.permit, "member": ruling.member, **digests}

    def _rule(
        self, tx: Tx, agreement: Agreement, process: TransferRow, phase: Phase, uses: Mapping[str, int]
    ) -> TransferDecision:  # fmt: skip
        did, policy = process.counterparty, agreement.policy
        world = self._worlds.of(tx, agreement, process, uses)
        vocabulary, closure = self._pinned(tx, agreement)
        return TransferDecision(
            decision=self._judge.rule(policy, world, phase, closure),
            world=world,
            document=policy,
            vocabulary=vocabulary,
            closure=closure,
            member=self._worlds.member(did, tx.now),
            until=self._worlds.until(did),
        )

    def _pinned(self, tx: Tx, agreement: Agreement) -> tuple[str, Closure]:
        """The concept lists that both sides signed; before any are here, those of now."""
        vocabulary = self._agreements.vocabulary(tx, agreement) or self._judge.vocabulary
        return vocabulary, self._closure_of(vocabulary)


def earliest(*ends: int | None) -> int | None:
    return min((end for end in ends if end is not None), default=None)


def _json(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()

"""One question to the policy of an agreement, and its answers: values in, values out, no transaction.

The short answer says whether; the examined one has every reason, and is asked for only where something is recorded or
told (decision 0020).
"""

from msgspec import Struct
from msgspec.structs import replace

from connector.data.dataplane.treatments import Treatment, plan
from connector.exchange.transfer.decision.agreement_now import AgreementNow
from connector.exchange.transfer.model import Held
from connector.kernel.policy.evaluation.decision import Decision
from connector.kernel.policy.evaluation.program import Verdict
from connector.kernel.policy.odrl.model import Phase
from connector.kernel.policy.odrl.state_of_world import World

STEPS = 16
"""Edges of time that are looked beyond for the end of a permission; past these it counts as over and is asked anew."""


class Question(Struct, frozen=True, kw_only=True):
    """Whether the policy permits a transfer in this phase of this state of the world.

    `member`: whether the peer belongs to the data space at all. `until` is when that ends by itself (ms).
    """

    agreement: AgreementNow
    world: World
    phase: Phase
    member: bool
    until: int | None

    def verdict(self) -> Verdict:
        """The short answer of the policy alone; membership is not looked at."""
        return self.agreement.program.verdict(self.world, self.phase)

    def permits(self) -> bool:
        """The short answer."""
        return self.member and self.verdict().permit

    def examine(self) -> "TransferDecision":
        """The same answer with its reasons."""
        return TransferDecision(self, self.agreement.program.examine(self.world, self.phase))

    def next_change(self) -> int | None:
        """The next instant (ms) at which time alone may change the answer."""
        at = self.agreement.program.next_change(self.world)
        return earliest(at, self.until if self.member else None)

    def ends_at(self) -> int | None:
        """Of what is permitted: the first instant (ms) at which time alone ends that; None if it does not."""
        program, world = self.agreement.program, self.world
        at = program.next_change(world)
        for _ in range(STEPS):
            if at is None:
                break
            world = replace(world, now=at)
            if not program.verdict(world, self.phase).permit:
                break
            at = program.next_change(world)
        return earliest(at, self.until, self.agreement.row.expires_at)


class TransferDecision(Struct, frozen=True):
    """A decision with all its reasons, and the question that it answers."""

    question: Question
    decision: Decision

    @property
    def permit(self) -> bool:
        return self.question.member and self.decision.permit

    @property
    def held(self) -> Held:
        """Why bytes are held when it does not permit them."""
        return "duty" if self.decision.suspended else "policy"


class RefusedAccess(Struct, frozen=True):
    """Not one byte may leave: by the policy, or because what it wants done to the data is not understood."""

    decision: TransferDecision


class PermittedAccess(Struct, frozen=True):
    """`treatments` are to be applied to the data while they flow; `ends_at` (ms) is when this ends by itself.

    `use` is the decision that counts, with its counters; None for a further access of a flow.
    """

    treatments: tuple[Treatment, ...]
    ends_at: int | None
    use: TransferDecision | None


def decide_access(question: Question, first: bool) -> RefusedAccess | PermittedAccess:
    """What becomes of a data access; `first`: it would be a use."""
    verdict = question.verdict()
    permit = question.member and verdict.permit
    treatments = plan(question.agreement.program.during(question.world, verdict)) if permit else None
    if treatments is None:
        return RefusedAccess(question.examine())
    return PermittedAccess(treatments, question.ends_at(), question.examine() if first else None)


def earliest(*ends: int | None) -> int | None:
    return min((end for end in ends if end is not None), default=None)

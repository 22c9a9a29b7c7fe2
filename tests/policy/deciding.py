"""The short way to a decision: the policy compiled once, then asked with all its reasons."""

from functools import lru_cache

from connector.policy.evaluation.decision import Decision
from connector.policy.evaluation.program import Program, compile
from connector.policy.odrl.model import Phase, Policy
from connector.policy.odrl.state_of_world import World


class _Same:
    """A policy as a key by identity: comparing two large policies would cost more than deciding."""

    __slots__ = ("policy",)

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def __hash__(self) -> int:
        return id(self.policy)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.policy is self.policy


@lru_cache(maxsize=1024)
def _program(key: _Same) -> Program:
    return compile(key.policy)


def decide(policy: Policy, world: World, phase: Phase) -> Decision:
    """What the policy says about this request in this phase; refuses by default."""
    return _program(_Same(policy)).examine(world, phase)

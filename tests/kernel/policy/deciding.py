"""The short way to a decision: the policy compiled once, then asked with all its reasons."""

from functools import lru_cache
from typing import Any

from connector.foundation.language import LANGUAGES
from connector.foundation.language import say as message
from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.evaluation.decision import Decision
from connector.kernel.policy.evaluation.program import Program, compile
from connector.kernel.policy.odrl.model import Phase, Policy
from connector.kernel.policy.odrl.state_of_world import World
from connector.kernel.policy.wording.figures import Say


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


def catalogue_of(lang: str) -> Say:
    """The words of a language, as the composition root gives them to an engine."""

    def say(key: str, /, **facts: object) -> str:
        return message(key, lang, **facts)

    return say


def judge_of(vocabulary: Vocabulary, **means: Any) -> PolicyEngine:
    """An engine with these lists; `means` says what the installation can do."""
    labels = {lang: vocabulary.labels(lang) for lang in LANGUAGES}
    return PolicyEngine(vocabulary.closure, labels, vocabulary.digest, catalogue_of, **means)

"""What came of one case and of a suite: the two figures that are claimed, each disagreement, each defect of the suite.

Exit code 0 only if all cases agree on activation and every other difference is a case whose expected report refers to
nothing (spec/policy.md 15.1). Such a defect is found by looking, never by the number of a case.
"""

from collections.abc import Sequence

from msgspec import Struct


class Outcome(Struct, frozen=True, kw_only=True):
    """`activation` and `premises` (activation included): whether we agree. `result` concerns suites that state one.

    `differences` say what was expected and what came. `dangling` are references of the expected report that lead
    nowhere; only they excuse a difference of premises. `repairs` are other mistakes of the case that were read as
    meant; `repaired`: it agrees only so. `profiles` nobody knows, for which the policy permits nothing. `problem`: the
    case could not be run at all.
    """

    name: str
    activation: bool = False
    premises: bool = False
    result: bool = True
    differences: tuple[str, ...] = ()
    dangling: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
    repaired: bool = False
    profiles: tuple[str, ...] = ()
    problem: str = ""


class Tally(Struct, frozen=True, kw_only=True):
    """A whole suite."""

    outcomes: tuple[Outcome, ...]

    @property
    def total(self) -> int:
        return len(self.outcomes)

    @property
    def activation(self) -> int:
        return sum(o.activation for o in self.outcomes)

    @property
    def premises(self) -> int:
        return sum(o.premises for o in self.outcomes)

    @property
    def good(self) -> bool:
        """Whether nothing but defects of the suite stands between it and us."""
        return bool(self.outcomes) and all(
            o.activation and o.result and (o.premises or bool(o.dangling)) for o in self.outcomes
        )


def tally(outcomes: Sequence[Outcome]) -> Tally:
    return Tally(outcomes=tuple(outcomes))

"""The connectives over every combination of states: where unknown counts as met, what is still open stays open."""

from collections.abc import Callable, Sequence
from itertools import product

import pytest

from connector.kernel.policy.evaluation.connectives import (
    COMBINED,
    FORBIDDING,
    Piece,
    both,
    constant,
    either,
    exactly,
    in_order,
    surely_both,
    surely_either,
    surely_one,
)
from connector.kernel.policy.evaluation.decision import Node
from connector.kernel.policy.odrl.operators import DEFERRED, NO, UNKNOWN, YES, one_of
from connector.kernel.policy.odrl.state_of_world import World

STATES = (NO, UNKNOWN, DEFERRED, YES)
WORLD = World(now=0, participant="did:web:town")
Combine = Callable[[Sequence[Piece]], Piece]
COMPILED: dict[str, tuple[Combine, Combine]] = {
    "and": (both, surely_both),
    "andSequence": (in_order, surely_both),
    "or": (either, surely_either),
    "xone": (lambda pieces: exactly(pieces, one_of), lambda pieces: exactly(pieces, surely_one)),
}
"""Each connective over compiled clauses: where unknown counts as not met, and where it counts as met."""


def combinations() -> list[tuple[int, ...]]:
    return [states for size in range(1, 5) for states in product(STATES, repeat=size)]


def completions(states: Sequence[int]) -> list[tuple[int, ...]]:
    """What may come of these: everything, of what a later phase decides."""
    return list(product(*((NO, UNKNOWN, YES) if state == DEFERRED else (state,) for state in states)))


@pytest.mark.parametrize("operator", FORBIDDING)
def test_a_prohibition_is_in_force_early_only_if_no_later_phase_lifts_it(operator: str) -> None:
    """>> one to four parts in any state  << no if all that may come is, deferred if some is, else in force."""
    for states in combinations():
        ends = {COMBINED[operator](end) for end in completions(states)}
        found = FORBIDDING[operator](states)
        assert (found == NO) is (ends == {NO}), states
        assert (found == DEFERRED) is (NO in ends and ends != {NO}), states


@pytest.mark.parametrize("operator", COMPILED)
def test_compiled_clauses_answer_as_their_states_do(operator: str) -> None:
    """>> the same, compiled  << the state that the connective has over numbers, whichever part is asked first."""
    permitting, forbidding = COMPILED[operator]
    for states in combinations():
        pieces = [Piece(constant(state), _untold, cost) for cost, state in enumerate(states)]
        assert permitting(pieces).check(WORLD) == COMBINED[operator](states), states
        assert forbidding(pieces).check(WORLD) == FORBIDDING[operator](states), states


def test_what_is_settled_asks_nobody_further() -> None:
    """>> a no in an `and`, a yes in an `or`, then a part that must not be asked  << the answer, without asking it."""
    for combine, state in ((both, NO), (surely_both, NO), (either, YES), (surely_either, YES)):
        first, second = Piece(constant(state), _untold, 0), Piece(_unasked, _untold, 9)
        assert combine([first, second]).check(WORLD) == state


def _unasked(_world: World) -> int:
    raise AssertionError


def _untold(_world: World) -> Node:
    raise AssertionError

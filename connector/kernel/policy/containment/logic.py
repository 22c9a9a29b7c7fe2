"""Whether statements about requests can hold together: a search that is exact, or says that it took too long.

Statements are leaves (`regions`), joined by `Every`, `Some` and `Never`. The search follows every way in which a
`Some` can hold and closes a way as soon as one operand has no value left; it never guesses, and it is bounded.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from connector.kernel.policy.containment.regions import Box, Dimension, Leaf, Room, narrowed

STEPS = 20_000
"""Most leaves that one question looks at; then the answer is "unknown"."""


class Every(NamedTuple):
    parts: "tuple[Statement, ...]"


class Some(NamedTuple):
    parts: "tuple[Statement, ...]"


class Never(NamedTuple):
    part: "Statement"


Statement = Leaf | Every | Some | Never
TRUE, FALSE = Every(()), Some(())


class Exhausted(Exception):
    """The question is too large for `STEPS`."""


class Budget:
    """The steps that are left for one question."""

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Exhausted


Signed = tuple[Statement, bool]
Choice = tuple[Signed, ...]


class _Way:
    """One way through the search: what holds so far, and the choices that are still open."""

    def __init__(self, box: Mapping[Dimension, Room], marks: Mapping[int, bool], choices: Sequence[Choice]) -> None:
        self.box, self.marks, self.choices = dict(box), dict(marks), list(choices)

    def copy(self) -> "_Way":
        return _Way(self.box, self.marks, self.choices)

    def take(self, signed: Signed, budget: Budget) -> bool:
        """Let the statement hold; False if it cannot."""
        todo = [signed]
        while todo:
            statement, sign = todo.pop()
            budget.spend()
            if isinstance(statement, Never):
                todo.append((statement.part, not sign))
            elif isinstance(statement, Leaf):
                leaf = statement if sign else statement.denied()
                room = narrowed(self.box, leaf)
                if room is None:
                    return False
                self.box[leaf.dimension] = room
            elif not self._mark(statement, sign):
                return False
            else:
                parts = tuple((part, sign) for part in statement.parts)
                if isinstance(statement, Every) is sign:
                    todo.extend(reversed(parts))
                else:
                    self.choices.append(parts)
        return True

    def _mark(self, statement: Statement, sign: bool) -> bool:
        """The same statement cannot both hold and not hold: identical clauses need no search."""
        return self.marks.setdefault(id(statement), sign) is sign

    def settle(self, budget: Budget) -> bool:
        """Drop what cannot be chosen and take what is the last choice; False if nothing is left to choose."""
        moved = True
        while moved:
            moved = False
            open_choices, self.choices = self.choices, []
            for choice in open_choices:
                if any(self._certain(option, budget) for option in choice):
                    continue
                alive = tuple(option for option in choice if self._possible(option, budget))
                if not alive:
                    return False
                if len(alive) == 1:
                    moved = True
                    if not self.take(alive[0], budget):
                        return False
                else:
                    self.choices.append(alive)
        return True

    def _possible(self, option: Signed, budget: Budget) -> bool:
        statement, sign = option
        budget.spend()
        if isinstance(statement, Never):
            return self._possible((statement.part, not sign), budget)
        if isinstance(statement, Leaf):
            return narrowed(self.box, statement if sign else statement.denied()) is not None
        if self.marks.get(id(statement), sign) is not sign:
            return False
        if isinstance(statement, Every) is sign:
            return all(self._possible((p, sign), budget) for p in statement.parts if isinstance(p, Leaf))
        return bool(statement.parts)

    def _certain(self, option: Signed, budget: Budget) -> bool:
        statement, sign = option
        if isinstance(statement, Leaf):
            budget.spend()
            return narrowed(self.box, statement.denied() if sign else statement) is None
        if isinstance(statement, Never):
            return self._certain((statement.part, not sign), budget)
        return self.marks.get(id(statement)) is sign or (not statement.parts and isinstance(statement, Every) is sign)


def _any(box: Box) -> bool:
    return True


def together(
    statements: Iterable[Statement], budget: Budget, sound: Callable[[Box], bool] = _any, box: Box | None = None
) -> Box | None:
    """A box in which all statements hold, None if there is none; raises Exhausted.

    `sound` says whether the dimensions of a box go together; it must be true of every part of a sound box.
    """
    held = tuple(statements)  # kept, because marks know statements by their place in memory
    way = _Way(box or {}, {}, ())
    if not all(way.take((statement, True), budget) for statement in held):
        return None
    ways = [way]
    while ways:
        way = ways.pop()
        if not way.settle(budget):
            continue
        if not way.choices:
            if sound(way.box):
                return way.box
            continue
        choice = min(way.choices, key=len)
        rest = [other for other in way.choices if other is not choice]
        for option in reversed(choice):
            branch = way.copy()
            branch.choices = list(rest)
            if branch.take(option, budget):
                ways.append(branch)
    return None

"""The typed form of a policy: frozen, hashable values that keep everything that was in the document.

What the parser did not understand is not dropped but kept in `extras` or as an `Odd` clause, and evaluates to unknown
(policy.md 1, rule 2). `pointer` is the JSON pointer into the document and no part of a policy's identity.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from .values import Span

Phase = Literal["catalog", "negotiation", "transfer", "access"]
PHASES: tuple[Phase, ...] = ("catalog", "negotiation", "transfer", "access")

Extras = tuple[tuple[str, str], ...]
"""Members that are no part of the profile: (name, canonical JSON)."""


class Term(Struct, frozen=True):
    """A right operand as written: string, typed literal or reference."""

    text: str
    datatype: str = ""
    language: str = ""


class Atom(Struct, frozen=True, kw_only=True):
    """One comparison. `value` is None if operand, operator or value are not understood."""

    left: str
    operator: str
    right: tuple[Term, ...]
    value: Span | frozenset[str] | None
    unit: str = ""
    extras: Extras = ()
    pointer: str = ""


class Logic(Struct, frozen=True, kw_only=True):
    """`and`, `or`, `xone` or `andSequence` over at least one clause."""

    operator: str
    clauses: tuple["Clause", ...]
    extras: Extras = ()
    pointer: str = ""


class Odd(Struct, frozen=True):
    """A constraint by reference or of a foreign shape: kept, never satisfied."""

    text: str
    pointer: str = ""


Clause = Atom | Logic | Odd


class Action(Struct, frozen=True):
    iri: str
    refinements: tuple[Clause, ...] = ()
    extras: Extras = ()


class Duty(Struct, frozen=True, kw_only=True):
    """A duty of a permission, a remedy, a consequence or an obligation."""

    action: Action
    constraints: tuple[Clause, ...] = ()
    consequences: tuple["Duty", ...] = ()
    extras: Extras = ()
    pointer: str = ""


class Rule(Struct, frozen=True, kw_only=True):
    """A permission or prohibition with one action. `parties` and `targets` are those named at the rule itself."""

    action: Action
    constraints: tuple[Clause, ...] = ()
    duties: tuple[Duty, ...] = ()
    remedies: tuple[Duty, ...] = ()
    parties: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    extras: Extras = ()
    pointer: str = ""


class Policy(Struct, frozen=True, kw_only=True):
    """An Offer, Agreement or Set. The members up to `timestamp` identify one deal; the digest ignores them."""

    kind: str = ""
    id: str = ""
    target: str = ""
    assigner: str = ""
    assignee: str = ""
    timestamp: str = ""
    profiles: tuple[str, ...] = ()
    conflict: str = "invalid"
    permissions: tuple[Rule, ...] = ()
    prohibitions: tuple[Rule, ...] = ()
    obligations: tuple[Duty, ...] = ()
    notes: Extras = ()
    extras: Extras = ()


class Closure(Struct, frozen=True):
    """For each concept all concepts that contain it, itself included (`skos:broader*`)."""

    above: Mapping[str, frozenset[str]] = {}

    def within(self, part: str, whole: str) -> bool | None:
        """Whether `whole` contains `part`; None if one of them is in no vocabulary."""
        if part == whole:
            return True
        if part not in self.above or whole not in self.above:
            return None
        return whole in self.above[part]


class PolicyError(ValueError):
    """The document is no ODRL policy of the Dataspace Protocol; `code` is a message key below `error.`."""

    def __init__(self, pointer: str, code: str) -> None:
        super().__init__(f"{code} at {pointer or '/'}")
        self.pointer = pointer
        self.code = code

"""The typed form of a policy: frozen, hashable values that keep everything that was in the document.

What the parser did not understand is not dropped but kept in `extras` or as an `Odd` clause, and evaluates to unknown
(spec/policy.md 1.1). `pointer` is the JSON pointer into the document and no part of a policy's identity.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from connector.kernel.policy.odrl.values import Right

Phase = Literal["catalog", "negotiation", "transfer", "access"]
PHASES: tuple[Phase, ...] = ("catalog", "negotiation", "transfer", "access")

Role = Literal["condition", "parameter", "deadline", "window"]
"""What a comparison is for (spec/policy.md 2.5): decide, say how or by when a duty is done, where uses are counted."""

Flag = Literal["no-offset"]
"""What was assumed while reading: an instant without offset is UTC."""

Extras = tuple[tuple[str, str], ...]
"""Members that are no part of the profile: (name, canonical JSON)."""


class Term(Struct, frozen=True):
    """A right operand as written: string, typed literal or reference."""

    text: str
    datatype: str = ""
    language: str = ""


class Atom(Struct, frozen=True, kw_only=True):
    """One comparison. `value` is None if operand, operator, unit or value are not understood, or stand where they
    mean nothing: a parameter or deadline outside a duty, a window without a count beside it.

    `unit` as written: such a value only compares with a fact of the same unit. `role` follows from the operand and
    from whether it stands in a duty. Of several right operands `value` has those that are understood; the others are in
    `extras`, and the clause holds or fails only if it does so whatever they mean.
    """

    left: str
    operator: str
    right: tuple[Term, ...]
    value: Right | None
    role: Role = "condition"
    unit: str = ""
    flags: tuple[Flag, ...] = ()
    range: str = "text"
    """Of a value that is a set of texts: which names are understood there (`identifiers`), from the operand."""
    window: str = ""
    """Of a count: the calendar window it counts in, `P1D` or `P1M`; empty for the whole agreement."""
    extras: Extras = ()
    id: str = ""
    pointer: str = ""


class Logic(Struct, frozen=True, kw_only=True):
    """`and`, `or`, `xone` or `andSequence` over at least one clause."""

    operator: str
    clauses: tuple["Clause", ...]
    extras: Extras = ()
    id: str = ""
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


class Collection(Struct, frozen=True, kw_only=True):
    """The members of `source` (an IRI) that meet the refinements; understood on import only (spec/policy.md 6.1)."""

    source: str
    refinements: tuple[Clause, ...] = ()
    extras: Extras = ()
    id: str = ""
    pointer: str = ""


Whom = str | Collection
"""A party or asset: by its IRI, or any member of a collection. A collection with an empty source, or with extras, may
be anyone: it is not understood."""


class Duty(Struct, frozen=True, kw_only=True):
    """A duty of a permission, a remedy, a consequence or an obligation. `parties` must do it (any of them)."""

    action: Action
    constraints: tuple[Clause, ...] = ()
    consequences: tuple["Duty", ...] = ()
    parties: tuple[Whom, ...] = ()
    targets: tuple[Whom, ...] = ()
    assigners: tuple[Whom, ...] = ()
    extras: Extras = ()
    id: str = ""
    pointer: str = ""


class Rule(Struct, frozen=True, kw_only=True):
    """A permission or prohibition with one action, for any of its `parties` and `targets` (empty: everyone).

    Several actions in one rule of the document are several rules with one pointer. `assigners` tell who grants or
    forbids and decide nothing. `policy_parties` and `policy_targets` are what a policy names for all its rules beside
    what a permission names itself: the permission is for whom both name (decision 0148).
    """

    action: Action
    constraints: tuple[Clause, ...] = ()
    duties: tuple[Duty, ...] = ()
    remedies: tuple[Duty, ...] = ()
    parties: tuple[Whom, ...] = ()
    targets: tuple[Whom, ...] = ()
    assigners: tuple[Whom, ...] = ()
    policy_parties: tuple[Whom, ...] = ()
    policy_targets: tuple[Whom, ...] = ()
    extras: Extras = ()
    id: str = ""
    pointer: str = ""

    @property
    def named(self) -> tuple[Whom, ...]:
        """All parties and assets whose names or refinements decide whether the rule is about a request."""
        return (*self.parties, *self.targets, *self.policy_parties, *self.policy_targets)


class Policy(Struct, frozen=True, kw_only=True):
    """An Offer, Agreement or Set. The members up to `timestamp` identify one deal; the digest ignores them.

    What stands on the policy for all its rules (IM 2.7: action, constraint, several targets or parties, collections)
    is in the rules. One target or party by IRI stays here, and prohibitions name it as well. `inheritFrom` is among the
    extras: nobody resolves it.
    """

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
    replaced_by: tuple[str, ...] = ()
    """What took its place (`dct:isReplacedBy`), as written; also in `notes`. A replaced policy is void (IM 2.8)."""
    notes: Extras = ()
    extras: Extras = ()


class Closure(Struct, frozen=True):
    """For each concept all concepts that contain it, itself included (`skos:broader*`), and the list it stands in.

    `schemes`: local names of the lists by concept; empty if there is only one list, for every operand.
    """

    above: Mapping[str, frozenset[str]] = {}
    schemes: Mapping[str, str] = {}

    def knows(self, concept: str, scheme: str) -> bool:
        """Whether the concept stands in this list."""
        return concept in self.above and (not self.schemes or self.schemes.get(concept) == scheme)

    def within(self, part: str, whole: str) -> bool | None:
        """Whether `whole` contains `part`; None if one of them is in no vocabulary."""
        if part == whole:
            return True
        if part not in self.above or whole not in self.above:
            return None
        return whole in self.above[part]


POINTER = 500
"""Longest pointer in an error, in characters."""


class PolicyError(ValueError):
    """The document is no ODRL policy of the Dataspace Protocol; `code` is a message key below `error.`.

    A peer chooses how long a pointer is, so only the beginning of a long one is repeated.
    """

    def __init__(self, pointer: str, code: str) -> None:
        pointer = pointer if len(pointer) <= POINTER else pointer[: POINTER - 1] + "…"
        super().__init__(f"{code} at {pointer or '/'}")
        self.pointer = pointer
        self.code = code


def nameless(item: object) -> object:
    """The same without names and places: equal for what says the same in the same words."""
    if isinstance(item, Struct):
        fields = {
            name: nameless(getattr(item, name)) for name in item.__struct_fields__ if name not in ("id", "pointer")
        }
        return replace(item, **fields, **{name: "" for name in ("id", "pointer") if name in item.__struct_fields__})
    if type(item) is tuple:
        return tuple(nameless(part) for part in item)
    return item

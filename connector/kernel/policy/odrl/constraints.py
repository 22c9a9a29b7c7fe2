"""Reads constraints and refinements: terms with their types, logic, and the window in which uses are counted.

What is not understood keeps its place in the tree with `value` None, or as an `Odd` (spec/policy.md 1.1, 12.1).
"""

from collections.abc import Iterable

from msgspec.structs import replace

from connector.kernel.policy.odrl.identifiers import TAG, TEXT, well_formed
from connector.kernel.policy.odrl.model import Atom, Clause, Flag, Logic, Odd, PolicyError, Role, Term
from connector.kernel.policy.odrl.names import LOGIC, ODRL, OPERATORS, XSD, expand, reference
from connector.kernel.policy.odrl.reader import (
    Members,
    Reader,
    each,
    extras,
    few,
    identifier,
    members,
    own_id,
    shallow,
    term,
    text_of,
)
from connector.kernel.policy.odrl.registry import Operand
from connector.kernel.policy.odrl.units import in_bytes
from connector.kernel.policy.odrl.values import (
    DATATYPES,
    TEXTS,
    Right,
    Span,
    Type,
    exact,
    floating,
    numeral,
    several,
    single,
)

COUNT = ODRL + "count"

_BOUNDS = (frozenset({"lt", "lteq", "eq"}), frozenset({"gt", "gteq", "eq"}))
"""Comparisons that bound a number from one side: of two beside each other one means another number."""

_NAMED = frozenset({"@id", "@type", "uid"})
_CONSTRAINT = frozenset({"Constraint"})
_LOGICAL = frozenset({"Constraint", "LogicalConstraint"})
_ATOM = _NAMED | {"leftOperand", "operator", "rightOperand", "dataType", "unit"}


def _literal(value: object) -> Term | None:
    match value:
        case bool():
            return Term("true" if value else "false", XSD + "boolean")
        case int():
            return Term(str(value), XSD + "integer")
        case float():
            return Term(*numeral(value))
        case str():
            return Term(value)
    return None


def _term(value: object) -> Term:
    if (simple := _literal(value)) is not None:
        return simple
    match value:
        case {"@id": str(iri), **rest} if not rest:
            return Term(reference(iri))
        case {"@value": inner, **rest} if rest.keys() <= {"@type", "@language"} and (found := _literal(inner)):
            datatype, tag = rest.get("@type", found.datatype), rest.get("@language", "")
            if isinstance(datatype, str) and isinstance(tag, str):
                return Term(found.text, expand(datatype), tag.lower())
    return Term(text_of(value), "json")


def _typed(operand: Operand, operator: str, right: tuple[Term, ...]) -> tuple[Right | None, tuple[Term, ...]]:
    """The comparable value of the right operand, and of several names those that are not understood.

    The value is None if nothing about the comparison is understood.
    """
    if operator not in operand.operators or not right or not all(_readable(found, operand.type) for found in right):
        return None, ()
    if operand.type in TEXTS:
        ambiguous = operator in ("eq", "neq") and len(right) > 1
        return (None, ()) if ambiguous else _names(operand, right)
    return (single(operand.type, exact(right[0].text, right[0].datatype)) if len(right) == 1 else None), ()


def _readable(found: Term, type: Type) -> bool:
    """Whether a literal may stand for this type; only texts are in a language."""
    if found.language and type is not Type.TEXT:
        return False
    return found.datatype in ("", XSD + "string") or found.datatype in DATATYPES[type]


def _names(operand: Operand, right: tuple[Term, ...]) -> tuple[Right | None, tuple[Term, ...]]:
    if operand.range == TAG:
        return several(operand.type, [found.text for found in right]), ()
    known: set[str] = set()
    others: list[Term] = []
    for found in right:
        name = several(operand.type, [found.text])
        if name is None or not all(well_formed(operand.range, text) for text in name):
            others.append(found)
        else:
            known |= name
    return frozenset(known) or None, tuple(others) if known else ()


def _right(found: Members, pointer: str) -> tuple[Term, ...]:
    if "rightOperand" not in found and "rightOperandReference" not in found:
        raise PolicyError(pointer, "policy.right-operand-missing")
    right = tuple(_term(entry) for entry in few(found, "rightOperand", pointer))
    if datatype := identifier(found, "dataType", pointer):
        right = tuple(Term(one.text, one.datatype or expand(datatype), one.language) for one in right)
    return right


def _operator(found: Members, pointer: str) -> str:
    name = term(found.get("operator"), pointer + "/operator")
    return name.removeprefix(ODRL) if name.removeprefix(ODRL) in OPERATORS else name


def _atom(reader: Reader, found: Members, pointer: str, in_duty: bool) -> Atom:
    left = term(found.get("leftOperand"), pointer + "/leftOperand")
    operator, right = _operator(found, pointer), _right(found, pointer)
    unit, others = reference(identifier(found, "unit", pointer)), extras(found, _ATOM, _CONSTRAINT)
    operand = reader.registry.get(left)
    role: Role = "condition" if operand is None else operand.in_duty if in_duty else operand.role
    value: Right | None = None
    puzzling: tuple[Term, ...] = ()
    # A parameter or deadline outside a duty says nothing, so it is not understood there.
    means = in_duty or role not in ("parameter", "deadline")
    if means and operand is not None and not others and (operand.units or not unit):
        value, puzzling = _typed(operand, operator, right)
        value, unit = in_bytes(left, value, unit)
    if puzzling:
        others = (("rightOperand", text_of([found.text for found in puzzling])),)
    assumed = isinstance(value, Span) and operand is not None and operand.type is Type.INSTANT
    flags: tuple[Flag, ...] = ("no-offset",) if assumed and floating(right[0].text) else ()
    return Atom(
        left=left,
        operator=operator,
        right=right,
        value=value,
        role=role,
        unit=unit,
        range=TEXT if operand is None else operand.range,
        flags=flags,
        extras=others,
        id=own_id(found, pointer),
        pointer=pointer,
    )


def clause(reader: Reader, value: object, pointer: str, in_duty: bool) -> Clause:
    """One constraint, atomic or logical; what is only a reference or of a foreign shape is kept as it is."""
    reader.count(pointer)
    if isinstance(value, str):
        return Odd(text_of({"@id": value}), pointer)
    found = members(value, pointer)
    named = [name for name in LOGIC if name in found]
    if not named and "leftOperand" in found:
        return _atom(reader, found, pointer, in_duty)
    if len(named) > 1 or found.keys() & {"leftOperand", "operator", "rightOperand"} or not found:
        raise PolicyError(pointer, "policy.neither-atom-nor-logic")
    if not named:
        return Odd(text_of(value), pointer)
    shallow(pointer)
    operator = named[0]
    inner = each(found, operator, pointer, lambda entry, place: clause(reader, entry, place, in_duty))
    if not inner:
        raise PolicyError(pointer, "policy.logic-empty")
    return Logic(
        operator=operator,
        clauses=windowed(inner) if operator == "and" else _windowless(inner),
        extras=extras(found, _NAMED | {operator}, _LOGICAL),
        id=own_id(found, pointer),
        pointer=pointer,
    )


def clauses(reader: Reader, found: Members, name: str, pointer: str, in_duty: bool) -> list[Clause]:
    """The constraints or refinements of a member, not yet joined with what else holds beside them."""
    return each(found, name, pointer, lambda entry, place: clause(reader, entry, place, in_duty))


def _windowless(found: Iterable[Clause]) -> tuple[Clause, ...]:
    return tuple(replace(c, value=None) if isinstance(c, Atom) and c.role == "window" else c for c in found)


def windowed(found: Iterable[Clause]) -> tuple[Clause, ...]:
    """Clauses that hold together: a count takes the window that stands beside it (spec/policy.md 7.3).

    A window without a count, or two windows at once, is not understood; nor is one beside two limits, of which one may
    be meant for the whole agreement (it often stands on the policy, and the window on a rule).
    """
    beside = tuple(found)
    windows = {atom.value for atom in beside if isinstance(atom, Atom) and atom.role == "window"}
    counts = {(atom.operator, atom.value) for atom in beside if isinstance(atom, Atom) and atom.left == COUNT}
    if not windows:
        return beside
    several = any(sum(operator in bound for operator, _ in counts) > 1 for bound in _BOUNDS)
    if len(windows) != 1 or not counts or several or not isinstance(value := windows.pop(), frozenset):
        return _windowless(beside)
    window = "".join(value)
    return tuple(replace(c, window=window) if isinstance(c, Atom) and c.left == COUNT else c for c in beside)

"""Reads the policy of a DSP message (parsed JSON) into the typed form and computes its digest.

Tolerant in spelling (bare terms, `odrl:`, full IRIs, single objects for arrays, `{"@id"}`, `{"@value"}`), strict in
structure, and lossless: unknown members and terms are kept and marked (policy.md 3.7, 4.2; dataspace-protocol.md 5.4).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec

from .model import Action, Atom, Clause, Duty, Extras, Logic, Odd, Policy, PolicyError, Rule, Term
from .names import LOGIC, ODRL, OPERATORS, PREFIXES, XSD, expand, member
from .operands import REGISTRY
from .values import DATATYPES, Span, Type, duration, instant, integer

DEPTH = 32
"""Deepest nesting of constraints and consequences that is read."""

T = TypeVar("T")
Members = dict[str, object]

_IGNORED = frozenset({"@id", "@type", "@context", "uid"})
_POLICY = _IGNORED | {"target", "assigner", "assignee", "timestamp", "profile", "conflict", "constraint"}
_POLICY |= {"permission", "prohibition", "obligation"}
_DUTY = _IGNORED | {"action", "constraint", "consequence"}
_RULE = _IGNORED | {"action", "constraint", "duty", "remedy", "assignee", "target"}
_NOTES = (PREFIXES["dct"], PREFIXES["rdfs"] + "label", PREFIXES["rdfs"] + "comment")


def _json(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


def _members(value: object, pointer: str, code: str = "policy.not-an-object") -> Members:
    if not isinstance(value, Mapping):
        raise PolicyError(pointer, code)
    found: Members = {}
    for key, entry in value.items():
        if not isinstance(key, str) or (name := member(key)) in found:
            raise PolicyError(f"{pointer}/{key}", "policy.twice")
        found[name] = entry
    return found


def _extras(members: Members, known: Iterable[str]) -> Extras:
    return tuple(sorted((name, _json(value)) for name, value in members.items() if name not in known))


def _list(value: object) -> list[object]:
    if isinstance(value, Mapping) and len(value) == 1 and ("@list" in value or "@set" in value):
        value = next(iter(value.values()))
    return list(value) if isinstance(value, list | tuple) else [value]


def _each(members: Members, name: str, pointer: str, read: Callable[[object, str], T]) -> list[T]:
    if name not in members:
        return []
    return [read(entry, f"{pointer}/{name}/{index}") for index, entry in enumerate(_list(members[name]))]


def _plain(value: object) -> str | None:
    """The text of a string, a reference or an untyped literal; None for anything with more in it."""
    if isinstance(value, Mapping) and len(value) == 1:
        value = value.get("@id", value.get("@value"))
    return value if isinstance(value, str) else None


def _name(value: object, pointer: str) -> str:
    if len(values := _list(value)) != 1 or (text := _plain(values[0])) is None:
        raise PolicyError(pointer, "policy.not-a-term")
    return expand(text)


def _identifier(members: Members, name: str, pointer: str) -> str:
    if name not in members:
        return ""
    entries = _list(members[name])
    named = [{"@id": e["@id"]} if isinstance(e, Mapping) and "@id" in e else e for e in entries]
    if len(named) != 1 or (text := _plain(named[0])) is None:
        raise PolicyError(f"{pointer}/{name}", "policy.not-an-identifier")
    return text


def _term(value: object) -> Term:
    match value:
        case bool():
            return Term("true" if value else "false", XSD + "boolean")
        case int():
            return Term(str(value), XSD + "integer")
        case str():
            return Term(value)
        case {"@id": str(iri), **rest} if not rest:
            return Term(iri)
        case {"@value": literal, **rest} if rest.keys() <= {"@type", "@language"} and not isinstance(literal, Mapping):
            inner = _term(literal)
            datatype, language = rest.get("@type", inner.datatype), rest.get("@language", "")
            if isinstance(datatype, str) and isinstance(language, str):
                return Term(inner.text, expand(datatype), language)
    return Term(_json(value), "json")


def _span(type: Type, text: str) -> Span | None:
    match type:
        case Type.INSTANT:
            return instant(text)
        case Type.DURATION:
            return duration(text)
        case Type.INTEGER:
            return integer(text)
        case Type.CONCEPT | Type.IRI | Type.TEXT:
            return None


def _typed(left: str, operator: str, right: tuple[Term, ...]) -> Span | frozenset[str] | None:
    """The comparable value of the right operand, None if anything about the comparison is not understood."""
    operand = REGISTRY.get(left)
    if operand is None or operator not in operand.operators or not right:
        return None
    allowed = DATATYPES[operand.type]
    if any((term.datatype and term.datatype != XSD + "string" and term.datatype not in allowed) for term in right):
        return None
    if operand.type in (Type.CONCEPT, Type.IRI, Type.TEXT):
        single = operator in ("eq", "neq") and len(right) > 1
        return None if single else frozenset(term.text for term in right)
    return _span(operand.type, right[0].text) if len(right) == 1 else None


def _atom(members: Members, pointer: str) -> Atom:
    left = _name(members.get("leftOperand"), pointer + "/leftOperand")
    operator = _name(members.get("operator"), pointer + "/operator")
    operator = operator.removeprefix(ODRL) if operator.removeprefix(ODRL) in OPERATORS else operator
    if "rightOperand" not in members and "rightOperandReference" not in members:
        raise PolicyError(pointer, "policy.right-operand-missing")
    right = tuple(_term(entry) for entry in _list(members.get("rightOperand", [])))
    if datatype := _identifier(members, "dataType", pointer):
        right = tuple(Term(t.text, t.datatype or expand(datatype), t.language) for t in right)
    unit = _identifier(members, "unit", pointer)
    extras = _extras(members, _IGNORED | {"leftOperand", "operator", "rightOperand", "dataType", "unit"})
    value = None if unit or extras else _typed(left, operator, right)
    return Atom(left=left, operator=operator, right=right, value=value, unit=unit, extras=extras, pointer=pointer)


def _clause(value: object, pointer: str) -> Clause:
    members = _members(value, pointer)
    if members.keys() == {"@id"}:
        return Odd(_json(value), pointer)
    named = [name for name in LOGIC if name in members]
    if not named and "leftOperand" in members:
        return _atom(members, pointer)
    if len(named) != 1 or members.keys() & {"leftOperand", "operator", "rightOperand"}:
        raise PolicyError(pointer, "policy.neither-atom-nor-logic")
    if pointer.count("/") > 2 * DEPTH:
        raise PolicyError(pointer, "policy.too-deep")
    clauses = tuple(_each(members, named[0], pointer, _clause))
    if not clauses:
        raise PolicyError(pointer, "policy.logic-empty")
    return Logic(operator=named[0], clauses=clauses, extras=_extras(members, _IGNORED | {named[0]}), pointer=pointer)


def _action(value: object, pointer: str) -> Action:
    if _plain(value) is not None:
        return Action(_name(value, pointer))
    members = _members(value, pointer, "policy.not-a-term")
    iri = members.get("value", members.get("@id"))
    known = {"@id", "@type", "value", "refinement"}
    return Action(_name(iri, pointer), tuple(_each(members, "refinement", pointer, _clause)), _extras(members, known))


def _actions(members: Members, pointer: str) -> list[Action]:
    if not (actions := _each(members, "action", pointer, _action)):
        raise PolicyError(pointer, "policy.action-missing")
    return actions


def _duties(members: Members, name: str, pointer: str) -> tuple[Duty, ...]:
    if pointer.count("/") > 2 * DEPTH:
        raise PolicyError(pointer, "policy.too-deep")
    return tuple(duty for duties in _each(members, name, pointer, _duty) for duty in duties)


def _duty(value: object, pointer: str) -> list[Duty]:
    members = _members(value, pointer)
    return [
        Duty(
            action=action,
            constraints=tuple(_each(members, "constraint", pointer, _clause)),
            consequences=_duties(members, "consequence", pointer),
            extras=_extras(members, _DUTY),
            pointer=pointer,
        )
        for action in _actions(members, pointer)
    ]


def _party(value: object) -> str:
    """A party or asset by its IRI; a collection stays JSON, which equals no IRI."""
    return _plain(value) or _json(value)


def _rule(value: object, pointer: str) -> list[Rule]:
    members = _members(value, pointer)
    named = {name: tuple(_party(entry) for entry in _list(members.get(name, []))) for name in ("assignee", "target")}
    return [
        Rule(
            action=action,
            constraints=tuple(_each(members, "constraint", pointer, _clause)),
            duties=_duties(members, "duty", pointer),
            remedies=_duties(members, "remedy", pointer),
            parties=named["assignee"],
            targets=named["target"],
            extras=_extras(members, _RULE),
            pointer=pointer,
        )
        for action in _actions(members, pointer)
    ]


def _rules(members: Members, name: str, inherited: tuple[Clause, ...]) -> tuple[Rule, ...]:
    rules = [rule for rules in _each(members, name, "", _rule) for rule in rules]
    return tuple(msgspec.structs.replace(r, constraints=inherited + r.constraints) if inherited else r for r in rules)


def _kind(value: object) -> str:
    names = [member(entry) for entry in _list(value) if isinstance(entry, str)]
    return next((n for n in ("Agreement", "Offer", "Request") if n in names), names[0] if names else "")


def parse(document: object) -> Policy:
    """The policy in `document`, an object as JSON gives it; PolicyError names the place that cannot be read."""
    members = _members(document, "")
    extras = _extras(members, _POLICY)
    notes = tuple(extra for extra in extras if extra[0].startswith(_NOTES))
    inherited = tuple(_each(members, "constraint", "", _clause))
    policy = Policy(
        kind=_kind(members.get("@type", [])),
        id=_identifier(members, "@id", ""),
        target=_identifier(members, "target", ""),
        assigner=_identifier(members, "assigner", ""),
        assignee=_identifier(members, "assignee", ""),
        timestamp=_identifier(members, "timestamp", ""),
        profiles=tuple(sorted(_name(entry, "/profile") for entry in _list(members.get("profile", [])))),
        conflict=_name(members.get("conflict", "invalid"), "/conflict").removeprefix(ODRL),
        permissions=_rules(members, "permission", inherited),
        prohibitions=_rules(members, "prohibition", inherited),
        obligations=_duties(members, "obligation", ""),
        notes=notes,
        extras=tuple(extra for extra in extras if extra not in notes),
    )
    for rule in policy.permissions + policy.prohibitions:
        if policy.kind == "Agreement" and rule.targets:
            raise PolicyError(rule.pointer + "/target", "policy.rule-target")
    return policy

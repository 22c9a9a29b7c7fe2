"""The digest by which two policies are the same deal: typed and blind to order, because peers re-serialise (T22).

Left out is what names one message or one deal (@id, @type, target, assigner, assignee, timestamp) and what only
documents a policy is kept. Lists are sorted; only `andSequence` has an order.
"""

import hashlib

import msgspec

from .model import Action, Atom, Clause, Duty, Logic, Odd, Policy, Rule
from .values import Span


def _sorted(parts: list[object]) -> list[object]:
    return sorted(parts, key=lambda part: msgspec.json.encode(part, order="sorted"))


def _value(atom: Atom) -> object:
    match atom.value:
        case None:
            return ["raw", _sorted([[term.text, term.datatype, term.language] for term in atom.right])]
        case Span(start, end):
            return ["span", start, end]
        case texts:
            return ["set", sorted(texts), sorted({term.language for term in atom.right})]


def _clause(clause: Clause) -> object:
    match clause:
        case Atom():
            return ["atom", clause.left, clause.operator, _value(clause), clause.unit, clause.extras]
        case Logic():
            parts = [_clause(inner) for inner in clause.clauses]
            return [clause.operator, parts if clause.operator == "andSequence" else _sorted(parts), clause.extras]
        case Odd():
            return ["odd", clause.text]


def _clauses(clauses: tuple[Clause, ...]) -> list[object]:
    return _sorted([_clause(clause) for clause in clauses])


def _action(action: Action) -> object:
    return [action.iri, _clauses(action.refinements), action.extras]


def _duty(duty: Duty) -> object:
    return [_action(duty.action), _clauses(duty.constraints), _duties(duty.consequences), duty.extras]


def _duties(duties: tuple[Duty, ...]) -> list[object]:
    return _sorted([_duty(duty) for duty in duties])


def _scope(rule: Rule) -> list[object]:
    return [sorted(rule.parties), sorted(rule.targets), rule.extras]


def _rules(rules: tuple[Rule, ...]) -> list[object]:
    parts: list[object] = [
        [_action(r.action), _clauses(r.constraints), _duties(r.duties), _duties(r.remedies), *_scope(r)] for r in rules
    ]
    return _sorted(parts)


def canonical(policy: Policy) -> bytes:
    """The bytes whose SHA-256 is the digest."""
    return msgspec.json.encode(
        {
            "profile": policy.profiles,
            "conflict": policy.conflict,
            "permission": _rules(policy.permissions),
            "prohibition": _rules(policy.prohibitions),
            "obligation": _duties(policy.obligations),
            "other": sorted(policy.notes + policy.extras),
        },
        order="sorted",
    )


def digest(policy: Policy) -> str:
    """Lower-case hex SHA-256 of what the policy says."""
    return hashlib.sha256(canonical(policy)).hexdigest()

"""Says a decision and a policy in sentences: why not, the whole tree, and clause by clause with an honest badge.

A badge promises no more than the source of the operand allows: measured and verified values are enforced, declared ones
(the purpose) only bind by contract. A policy that cannot be said completely is never summarised (experience.md 3.2).
"""

from collections.abc import Iterable, Sequence
from typing import Literal, assert_never

from msgspec import Struct

from .evaluate import DURING, Decision, Node, leaves
from .model import Atom, Clause, Duty, Logic, Odd, Policy, Rule
from .names import CONFLICTS, PROFILES, USE
from .operands import REGISTRY
from .values import Type
from .wording import (
    Labels,
    Say,
    action_text,
    clause_text,
    complete,
    joined,
    length,
    local,
    now_text,
    number,
    plain_action,
    raw,
    zone_of,
)

Badge = Literal["enforced", "monitored", "contractual"]


class Statement(Struct, frozen=True):
    """One clause as people read it. `level` 1 belongs to the last statement of level 0."""

    sentence: str
    badge: Badge
    level: int = 0


# ---- why a decision says no


def explain(decision: Decision, say: Say, labels: Labels) -> list[str]:
    """The sentences of the clauses that failed; empty for a permit."""
    if decision.permit:
        return []
    failed = [node for child in decision.tree.children for node in _failed(child)]
    known = [node for node in failed if node.kind != "prohibition"]
    forbidden = [node for node in failed if node.kind == "prohibition" and _forbidden(decision)]
    return list(dict.fromkeys(_why(node, decision, say, labels) for node in known + forbidden))


def _failed(node: Node) -> Iterable[Node]:
    """The steps that stand in the way; a failed `or`, `xone` or inner clause is named as a whole."""
    if node.kind == "prohibition":
        return [node] if node.state == "yes" else []
    if node.state in ("yes", "deferred"):
        return []
    descend = node.kind == "permission" or (
        isinstance(node.item, Logic) and node.item.operator in ("and", "andSequence")
    )
    if descend and (inner := [leaf for child in node.children for leaf in _failed(child)]):
        return inner
    return [node]


def _forbidden(decision: Decision) -> bool:
    """Whether a prohibition is the reason: some permission would have held without it."""
    return any(child.kind == "permission" and child.state in ("yes", "deferred") for child in decision.tree.children)


def _why(node: Node, decision: Decision, say: Say, labels: Labels) -> str:
    match node.kind:
        case "constraint" | "logic" | "odd":
            return _clause_failed(node, decision, say, labels)
        case "action":
            return _action_failed(node, say)
        case "duty":
            action = node.item.action.iri if isinstance(node.item, Duty) else ""
            return say(f"policy.failed.duty-{node.text}", action=action_text(action, say))
        case "prohibition":
            action = node.item.action.iri if isinstance(node.item, Rule) else ""
            return say("policy.failed.forbidden", action=action_text(action, say))
        case "party" | "target" | "profile" | "kind" | "conflict" | "extra" | "nothing":
            return say(f"policy.failed.{node.kind}", text=node.text)
        case "policy" | "permission":
            return say("policy.failed.nothing")
        case _:
            assert_never(node.kind)


def _action_failed(node: Node, say: Say) -> str:
    action = node.item.action.iri if isinstance(node.item, Rule) else ""
    if node.state == "unknown":
        return say("policy.failed.action-not-understood", action=action_text(action, say))
    return say("policy.failed.action", action=action_text(action, say), asked=action_text(node.text, say))


def _clause_failed(node: Node, decision: Decision, say: Say, labels: Labels) -> str:
    clause = node.item
    if not isinstance(clause, Atom | Logic | Odd) or (text := clause_text(clause, say, labels)) is None:
        shown = raw(clause) if isinstance(clause, Atom | Logic | Odd) else ""
        return say("policy.failed.not-understood", text=shown)
    if not isinstance(clause, Atom):
        return say("policy.failed.logic", clause=text)
    if node.actual is None:
        return say("policy.failed.no-value", clause=text)
    actual = _actual(clause, node, decision, say, labels)
    key = "unknown-value" if node.state == "unknown" else local(clause.left)
    return say(f"policy.failed.{key}", clause=text, actual=actual)


def _actual(atom: Atom, node: Node, decision: Decision, say: Say, labels: Labels) -> str:
    value = node.actual
    if isinstance(value, frozenset):
        words = [labels.get(text, text) for text in sorted(value)]
        return joined(words, "and", say) or say("policy.failed.no-group")
    match REGISTRY[atom.left].type:
        case Type.INSTANT:
            return now_text(decision.now, zone_of(atom), say)
        case Type.DURATION:
            # Rounded away from the bound, so that "at most 5 seconds" never fails at "5 seconds".
            upwards = 999 if atom.operator in ("lt", "lteq") else 0
            return length(((value or 0) + upwards) // 1000 * 1000, say)
        case _:
            return number(value or 0, say)


def tree(node: Node, say: Say, labels: Labels) -> dict[str, object]:
    """The reason tree as plain values for JSON; empty members are left out."""
    shown: dict[str, object] = {"kind": node.kind, "state": node.state, "pointer": node.pointer, "source": node.source}
    if isinstance(node.item, Atom | Logic | Odd):
        shown["clause"] = clause_text(node.item, say, labels) or raw(node.item)
    elif isinstance(node.item, Rule | Duty):
        shown["action"] = node.item.action.iri
    if node.actual is not None:
        shown["actual"] = sorted(node.actual) if isinstance(node.actual, frozenset) else node.actual
    shown["text"] = node.text
    shown["children"] = [tree(child, say, labels) for child in node.children]
    return {key: value for key, value in shown.items() if value not in ("", [])}


def report(decision: Decision) -> dict[str, object]:
    """The decision without words, for the record of policy.md 3.6: result, phase and every step that decided it."""
    return {
        "permit": decision.permit,
        "phase": decision.phase,
        "action": decision.action,
        "rule": decision.rule,
        "purposeSource": decision.purpose_source,
        "counters": list(decision.counters),
        "nextChange": decision.next_change,
        "steps": [_step(leaf) for leaf in leaves(decision.tree)],
    }


def _step(leaf: Node) -> dict[str, object]:
    shown: dict[str, object] = {"kind": leaf.kind, "state": leaf.state, "pointer": leaf.pointer}
    if isinstance(leaf.item, Atom):
        shown |= {"left": leaf.item.left, "operator": leaf.item.operator, "source": leaf.source}
    if leaf.actual is not None:
        shown["actual"] = sorted(leaf.actual) if isinstance(leaf.actual, frozenset) else leaf.actual
    return shown


# ---- what a policy says, sentence by sentence


def clauses(policy: Policy, say: Say, labels: Labels) -> list[Statement] | None:
    """All clauses with badges in the order of the document, or None if any of it cannot be said."""
    if policy.extras or policy.conflict not in CONFLICTS or not PROFILES.issuperset(policy.profiles):
        return None
    parts = [_rule(rule, "permission", say, labels) for rule in policy.permissions]
    parts += [_rule(rule, "prohibition", say, labels) for rule in policy.prohibitions]
    parts += [_duty(duty, "obligation", 0, say, labels) for duty in policy.obligations]
    if any(part is None for part in parts) or not policy.permissions + policy.prohibitions:
        return None
    found = [statement for part in parts if part for statement in part]
    if policy.prohibitions:
        found.append(Statement(say(f"policy.sentence.conflict-{policy.conflict}"), "enforced"))
    return found


def _rule(rule: Rule, kind: str, say: Say, labels: Labels) -> list[Statement] | None:
    action = plain_action(rule.action, say)
    if action is None or rule.extras or rule.parties or rule.targets or rule.remedies:
        return None
    conditions = _flat(rule.constraints)
    texts = complete([clause_text(clause, say, labels) for clause in conditions])
    duties = [_duty(duty, "duty", 1, say, labels) for duty in rule.duties]
    if texts is None or any(duty is None for duty in duties):
        return None
    head = say(f"policy.sentence.{kind}{'-if' if conditions else ''}", action=action)
    word = "condition" if kind == "permission" else "circumstance"
    return [
        Statement(head, "enforced" if rule.action.iri == USE else "contractual"),
        *(
            Statement(say(f"policy.sentence.{word}", clause=text), _badge(clause), 1)
            for clause, text in zip(conditions, texts, strict=True)
        ),
        *(statement for duty in duties if duty for statement in duty),
    ]


def _flat(conditions: Sequence[Clause]) -> list[Clause]:
    """Conditions that all have to hold, one by one: the outer `and` needs no words."""
    found: list[Clause] = []
    for clause in conditions:
        plain_and = isinstance(clause, Logic) and clause.operator == "and" and not clause.extras
        found += _flat(clause.clauses) if isinstance(clause, Logic) and plain_and else [clause]
    return found


def _badge(clause: Clause) -> Badge:
    if isinstance(clause, Logic):
        return "enforced" if all(_badge(inner) == "enforced" for inner in clause.clauses) else "contractual"
    operand = REGISTRY.get(clause.left) if isinstance(clause, Atom) else None
    return "enforced" if operand and operand.source != "declared" else "contractual"


def _duty(duty: Duty, kind: str, level: int, say: Say, labels: Labels) -> list[Statement] | None:
    action = plain_action(duty.action, say)
    texts = complete([clause_text(clause, say, labels) for clause in duty.constraints])
    if action is None or texts is None or duty.consequences or duty.extras:
        return None
    key = f"policy.sentence.{kind}{'-with' if texts else ''}"
    badge: Badge = "enforced" if duty.action.iri in DURING else "contractual"
    return [Statement(say(key, action=action, clauses="; ".join(texts)), badge, level)]

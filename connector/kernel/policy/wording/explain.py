"""Says why a decision came out as it did: the clauses that stood in the way, the tree as JSON, and the wordless report.

One structure, the reason tree, is behind all of them (spec/policy.md 11.1); the indented text is in `outline`. Every
value is shown with who vouches for it.
"""

from collections.abc import Iterable

from connector.kernel.policy.evaluation.decision import Decision, Node, leaves
from connector.kernel.policy.evaluation.edges_in_time import CLOCK, ELAPSED, ends_at
from connector.kernel.policy.odrl.model import Atom, Collection, Duty, Logic, Odd, Rule
from connector.kernel.policy.odrl.names import ACTIONS, covers
from connector.kernel.policy.odrl.values import Type
from connector.kernel.policy.wording.figures import length, now_text, since_text
from connector.kernel.policy.wording.marks import DUTIES, mark
from connector.kernel.policy.wording.words import Words, local

MOST_REASONS = 40
"""Sentences about one decision; how many more there would be is said in the last one."""
_CLAUSES = frozenset({"constraint", "refinement", "logic", "odd"})


def explain(decision: Decision, words: Words) -> list[str]:
    """The sentences of the clauses that failed; empty for a permit."""
    if decision.permit:
        return []
    failed = [node for child in decision.tree.children for node in obstacles(child)]
    forbidden = forbidding(decision)
    known = [node for node in failed if node.kind != "clash" or not forbidden]
    reasons = known + forbidden
    said = list(dict.fromkeys(why(node, decision, words) for node in reasons[:MOST_REASONS]))
    if len(reasons) > MOST_REASONS:
        said.append(words.say("policy.failed.more", n=len(reasons) - MOST_REASONS))
    return said or [words.say("policy.failed.nothing")]


def obstacles(node: Node) -> Iterable[Node]:
    """The steps that stand in the way; a failed `or`, `xone` or inner clause is named as a whole."""
    if node.kind in ("prohibition", "obligation") or node.state in ("yes", "deferred"):
        return []
    if _descends(node) and (inner := [leaf for child in node.children for leaf in obstacles(child)]):
        return inner
    return [node]


def _descends(node: Node) -> bool:
    """Whether each failed part of this step is a reason of its own."""
    item = node.item
    if node.kind == "action" and isinstance(item, Rule):
        return covers(item.action.iri, node.text)
    joined = isinstance(item, Logic) and item.operator in ("and", "andSequence")
    return node.kind == "permission" or joined


def forbidding(decision: Decision) -> list[Node]:
    """The prohibitions in force without which some permission would have held for what was asked."""
    holding = [c.item for c in decision.tree.children if c.kind == "permission" and c.state in ("yes", "deferred")]
    asked = {decision.action or rule.action.iri for rule in holding if isinstance(rule, Rule)}
    return [
        child
        for child in decision.tree.children
        if child.kind == "prohibition" and child.state == "yes" and any(speaks(child, action) for action in asked)
    ]


def speaks(prohibition: Node, action: str) -> bool:
    """Whether a prohibition is about this action; one that is not understood is about every action."""
    rule = prohibition.item
    if not isinstance(rule, Rule) or rule.action.extras or rule.action.iri not in ACTIONS:
        return True
    return covers(rule.action.iri, action)


def why(node: Node, decision: Decision, words: Words) -> str:
    """One sentence about a step that failed."""
    if node.kind in _CLAUSES:
        return _clause_failed(node, decision, words)
    if node.kind == "action":
        return _action_failed(node, words)
    if node.kind in DUTIES and node.state == "unknown":
        return words.say("policy.failed.duty-undated", action=_named(node, words))
    if node.kind == "duty" and isinstance(node.item, Duty):
        late = "violated" if node.deontic == "violated" else node.time or node.text or "before"
        return words.say(f"policy.failed.duty-{late}", action=_named(node, words), how=words.manner(node.item))
    if node.kind == "suspended":
        if _undated(node, decision):
            return words.say("policy.failed.duty-undated", action=_named(node, words))
        key = "suspended-by" if isinstance(node.item, Rule) else "suspended"
        return words.say(f"policy.failed.{key}", action=_named(node, words))
    if node.kind == "prohibition":
        return words.say("policy.failed.forbidden", action=_named(node, words))
    if node.kind in ("policy", "permission"):
        return words.say("policy.failed.nothing")
    if node.kind == "kind" and node.state == "no":
        return words.say(f"policy.failed.proposal-{node.text}")
    return words.say(f"policy.failed.{node.kind}", text=node.text)


def _undated(node: Node, decision: Decision) -> bool:
    """Whether access is suspended because nobody knows whether the deadline has passed."""
    steps = decision.tree.children
    return any(step.kind == "obligation" and step.item is node.item and step.state == "unknown" for step in steps)


def _named(node: Node, words: Words) -> str:
    item = node.item
    return words.action_text(item.action.iri) if isinstance(item, Rule | Duty) else node.text


def _action_failed(node: Node, words: Words) -> str:
    action = _named(node, words)
    if node.state == "unknown":
        return words.say("policy.failed.action-not-understood", action=action)
    return words.say("policy.failed.action", action=action, asked=words.action_text(node.text))


def _clause_failed(node: Node, decision: Decision, words: Words) -> str:
    clause = node.item
    if not isinstance(clause, Atom | Logic | Odd):
        return words.say("policy.failed.not-understood", text=node.text)
    text = words.clause_text(clause)
    if not isinstance(clause, Atom):
        known = words.clause(clause) is not None
        return words.say("policy.failed.logic", clause=text) if known else _not_understood(text, words)
    if not words.understood(clause):
        return _not_understood(text, words)
    if node.actual is None:
        return words.say("policy.failed.no-value", clause=text)
    found = actual(node, decision, words)
    if node.state == "unknown":
        return words.say(
            f"policy.failed.doubt-{node.text or 'open'}", clause=text, actual=found, unit=words.unit(clause.unit)
        )
    if (since := over_since(node, decision, words)) is not None:
        key = "over" if clause.left == CLOCK else "over-elapsed"
        return words.say(f"policy.failed.{key}", clause=text, actual=found, since=since)
    own = words.spoken(f"policy.failed.{local(clause.left)}", clause=text, actual=found)
    return own or words.say("policy.failed.value", clause=text, actual=found)


def _not_understood(text: str, words: Words) -> str:
    return words.say("policy.failed.not-understood", text=text)


def actual(node: Node, decision: Decision, words: Words) -> str:
    """The value that was found, in words."""
    value, atom = node.actual, node.item
    if value is None or not isinstance(atom, Atom):
        return ""
    operand = words.registry.get(atom.left)
    if isinstance(value, frozenset):
        return words.value(value, operand) or words.say("policy.failed.no-group")
    kind = operand.type if operand else Type.INTEGER
    if kind is Type.INSTANT:
        return now_text(value, words.say)
    if kind is Type.DURATION:
        # Rounded away from the bound, so that "at most 5 seconds" never fails at "5 seconds".
        upwards = 999 if atom.operator in ("lt", "lteq") else 0
        return length((value + upwards) // 1000 * 1000, words.say)
    return words.value(value, operand, node.unit)


def over_since(node: Node, decision: Decision, words: Words) -> str | None:
    """Since when a comparison with the time can hold no more; None if it holds, or may hold one day."""
    if node.state != "no" or not isinstance(node.item, Atom) or not isinstance(node.actual, int):
        return None
    end = ends_at(node.item, decision.now - node.actual if node.item.left == ELAPSED else None)
    return since_text(end, words.say) if end is not None and end <= decision.now else None


def tree(node: Node, words: Words, above: Node | None = None) -> dict[str, object]:
    """The reason tree as plain values for JSON; empty members are left out. `mark` says how a duty stands."""
    item = node.item
    shown: dict[str, object] = {"kind": node.kind, "state": node.state, "pointer": node.pointer}
    shown["id"] = getattr(item, "id", "")
    if isinstance(item, Atom):
        shown |= {"left": item.left, "operator": item.operator, "right": [term.text for term in item.right]}
        shown["unit"] = item.unit
    if isinstance(item, Atom | Logic | Odd):
        shown["clause"] = words.clause_text(item)
    elif isinstance(item, Rule | Duty):
        shown["action"] = item.action.iri
    elif isinstance(item, Collection):
        shown["collection"] = words.whom_text(item)
    if node.actual is not None:
        shown["actual"] = _plain(node)
    shown["actualUnit"] = node.unit if node.unit != shown.get("unit") else ""
    shown |= {"source": node.source, "evidence": node.evidence, "text": node.text}
    if node.kind in DUTIES:
        shown["mark"] = mark(node, above)
        shown |= {"deontic": node.deontic, "time": node.time, "dueAt": node.due_at}
    shown["children"] = [tree(child, words, node) for child in node.children]
    return {key: value for key, value in shown.items() if value not in ("", [], None)}


def _plain(node: Node) -> object:
    return sorted(node.actual) if isinstance(node.actual, frozenset) else node.actual


def report(decision: Decision) -> dict[str, object]:
    """The decision without words, for the record of spec/policy.md 7.2: result, phase, every step that decided it."""
    return {
        "permit": decision.permit,
        "phase": decision.phase,
        "action": decision.action,
        "rule": decision.rule,
        "purposeSource": decision.purpose_source,
        "counters": [_counter(name, window) for name, window in decision.counters],
        "nextChange": decision.next_change,
        "steps": [_step(leaf) for leaf in leaves(decision.tree)],
    }


def _counter(name: str, window: str) -> str:
    return f"{name}/{window}" if window else name


def _step(leaf: Node) -> dict[str, object]:
    shown: dict[str, object] = {"kind": leaf.kind, "state": leaf.state, "pointer": leaf.pointer}
    if isinstance(leaf.item, Atom):
        shown |= {"left": leaf.item.left, "operator": leaf.item.operator, "source": leaf.source}
    if leaf.actual is not None:
        shown["actual"] = _plain(leaf)
    return shown

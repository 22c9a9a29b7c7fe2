"""The reason tree as indented text: every step with its answer, its value and who vouches for it (spec/policy.md 11.1).

The same lines answer "why" and "why not". What is not known is said to count as not met where it must be met, and as
met where it forbids or obliges. Lines that name no value are kept with the words, because a tree is made for every
refusal and most of its lines are those of the last one.
"""

from connector.kernel.policy.evaluation.decision import Decision, Node
from connector.kernel.policy.odrl.model import Atom, Collection, Duty, Logic, Odd, Rule
from connector.kernel.policy.odrl.names import ACTIONS
from connector.kernel.policy.wording.explain import actual, over_since
from connector.kernel.policy.wording.figures import end_text
from connector.kernel.policy.wording.marks import DUTIES, Mark, mark, suspension
from connector.kernel.policy.wording.words import Words

_AGAINST = DUTIES | {"prohibition"}
"""Below these an unknown condition counts as met: the safe side (spec/policy.md 2.4)."""
_MOMENT = "\0"


def outline(decision: Decision, words: Words, advice: str = "") -> str:
    """The whole text, with one line of advice at its end if there is any."""
    lines = [_header(decision, words)]
    _Outline(decision, words, lines).nodes(decision.tree, "", False)
    if advice:
        lines.append("+- " + advice)
    return "\n".join(lines)


def _header(decision: Decision, words: Words) -> str:
    key = ("header", decision.permit, decision.action, decision.phase)
    kept = words.lines.get(key)
    text = kept[1] if kept else _headline(decision, words, key)
    return text.replace(_MOMENT, words.moment(decision.now))


def _headline(decision: Decision, words: Words, key: tuple[object, ...]) -> str:
    """The first line with a mark where the time is to stand."""
    action = words.action_text(decision.action) if decision.action else words.fixed("policy.tree.any-action")
    phase = words.fixed(f"policy.tree.phase-{decision.phase}")
    answer = "policy.tree.permit" if decision.permit else "policy.tree.deny"
    text = words.say(answer, action=action.replace(_MOMENT, ""), phase=phase, moment=_MOMENT)
    if decision.action in ACTIONS:
        words.keep(key, None, text)
    return text


class _Outline:
    def __init__(self, decision: Decision, words: Words, lines: list[str]) -> None:
        self._decision, self._words, self._say, self._lines = decision, words, words.say, lines
        self._kept, self._marks = words.lines, words.marks

    def nodes(self, above: Node, indent: str, against: bool) -> None:
        """The lines of the steps below this one; `against` says on which side an unknown clause counts."""
        head, below, lines, kept = indent + "+- ", indent + "|  ", self._lines, self._kept
        key: tuple[object, ...]
        for node in above.children:
            item, kind, state, children = node.item, node.kind, node.state, node.children
            if kind == "constraint":
                shown = None if state == "yes" else node.actual
                key = (id(item), state, node.source, node.evidence, shown, node.unit, node.text, against)
            else:
                how = node.text if kind == "action" else node.deontic
                key = (id(item), kind, mark(node, above), how, node.due_at, against)
            found = kept.get(key)
            if found is not None and found[0] is item:
                lines.append(head + found[1])
            else:
                lines.append(head + self._line(node, above, against, key))
            if children and not (kind == "prohibition" and state == "no" and _unasked(node)):
                self.nodes(node, below, against or kind in _AGAINST)

    def _line(self, node: Node, above: Node, against: bool, key: tuple[object, ...]) -> str:
        rule = node.kind in ("permission", "prohibition")
        text = self._head(node) if rule else self._marks[mark(node, above)] + self._step(node, above, against)
        if _repeats(node):
            self._words.keep(key, node.item, text)
        return text

    def _head(self, node: Node) -> str:
        action = node.item.action.iri if isinstance(node.item, Rule) else node.text
        text = self._words.about(f"policy.tree.{node.kind}-{node.state}", action)
        return text if node.deontic == "not-set" else text + self._words.fixed(f"policy.tree.deontic-{node.deontic}")

    def _step(self, node: Node, above: Node, against: bool) -> str:
        item = node.item
        if isinstance(item, Atom):
            return self._atom(node, item, against)
        if isinstance(item, Logic):
            return self._words.fixed(f"policy.tree.logic-{item.operator}")
        if isinstance(item, Odd):
            return self._unknown("not-understood", item.text, against)
        if node.kind in DUTIES or node.kind == "suspended":
            return self._duty(node, mark(node, above))
        return self._part(node)

    def _atom(self, node: Node, atom: Atom, against: bool) -> str:
        text = self._words.clause_text(atom)
        if not self._words.understood(atom):
            return self._unknown("not-understood", text, against)
        if node.state == "unknown" and node.actual is None:
            return self._unknown("no-value", text, against)
        if node.state == "unknown":
            text = self._unknown(f"doubt-{node.text or 'open'}", text, against)
        source = self._source(node)
        if node.state in ("yes", "deferred") or node.actual is None:
            return text + source
        found, since = actual(node, self._decision, self._words), over_since(node, self._decision, self._words)
        if since is not None:
            return self._say("policy.tree.over", clause=text, actual=found, since=since) + source
        return self._say("policy.tree.found", clause=text, actual=found) + source

    def _unknown(self, key: str, text: str, against: bool) -> str:
        counts = self._words.fixed(f"policy.tree.counts-{'met' if against else 'unmet'}")
        return self._say(f"policy.tree.{key}", clause=text, counts=counts)

    def _source(self, node: Node) -> str:
        if not node.source:
            return ""
        name = self._words.fixed(f"policy.tree.source-{node.source}")
        return f" ({name}: {node.evidence})" if node.evidence else f" ({name})"

    def _duty(self, node: Node, how: Mark) -> str:
        item = node.item
        action = item.action.iri if isinstance(item, Rule | Duty) else node.text
        kind = node.kind if node.kind in DUTIES else "prohibition" if isinstance(item, Rule) else "obligation"
        text = self._words.about(f"policy.tree.{kind}", action)
        if node.kind == "suspended":
            return text + self._words.fixed(
                "policy.tree.suspends" if self._known(node) else "policy.tree.suspends-undated"
            )
        if node.state == "unknown":
            return text + self._words.fixed("policy.tree.undated")
        if how == "idle" or suspension(node):
            return text + self._words.fixed("policy.tree.idle" if how == "idle" else "policy.tree.in-force")
        if node.deontic != "not-set":
            text += self._words.fixed(f"policy.tree.deontic-{node.deontic}")
        if node.due_at is not None:
            text += self._say("policy.tree.due", moment=end_text(node.due_at, self._say))
        return text

    def _known(self, node: Node) -> bool:
        """Whether the step that suspends access says that something was violated."""
        steps = self._decision.tree.children
        return not any(s.kind == "obligation" and s.item is node.item and s.state == "unknown" for s in steps)

    def _part(self, node: Node) -> str:
        """Action, party, target, or what makes the whole policy inapplicable."""
        item, words = node.item, self._words
        if node.kind == "action" and isinstance(item, Rule | Duty):
            return words.about("policy.tree.action", node.text or item.action.iri)
        if node.kind == "kind" and node.state == "no":
            return words.fixed(f"policy.tree.proposal-{node.text}")
        text = words.whom_text(item) if isinstance(item, Collection) else node.text
        return self._say(f"policy.tree.{node.kind}", text=text)


def _repeats(node: Node) -> bool:
    """Whether the line is worth keeping: all that it names is in its key, and the value is none that always changes."""
    if node.kind == "constraint":
        return node.state == "yes" or not isinstance(node.actual, int)
    if isinstance(node.item, Duty):
        return node.kind in DUTIES
    known = node.kind == "action" and (not node.text or node.text in ACTIONS)
    return known or isinstance(node.item, Logic) or node.kind in ("permission", "prohibition")


def _unasked(node: Node) -> bool:
    """Whether a prohibition is about another action altogether and was kept; then nothing more is shown of it."""
    return node.deontic == "not-set" and node.children[0].kind == "action" and node.children[0].state == "no"

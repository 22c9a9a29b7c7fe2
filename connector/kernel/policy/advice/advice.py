"""The counterfactual in one sentence: "would be allowed if", with who can bring it about (spec/policy.md 11.2).

Advice is what helps: every way is applied to the request and decided again before it is said, and of several values
only those are named that lead to a permit. What changes nothing, or what nobody could do any more, is not said.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from msgspec.structs import replace

from connector.kernel.policy.advice.apply import Try, tries
from connector.kernel.policy.advice.what_if import Change, Who, counterfactual
from connector.kernel.policy.evaluation.decision import Again, Decision
from connector.kernel.policy.evaluation.edges_in_time import expires_at
from connector.kernel.policy.odrl.model import Atom, Duty, Policy, Rule
from connector.kernel.policy.odrl.names import reference
from connector.kernel.policy.odrl.registry import Registry
from connector.kernel.policy.odrl.state_of_world import World
from connector.kernel.policy.wording.figures import joined, since_text
from connector.kernel.policy.wording.words import Words

_MOST_SHOWN = 3
_MOST_DECIDED = 500
"""Decisions that are made again for one advice."""
_OPPOSITE = {
    "eq": "neq",
    "neq": "eq",
    "isAnyOf": "isNoneOf",
    "isNoneOf": "isAnyOf",
    "lt": "gteq",
    "gteq": "lt",
    "lteq": "gt",
    "gt": "lteq",
    **{name: f"not-{name}" for name in ("isA", "isPartOf", "hasPart", "isAllOf")},
}
"""How it is said that a comparison must not hold; the last four are no operators, only words."""
Way = tuple[Change, ...]
_ONE_OF = frozenset({"isAnyOf", "isA", "isPartOf"})


class Step(NamedTuple):
    """A change as it was tried: what the operand became or what was done, and `texts`, all values that do as well."""

    change: Change
    tried: Try
    who: Who
    texts: frozenset[str]


class Help(NamedTuple):
    """A way that helps: its steps, and the world that is permitted."""

    steps: tuple[Step, ...]
    world: World


def advise(decision: Decision, words: Words) -> str:
    """What would help, that first which the requester can do alone; empty for a permit."""
    if decision.permit:
        return ""
    said: list[str] = []
    for found in helping(decision, words.registry):
        way = _way(found, words)
        if way not in said:
            said.append(way)
        if len(said) == _MOST_SHOWN:
            break
    if not said:
        return _hopeless(decision, words)
    ways = said[0]
    for way in said[1:]:
        ways = words.say("policy.whatif.or", head=ways, last=way)
    return words.say("policy.whatif.advice", ways=ways)


def _hopeless(decision: Decision, words: Words) -> str:
    """What is said where no change of the request helps: what takes another rule, or a contract first, is named."""
    tree, world = decision.tree, decision.again.world if decision.again else None
    end = expires_at(tree.item, world.agreement_at if world else None) if isinstance(tree.item, Policy) else None
    if end is not None and end <= decision.now:
        return words.say("policy.whatif.over", since=since_text(end, words.say))
    if any(step.kind == "kind" and step.state == "no" for step in tree.children):
        return words.fixed("policy.whatif.contract")
    return words.fixed("policy.whatif.none")


# ---- what helps


def helping(decision: Decision, registry: Registry) -> Iterator[Help]:
    """The ways that do help, the easiest first: each was applied and decided again."""
    if decision.again is None:
        return
    again = _counted(decision.again)
    for way in counterfactual(decision, registry):
        if way and (found := _tried(way, again, registry)) is not None:
            yield found


def _counted(again: Again) -> Again:
    """The same question, which is put no more than so often; later worlds count as refused."""
    left = iter(range(_MOST_DECIDED))
    return Again(again.world, lambda world: next(left, None) is not None and again.permits(world))


def _tried(way: Way, again: Again, registry: Registry) -> Help | None:
    """The first values that are permitted, and for each step the others that would do as well."""
    for chosen in islice(_combined(way, again.world, registry), _MOST_DECIDED):
        if again.permits(chosen[-1].world):
            steps = [_step(way, index, chosen, again, registry) for index in range(len(way))]
            return Help(tuple(steps), chosen[-1].world)
    return None


def _combined(way: Way, world: World, registry: Registry) -> Iterator[tuple[Try, ...]]:
    """Every change applied after those before it."""
    if not way:
        yield ()
        return
    for tried in tries(way[0], world, registry):
        for rest in _combined(way[1:], tried.world, registry):
            yield (tried, *rest)


def _step(way: Way, index: int, chosen: tuple[Try, ...], again: Again, registry: Registry) -> Step:
    change, tried = way[index], chosen[index]
    before = chosen[index - 1].world if index else again.world
    who: Who = "time" if tried.world.now > before.now else change.who
    found = tried.value if isinstance(tried.value, frozenset) else frozenset()
    atom = change.node.item
    if not isinstance(atom, Atom) or len(atom.right) < 2 or _said_operator(change, atom) not in _ONE_OF:
        return Step(change, tried, who, found)
    for other in tries(change, before, registry):
        rest = _same(way[index + 1 :], other.world, chosen[index + 1 :], registry)
        if isinstance(other.value, frozenset) and rest is not None and again.permits(rest):
            found |= other.value
    return Step(change, tried, who, found)


def _same(way: Way, world: World, chosen: tuple[Try, ...], registry: Registry) -> World | None:
    """The world in which these changes are made as they were chosen."""
    for change, wanted in zip(way, chosen, strict=True):
        same = (t.world for t in tries(change, world, registry) if (t.value, t.done) == (wanted.value, wanted.done))
        if (found := next(same, None)) is None:
            return None
        world = found
    return world


# ---- how it is said


def _way(found: Help, words: Words) -> str:
    parts = list(dict.fromkeys(_change(step, words) for step in found.steps))
    text = parts[0]
    for part in parts[1:]:
        text = words.say("policy.whatif.and", head=text, last=part)
    return text


def _change(step: Step, words: Words) -> str:
    node, to = step.change.node, step.change.to
    item, key = node.item, (id(node.item), node.kind, to, step.who, step.texts, tuple(map(id, step.tried.done)))
    kept = words.lines.get(key)
    if kept is not None and kept[0] is item:
        return kept[1]
    who = words.fixed(f"policy.whatif.who-{step.who}")
    text = words.say("policy.whatif.changed", what=_what(step, words), who=who)
    words.keep(key, item, text)
    return text


def _what(step: Step, words: Words) -> str:
    node = step.change.node
    item = node.item
    if isinstance(item, Atom):
        return words.say("policy.whatif.clause", clause=words.clause_text(_to_be(item, step)))
    if isinstance(item, Duty):
        return _duty(item, step, words)
    if isinstance(item, Rule) and node.kind == "suspended":
        return words.say("policy.whatif.remedy", action=_actions(step.tried.done, words))
    if isinstance(item, Rule) and node.kind == "action":
        return words.say("policy.whatif.action", action=words.action_text(item.action.iri))
    return words.fixed(f"policy.whatif.{node.kind}")


def _duty(duty: Duty, step: Step, words: Words) -> str:
    action = words.action_text(duty.action.iri)
    follows = [done for done in step.tried.done if done is not duty]
    if follows:
        key = "late" if duty in step.tried.done else "follows"
        return words.say(f"policy.whatif.{key}", action=action, follows=_actions(follows, words))
    key = "executed" if step.who == "provider" else "duty"
    return words.say(f"policy.whatif.{key}", action=action, how=words.manner(duty))


def _actions(duties: Iterable[Duty], words: Words) -> str:
    return joined([words.action_text(duty.action.iri) for duty in duties], "and", words.say)


def _said_operator(change: Change, atom: Atom) -> str:
    return atom.operator if change.to == "yes" else _OPPOSITE[atom.operator]


def _to_be(atom: Atom, step: Step) -> Atom:
    """The comparison that must hold, in positive words; of several values only those that help."""
    operator = _said_operator(step.change, atom)
    right = tuple(term for term in atom.right if reference(term.text) in step.texts)
    if operator not in _ONE_OF or not right:
        right = atom.right
    if operator == atom.operator and right == atom.right:
        return atom
    return replace(atom, operator=operator, right=right)

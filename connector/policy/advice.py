"""The counterfactual in one sentence: "would be allowed if", with who can bring each change about (policy.md 4.4)."""

from .decision import Decision
from .figures import joined
from .model import Atom, Duty, Rule
from .whatif import Change, counterfactual, owed
from .wording import Words

_MOST_SHOWN = 3


def advise(decision: Decision, words: Words) -> str:
    """What would help, that first which the requester can do alone; empty for a permit."""
    if decision.permit:
        return ""
    found = counterfactual(decision, words.registry)
    if not found:
        return words.fixed("policy.whatif.none")
    said = list(dict.fromkeys(_way(way, words) for way in found))[:_MOST_SHOWN]
    ways = said[0]
    for way in said[1:]:
        ways = words.say("policy.whatif.or", head=ways, last=way)
    return words.say("policy.whatif.advice", ways=ways)


def _way(way: tuple[Change, ...], words: Words) -> str:
    parts = list(dict.fromkeys(_change(change, words) for change in way))
    text = parts[0]
    for part in parts[1:]:
        text = words.say("policy.whatif.and", head=text, last=part)
    return text


def _change(change: Change, words: Words) -> str:
    item, key = change.node.item, (id(change.node.item), change.node.kind, change.to, change.who)
    kept = words.lines.get(key)
    if kept is not None and kept[0] is item:
        return kept[1]
    who = words.fixed(f"policy.whatif.who-{change.who}")
    text = words.say("policy.whatif.changed", what=_what(change, words), who=who)
    words.keep(key, item, text)
    return text


def _what(change: Change, words: Words) -> str:
    item = change.node.item
    if isinstance(item, Atom):
        key = "clause" if change.to == "yes" else "unless"
        return words.say(f"policy.whatif.{key}", clause=words.clause_text(item))
    if isinstance(item, Duty):
        key = "executed" if change.who == "provider" else "duty"
        return words.say(f"policy.whatif.{key}", action=words.action_text(item.action.iri))
    if isinstance(item, Rule) and change.node.kind == "suspended":
        remedies = [words.action_text(duty.action.iri) for duty in owed(item)]
        return words.say("policy.whatif.remedy", action=joined(remedies, "and", words.say))
    if isinstance(item, Rule) and change.node.kind == "action":
        return words.say("policy.whatif.action", action=words.action_text(item.action.iri))
    return words.fixed(f"policy.whatif.{change.node.kind}")

"""One sentence for what stands against terms: why they are wider than offered, or why a policy contradicts itself.

It names the clause in words, or as written where it is not understood; nothing else of the policy is summarised.
"""

from collections.abc import Mapping

from connector.kernel.policy.conflict.conflict import Contradiction, Item
from connector.kernel.policy.conflict.model import Narrowing, Objection
from connector.kernel.policy.containment.compare import Answer
from connector.kernel.policy.odrl.model import Duty, Policy, Rule
from connector.kernel.policy.wording.words import Words

_LONGEST = 300
"""Characters of a clause that are shown; the place tells the rest."""


def narrowing(answer: Answer, words: Mapping[str, Words]) -> Narrowing:
    """The answer with its words."""
    reasons = {lang: [wider(answer, said)] for lang, said in words.items()} if answer.verdict != "compatible" else {}
    return Narrowing(answer.verdict, answer.ground, answer.pointer, reasons)


def objection(found: Contradiction, words: Mapping[str, Words]) -> Objection:
    """The contradiction with its words."""
    return Objection(found.fault, found.pointer, {lang: contradiction(found, said) for lang, said in words.items()})


def wider(answer: Answer, words: Words) -> str:
    """Why the asked terms are not provably within the offer; empty if they are."""
    if answer.verdict == "compatible":
        return ""
    what = named(answer.item, answer.pointer, words)
    key = f"narrowing.{answer.verdict}-{answer.ground}"
    return words.spoken(key, what=what) or words.say(f"narrowing.{answer.verdict}", what=what)


def contradiction(found: Contradiction, words: Words) -> str:
    """What is wrong with the policy; the place, for machines and authors, is `found.pointer`."""
    place = found.pointer or "/"
    other = "" if found.other is None else named(found.other, "", words)
    return words.say(f"narrowing.fault.{found.fault}", what=named(found.item, place, words), other=other)


def named(item: Item | None, pointer: str, words: Words) -> str:
    """A clause in words, a rule or duty by its action, anything else by its place."""
    match item:
        case None | Policy():
            return pointer or "/"
        case Rule():
            kind = "prohibition" if item.pointer.startswith("/prohibition") else "permission"
            return words.say(f"narrowing.item.{kind}", action=words.action_text(item.action.iri)[:_LONGEST])
        case Duty():
            kind = "obligation" if item.pointer.startswith("/obligation") else "duty"
            return words.say(f"narrowing.item.{kind}", action=words.action_text(item.action.iri)[:_LONGEST])
        case _:
            return words.clause_text(item)[:_LONGEST]

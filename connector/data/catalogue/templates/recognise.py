"""Which template a policy was made from, and with which values: the way back from `templates.fill`. Templates that said
something else before are known with what they said.

A guess is made from where the values stand, and counts only if filling the template again gives the same digest. So a
policy that says a single thing more or less is recognised as none, and a card never shows what the rule does not say.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from connector.data.catalogue.templates.slots import KINDS
from connector.data.catalogue.templates.templates import PLACE, Template, earlier, fill, template, templates
from connector.foundation.errors import Mistake
from connector.kernel.policy.evaluation.digest import digest
from connector.kernel.policy.odrl.model import Atom, Clause, Duty, Logic, Policy, PolicyError
from connector.kernel.policy.odrl.parse import parse

Place = tuple[str, ...]
"""Where a comparison stands: kind and action of each rule and duty around it, left operand, operator."""


class Recognised(NamedTuple):
    """A template and the texts of its slots; filling it gives a policy of the same digest.

    `edition` is 0 for what the template says now; else filling needs it, because the template says something else now.
    """

    template: str
    slots: dict[str, str]
    edition: int = 0


class _Blank(NamedTuple):
    """A comparison of a template that holds a slot; `shape` captures its text if it is only a part of the operand."""

    slot: str
    shape: re.Pattern[str] | None


class _Pattern(NamedTuple):
    blanks: Mapping[Place, _Blank]
    fixed: frozenset[Place]
    needed: frozenset[Place]


def _in_clauses(clauses: Iterable[Clause], at: Place) -> Iterator[tuple[Place, Atom]]:
    for clause in clauses:
        if isinstance(clause, Atom):
            yield (*at, clause.left, clause.operator), clause
        elif isinstance(clause, Logic):
            yield from _in_clauses(clause.clauses, at)


def _in_duties(kind: str, duties: Iterable[Duty], at: Place = ()) -> Iterator[tuple[Place, Atom]]:
    for duty in duties:
        here = (*at, kind, duty.action.iri)
        yield from _in_clauses(duty.constraints, here)
        yield from _in_duties("consequence", duty.consequences, here)


def _atoms(policy: Policy) -> Iterator[tuple[Place, Atom]]:
    """Every comparison with its place; the order of the document."""
    for kind, rules in (("permission", policy.permissions), ("prohibition", policy.prohibitions)):
        for rule in rules:
            here = (kind, rule.action.iri)
            yield from _in_clauses(rule.constraints, here)
            yield from _in_duties("duty", rule.duties, here)
            yield from _in_duties("remedy", rule.remedies, here)
    yield from _in_duties("obligation", policy.obligations)


def _blank(text: str) -> _Blank | None:
    if (found := PLACE.search(text)) is None:
        return None
    if found[0] == text:
        return _Blank(found[1], None)
    before, after = re.escape(text[: found.start()]), re.escape(text[found.end() :])
    return _Blank(found[1], re.compile(f"{before}(.+){after}"))


@cache
def _pattern(template_id: str, edition: int) -> _Pattern:
    """Where the slots of a template stand; read from its body as if the placeholders were values."""
    chosen = next(each for each in (*templates(), *earlier()) if (each.id, each.edition) == (template_id, edition))
    atoms = dict(_atoms(parse(chosen.body)))
    blanks = {place: blank for place, atom in atoms.items() if (blank := _blank(atom.right[0].text))}
    optional = {place for place, blank in blanks.items() if chosen.slots[blank.slot].optional}
    return _Pattern(blanks, frozenset(atoms.keys() - blanks.keys()), frozenset(atoms.keys() - optional))


def _texts(blank: _Blank, atom: Atom) -> list[str]:
    texts = [term.text for term in atom.right]
    if blank.shape is None:
        return texts
    return [match[1] for text in texts if (match := blank.shape.fullmatch(text))]


def _guess(chosen: Template, atoms: Mapping[Place, Atom]) -> dict[str, str] | None:
    """The texts that stand where the slots are; None if the policy has comparisons elsewhere, or lacks one."""
    pattern = _pattern(chosen.id, chosen.edition)
    if not pattern.needed <= atoms.keys() <= pattern.blanks.keys() | pattern.fixed:
        return None
    slots: dict[str, str] = {}
    for place, blank in pattern.blanks.items():
        if place not in atoms or blank.slot in slots:
            continue
        slot, texts = chosen.slots[blank.slot], _texts(blank, atoms[place])
        if not texts or (written := KINDS[slot.type].write(slot, texts)) is None:
            return None
        slots[blank.slot] = written
    return slots


def recognise(policy: Policy) -> Recognised | None:
    """The template and its slots; None if the policy is none of ours. Bounded by the number of templates."""
    atoms = dict(_atoms(policy))
    wanted = ""
    for chosen in (*templates(), *earlier()):
        if (slots := _guess(chosen, atoms)) is None:
            continue
        wanted = wanted or digest(policy)
        edition = 0 if chosen is template(chosen.id) else chosen.edition
        try:
            again = parse(fill(chosen.id, slots, edition))
        except (Mistake, PolicyError):
            continue
        if digest(again) == wanted:
            return Recognised(chosen.id, slots, edition)
    return None

"""Whether anybody could be permitted anything: by what an installation knows and does from now on (spec/policy.md 5.2).

A policy may contradict nothing and still let nobody in: nobody here can vouch for what it asks (an event feed, a
credential that is not issued yet), or the plane cannot carry out what it demands. "Usable" is shown, not argued: by a
request that the evaluation permits.
"""

from collections.abc import Iterable, Sequence, Set
from typing import NamedTuple

from msgspec.structs import replace

from connector.kernel.policy.advice.advice import helping
from connector.kernel.policy.advice.apply import done
from connector.kernel.policy.conflict.model import Hindrance, Means
from connector.kernel.policy.containment.counterexample import made
from connector.kernel.policy.containment.duties_kept import applies
from connector.kernel.policy.containment.encode import Encoder
from connector.kernel.policy.containment.logic import Budget, Never, Statement, together
from connector.kernel.policy.containment.norms import Norms, actions, conditions, sound, strange
from connector.kernel.policy.evaluation.duty_states import AFTER, DURING
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.clauses import atoms
from connector.kernel.policy.odrl.model import Atom, Clause, Duty, Policy, Rule
from connector.kernel.policy.odrl.names import covers
from connector.kernel.policy.odrl.registry import Registry
from connector.kernel.policy.odrl.state_of_world import World
from connector.kernel.policy.odrl.units import measured

_NAMING = frozenset({"eq", "isAnyOf", "isAllOf"})
"""Operators that a claim meets by its very name."""
_SOMEBODY = "did:web:somebody.example"


class Unusable(NamedTuple):
    """Why nobody can be permitted anything: a clause that nobody here can judge, one that names what no member is or
    belongs to, a treatment that the plane cannot carry out, or (without an item of its own) that no request was found
    which the policy permits.
    """

    why: Hindrance
    item: Clause | Duty | Policy


class Use:
    """One policy and the means of one installation; raises Exhausted if the question is too large."""

    def __init__(self, norms: Norms, encoder: Encoder, registry: Registry, means: Means) -> None:
        self._norms, self._encoder, self._registry, self._means = norms, encoder, registry, means
        self._budget = Budget()
        self._policy = norms.policy

    def unusable(self, later: Sequence[Statement], world: World) -> Unusable | None:
        """None if some request is permitted; `world` holds what is always so, `later` the time from which on."""
        missing, unheld = self._missing(), self._unheld()
        for rule in self._policy.permissions:
            if not strange(rule) and self._possible(rule, later, world, missing, unheld):
                return None
        return self._blamed(later, missing, unheld) or Unusable("nobody", self._policy)

    def _missing(self) -> list[Atom]:
        """Clauses about operands for which this installation never has a value."""
        supplied = self._means.supplied
        if supplied is None:
            return []
        asked = [atom for atom in self._atoms() if atom.role == "condition"]
        return [atom for atom in asked if atom.left not in supplied or not measured(atom)]

    def _atoms(self) -> list[Atom]:
        rules = (*self._policy.permissions, *self._policy.prohibitions)
        return list(atoms(clause for rule in rules for clause in conditions(rule)))

    def _unheld(self) -> list[Atom]:
        """Clauses that name only what no member is, or belongs to."""
        found = [atom for atom in self._atoms() if atom.left in self._means.held and atom.operator in _NAMING]
        return [atom for atom in found if isinstance(atom.value, frozenset) and not self._met(atom, atom.value)]

    def _met(self, atom: Atom, named: Set[str]) -> bool:
        held = self._means.held[atom.left]
        return named <= held if atom.operator == "isAllOf" else bool(named & held)

    def _untreated(self, rule: Rule) -> list[Duty]:
        can = self._means.can
        return [] if can is None else [d for d in rule.duties if d.action.iri in DURING and d.action.iri not in can]

    def _about(self, rule: Rule) -> list[str]:
        rules = (*self._policy.permissions, *self._policy.prohibitions)
        return [action for action in actions(rules) if covers(rule.action.iri, action)]

    def _statements(
        self,
        rule: Rule,
        action: str,
        missing: Iterable[Atom] = (),
        unheld: Iterable[Atom] = (),
        undone: Iterable[Duty] = (),
    ) -> list[Statement]:
        norms, encoder = self._norms, self._encoder
        found: list[Statement] = [norms.grants(rule, declared=True), Never(norms.forbidden(action))]
        found += [encoder.absent(atom) for atom in missing]
        found += [Never(encoder.meaning(atom, "declare").yes) for atom in unheld]
        return found + [Never(applies(duty, encoder)) for duty in undone]

    def _possible(
        self, rule: Rule, later: Sequence[Statement], world: World, missing: list[Atom], unheld: list[Atom]
    ) -> bool:
        for action in self._about(rule):
            parts = self._statements(rule, action, missing, unheld, self._untreated(rule))
            box = together([*parts, *later], self._budget, sound)
            if box is not None and self._shown(made(box, action, self._encoder, world.closure), rule, world):
                return True
        return False

    def _shown(self, asked: World, rule: Rule, world: World) -> bool:
        """By this request; one by whom the policy does not name may be anybody's, and members are named by DIDs."""
        found = [asked] if asked.participant.startswith("did:") else [asked, replace(asked, participant=_SOMEBODY)]
        return any(self._permitted(one, rule, world) for one in found)

    def _permitted(self, asked: World, rule: Rule, world: World) -> bool:
        """Whether the evaluation permits it, perhaps after what is owed beforehand was done."""
        before = [duty for duty in rule.duties if duty.action.iri not in AFTER | DURING]
        own = {duty.action.iri for duty in rule.duties}
        can = frozenset(own if self._means.can is None else self._means.can)
        asked = done(before, replace(asked, now=max(asked.now, world.now), can=can))
        decision = compile(replace(self._policy, kind="Set"), self._registry).examine(asked, "access")
        return decision.permit or any(True for _ in helping(decision, self._registry))

    def _blamed(self, later: Sequence[Statement], missing: list[Atom], unheld: list[Atom]) -> Unusable | None:
        """The clause or treatment without which it would be possible, of the first permission that lacks one."""
        for rule in self._policy.permissions:
            for action in self._about(rule) if not strange(rule) else []:
                for atom in missing:
                    if self._in_the_way(self._statements(rule, action, missing=[atom]), later):
                        return Unusable("unsupplied", atom)
                for atom in unheld:
                    if self._in_the_way(self._statements(rule, action, unheld=[atom]), later):
                        return Unusable("unheld", atom)
                for duty in self._untreated(rule):
                    if self._in_the_way(self._statements(rule, action, undone=[duty]), later):
                        return Unusable("untreated", duty)
        return None

    def _in_the_way(self, statements: Sequence[Statement], later: Sequence[Statement]) -> bool:
        return together([*statements, *later], self._budget, sound) is None

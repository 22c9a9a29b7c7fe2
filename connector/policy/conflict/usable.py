"""Whether anybody could be permitted anything: by what an installation knows and does from now on (spec/policy.md 5.2).

A policy may contradict nothing and still let nobody in: nobody here can vouch for what it asks (an event feed, a
credential that is not issued yet), or the plane cannot carry out what it demands. "Usable" is shown, not argued: by a
request that the evaluation permits.
"""

from collections.abc import Iterable, Sequence, Set
from typing import Literal, NamedTuple

from msgspec.structs import replace

from connector.policy.advice.advice import helping
from connector.policy.advice.apply import done
from connector.policy.containment.counterexample import made
from connector.policy.containment.duties_kept import applies
from connector.policy.containment.encode import Encoder, atoms
from connector.policy.containment.logic import Budget, Never, Statement, together
from connector.policy.containment.norms import Norms, actions, conditions, sound, strange
from connector.policy.evaluation.duty_states import AFTER, DURING
from connector.policy.evaluation.program import compile
from connector.policy.odrl.model import Atom, Clause, Duty, Policy, Rule
from connector.policy.odrl.names import covers
from connector.policy.odrl.registry import Registry
from connector.policy.odrl.state_of_world import World

Hindrance = Literal["unsupplied", "untreated", "nobody"]
HINDRANCES: frozenset[str] = frozenset({"unsupplied", "untreated", "nobody"})


class Unusable(NamedTuple):
    """Why nobody can be permitted anything: a clause that nobody here can judge, a treatment that the plane cannot
    carry out, or (without an item of its own) that no request was found which the policy permits.
    """

    why: Hindrance
    item: Clause | Duty | Policy


class Means(NamedTuple):
    """What an installation has: operands with a value (None: all), and the treatments that its plane carries out."""

    supplied: Set[str] | None = None
    can: Set[str] | None = None


ANYTHING = Means()


class Use:
    """One policy and the means of one installation; raises Exhausted if the question is too large."""

    def __init__(self, norms: Norms, encoder: Encoder, registry: Registry, means: Means) -> None:
        self._norms, self._encoder, self._registry, self._means = norms, encoder, registry, means
        self._budget = Budget()
        self._policy = norms.policy

    def unusable(self, later: Sequence[Statement], world: World) -> Unusable | None:
        """None if some request is permitted; `world` holds what is always so, `later` the time from which on."""
        missing = self._missing()
        for rule in self._policy.permissions:
            if not strange(rule) and self._possible(rule, later, world, missing):
                return None
        return self._blamed(later, missing) or Unusable("nobody", self._policy)

    def _missing(self) -> list[Atom]:
        """Clauses about operands for which this installation never has a value."""
        supplied, policy = self._means.supplied, self._policy
        found = atoms(clause for rule in (*policy.permissions, *policy.prohibitions) for clause in conditions(rule))
        if supplied is None:
            return []
        return [atom for atom in found if atom.role == "condition" and atom.left not in supplied]

    def _untreated(self, rule: Rule) -> list[Duty]:
        can = self._means.can
        return [] if can is None else [d for d in rule.duties if d.action.iri in DURING and d.action.iri not in can]

    def _about(self, rule: Rule) -> list[str]:
        rules = (*self._policy.permissions, *self._policy.prohibitions)
        return [action for action in actions(rules) if covers(rule.action.iri, action)]

    def _statements(self, rule: Rule, action: str, missing: Iterable[Atom], undone: Iterable[Duty]) -> list[Statement]:
        norms, encoder = self._norms, self._encoder
        found: list[Statement] = [norms.grants(rule, declared=True), Never(norms.forbidden(action))]
        found += [encoder.absent(atom) for atom in missing]
        return found + [Never(applies(duty, encoder)) for duty in undone]

    def _possible(self, rule: Rule, later: Sequence[Statement], world: World, missing: list[Atom]) -> bool:
        for action in self._about(rule):
            parts = self._statements(rule, action, missing, self._untreated(rule))
            box = together([*parts, *later], self._budget, sound)
            if box is not None and self._permitted(made(box, action, self._encoder, world.closure), rule, world):
                return True
        return False

    def _permitted(self, asked: World, rule: Rule, world: World) -> bool:
        """Whether the evaluation permits it, perhaps after what is owed beforehand was done."""
        before = [duty for duty in rule.duties if duty.action.iri not in AFTER | DURING]
        own = {duty.action.iri for duty in rule.duties}
        can = frozenset(own if self._means.can is None else self._means.can)
        asked = done(before, replace(asked, now=max(asked.now, world.now), can=can))
        decision = compile(replace(self._policy, kind="Set"), self._registry).examine(asked, "access")
        return decision.permit or any(True for _ in helping(decision, self._registry))

    def _blamed(self, later: Sequence[Statement], missing: list[Atom]) -> Unusable | None:
        """The clause or treatment without which it would be possible, of the first permission that lacks one."""
        for rule in self._policy.permissions:
            for action in self._about(rule) if not strange(rule) else []:
                for atom in missing:
                    if together([*self._statements(rule, action, [atom], []), *later], self._budget, sound) is None:
                        return Unusable("unsupplied", atom)
                for duty in self._untreated(rule):
                    if together([*self._statements(rule, action, [], [duty]), *later], self._budget, sound) is None:
                        return Unusable("untreated", duty)
        return None

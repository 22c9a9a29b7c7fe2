"""Compiled permissions and prohibitions of one phase: whether they hold for a request, and the tree that says why."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from connector.kernel.policy.evaluation.checks import ACCESS, COUNT, PURPOSE, Scope, all_of, clause
from connector.kernel.policy.evaluation.connectives import Check, Piece, both, constant, surely_all
from connector.kernel.policy.evaluation.decision import Counter, Node
from connector.kernel.policy.evaluation.duty_states import AFTER, DURING, SUSPEND, DutyMode, Owed
from connector.kernel.policy.evaluation.matching import Doing, Side, covered, whom
from connector.kernel.policy.odrl.model import Atom, Clause, Duty, Logic, Rule, Whom
from connector.kernel.policy.odrl.names import SAME
from connector.kernel.policy.odrl.operators import NO, RANK, STATES, UNKNOWN, YES
from connector.kernel.policy.odrl.state_of_world import Deed, DutyState, Fact, World


def walked(clauses: Iterable[Clause]) -> Iterator[Atom]:
    """All comparisons below these clauses, in order."""
    for found in clauses:
        if isinstance(found, Atom):
            yield found
        elif isinstance(found, Logic):
            yield from walked(found.clauses)


def joint(clauses: Iterable[Clause]) -> Iterator[Clause]:
    """The clauses that must all hold, each by itself."""
    for found in clauses:
        if isinstance(found, Logic) and found.operator == "and" and not found.extras:
            yield from joint(found.clauses)
        else:
            yield found


def _vouched(found: Clause, scope: Scope) -> bool:
    operand = scope.registry.get(found.left) if isinstance(found, Atom) else None
    return operand is not None and operand.source == "verified-credential"


def counters(rules: Iterable[Rule], obligations: Iterable[Duty] = ()) -> tuple[Counter, ...]:
    """The counters that these rules and obligations ask for, each once: one that nobody counts would stand still."""
    parts = [part for rule in rules for part in _conditions(rule)]
    parts += [part for duty in obligations for part in _owing(duty)]
    found = (atom for part in parts for atom in walked(part) if atom.left == COUNT)
    return tuple(dict.fromkeys(Counter("count", atom.window) for atom in found if atom.value is not None))


def _conditions(rule: Rule) -> Iterator[tuple[Clause, ...]]:
    """Everything below this rule that may look at a counter."""
    yield from (rule.action.refinements, rule.constraints)
    for duty in (*rule.duties, *rule.remedies):
        yield from _owing(duty)
    yield from (whom.refinements for whom in rule.named if not isinstance(whom, str))


def _owing(duty: Duty) -> Iterator[tuple[Clause, ...]]:
    """The conditions of a duty and of what follows if it is not done."""
    yield duty.constraints
    for consequence in duty.consequences:
        yield from _owing(consequence)


class _Norm:
    """What permissions and prohibitions have in common: action, parties, targets, constraints."""

    def __init__(self, rule: Rule, scope: Scope) -> None:
        self.rule = rule
        self.doing = Doing(rule, scope)
        self._who = [whom(side, rule, names, scope) for side, names in _named(rule)]
        self._extras = tuple(Node("extra", "unknown", rule, rule.pointer, text=name) for name, _ in rule.extras)
        self._constraints = [clause(found, scope) for found in rule.constraints]
        fixed = [Piece(constant(UNKNOWN), lambda _world: self._extras[0], 0)] if self._extras else []
        parts = [*fixed, *self._who, *self._constraints]
        self.holds: Check = all_of(parts, scope).check if parts else constant(YES)

    def conditions(self, world: World) -> list[Node]:
        """Everything but the action, in the order of the document."""
        who = [piece.show(world) for piece in self._who]
        return [*who, *self._extras, *(piece.show(world) for piece in self._constraints)]


def _named(rule: Rule) -> list[tuple[Side, tuple[Whom, ...]]]:
    groups: list[tuple[Side, tuple[Whom, ...]]] = [
        ("party", rule.parties),
        ("party", rule.policy_parties),
        ("target", rule.targets),
        ("target", rule.policy_targets),
    ]
    return [(side, names) for side, names in groups if names]


class Permission(_Norm):
    """A permission with its duties."""

    def __init__(self, rule: Rule, scope: Scope, mode: DutyMode) -> None:
        super().__init__(rule, scope)
        self.duties = [Owed(duty, scope, mode) for duty in rule.duties]
        vouched = [found for found in joint(rule.constraints) if _vouched(found, scope)]
        self._open_to: Check = both([*self._who, *(clause(found, scope) for found in vouched)]).check
        self._hindering = [owed for owed in self.duties if not owed.free]
        asked = (atom for atom in walked(rule.constraints) if atom.left == PURPOSE and atom.value is not None)
        self._asks_purpose = scope.phase > 0 and any(asked)

    def check(self, world: World, asked: str) -> int:
        """Its state for the action asked for: only "yes" and "deferred" let it grant."""
        state = self.doing.check(world, asked)
        if state and (found := self.holds(world)) < state:
            state = found
        for owed in self._hindering:
            if not state:
                return NO
            if (found := owed.check(world)) < state:
                state = found
        return state

    def open_to(self, world: World) -> bool:
        """Whether it may be meant for the requester: neither its parties nor a verified claim speak against it."""
        return self._open_to(world) != NO

    def purpose_source(self, world: World) -> str:
        """Who vouches for the purpose that it asks about: nobody but the peer, who declared it or agreed to it."""
        if not self._asks_purpose:
            return ""
        return "contractual" if world.purpose is None and world.purpose_source == "contractual" else "declared"

    def show(self, world: World, asked: str) -> Node:
        action = self.doing.show(world, asked)
        children = (action, *self.conditions(world), *(owed.show(world) for owed in self.duties))
        state = STATES[min(_ranks(children))]
        return Node("permission", state, self.rule, self.rule.pointer, children=children)


class Prohibition(_Norm):
    """A prohibition with its remedies. It is in force ("yes") also if anything about it is unknown."""

    def __init__(self, rule: Rule, scope: Scope, mode: DutyMode) -> None:
        super().__init__(rule, scope)
        self._access = scope.phase == ACCESS
        self.remedies = [Owed(duty, scope, mode, "remedy") for duty in rule.remedies]
        self.suspends = any(owed.duty.action.iri == SUSPEND or owed.suspends for owed in self.remedies)
        self._covered = covered(rule.action.iri)
        self._bare = not (rule.parties or rule.targets or rule.constraints or rule.extras)
        self._kept: Node | None = None

    def concerns(self, action: str) -> bool:
        """Whether it is about this action; one that is not understood may be about any."""
        return action in self._covered or not self.doing.understood

    def active(self, world: World) -> bool:
        """Whether it is in force for an action that it is about."""
        return in_force(self._standing(world))

    def _standing(self, world: World) -> int:
        """Its state whatever is asked for: no later phase makes a no of an action that nobody understands."""
        doing = self.doing.refined(world) if self.doing.understood else UNKNOWN
        return surely_all([self.holds(world), doing])

    def forbids(self, world: World, action: str) -> bool:
        """Whether it is in force for this action."""
        return self.concerns(action) and self.active(world)

    def show(self, world: World, asked: str) -> Node:
        action = self.doing.show(world, asked)
        if self._bare and not world.deeds:
            return self._whole(action)
        conditions = self.conditions(world)
        # Which action is asked for may be open; that the rule is about another party or manner is not.
        state = self._standing(world) if not asked or self.concerns(asked) else NO
        deontic = self.violated(world)
        remedies = () if deontic == "not-set" else self._remedied(world)
        return Node(
            "prohibition",
            "yes" if in_force(state) else STATES[state],
            self.rule,
            self.rule.pointer,
            children=(action, *conditions, *remedies),
            deontic=deontic,
        )

    def _whole(self, action: Node) -> Node:
        """The step for a prohibition without conditions that nobody violated: one for each action node."""
        if (kept := self._kept) is None or kept.children[0] is not action:
            state = YES if action.state == "deferred" else RANK[action.state]
            rule = self.rule
            kept = Node(
                "prohibition", "yes" if in_force(state) else STATES[state], rule, rule.pointer, children=(action,)
            )
            self._kept = kept
        return kept

    # ---- violation and remedy

    def _violations(self, world: World) -> list[int]:
        """When it was violated for the first and for the last time."""
        if not self._access or not world.deeds:
            return []
        found = sorted(deed.at for deed in world.deeds if deed.at <= world.now and self._violates(deed, world))
        return found[:1] + found[1:][-1:]

    def _violates(self, deed: Deed, world: World) -> bool:
        rule = self.rule
        if deed.rule and deed.rule not in (rule.id, rule.pointer):
            return False
        done, own = SAME.get(deed.action, deed.action), rule.action.iri
        owed = done in AFTER | DURING | {SUSPEND} and done != own
        if owed or (done not in self._covered and done != own):
            return False
        return self.forbids(_then(world, deed), done)

    def violated_at(self, world: World) -> int | None:
        """When the forbidden was done for the last time."""
        found = self._violations(world)
        return found[-1] if found else None

    def violated(self, world: World) -> DutyState:
        """Whether the forbidden was done, and if so, whether all remedies were done after it."""
        violations = self._violations(world)
        if not violations:
            return "not-set"
        due = [owed for owed in self.remedies if owed.duty.action.iri != SUSPEND]
        settled = all(owed.stand(world, at).settled for owed in due for at in violations)
        return "healed" if due and settled else "violated"

    def blocks(self, world: World) -> bool:
        """Whether its violation suspends access: a remedy says so, and the violation is not made good."""
        if not self.suspends or self.violated(world) != "violated":
            return False
        at = self._violations(world)
        return any(
            owed.applies(world) if owed.duty.action.iri == SUSPEND else any(owed.stand(world, t).suspends for t in at)
            for owed in self.remedies
        )

    def _remedied(self, world: World) -> tuple[Node, ...]:
        at = self._violations(world)[-1]
        standing = [(owed, owed.stand(world, at)) for owed in self.remedies]
        return tuple(owed.told(world, one, YES if one.settled else NO) for owed, one in standing)

    def instants(self, world: World) -> Iterator[int]:
        """When deadlines of its remedies pass."""
        if at := self._violations(world):
            for owed in self.remedies:
                yield from owed.instants(world, at)


def in_force(state: int) -> bool:
    """Whether a prohibition of this state forbids: what is unknown does."""
    return state in (YES, UNKNOWN)


def _ranks(nodes: Iterable[Node]) -> list[int]:
    return [RANK[node.state] for node in nodes]


def _then(world: World, deed: Deed) -> World:
    """The world in which something was done: at that time, by that party, in that manner."""
    facts = {**world.facts, **{iri: Fact(value) for iri, value in deed.values.items()}}
    purpose = deed.values.get(PURPOSE)
    return replace(
        world,
        now=deed.at,
        facts=facts,
        participant=deed.party or world.participant,
        target=deed.target or world.target,
        purpose=next(iter(purpose)) if isinstance(purpose, frozenset) and len(purpose) == 1 else world.purpose,
    )

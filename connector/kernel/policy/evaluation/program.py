"""A compiled policy: `verdict` answers fast, `examine` gives the answer with its reasons. Both always agree.

An Offer or Request is no norm: before the access it is read as if the requester had agreed to it, and afterwards it
permits nothing (spec/policy.md 2.1). The phases are compiled when they are first asked for.
"""

from collections.abc import Iterable

from msgspec import Struct

from connector.kernel.policy.evaluation.checks import ACCESS, Scope
from connector.kernel.policy.evaluation.decision import Again, Counter, Decision, Node
from connector.kernel.policy.evaluation.duty_states import DutyMode, Owed
from connector.kernel.policy.evaluation.edges_in_time import Timeline
from connector.kernel.policy.evaluation.payments import Payments
from connector.kernel.policy.evaluation.rules import Permission, Prohibition, counters
from connector.kernel.policy.odrl.model import PHASES, Duty, Phase, Policy
from connector.kernel.policy.odrl.names import ACTIONS, CONFLICTS, PROFILES, REPLACED, SAME, USE
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.operators import DEFERRED, RANK
from connector.kernel.policy.odrl.registry import Registry
from connector.kernel.policy.odrl.state_of_world import World

_NORMS = frozenset({"", "Set", "Policy", "Agreement"})
_PROPOSALS = frozenset({"Offer", "Request"})


class Mode(Struct, frozen=True, kw_only=True):
    """How foreign test suites read a policy; the product always uses the default.

    `duty_mode` replaces the time classes: "not_violated" lets a duty stand in the way only once it is violated,
    "strict" until it is fulfilled; both take states of duties that are reported. `offers_bind` reads offers as norms.
    `members_known`: a state of the world names every collection that somebody belongs to; in the product nobody
    resolves memberships, so that one which is not named is unknown.
    """

    duty_mode: DutyMode = "classes"
    offers_bind: bool = False
    members_known: bool = False


PRODUCT = Mode()


class Verdict(Struct, frozen=True, kw_only=True):
    """The short answer, as in `Decision`: whether, by which permission, what to count, and two reasons why not."""

    permit: bool
    rule: str = ""
    counters: tuple[Counter, ...] = ()
    suspended: tuple[str, ...] = ()
    void: bool = False
    place: int = -1
    """Of the permission that grants, among all: several actions of one permission have one pointer."""


REFUSED, VOID = Verdict(permit=False), Verdict(permit=False, void=True)


class _Form:
    """A policy compiled for one phase."""

    def __init__(self, policy: Policy, registry: Registry, mode: Mode, phase: int) -> None:
        self._policy, self._mode, self._phase = policy, mode, phase
        scope, duties = (
            Scope(registry, phase, members_known=mode.members_known, consumer=policy.assignee),
            mode.duty_mode,
        )
        self.permissions = [Permission(rule, scope._replace(binding=True), duties) for rule in policy.permissions]
        scope = scope._replace(sets="any")
        self.prohibitions = [Prohibition(rule, scope, duties) for rule in policy.prohibitions]
        self.obligations = [Owed(duty, scope, duties, "obligation") for duty in policy.obligations]
        self._payments = (
            Payments(policy, self.permissions, self.prohibitions, self.obligations) if phase == ACCESS else None
        )
        self.fixed = _obstacles(policy, phase, mode)
        self._suspending_obligations = [owed for owed in self.obligations if owed.suspends] if phase == ACCESS else []
        self._suspending_prohibitions = [rule for rule in self.prohibitions if rule.suspends] if phase == ACCESS else []
        self._counted = counters(policy.prohibitions, policy.obligations) if phase == ACCESS else ()
        self.verdicts = [self._granted(rule, place) for place, rule in enumerate(self.permissions)]
        self._against: dict[str, list[Prohibition]] = {}
        self._voids = policy.conflict == "invalid"

    def _granted(self, found: Permission, place: int) -> Verdict:
        own = counters([found.rule]) if self._phase == ACCESS else ()
        counted = tuple(dict.fromkeys(own + self._counted))
        return Verdict(permit=True, rule=found.rule.pointer, counters=counted, place=place)

    def asked(self, world: World) -> str:
        """The action the request is about; empty while the phase leaves it open."""
        if self._phase == 0:
            return ""
        return SAME.get(world.action, world.action) or (USE if self._phase > 1 else "")

    def elsewhere(self, world: World) -> list[Node]:
        """Whether the policy is about another party or asset."""
        policy, found = self._policy, []
        if policy.assignee and policy.assignee != world.participant and policy.assignee not in world.parties:
            found.append(Node("party", "no", policy, "/assignee", text=world.participant))
        if policy.target and world.target and policy.target != world.target and policy.target not in world.assets:
            found.append(Node("target", "no", policy, "/target", text=world.target))
        return found

    def _may_be_suspended(self, world: World) -> bool:
        for owed in self._suspending_obligations:
            if owed.overdue(world):
                return True
        return bool(self._suspending_prohibitions) and bool(world.deeds)

    def suspended(self, world: World) -> tuple[str, ...]:
        """What was violated and suspends access until it is healed."""
        found = [owed.duty.pointer for owed in self._suspending_obligations if owed.blocks(world)]
        return tuple(found + [rule.rule.pointer for rule in self._suspending_prohibitions if rule.blocks(world)])

    def forbidden(self, world: World, action: str, before: dict[str, bool]) -> bool:
        """Whether a prohibition wins over a permission of this action; `before` keeps what was found for this world."""
        if (found := before.get(action)) is None:
            name = action if action in ACTIONS else ""
            if (against := self._against.get(name)) is None:
                wins = self._policy.conflict != "perm"
                against = [rule for rule in self.prohibitions if wins and rule.concerns(name)]
                self._against[name] = against
            found = before[action] = bool(against) and any(rule.active(world) for rule in against)
        return found

    def granting(self, world: World, asked: str, states: Iterable[int]) -> tuple[int | None, bool]:
        """The index of the granting permission, given the states of all; and whether a clash voids the policy."""
        before: dict[str, bool] = {}
        for index, state in enumerate(states):
            if state >= DEFERRED and not self.forbidden(
                world, asked or self.permissions[index].rule.action.iri, before
            ):
                return index, False
        return None, bool(before) and self._voids

    def during(self, rule: Permission, world: World) -> tuple[Duty, ...]:
        """The duties of a granting permission that the plane has to execute."""
        return tuple(owed.duty for owed in rule.duties if owed.executed(world)) if self._phase == ACCESS else ()

    def verdict(self, world: World) -> Verdict:
        policy = self._policy
        if self.fixed or ((policy.assignee or policy.target) and self.elsewhere(world)):
            return REFUSED
        if self._may_be_suspended(world) and (stopped := self.suspended(world)):
            return Verdict(permit=False, suspended=stopped)
        asked = self.asked(world)
        before: dict[str, bool] = {}
        # The same as `granting`, but nobody is asked after the first that grants.
        for index, rule in enumerate(self.permissions):
            if rule.check(world, asked) >= DEFERRED and not self.forbidden(
                world, asked or rule.rule.action.iri, before
            ):
                return self.verdicts[index]
        return VOID if before and self._voids else REFUSED


def _obstacles(policy: Policy, phase: int, mode: Mode) -> list[Node]:
    """What makes the whole policy inapplicable in this phase, whoever asks."""
    found = [
        Node("inherit" if name == "inheritFrom" else "extra", "unknown", policy, "/" + name, text=name)
        for name, _ in policy.extras
    ]
    found += [Node("replaced", "no", policy, "/" + REPLACED, text=name) for name in policy.replaced_by]
    found += [Node("profile", "unknown", policy, "/profile", text=p) for p in policy.profiles if p not in PROFILES]
    if policy.kind in _PROPOSALS and phase > 1 and not mode.offers_bind:
        found.append(Node("kind", "no", policy, "/@type", text=policy.kind))
    elif policy.kind not in _NORMS | _PROPOSALS:
        found.append(Node("kind", "unknown", policy, "/@type", text=policy.kind))
    if policy.conflict not in CONFLICTS:
        found.append(Node("conflict", "unknown", policy, "/conflict", text=policy.conflict))
    return found


class Program:
    """A policy, ready to be asked as often as one likes. Never raises for a parsed policy, whatever the world."""

    def __init__(self, policy: Policy, registry: Registry = BUILT_IN, mode: Mode = PRODUCT) -> None:
        self.policy, self.registry, self.mode = policy, registry, mode
        self._forms: dict[str, _Form] = {}
        self._timeline: Timeline | None = None

    def _form(self, phase: Phase) -> _Form:
        if (found := self._forms.get(phase)) is None:
            found = self._forms[phase] = _Form(self.policy, self.registry, self.mode, PHASES.index(phase))
        return found

    def verdict(self, world: World, phase: Phase) -> Verdict:
        """Whether this request is permitted in this phase; refuses by default."""
        return self._form(phase).verdict(world)

    def during(self, world: World, verdict: Verdict) -> tuple[Duty, ...]:
        """What the plane must execute at an access with this verdict, in the order of the document."""
        form = self._form("access")
        return form.during(form.permissions[verdict.place], world) if verdict.permit else ()

    def examine(self, world: World, phase: Phase) -> Decision:
        """The same answer with the tree of its reasons and everything that it entails."""
        form = self._form(phase)
        asked = form.asked(world)
        obstacles = [*form.fixed, *form.elsewhere(world)]
        stopped = () if obstacles else form.suspended(world)
        obstacles += self._stopped(stopped)
        permissions = [rule.show(world, asked) for rule in form.permissions]
        prohibitions = [rule.show(world, asked) for rule in form.prohibitions]
        index, void = None, False
        if not obstacles:
            index, void = form.granting(world, asked, [RANK[node.state] for node in permissions])
        if void:
            obstacles.append(Node("clash", "no", self.policy, "/conflict", text=self.policy.conflict))
        if not permissions:
            obstacles.append(Node("nothing", "no", self.policy))
        children = (*obstacles, *permissions, *prohibitions, *self._obligations(form, world, phase))
        granting = None if index is None else permissions[index]
        tree = Node("policy", "no" if granting is None else granting.state, self.policy, children=children)
        change = self.next_change(world)
        if granting is None or index is None:
            return Decision(
                permit=False,
                phase=phase,
                tree=tree,
                now=world.now,
                action=asked,
                suspended=stopped,
                void=void,
                next_change=change,
                again=Again(world, lambda other: form.verdict(other).permit),
            )
        rule = form.permissions[index]
        return Decision(
            permit=True,
            phase=phase,
            tree=tree,
            now=world.now,
            action=asked,
            rule=granting.pointer,
            deferred=tuple(_pending(granting)),
            duties=rule.rule.duties,
            during=form.during(rule, world),
            counters=form.verdicts[index].counters,
            next_change=change,
            purpose_source=rule.purpose_source(world),
        )

    def _stopped(self, pointers: tuple[str, ...]) -> list[Node]:
        by_place = {duty.pointer: duty for duty in self.policy.obligations}
        rules = {rule.pointer: rule for rule in self.policy.prohibitions}
        return [Node("suspended", "no", by_place.get(place) or rules.get(place), place) for place in pointers]

    def _obligations(self, form: _Form, world: World, phase: Phase) -> list[Node]:
        """Obligations as they stand: one still open is no hindrance, a violated one is not met."""
        if phase != "access":
            return [
                Node("obligation", "deferred", owed.duty, owed.duty.pointer, time=owed.time)
                for owed in form.obligations
            ]
        return [owed.listed(world) for owed in form.obligations]

    def next_change(self, world: World) -> int | None:
        """The next instant (ms) at which time alone can change the answer or the state of a duty."""
        if self._timeline is None:
            form = self._form("access")
            duties = [owed for rule in form.permissions for owed in rule.duties] + form.obligations
            self._timeline = Timeline(self.policy, duties, form.prohibitions)
        return self._timeline.after(world)


def compile(policy: Policy, registry: Registry = BUILT_IN, mode: Mode = PRODUCT) -> Program:
    """The program of a policy; linear in the policy, and later in what was done."""
    return Program(policy, registry, mode)


def _pending(node: Node) -> list[str]:
    """Where a later phase still decides; what is settled already is not waited for."""
    if node.state != "deferred":
        return []
    if node.kind != "action" and not node.children:
        return [node.pointer]
    return [pointer for child in node.children for pointer in _pending(child)]

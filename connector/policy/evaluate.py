"""Decides what a policy permits in one phase: three-valued, closed, and with the reason tree as its only output path.

Offers are read as if the requester had already agreed to them. Whatever is unknown leaves a permission inactive and a
prohibition active; clauses that only a later phase can decide are deferred, and nothing is deferred at data access
(policy.md 3.1, 3.4, 3.7).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

from .instants import begins_later, next_change
from .model import PHASES, Atom, Clause, Duty, Logic, Odd, Phase, Policy, Rule
from .names import ACTIONS, CONFLICTS, HANSE, ODRL, PROFILES, USE, covers
from .operands import REGISTRY, Value
from .operators import BELONG, COMBINE, COMPARE, State, every
from .values import Span
from .world import World

Step = Literal["policy", "permission", "prohibition", "duty", "constraint", "logic", "odd", "action"]
Obstacle = Literal["party", "target", "profile", "kind", "conflict", "extra", "nothing"]
Item = Policy | Rule | Duty | Clause | None

DURING = frozenset(HANSE + name for name in ("pseudonymise", "dropFields", "aggregate", "suppressCells", "generalise"))
DURING |= {ODRL + "anonymize", ODRL + "watermark"}
AFTER = frozenset({ODRL + name for name in ("attribute", "delete", "inform", "nextPolicy")} | {HANSE + "log"})
"""Time classes of duties; every other action, known or not, must be done before access (policy.md 3.1)."""

_KINDS = frozenset({"", "Set", "Policy", "Offer", "Agreement", "Request"})


class Node(Struct, frozen=True):
    """One step of the reasoning. `source` says who vouches for `actual`; `children` follow the document's order.

    The state of a prohibition says whether it is in force ("yes" forbids), every other whether it is met.
    """

    kind: Step | Obstacle
    state: State
    item: Item = None
    pointer: str = ""
    actual: Value = None
    source: str = ""
    text: str = ""
    children: tuple["Node", ...] = ()


class Decision(Struct, frozen=True, kw_only=True):
    """The answer. `rule` points to the granting permission, `duties` and `counters` are what it entails.

    `counters` names the counters to increment in the transaction that decides. `next_change` is the next instant (ms)
    at which time alone can change the answer. `purpose_source` is "contractual" if the peer declared no purpose.
    """

    permit: bool
    phase: Phase
    tree: Node
    now: int
    action: str = ""
    rule: str = ""
    deferred: tuple[str, ...] = ()
    duties: tuple[Duty, ...] = ()
    counters: tuple[str, ...] = ()
    next_change: int | None = None
    purpose_source: str = ""


class _Case(NamedTuple):
    world: World
    phase: int
    binding: bool
    """Whether an undeclared purpose counts as the agreed one: in permissions only."""


def _atom(atom: Atom, case: _Case) -> Node:
    operand = REGISTRY.get(atom.left)
    if operand is None or atom.value is None or operand.role == "parameter":
        return Node("constraint", "unknown", atom, atom.pointer)
    if case.phase < operand.first:
        return Node("constraint", "deferred", atom, atom.pointer)
    actual, world = operand.value(case.world), case.world
    if actual is None and operand.source == "declared" and world.purpose_source == "contractual" and case.binding:
        return Node("constraint", "yes", atom, atom.pointer, None, "contractual")
    answer: bool | None = None
    if isinstance(actual, frozenset) and isinstance(atom.value, frozenset):
        answer = BELONG[atom.operator](actual, atom.value, world.closure)
    elif isinstance(actual, int) and isinstance(atom.value, Span):
        answer = COMPARE[atom.operator](actual, atom.value)
    state: State = "unknown" if answer is None else "yes" if answer else "no"
    if state == "no" and case.phase < len(PHASES) - 1 and begins_later(atom, case.world.now):
        state = "deferred"
    return Node("constraint", state, atom, atom.pointer, actual, operand.source)


def _clause(clause: Clause, case: _Case) -> Node:
    match clause:
        case Atom():
            return _atom(clause, case)
        case Logic():
            children = tuple([_clause(inner, case) for inner in clause.clauses])
            state = COMBINE[clause.operator]([child.state for child in children])
            return Node("logic", "unknown" if clause.extras else state, clause, clause.pointer, children=children)
        case Odd():
            return Node("odd", "unknown", clause, clause.pointer)


def _condition(duty: Duty, case: _Case) -> State:
    """Whether a duty applies: parameters decide nothing, an unknown condition counts as satisfied."""
    states = [
        _clause(clause, case).state
        for clause in duty.constraints
        if not (isinstance(clause, Atom) and (found := REGISTRY.get(clause.left)) and found.role == "parameter")
    ]
    return every(states)


def _duty(duty: Duty, case: _Case) -> Node:
    iri = duty.action.iri
    if iri in AFTER and not duty.extras:
        return Node("duty", "yes", duty, duty.pointer)
    if PHASES[case.phase] != "access":
        return Node("duty", "deferred", duty, duty.pointer)
    state: State = "yes" if _condition(duty, case._replace(binding=False)) == "no" else "no"
    return Node("duty", state, duty, duty.pointer, text="during" if iri in DURING else "before")


def _asked(world: World, phase: Phase) -> str:
    """The action the request is about; empty while the phase leaves it open."""
    if phase == "catalog":
        return ""
    return world.action or (USE if phase in ("transfer", "access") else "")


def _action(rule: Rule, asked: str) -> Node:
    iri = rule.action.iri
    if iri not in ACTIONS or rule.action.refinements or rule.action.extras:
        return Node("action", "unknown", rule, rule.pointer, text=asked)
    if not asked:
        return Node("action", "deferred", rule, rule.pointer)
    return Node("action", "yes" if covers(iri, asked) else "no", rule, rule.pointer, text=asked)


def _permission(rule: Rule, case: _Case, asked: str) -> Node:
    children = [_action(rule, asked)]
    if rule.parties and case.world.participant not in rule.parties:
        children.append(Node("party", "no", rule, rule.pointer, text=case.world.participant))
    if rule.targets and case.world.target not in rule.targets:
        children.append(Node("target", "no", rule, rule.pointer, text=case.world.target))
    children += [Node("extra", "unknown", rule, rule.pointer, text=name) for name, _ in rule.extras]
    children += [_clause(clause, case) for clause in rule.constraints]
    children += [_duty(duty, case) for duty in rule.duties]
    return Node("permission", every([c.state for c in children]), rule, rule.pointer, children=tuple(children))


def _elsewhere(rule: Rule, world: World) -> bool:
    """A prohibition that names only other parties or targets; collections (JSON) may include anyone."""
    others = all(not party.startswith("{") and party != world.participant for party in rule.parties)
    away = bool(world.target) and all(not t.startswith("{") and t != world.target for t in rule.targets)
    return (bool(rule.parties) and others) or (bool(rule.targets) and away)


def _prohibition(rule: Rule, case: _Case) -> Node:
    children = tuple([_clause(clause, case) for clause in rule.constraints])
    met = every([child.state for child in children])
    state: State = "no" if _elsewhere(rule, case.world) else "yes" if met == "unknown" else met
    return Node("prohibition", state, rule, rule.pointer, children=children)


def _forbids(node: Node, action: str) -> bool:
    rule = node.item
    if node.state != "yes" or not isinstance(rule, Rule):
        return False
    return rule.action.iri not in ACTIONS or bool(rule.action.refinements) or covers(rule.action.iri, action)


def _obstacles(policy: Policy, world: World) -> list[Node]:
    """What makes the whole policy inapplicable: not this deal, or not understood."""
    found = [Node("extra", "unknown", policy, "/" + name, text=name) for name, _ in policy.extras]
    found += [Node("profile", "unknown", policy, "/profile", text=p) for p in policy.profiles if p not in PROFILES]
    if policy.kind not in _KINDS:
        found.append(Node("kind", "unknown", policy, "/@type", text=policy.kind))
    if policy.conflict not in CONFLICTS:
        found.append(Node("conflict", "unknown", policy, "/conflict", text=policy.conflict))
    if policy.assignee and policy.assignee != world.participant:
        found.append(Node("party", "no", policy, "/assignee", text=world.participant))
    if policy.target and world.target and policy.target != world.target:
        found.append(Node("target", "no", policy, "/target", text=world.target))
    return found


def _granting(policy: Policy, permissions: Sequence[Node], prohibitions: Sequence[Node], asked: str) -> Node | None:
    for node in permissions:
        rule = node.item
        if node.state not in ("yes", "deferred") or not isinstance(rule, Rule):
            continue
        action = asked or rule.action.iri
        if policy.conflict == "perm" or not any(_forbids(p, action) for p in prohibitions):
            return node
    return None


def leaves(node: Node) -> list[Node]:
    """The steps without steps below them, in order."""
    return [leaf for child in node.children for leaf in leaves(child)] if node.children else [node]


def _pending(node: Node) -> list[str]:
    """Where a later phase still decides; what is settled already is not waited for."""
    if node.state != "deferred" or node.kind == "action":
        return []
    return [pointer for child in node.children for pointer in _pending(child)] if node.children else [node.pointer]


def decide(policy: Policy, world: World, phase: Phase) -> Decision:
    """What the policy says about this request in this phase; refuses by default."""
    case = _Case(world, PHASES.index(phase), binding=True)
    asked = _asked(world, phase)
    obstacles = _obstacles(policy, world)
    permissions = [_permission(rule, case, asked) for rule in policy.permissions]
    against = case._replace(binding=False)
    prohibitions = [_prohibition(rule, against) for rule in policy.prohibitions]
    granting = None if obstacles else _granting(policy, permissions, prohibitions, asked)
    if not policy.permissions:
        obstacles.append(Node("nothing", "no", policy))
    children = (*obstacles, *permissions, *prohibitions)
    tree = Node("policy", "no" if granting is None else granting.state, policy, children=children)
    change = next_change(policy, world.now, world.agreement_at)
    if granting is None or not isinstance(rule := granting.item, Rule):
        return Decision(permit=False, phase=phase, tree=tree, now=world.now, action=asked, next_change=change)
    met = leaves(granting)
    return Decision(
        permit=True,
        phase=phase,
        tree=tree,
        now=world.now,
        action=asked,
        rule=granting.pointer,
        deferred=tuple(_pending(granting)),
        duties=rule.duties,
        counters=("count",) if phase == "access" and _counts([granting, *prohibitions]) else (),
        next_change=change,
        purpose_source=_purpose_source(met),
    )


def _counts(nodes: Sequence[Node]) -> bool:
    found = [leaf.item for node in nodes for leaf in leaves(node)]
    return any(isinstance(item, Atom) and item.left == ODRL + "count" for item in found)


def _purpose_source(nodes: Sequence[Node]) -> str:
    sources = [n.source for n in nodes if isinstance(n.item, Atom) and n.item.left == ODRL + "purpose" and n.source]
    return "contractual" if "contractual" in sources else sources[0] if sources else ""

"""What would have to be different for a refusal to become a permit: the smallest sets of steps whose answer must flip.

Exact, because every step stands once in the reason tree: the least set of an `and` is made of the least sets of its
parts, that of an `or` is the least of any part. (Before the access, an `xone` over clauses that are decided later may
have a smaller way; those that are given are enough all the same.) Says who can change what, and says so when nothing
small helps. What is not understood is never suggested: no change of the request makes it understood.
"""

from collections.abc import Iterable, Sequence
from itertools import islice, product
from typing import Literal, NamedTuple

from msgspec import Struct

from connector.kernel.policy.evaluation.connectives import FORBIDDING
from connector.kernel.policy.evaluation.decision import Decision, Node
from connector.kernel.policy.evaluation.duty_states import SUSPEND
from connector.kernel.policy.evaluation.edges_in_time import begins_later
from connector.kernel.policy.odrl.model import Atom, Duty, Logic, Policy, Rule
from connector.kernel.policy.odrl.names import ACTIONS, covers
from connector.kernel.policy.odrl.operators import COMBINE, RANK, STATES, State, every
from connector.kernel.policy.odrl.registry import Registry
from connector.kernel.policy.wording.explain import speaks

Who = Literal["requester", "credential", "time", "provider"]
Answer = Literal["yes", "no"]
MOST_CHANGES = 3
_MOST_WAYS = 24
"""Ways of equal size that are kept at one step; there may be more."""


class Flip(NamedTuple):
    """A step and the answer it must get."""

    node: Node
    to: Answer


Way = tuple[Flip, ...]
Ways = tuple[Way, ...]
_NO_WAY: Ways = ()
_AS_IT_IS: Ways = ((),)
_DERIVED = frozenset({"permission", "prohibition", "obligation", "remedy", "consequence", "clash"})
"""Steps below the policy that stand for themselves in no one's way: they follow from others."""


class Change(Struct, frozen=True):
    """One step whose answer must become `to`, with who can bring that about."""

    node: Node
    to: Answer
    who: Who


Flips = dict[int, Answer]
_RANK: dict[Who, int] = {"requester": 0, "credential": 1, "time": 2, "provider": 3}


def counterfactual(decision: Decision, registry: Registry) -> tuple[tuple[Change, ...], ...]:
    """The least changes that would make a refusal a permit, the easiest first; none for a permit.

    Each way is enough by itself, all are of one size. No way at all means that no few changes help.
    """
    if decision.permit:
        return ()
    unforbidden: dict[str, Ways] = {}
    found = _least([_way(decision, node, unforbidden) for node in _permissions(decision)])
    whole = _together([found, *(_flip(node, "yes") for node in decision.tree.children if _blocks(node))])
    if decision.phase != "access":
        # What is decided later counts as met for a permission and as not met for a prohibition, but an `xone` has both.
        whole = tuple(way for way in whole if permitted(decision, way))
    ways = [tuple([Change(node, to, _who(node, decision, registry)) for node, to in way]) for way in whole]
    return tuple(sorted(ways, key=_ease)) if len(ways) > 1 else tuple(ways)


def permitted(decision: Decision, flipped: Iterable[Flip]) -> bool:
    """What the tree says if exactly these steps had those answers."""
    flips: Flips = {id(node): to for node, to in flipped}
    if any(_blocks(child) and id(child) not in flips for child in decision.tree.children):
        return False
    return any(
        _state(node, flips) in ("yes", "deferred")
        and not any(_state(q, flips) == "yes" for q in _against(decision, _asked(decision, node, flips)))
        for node in _permissions(decision)
    )


# ---- how steps make up the answer


def _permissions(decision: Decision) -> list[Node]:
    return [child for child in decision.tree.children if child.kind == "permission"]


def _against(decision: Decision, action: str) -> list[Node]:
    """The prohibitions that speak about this action, unless permissions win."""
    policy = decision.tree.item
    if isinstance(policy, Policy) and policy.conflict == "perm":
        return []
    return [child for child in decision.tree.children if child.kind == "prohibition" and speaks(child, action)]


def _asked(decision: Decision, node: Node, flips: Flips) -> str:
    """The action in question: that of the request, or of the permission if another one was asked for."""
    rule = node.item
    own = rule.action.iri if isinstance(rule, Rule) else ""
    if any(child.kind == "action" and id(child) in flips for child in node.children):
        return own
    return decision.action or own


def _blocks(node: Node) -> bool:
    """Whether a step below the policy stands in the way of every permission."""
    return node.kind not in _DERIVED and node.state not in ("yes", "deferred")


def _parts(node: Node) -> tuple[Node, ...]:
    """The steps that the answer of this one is made of; none if it is answered as a whole.

    Of a prohibition not its action, only how that is refined: which action is in question depends on the permission.
    """
    if node.kind == "prohibition":
        refinements = [part for child in node.children if child.kind == "action" for part in child.children]
        return (*refinements, *(child for child in node.children if child.kind not in ("action", "remedy")))
    return node.children if node.kind in ("permission", "logic") else ()


def _state(node: Node, flips: Flips, forbids: bool = False) -> State:
    if node.kind == "action":
        own = flips.get(id(node)) or ("yes" if node.state == "yes" else _heard(node))
        return every([own, *(_state(part, flips) for part in node.children)])
    if id(node) in flips:
        return flips[id(node)]
    parts = _parts(node)
    if isinstance(node.item, Logic):
        states = [_state(part, flips, forbids) for part in parts]
        if node.item.extras:
            return "unknown"
        return _forbidding(node.item.operator, states) if forbids else COMBINE[node.item.operator](states)
    if node.kind == "prohibition":
        states = [_state(part, flips, forbids=True) for part in parts]
        met = _forbidding("and", [*states, "unknown"] if _strange(node) else states)
        return "yes" if met == "unknown" else met
    return every([_state(part, flips) for part in parts]) if parts else node.state


def _forbidding(operator: str, states: Sequence[State]) -> State:
    """The connective where unknown counts as met."""
    return STATES[FORBIDDING[operator]([RANK[state] for state in states])]


def _heard(node: Node) -> State:
    """Whether the rule speaks about the action asked for, its refinements apart."""
    rule = node.item
    if not isinstance(rule, Rule) or _odd(rule):
        return "unknown"
    if not node.text:
        return "deferred"
    return "yes" if covers(rule.action.iri, node.text) else "no"


def _odd(rule: Rule) -> bool:
    return rule.action.iri not in ACTIONS or bool(rule.action.extras)


def _strange(node: Node) -> bool:
    return isinstance(node.item, Rule) and _odd(node.item)


# ---- the least ways


def _way(decision: Decision, node: Node, unforbidden: dict[str, Ways]) -> Ways:
    """The least changes that make this permission hold and let no prohibition stand against it.

    `unforbidden` keeps by action how to be rid of the prohibitions: it is the same for all permissions.
    """
    ways = _to(node, "yes")
    action = _asked(decision, node, {id(flip.node): flip.to for way in ways for flip in way})
    if action not in unforbidden:
        unforbidden[action] = _together([_to(q, "no") for q in _against(decision, action)])
    return _together([ways, unforbidden[action]])


def _to(node: Node, wanted: Answer) -> Ways:
    """The least sets of steps that give this one the wanted answer."""
    if node.kind == "prohibition":
        # Looked at as if it were about the action in question, which its own state need not be.
        if _state(node, {}) in ("no", "deferred"):
            return _AS_IT_IS
    elif node.state == wanted or (wanted == "yes" and node.state == "deferred"):
        return _AS_IT_IS
    if node.kind == "action":
        heard = _AS_IT_IS if _heard(node) in ("yes", "deferred") else _flip(node, wanted)
        return _together([heard, *(_to(part, wanted) for part in node.children)])
    parts = _parts(node)
    if not parts:
        return _flip(node, wanted)
    operator = "and"
    if isinstance(node.item, Logic):
        if node.item.extras:
            return _NO_WAY
        operator = node.item.operator
    if operator == "xone":
        return _exactly_one(parts) if wanted == "yes" else _not_one(parts)
    if (operator == "or") == (wanted == "yes"):
        return _least([_to(part, wanted) for part in parts])
    return _together([_to(part, wanted) for part in parts])


def _exactly_one(parts: Sequence[Node]) -> Ways:
    """Each part in turn satisfied and no other; what is decided later is let be."""
    no = [_AS_IT_IS if part.state == "deferred" else _to(part, "no") for part in parts]
    others = [index for index, ways in enumerate(no) if ways != _AS_IT_IS]
    if len(others) > MOST_CHANGES + 1:
        return _NO_WAY
    return _least(
        [
            _together([_to(one, "yes"), *(no[other] for other in others if other != index)])
            for index, one in enumerate(parts)
        ]
    )


def _not_one(parts: Sequence[Node]) -> Ways:
    """None satisfied, or two; one that is decided later may turn out not to be satisfied."""
    sure = (_NO_WAY if part.state == "deferred" else _to(part, "yes") for part in parts)
    yes = sorted(sure, key=lambda ways: len(ways[0]) if ways else MOST_CHANGES + 1)
    return _least([_together([_to(part, "no") for part in parts]), _together(yes[:2]) if len(yes) > 1 else _NO_WAY])


def _flip(node: Node, wanted: Answer) -> Ways:
    """A single step, if any change could flip it."""
    return ((Flip(node, wanted),),) if flippable(node) and node.state != wanted else _NO_WAY


def flippable(node: Node) -> bool:
    """Whether some change could give this step the other answer: it is understood, and stands for itself."""
    item = node.item
    if isinstance(item, Atom):
        return item.value is not None and not item.extras and (node.source != "" or node.actual is not None)
    if isinstance(item, Duty):
        return _doable(item)
    if isinstance(item, Rule) and node.kind in ("action", "suspended"):
        duties = owed(item)
        return not _odd(item) if node.kind == "action" else bool(duties) and all(map(_doable, duties))
    return node.kind in ("party", "target") and node.state == "no"


def owed(rule: Rule) -> list[Duty]:
    """What makes good that a prohibition was breached; the suspension itself is nobody's deed."""
    return [duty for duty in rule.remedies if duty.action.iri != SUSPEND]


def _doable(duty: Duty) -> bool:
    """Whether all of it is understood, so that somebody could do it."""
    ways = [clause for clause in duty.constraints if isinstance(clause, Atom) and clause.role != "condition"]
    known = duty.action.iri in ACTIONS and not duty.extras and not duty.action.extras
    return known and all(atom.value is not None for atom in ways)


def _least(choices: Sequence[Ways]) -> Ways:
    """Of several possibilities those with the fewest changes."""
    if len(choices) == 1:
        return choices[0]
    size = min((len(ways[0]) for ways in choices if ways), default=MOST_CHANGES + 1)
    if size > MOST_CHANGES:
        return _NO_WAY
    found = [way for ways in choices if ways and len(ways[0]) == size for way in ways]
    return tuple(found[:_MOST_WAYS])


def _together(needed: Sequence[Ways]) -> Ways:
    """One way for each of them, at once."""
    wanted = [ways for ways in needed if ways is not _AS_IT_IS]
    if len(wanted) < 2:
        return wanted[0] if wanted else _AS_IT_IS
    if not all(wanted) or sum(len(ways[0]) for ways in wanted) > MOST_CHANGES:
        return _NO_WAY
    combined = islice(product(*wanted), _MOST_WAYS)
    return tuple(tuple(flip for way in chosen for flip in way) for chosen in combined)


# ---- who can bring it about


def _who(node: Node, decision: Decision, registry: Registry) -> Who:
    if isinstance(node.item, Duty):
        return "provider" if node.time == "during" or node.text == "during" else "requester"
    if node.kind in ("action", "suspended"):
        return "requester"
    if not isinstance(node.item, Atom):
        return "provider"
    operand = registry.get(node.item.left)
    source = node.source or (operand.source if operand else "")
    if source in ("declared", "contractual"):
        return "requester"
    if source == "verified-credential":
        return "credential"
    waiting = node.state == "no" and begins_later(node.item, decision.now)
    return "time" if waiting or node.item.window else "provider"


def _ease(way: Sequence[Change]) -> tuple[int, ...]:
    return tuple(sorted((_RANK[change.who] for change in way), reverse=True))

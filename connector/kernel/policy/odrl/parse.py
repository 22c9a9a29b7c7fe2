"""Reads the policy of a DSP message (parsed JSON) into the typed form.

Tolerant in spelling (bare terms, `odrl:`, full IRIs, single objects for arrays, `{"@id"}`, `{"@value"}`), strict in
structure, and lossless: unknown members and terms are kept and marked (spec/policy.md 1.1, 12.1).

What a policy says for all its rules is written out into them (IM 2.7.1). Where a rule has its own party or target as
well, a permission is for those whom both name and a prohibition against all of them, whether the policy names one or
several; a duty keeps its own (decision 0148). Of actions a permission or duty keeps its own, and a prohibition takes
both. An empty list of actions, parties or targets is refused on every level: it would mean everybody or everything
(decision 0042).
"""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from connector.kernel.policy.odrl.constraints import clauses, windowed
from connector.kernel.policy.odrl.mentions import divided
from connector.kernel.policy.odrl.model import Action, Clause, Collection, Duty, Policy, PolicyError, Rule, Whom
from connector.kernel.policy.odrl.names import DSP_CONTEXT, KINDS, NOTES, ODRL, REPLACED, SAME, member
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.reader import (
    Members,
    Reader,
    each,
    entries,
    extras,
    few,
    identifier,
    members,
    own_id,
    plain,
    screen,
    shallow,
    some,
    term,
    text_of,
)
from connector.kernel.policy.odrl.registry import Registry

_NAMED = frozenset({"@id", "@type", "uid"})
_ACTION = frozenset({"@id", "@type", "uid", "value", "refinement"})
_WHOM = _NAMED | {"source", "refinement"}
_BASIS = _NAMED | {"action", "constraint", "assignee", "assigner", "target"}
_DUTY = _BASIS | {"consequence"}
_RULE = {"permission": _BASIS | {"duty"}, "prohibition": _BASIS | {"remedy"}}
_POLICY = _BASIS | {"timestamp", "profile", "conflict", "permission", "prohibition", "obligation"}
_DIVIDED = '"divided"'
"""What is kept of a name that places of the policy say different things about: that they do."""
_FILLED = {
    **dict.fromkeys(("Offer", "Request"), frozenset({"assignee", "target"})),
    "Agreement": frozenset({"assignee"}),
}
"""What the policy names at the latest once there is a contract; the target of an agreement no rule names (below)."""
_CLASSES = {
    "permission": frozenset({"Rule", "Permission"}),
    "prohibition": frozenset({"Rule", "Prohibition"}),
    "duty": frozenset({"Rule", "Duty"}),
    "action": frozenset({"Action"}),
    "target": frozenset({"Asset", "AssetCollection"}),
    "assignee": frozenset({"Party", "PartyCollection"}),
    "assigner": frozenset({"Party", "PartyCollection"}),
}
"""Of which class a node may say it is, by its place."""


class _Shared(NamedTuple):
    """What stands on the policy for all its rules; the constraints once for rules and once for obligations.

    `single` are the names that stay on the policy, by member; `filled` the members that a contract fills in. `size` is
    how many clauses and names every rule has more because of all that.
    """

    actions: tuple[Action, ...]
    assignees: tuple[Whom, ...]
    targets: tuple[Whom, ...]
    assigners: tuple[Whom, ...]
    constraints: list[Clause]
    conditions: list[Clause]
    size: int = 0
    single: Mapping[str, str] = {}
    filled: frozenset[str] = frozenset()


_NOTHING = _Shared((), (), (), (), [], [])


def _action(reader: Reader, value: object, pointer: str, in_duty: bool) -> Action:
    if plain(value) is not None:
        iri = term(value, pointer)
        return Action(SAME.get(iri, iri))
    found = members(value, pointer, "policy.not-a-term")
    iri = term(found.get("value", found.get("@id")), pointer)
    refinements = windowed(clauses(reader, found, "refinement", pointer, in_duty))
    # Said of an action of ODRL itself it would refine each use of that name (decision 0043).
    known = _ACTION if "value" in found else _ACTION - {"refinement"}
    return Action(SAME.get(iri, iri), refinements, extras(found, known, _CLASSES["action"]))


def _actions(reader: Reader, found: Members, pointer: str, in_duty: bool) -> tuple[Action, ...]:
    some(found, "action", pointer)
    return tuple(each(found, "action", pointer, lambda value, place: _action(reader, value, place, in_duty)))


def _whom(reader: Reader, value: object, name: str, pointer: str) -> Whom:
    """A party or asset. An object that says more than its IRI is a collection, and unknown where that is not enough."""
    reader.count(pointer)
    if text := plain(value):
        # A label that only its own document knows names nobody.
        return Collection(source="", id=text, pointer=pointer) if text.startswith("_:") else text
    found = members(value, pointer, "policy.not-an-identifier")
    iri, others = own_id(found, pointer), extras(found, _WHOM, _CLASSES[name])
    if iri and not others and not found.keys() & {"source", "refinement"} and not _collective(found.get("@type")):
        return iri
    refinements = windowed(clauses(reader, found, "refinement", pointer, in_duty=False))
    source = identifier(found, "source", pointer) or iri
    return Collection(source=source, refinements=refinements, extras=others, id=iri, pointer=pointer)


def _whoms(reader: Reader, found: Members, name: str, pointer: str) -> tuple[Whom, ...]:
    if name not in found:
        return ()
    some(found, name, pointer)
    return tuple(each(found, name, pointer, lambda value, place: _whom(reader, value, name, place)))


def _duties(reader: Reader, found: Members, name: str, pointer: str, shared: _Shared = _NOTHING) -> tuple[Duty, ...]:
    if name not in found:
        return ()
    shallow(pointer)
    read = each(found, name, pointer, lambda value, place: _duty(reader, value, place, shared))
    return tuple(duty for duties in read for duty in duties)


def _duty(reader: Reader, value: object, pointer: str, shared: _Shared) -> list[Duty]:
    before = reader.clauses
    reader.count(pointer, 1 + shared.size)
    found = members(value, pointer)
    actions = _actions(reader, found, pointer, in_duty=True) or shared.actions
    first = Duty(
        action=_first(actions, pointer),
        constraints=windowed(shared.conditions + clauses(reader, found, "constraint", pointer, in_duty=True)),
        consequences=_duties(reader, found, "consequence", pointer),
        parties=_whoms(reader, found, "assignee", pointer) or shared.assignees,
        targets=_whoms(reader, found, "target", pointer) or shared.targets,
        assigners=_whoms(reader, found, "assigner", pointer) or shared.assigners,
        extras=extras(found, _DUTY, _CLASSES["duty"]),
        id=own_id(found, pointer),
        pointer=pointer,
    )
    reader.count(pointer, (len(actions) - 1) * (reader.clauses - before))
    return [first, *(replace(first, action=action) for action in actions[1:])]


def _first(actions: tuple[Action, ...], pointer: str) -> Action:
    if not actions:
        raise PolicyError(pointer, "policy.action-missing")
    return actions[0]


def _rule(reader: Reader, value: object, pointer: str, kind: str, shared: _Shared) -> list[Rule]:
    before = reader.clauses
    reader.count(pointer, 1 + shared.size)
    found = members(value, pointer)
    both = kind == "prohibition"
    whom = _against if both else _for
    own = _actions(reader, found, pointer, in_duty=False)
    actions = tuple(dict.fromkeys(own + shared.actions)) if both else own or shared.actions
    parties, targets = _whoms(reader, found, "assignee", pointer), _whoms(reader, found, "target", pointer)
    first = Rule(
        action=_first(actions, pointer),
        constraints=windowed(shared.constraints + clauses(reader, found, "constraint", pointer, in_duty=False)),
        duties=_duties(reader, found, "duty", pointer) if kind == "permission" else (),
        remedies=_duties(reader, found, "remedy", pointer) if kind == "prohibition" else (),
        parties=whom(parties, shared.assignees, "assignee", shared),
        targets=whom(targets, shared.targets, "target", shared),
        policy_parties=shared.assignees if parties and not both else (),
        policy_targets=shared.targets if targets and not both else (),
        assigners=_whoms(reader, found, "assigner", pointer) or shared.assigners,
        extras=extras(found, _RULE[kind], _CLASSES[kind]),
        id=own_id(found, pointer),
        pointer=pointer,
    )
    reader.count(pointer, (len(actions) - 1) * (reader.clauses - before))
    return [first, *(replace(first, action=action) for action in actions[1:])]


def _for(own: tuple[Whom, ...], all_rules: tuple[Whom, ...], _name: str, _shared: _Shared) -> tuple[Whom, ...]:
    """Whom or what a permission is about; of those the policy names, too, it is for no more than these (0148)."""
    return own or all_rules


def _against(own: tuple[Whom, ...], all_rules: tuple[Whom, ...], name: str, shared: _Shared) -> tuple[Whom, ...]:
    """Whom or what a prohibition is about. Empty for all that the policy is about: such is one of an offer, since the
    policy names whoever agrees to it (decision 0148)."""
    if not own or name in shared.filled:
        return () if own else all_rules
    one = shared.single.get(name, "")
    return tuple(dict.fromkeys((*own, *all_rules, one) if one else (*own, *all_rules)))


def _rules(reader: Reader, found: Members, kind: str, shared: _Shared) -> tuple[Rule, ...]:
    read = each(found, kind, "", lambda value, place: _rule(reader, value, place, kind, shared))
    return tuple(rule for rules in read for rule in rules)


def _kind(value: object) -> str:
    """The one class of the policy; several that exclude each other are kept side by side, which nothing is."""
    if not all(isinstance(entry, str) for entry in entries(value)):
        raise PolicyError("/@type", "policy.not-a-term")
    names = [member(str(entry)) for entry in entries(value)]
    known = sorted(KINDS.intersection(names))
    return " ".join(known) if known else next(iter(names), "")


def _one(found: Members, name: str, kind: str) -> str:
    """The party or target of the deal, empty if there is none or if what stands here is for the rules to say."""
    values = entries(found.get(name, []))
    single = values[0] if len(values) == 1 else None
    if isinstance(single, dict) and not _collective(single.get("@type")):
        said = extras(members(single, f"/{name}"), {"@id", "@type"}, _CLASSES[name])
        single = single if said else single.get("@id")
    if text := plain(single):
        return text
    if name in found and (kind == "Agreement" or not values or not all(isinstance(v, str | dict) for v in values)):
        raise PolicyError(f"/{name}", "policy.not-an-identifier")
    return ""


def _collective(types: object) -> bool:
    return any(isinstance(name, str) and name.endswith("Collection") for name in entries(types))


def _common(reader: Reader, found: Members, kind: str, single: Mapping[str, str]) -> _Shared:
    several = {name: value for name, value in found.items() if name not in single or not single[name]}
    shared = _Shared(
        actions=_actions(reader, found, "", in_duty=False),
        assignees=_whoms(reader, several, "assignee", ""),
        targets=_whoms(reader, several, "target", ""),
        assigners=_whoms(reader, several, "assigner", ""),
        constraints=clauses(reader, found, "constraint", "", in_duty=False),
        conditions=[],
        single=single,
        filled=_FILLED.get(kind, frozenset()),
    )
    shared = shared._replace(size=reader.clauses)
    if "obligation" not in found:
        return shared
    return shared._replace(conditions=clauses(reader, found, "constraint", "", in_duty=True))


def parse(document: object, registry: Registry = BUILT_IN) -> Policy:
    """The policy in `document`, an object as JSON gives it; PolicyError names the place that cannot be read."""
    screen(document)
    reader = Reader(registry)
    found = members(document, "")
    if DSP_CONTEXT in entries(found.get("@context")) and len(entries(found["@context"])) == 1:
        del found["@context"]
    others = extras(found, _POLICY, KINDS | {"Policy"})
    notes = tuple(extra for extra in others if extra[0] in NOTES)
    kind = _kind(found.get("@type", []))
    single = {name: _one(found, name, kind) for name in ("target", "assigner", "assignee")}
    shared = _common(reader, found, kind, single)
    policy = Policy(
        kind=kind,
        id=own_id(found, ""),
        timestamp=identifier(found, "timestamp", ""),
        profiles=tuple(sorted(term(entry, "/profile") for entry in few(found, "profile", ""))),
        conflict=term(found.get("conflict", "invalid"), "/conflict").removeprefix(ODRL),
        permissions=_rules(reader, found, "permission", shared),
        prohibitions=_rules(reader, found, "prohibition", shared),
        obligations=_duties(reader, found, "obligation", "", shared),
        replaced_by=tuple(_successor(entry) for entry in some(found, REPLACED, "")),
        notes=notes,
        extras=(*(extra for extra in others if extra not in notes), *((name, _DIVIDED) for name in divided(found))),
        **single,
    )
    if kind == "Agreement":
        _no_targets(policy)
    return policy


def _successor(value: object) -> str:
    """What a policy was replaced by; that it was is enough, whatever it may be called."""
    return plain(value) or text_of(value)


def _no_targets(policy: Policy) -> None:
    """The rules of an agreement speak about its one target (spec/protocol.md 2.3)."""
    for rule in policy.permissions + policy.prohibitions:
        if rule.targets:
            raise PolicyError(rule.pointer + "/target", "policy.rule-target")

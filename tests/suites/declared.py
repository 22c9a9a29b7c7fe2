"""What a suite takes for granted and our product does not: operands that nobody registered, its actions, its profiles.

The product keeps failing closed; here such a name means itself. An operand is compared with what the case says about
it, by the type of the values in the policy; an action includes what the policy's own graph includes in it; a profile
is known if the caller says so (`--profile`). So a disagreement is about semantics and not about spelling.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from connector.data.catalogue.concepts import vocabulary
from connector.kernel.policy.odrl.model import PHASES, Policy, Rule
from connector.kernel.policy.odrl.names import (
    ACTIONS,
    COMPARISONS,
    HANSE,
    MEMBERSHIP,
    ODRL,
    PROFILES,
    USE,
    covers,
    expand,
    member,
)
from connector.kernel.policy.odrl.operands import ANY_LIST, BUILT_IN, Operand, Registry, left_operand
from connector.kernel.policy.odrl.reader import entries
from connector.kernel.policy.odrl.state_of_world import Value, World
from connector.kernel.policy.odrl.values import TEXTS, Type, decimal, duration, instant

_ELSEWHERE = ODRL + "transfer"
_DEPTH = 60


def registry(document: Mapping[str, Any]) -> Registry:
    """The operands of the product and those that the policy uses beside them."""
    found: dict[str, list[tuple[str, list[str]]]] = {}
    for left, operator, texts in _comparisons(document, 0):
        found.setdefault(left, []).append((operator, texts))
    own = {left: _operand(left, _type(uses)) for left, uses in found.items() if _strange(left, uses)}
    return Registry([*(one for iri, one in ANY_LIST.operands.items() if iri not in own), *own.values()])


def known(policy: Policy, profiles: Iterable[str]) -> tuple[Policy, tuple[str, ...]]:
    """The policy without the profiles that the caller knows, and the profiles that nobody knows."""
    left = tuple(name for name in policy.profiles if name not in {expand(one) for one in profiles})
    return replace(policy, profiles=left), tuple(name for name in left if name not in PROFILES)


def asking(policy: Policy, asked: str, above: frozenset[str]) -> tuple[Policy, str]:
    """The policy and the action asked for, where one of them names an action that ODRL does not have.

    Then a rule is about `use` if its action is the one asked for or includes it, else about something else. `above` is
    what the suite's graph says the action is included in.
    """
    rules = (*policy.permissions, *policy.prohibitions)
    if asked in ACTIONS and all(rule.action.iri in ACTIONS for rule in rules):
        return policy, asked
    names = {asked} | above

    def about(rule: Rule) -> Rule:
        iri = rule.action.iri
        met = iri in names or any(covers(iri, name) for name in names)
        return replace(rule, action=replace(rule.action, iri=USE if met else _ELSEWHERE))

    made = replace(
        policy,
        permissions=tuple(about(rule) for rule in policy.permissions),
        prohibitions=tuple(about(rule) for rule in policy.prohibitions),
    )
    return made, USE


def _comparisons(value: Any, depth: int) -> Iterator[tuple[str, str, list[str]]]:
    if depth > _DEPTH:
        return
    if isinstance(value, Mapping):
        said = {member(key): item for key, item in value.items() if isinstance(key, str)}
        if "leftOperand" in said:
            texts = [text for one in entries(said.get("rightOperand", [])) if (text := _text(one))]
            yield expand(_text(said["leftOperand"])), expand(_text(said.get("operator"))).removeprefix(ODRL), texts
    for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _comparisons(item, depth + 1)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("@id", value.get("@value", ""))
    return "" if value is None or isinstance(value, Mapping | list) else str(value)


def _strange(left: str, uses: list[tuple[str, list[str]]]) -> bool:
    """Whether the product has no such operand, or only for concepts that are not those of this suite."""
    known = BUILT_IN.get(left)
    if ":" not in left or known is None:
        return ":" in left
    if known.type not in (Type.CONCEPT, Type.IRI) or left.startswith(HANSE):
        return False
    ours = vocabulary().closure.above
    return not any(text.startswith(HANSE) or text in ours for _, texts in uses for text in texts)


def _type(uses: list[tuple[str, list[str]]]) -> Type:
    texts = [text for _, found in uses for text in found]
    if not texts or any(operator not in COMPARISONS for operator, _ in uses):
        return Type.TEXT
    readers = ((Type.DECIMAL, decimal), (Type.INSTANT, instant), (Type.DURATION, duration))
    return next((kind for kind, read in readers if all(read(text) for text in texts)), Type.TEXT)


def _operand(left: str, kind: Type) -> Operand:
    known = BUILT_IN.get(left)

    def said(world: World) -> Value:
        if known is not None:
            return known.value(world)
        fact = world.facts.get(left)
        return fact.value if fact else None

    operators = MEMBERSHIP if kind in TEXTS else COMPARISONS
    return left_operand(left, type=kind, source="declared", phases=PHASES, operators=operators, units=True)(said)

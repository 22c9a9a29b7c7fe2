"""The one place where a suite meets our engine: a policy, a state of the world and the suite's reading of duties."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from msgspec.structs import replace

from connector.data.catalogue.concepts import vocabulary
from connector.kernel.dialects.jsonld.nodes import Nodes, Ref
from connector.kernel.dialects.policies.parties import WHO
from connector.kernel.dialects.policies.translate import translated
from connector.kernel.dialects.policies.unfold import policies
from connector.kernel.policy.evaluation.decision import Decision
from connector.kernel.policy.evaluation.program import Mode, compile
from connector.kernel.policy.odrl.model import Closure, Policy
from connector.kernel.policy.odrl.names import KINDS, member
from connector.kernel.policy.odrl.operands import BUILT_IN, Registry
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.reader import entries
from connector.kernel.policy.odrl.state_of_world import Value, World
from connector.kernel.policy.odrl.values import TEXTS, Span, Type, decimal, duration, instant, integer
from connector.kernel.protocol.shape import Malformed
from tests.suites import declared


class Reading(NamedTuple):
    """How policies of a suite are read: `profiles` the caller says are known; `lenient` takes for granted what the
    suite does (`declared`), without it everything is read as in the product.
    """

    profiles: frozenset[str] = frozenset()
    lenient: bool = True


SUITE = Reading()


class Loaded(NamedTuple):
    """A policy of a suite with the operands that it takes.

    `unknown` are profiles that neither we nor the caller knows, so that the policy permits nothing; `silent` the ids of
    rules that name no action.
    """

    policy: Policy
    reading: Reading = SUITE
    registry: Registry = BUILT_IN
    unknown: tuple[str, ...] = ()
    silent: frozenset[str] = frozenset()


def policy_of(nodes: Nodes, name: str, asked: str, reading: Reading = SUITE) -> Loaded:
    """The policy of that id; raises Malformed or PolicyError."""
    found = dict(policies(nodes))
    if name not in found:
        raise Malformed("", "no-policy")
    return loaded(translated(found[name], name, "rdf").document, asked, reading)


def loaded(document: dict[str, Any], asked: str, reading: Reading = SUITE) -> Loaded:
    """The policy in that document; raises PolicyError.

    A rule without an action is about every action: a suite has such rules, though the information model demands one. It
    is read as if it named the action that is asked for.
    """
    silent: set[str] = set()
    rules = [rule for part in ("permission", "prohibition") for rule in document.get(part, [])]
    for rule in rules:
        if isinstance(rule, dict) and "action" not in rule and "action" not in document:
            rule["action"] = asked
            silent.add(str(rule.get("@id", "")))
    return parsed(document, reading)._replace(silent=frozenset(silent))


def parsed(document: Mapping[str, Any], reading: Reading = SUITE) -> Loaded:
    """The policy; raises PolicyError.

    An agreement of a suite is read as a set, which is the same to evaluation: only the Dataspace Protocol forbids the
    rules of an agreement a target of their own. Whom a duty is done to (`informedParty` and its like) is left out,
    because no state of the world of a suite says it; and what is said about a party or asset beside its name, because
    there the state of the world is believed.
    """
    plain = {key: _plain(key, value, reading.lenient) for key, value in document.items()}
    kinds = KINDS & {member(str(one)) for one in entries(document.get("@type", []))}
    registry = declared.registry(plain) if reading.lenient else BUILT_IN
    policy = parse({**plain, "@type": "Set"} if kinds == {"Agreement"} else plain, registry)
    made, unknown = declared.known(policy, reading.profiles)
    return Loaded(made, reading, registry, unknown)


def _plain(name: str, value: Any, lenient: bool) -> Any:
    if isinstance(value, list):
        return [_plain(name, item, lenient) for item in value]
    if not isinstance(value, Mapping):
        return value
    key = member(name)
    kept = {inner: item for inner, item in value.items() if not _FUNCTION.fullmatch(member(inner))}
    if lenient and key in WHO and "@id" in kept:
        kept = {inner: item for inner, item in kept.items() if member(inner) in _OF_COLLECTIONS}
    if lenient and key == "action":
        kept = {inner: item for inner, item in kept.items() if member(inner) not in WHO}
    return {inner: _plain(inner, item, lenient) for inner, item in kept.items()}


_FUNCTION = re.compile("[a-z]+(ed|ing)Party")
_OF_COLLECTIONS = frozenset({"@id", "@type", "source", "refinement"})


def examine(loaded: Loaded, world: World, mode: Mode, above: frozenset[str] = frozenset()) -> Decision:
    """The decision at data access, where nothing is deferred, with its tree; `above` as in `declared.asking`."""
    policy, asked = loaded.policy, world.action
    if loaded.reading.lenient:
        policy, asked = declared.asking(policy, asked, above)
    return compile(policy, loaded.registry, mode).examine(replace(world, action=asked), "access")


@cache
def closure() -> Closure:
    return vocabulary().closure


def milliseconds(text: str) -> int | None:
    """An xsd:dateTime; a blank between day and time, as one suite writes it, is read as the `T` that was meant."""
    found = instant(text.strip().replace(" ", "T", 1))
    return found.start if found else None


def above(nodes: Nodes, name: str, predicate: str) -> frozenset[str]:
    """All that `name` belongs to over `predicate`, directly or not."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for value in nodes.get(waiting.pop(), {}).get(predicate, ()):
            if isinstance(value, Ref) and value.id not in found:
                found.add(value.id)
                waiting.append(value.id)
    return frozenset(found)


def value(left: str, texts: Sequence[str], registry: Registry = BUILT_IN) -> Value:
    """What a state of the world says about an operand, read by the operand's type; None if it does not fit."""
    operand = registry.get(left)
    if operand is None or not texts:
        return None
    if operand.type is Type.LANGUAGE:
        return frozenset(text.lower() for text in texts)
    if operand.type in TEXTS or operand.type is Type.WINDOW:
        return frozenset(texts)
    read = _READ.get(operand.type)
    found = read(texts[0]) if read is not None and len(texts) == 1 else None
    return None if found is None else found.start


_READ: Mapping[Type, Callable[[str], Span | None]] = {
    Type.INSTANT: instant,
    Type.DURATION: duration,
    Type.INTEGER: integer,
    Type.DECIMAL: decimal,
}

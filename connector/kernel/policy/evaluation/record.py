"""What is kept of a decision, so that anybody can make it again: digests of what it was made from, and the result.

A decision is a function of policy, world, vocabulary, engine and plug-ins (spec/policy.md 7.2). The record goes into
the log, the world into the case file; `replay` makes the decision again from both and gives the record that it leads
to.
"""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from connector.kernel.policy.evaluation.decision import Decision, Node
from connector.kernel.policy.evaluation.digest import digest
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import Closure, Phase
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.registry import Registry
from connector.kernel.policy.odrl.state_of_world import Deed, DutyState, Fact, Source, Value, World

ENGINE = "1.0.0"
"""Version of the meaning of decisions: a release that may decide the same policy and world differently raises it."""

Written = str | list[str] | None
"""A value in JSON: a number as decimal text, because it may be larger than JSON carries safely; a set as a list."""


class _Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    value: Written
    source: Source
    evidence: str
    unit: str


class _Deed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    action: str
    at: int
    party: str
    target: str
    rule: str
    values: dict[str, Written]
    evidence: str


class _World(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    now: int
    participant: str
    clock: str
    action: str
    target: str
    facts: dict[str, _Fact]
    parties: list[str]
    assets: list[str]
    purpose: str | None
    purpose_source: str | None
    agreement_at: int | None
    agreement_end: int | None
    first_access: int | None
    event_end: int | None
    uses: dict[str, int]
    deeds: list[_Deed]
    duty_states: dict[str, DutyState]
    can: list[str]


_PLAIN = frozenset(
    (
        *("now", "participant", "clock", "action", "target", "purpose", "purpose_source"),
        *("agreement_at", "agreement_end", "first_access", "event_end"),
    )
)


def plain(world: World) -> dict[str, object]:
    """The world as JSON values, all but the closure, whose digest is recorded beside it."""
    written = _World(
        facts={iri: _Fact(_written(f.value), f.source, f.evidence, f.unit) for iri, f in world.facts.items()},
        parties=sorted(world.parties),
        assets=sorted(world.assets),
        uses=dict(world.uses),
        deeds=[_deed(deed) for deed in world.deeds],
        duty_states=dict(world.duty_states),
        can=sorted(world.can),
        **{name: getattr(world, name) for name in _PLAIN},
    )
    found: dict[str, object] = msgspec.to_builtins(written)
    return found


def _written(value: Value) -> Written:
    """Anything else that a plug-in or a caller may have put there is unknown to the evaluation too."""
    return str(value) if type(value) is int else sorted(value) if isinstance(value, frozenset) else None


def _value(written: Written) -> Value:
    return int(written) if isinstance(written, str) else None if written is None else frozenset(written)


def _deed(deed: Deed) -> _Deed:
    values = {iri: _written(value) for iri, value in deed.values.items()}
    return _Deed(deed.action, deed.at, deed.party, deed.target, deed.rule, values, deed.evidence)


def world_of(document: Mapping[str, object], closure: Closure) -> World:
    """The world that `plain` wrote down; ValueError (msgspec.ValidationError) for anything else."""
    found = msgspec.convert(document, _World)
    members: dict[str, object] = {name: getattr(found, name) for name in _PLAIN}
    members |= {
        "facts": {iri: Fact(_value(f.value), f.source, f.evidence, f.unit) for iri, f in found.facts.items()},
        "parties": frozenset(found.parties),
        "assets": frozenset(found.assets),
        "uses": found.uses,
        "deeds": tuple(_done(deed) for deed in found.deeds),
        "duty_states": found.duty_states,
        "can": frozenset(found.can),
    }
    return World(closure=closure, **members)  # type: ignore[arg-type]


def _done(deed: _Deed) -> Deed:
    return Deed(
        action=deed.action,
        at=deed.at,
        party=deed.party,
        target=deed.target,
        rule=deed.rule,
        values={iri: _value(value) for iri, value in deed.values.items()},
        evidence=deed.evidence,
    )


def canonical(value: object) -> bytes:
    """JSON values in canonical form: sorted keys, no spaces, UTF-8."""
    return msgspec.json.encode(value, order="sorted")


def sha256(value: object) -> str:
    """Lower-case hex SHA-256 of JSON values in canonical form."""
    return hashlib.sha256(canonical(value)).hexdigest()


def world_digest(world: World) -> str:
    """What the log keeps of the world."""
    return sha256(plain(world))


class Sources(NamedTuple):
    """What a decision was made from besides the world, as digests: of what the policy says (the same in offer and
    agreement), of the very document, of the operands, the concept lists and foreign code."""

    policy: str
    document: str
    operands: str
    vocabulary: str
    plugins: str


def record(
    decision: Decision,
    world: World,
    document: Mapping[str, object],
    *,
    vocabulary: str,
    registry: Registry = BUILT_IN,
    plugins: str = "",
) -> dict[str, object]:
    """The decision record as JSON values: the definition, from the document and the world themselves."""
    policy = digest(parse(document, registry))
    sources = Sources(policy, sha256(document), registry.digest, vocabulary, plugins)
    return recorded(decision, world.clock, world_digest(world), sources)


def recorded(decision: Decision, clock: str, world: str, sources: Sources) -> dict[str, object]:
    """The same from digests that are at hand: `world` is that of the world, `clock` what it says of our clock.

    `tree` is the digest of all the steps.
    """
    return {
        "engine": ENGINE,
        "operands": sources.operands,
        "plugins": sources.plugins,
        "policy": sources.policy,
        "document": sources.document,
        "vocabulary": sources.vocabulary,
        "world": world,
        "clock": clock,
        "now": decision.now,
        "phase": decision.phase,
        "permit": decision.permit,
        "action": decision.action,
        "purposeSource": decision.purpose_source,
        "rule": decision.rule,
        "deferred": list(decision.deferred),
        "duties": [[duty.pointer, duty.action.iri] for duty in decision.duties],
        "during": [[duty.pointer, duty.action.iri] for duty in decision.during],
        "obligations": [[n.pointer, n.deontic, n.due_at] for n in decision.tree.children if n.kind == "obligation"],
        "counters": [[counter.name, counter.window] for counter in decision.counters],
        "suspended": list(decision.suspended),
        "void": decision.void,
        "nextChange": decision.next_change,
        "tree": sha256(list(_steps(decision.tree))),
    }


def _steps(node: Node) -> list[object]:
    return [node.kind, node.state, node.pointer, node.source, node.deontic, node.due_at, *map(_steps, node.children)]


def replay(
    kept: Mapping[str, object],
    world: Mapping[str, object],
    document: Mapping[str, object],
    closure: Closure,
    registry: Registry = BUILT_IN,
) -> dict[str, object]:
    """Make a recorded decision again; equal to `kept` if nothing was changed and engine and plug-ins are the same.

    `vocabulary` and `plugins` are taken over from the record: the caller chose closure and registry by them.
    Raises ValueError if the world is none that was recorded, PolicyError if the document is no policy.
    """
    then = world_of(world, closure)
    phase = msgspec.convert(kept.get("phase"), Phase)
    decision = compile(parse(document, registry), registry).examine(then, phase)
    digests = {name: str(kept.get(name, "")) for name in ("vocabulary", "plugins")}
    return record(decision, then, document, registry=registry, **digests)

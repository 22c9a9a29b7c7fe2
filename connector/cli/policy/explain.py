"""`hanse policy explain|try`: decides a policy for a made-up request and says why, why not, and what would help.

Ends with 0 if the request is permitted, 1 if not. What is not given is unknown, and decided as in a real decision: who
declares no purpose is bound to those agreed, and our plane executes what it can. With `--of` a decision that a server
has recorded is made again from what it was made from, and explained.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from connector.cli.frame.call import OK, REFUSED, Call, visible
from connector.cli.frame.client import Api, Problem
from connector.cli.policy.source import notes, policy_engine, read, unparsed
from connector.data.catalogue import concepts
from connector.foundation.errors import Mistake
from connector.identity.trust.members.claims import regional_keys
from connector.kernel.dialects.policies.report import report, write
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.evaluation.decision import Decision
from connector.kernel.policy.evaluation.record import replay, world_of
from connector.kernel.policy.odrl.identifiers import REGIONAL_KEY
from connector.kernel.policy.odrl.model import PHASES, Phase, PolicyError
from connector.kernel.policy.odrl.names import HANSE, ODRL, expand
from connector.kernel.policy.odrl.registry import Registry
from connector.kernel.policy.odrl.state_of_world import Fact, Value, World, asked
from connector.kernel.policy.odrl.units import MEASURED_IN
from connector.kernel.policy.odrl.values import TEXTS, Span, Type, decimal, duration, instant, integer

_KIND = HANSE + "participantKind"
_READ = {Type.INSTANT: instant, Type.DURATION: duration, Type.INTEGER: integer, Type.DECIMAL: decimal}


class Question(NamedTuple):
    """What is to be decided, and what people must know about it beforehand."""

    document: dict[str, Any]
    world: World
    phase: Phase
    notes: list[str]


def run_explain(call: Call) -> int:
    """The whole tree of reasons, as text, JSON or RDF."""
    engine, args = policy_engine(call), call.args
    recorded = args.participant and not Path(args.policy).is_file()
    told: list[dict[str, Any]] = []
    for question in _recorded(call, engine) if recorded else _made_up(call, engine):
        decision = _ruled(call, engine, question.document, question.world, question.phase)
        told.append(_explained(call, engine, question, decision))
        if args.report and not args.json:
            print(write(report(engine.policy(question.document), decision)[1], args.report).decode(), end="")
        elif not args.json:
            _print_notes(call, question.notes)
            print(visible("\n".join(told[-1]["text"])))
    call.result({"decisions": told})
    return OK if all(one["permit"] for one in told) else REFUSED


def _explained(call: Call, engine: PolicyEngine, question: Question, decision: Decision) -> dict[str, Any]:
    return {
        "permit": decision.permit,
        "phase": question.phase,
        "notes": question.notes,
        "text": engine.explain_text(decision, call.lang).splitlines(),
        "tree": engine.explain_tree(decision, call.lang),
        "reasons": engine.reasons(decision)[call.lang],
        "wouldHelp": engine.what_if(decision, call.lang),
        "record": engine.record(decision),
    }


def _made_up(call: Call, engine: PolicyEngine) -> Iterator[Question]:
    world = world_of_arguments(call, engine)
    for document, said in _documents(call):
        yield Question(document, world, call.args.phase, said)


def _recorded(call: Call, engine: PolicyEngine) -> Iterator[Question]:
    """The decision of that id, or the newest about the transfer of that id."""
    from connector.data.catalogue.concepts import vocabulary

    kept = _kept(Api(call.settings().api.socket), call.args.participant, call.args.policy)
    closure = vocabulary().closure
    world = world_of(kept["world"], closure)
    again = replay(kept["record"], kept["world"], kept["policy"], closure, engine.registry)
    same = all(kept["record"].get(name) == value for name, value in again.items())
    said = [] if same else [call.say("policy.other-engine", permit=call.say(f"policy.was-{_word(kept['permit'])}"))]
    yield Question(kept["policy"], world, kept["phase"], said)


def _kept(api: Api, slug: str, name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = api.get("participants", slug, "decisions", name)
    except Problem as problem:
        if problem.status != 404:
            raise
        decisions = api.get("participants", slug, "transfers", name, "decisions")["decisions"]
        if not decisions:
            raise
        found = api.get("participants", slug, "decisions", decisions[0]["id"])
    return found


def _word(permit: bool) -> str:
    return "permitted" if permit else "refused"


def run_try(call: Call) -> int:
    """The answer of each phase in one line, and what stands in the way; the last phase decides."""
    engine = policy_engine(call)
    world = world_of_arguments(call, engine)
    told: list[dict[str, Any]] = []
    for document, said in _documents(call):
        phases = [_phase(call, engine, document, world, phase) for phase in PHASES]
        told.append({"permit": phases[-1]["permit"], "notes": said, "phases": phases})
        if not call.args.json:
            _print_notes(call, said)
            _print_phases(call, phases)
    call.result({"policies": told})
    return OK if all(one["permit"] for one in told) else REFUSED


def _phase(call: Call, engine: PolicyEngine, document: dict[str, Any], world: World, phase: Phase) -> dict[str, Any]:
    decision = _ruled(call, engine, document, world, phase)
    return {
        "phase": phase,
        "permit": decision.permit,
        "open": len(decision.deferred),
        "reasons": engine.reasons(decision)[call.lang],
        "wouldHelp": engine.what_if(decision, call.lang),
    }


def _print_phases(call: Call, phases: list[dict[str, Any]]) -> None:
    for one in phases:
        key = ("later" if one["open"] else "yes") if one["permit"] else "no"
        call.tell(f"policy.try-{key}", phase=call.say(f"policy.phase.{one['phase']}"), open=one["open"])
    for reason in phases[-1]["reasons"]:
        call.tell("policy.reason", text=reason)
    if phases[-1]["wouldHelp"]:
        call.tell("policy.help", text=phases[-1]["wouldHelp"])


def _print_notes(call: Call, said: list[str]) -> None:
    for note in said:
        call.tell("policy.note", text=note)


def _documents(call: Call) -> Iterator[tuple[dict[str, Any], list[str]]]:
    for found in read(call, call.args.policy):
        yield found.document, notes(found, call.lang)


def _ruled(call: Call, engine: PolicyEngine, document: dict[str, Any], world: World, phase: Phase) -> Decision:
    try:
        return engine.rule(document, world, phase)
    except PolicyError as fault:
        why = unparsed(fault, call.lang)
        raise Mistake("cli.policy-file", path=call.args.policy, why=why) from fault


# ---- the request


def world_of_arguments(call: Call, engine: PolicyEngine) -> World:
    """What the arguments say, and what our plane executes; all else is unknown. `--as` names a DID or a kind."""
    args, registry = call.args, engine.registry
    dids = [who for who in args.who if who.startswith("did:")]
    kinds = frozenset(concepts.kind(who).iri for who in args.who if not who.startswith("did:"))
    facts = dict(_fact(pair, registry) for pair in args.facts)
    if kinds:
        facts[_KIND] = Fact(kinds, "verified-credential")
    if len(dids) > 1:
        raise Mistake("cli.policy-who")
    agreed = _time("--agreed", args.agreed) if args.agreed else None
    return asked(
        _time("--at", args.at) if args.at else int(datetime.now(UTC).timestamp() * 1000),
        dids[0] if dids else "",
        action=concepts.action(args.action) if args.action else None,
        purpose=concepts.purpose(args.purpose).iri if args.purpose else None,
        target=args.target,
        facts=facts,
        can=engine.can,
        agreement_at=agreed,
        uses={} if args.uses is None else {"": args.uses, "P1D": args.uses, "P1M": args.uses},
    )


def _time(flag: str, text: str) -> int:
    if (found := instant(text)) is None:
        raise Mistake("cli.policy-time", flag=flag, text=text[:80])
    return found.start


def _fact(pair: str, registry: Registry) -> tuple[str, Fact]:
    """`memberOf=IRI,IRI`: the operand by local name or IRI, its value as a policy would write it."""
    name, equals, text = pair.partition("=")
    operand = next((registry.get(iri) for iri in (expand(name), HANSE + name, ODRL + name) if registry.get(iri)), None)
    if not equals or operand is None:
        raise Mistake(
            "cli.policy-fact", pair=pair[:80], names=", ".join(sorted(o.name for o in registry.operands.values()))
        )
    value: Value
    if operand.type in TEXTS:
        words = [part.strip() for part in text.split(",") if part.strip()]
        if operand.range == REGIONAL_KEY:  # a seat lies in all that its key begins with, as in a real decision
            words += [part for word in words for part in regional_keys(word)]
        value = frozenset(concepts.local(word) if operand.type is Type.CONCEPT else word for word in words)
    else:
        read = _READ.get(operand.type)
        found: Span | None = read(text) if read else None
        if found is None:
            raise Mistake("cli.policy-value", pair=pair[:80], type=operand.type)
        value = found.start
    return operand.iri, Fact(value, operand.source, unit=MEASURED_IN.get(operand.iri, ""))

"""What is made of a policy once: always what the slow way makes of the very document, and never for another one."""

import json
from typing import Any
from weakref import WeakSet

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy import plan as plans
from connector.kernel.policy.engine import LANGUAGES, PolicyEngine, Requester
from connector.kernel.policy.evaluation.digest import deal, digest
from connector.kernel.policy.evaluation.edges_in_time import expires_at
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.evaluation.record import Sources, canonical, plain, record, recorded
from connector.kernel.policy.evaluation.record import sha256 as sha256_of
from connector.kernel.policy.odrl.model import PHASES, PolicyError
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import World
from connector.kernel.policy.plan import Plans, about, named, without_names
from connector.kernel.policy.wording.badges import KINDS, coverage
from connector.kernel.policy.wording.badges import plain as listed
from connector.kernel.policy.wording.narrate import narrate
from tests.kernel.policy import fuzz
from tests.kernel.policy.cases import KIND, use
from tests.kernel.policy.deciding import judge_of
from tests.kernel.policy.worlds import POLICIES

PARTIES = ("did:web:town.example", "did:web:firm.example", "did:web:stranger.example")
NAMES = st.fixed_dictionaries(
    {},
    optional={
        "@id": st.sampled_from(["urn:uuid:1", "urn:uuid:2", "_:b", "", "urn:ü", {"@id": "urn:x"}, 7]),
        "timestamp": st.sampled_from(["2026-01-01T00:00:00Z", "yesterday", "", ["a", "b"]]),
        "uid": st.sampled_from(["urn:uuid:1", "urn:other"]),
        "odrl:timestamp": st.just("2026-01-01T00:00:00Z"),
        "assigner": st.sampled_from(PARTIES),
        "assignee": st.sampled_from(PARTIES),
        "target": st.sampled_from(["urn:trees", ["urn:trees", "urn:greens"]]),
        "ex:price": st.sampled_from([None, 1, 1.0, True, "1"]),
    },
)


@pytest.fixture(scope="module")
def engine(vocabulary: Vocabulary) -> PolicyEngine:
    return judge_of(vocabulary)


def slow(engine: PolicyEngine, document: dict[str, Any]) -> dict[str, Any]:
    """Everything a plan tells of a document, made anew from its text alone."""
    document = json.loads(json.dumps(document, sort_keys=True))  # which of two spellings is the second, order says
    policy = parse(document, engine.registry)
    terms = parse(without_names(document), engine.registry)
    return {
        "policy": policy,
        "deal": deal(policy),
        "ends": [expires_at(terms, at) for at in (0, fuzz.NOW)],
        "statements": {
            lang: tuple(narrate(terms if about(terms) == about(policy) else policy, engine.words(lang)) or ())
            if policy.kind in KINDS
            else ()
            for lang in LANGUAGES
        },
        "coverage": listed(coverage(terms, engine.registry, frozenset(), None, engine._closure)),
        "operands": operands(engine, document),
    }


def fast(engine: PolicyEngine, document: dict[str, Any]) -> dict[str, Any]:
    return {
        "policy": engine.policy(document),
        "deal": engine.digest(document),
        "ends": [engine.expires_at(document, at) for at in (0, fuzz.NOW)],
        "statements": {lang: engine.statements(document, lang) for lang in LANGUAGES},
        "coverage": engine.coverage(document),
        "operands": engine.operands(document),
    }


def signed(engine: PolicyEngine, document: dict[str, Any]) -> dict[str, Any]:
    """The same by the bytes that are signed."""
    data = json.dumps(document, sort_keys=True).encode()
    return {
        "deal": engine.plan(data).deal,
        "ends": [engine.expires_at(data, at) for at in (0, fuzz.NOW)],
        "statements": {lang: engine.statements(data, lang) for lang in LANGUAGES},
        "operands": engine.operands(data),
    }


def operands(engine: PolicyEngine, document: dict[str, Any]) -> dict[str, dict[str, str]]:
    policy = parse(document, engine.registry)
    used = {r.subject for r in coverage(policy, engine.registry) if r.kind in ("constraint", "refinement")}
    known = {iri: engine.registry.get(iri) for iri in sorted(used)}
    return {iri: {"source": one.source, "type": str(one.type)} for iri, one in known.items() if one is not None}


def answer(way: Any, engine: PolicyEngine, document: dict[str, Any]) -> object:
    """What it tells, or how it fails."""
    try:
        return way(engine, document)
    except PolicyError as fault:
        return fault.pointer, fault.code


@settings(max_examples=40, deadline=None)
@given(POLICIES, NAMES, NAMES)
def test_a_plan_tells_what_its_document_says(
    engine: PolicyEngine, policy: dict[str, Any], first: dict[str, Any], second: dict[str, Any]
) -> None:
    """>> the same rules under two sets of names, classes and parties, asked twice  << each time as made anew."""
    for names in (first, second, first):
        document = {**policy, **names}
        told = answer(slow, engine, document)
        assert answer(fast, engine, document) == told
        by_bytes = answer(signed, engine, document)
        if not isinstance(told, dict) or not isinstance(by_bytes, dict):
            assert by_bytes == told
            continue
        assert by_bytes == {name: told[name] for name in by_bytes}
        for lang, said in told["statements"].items():
            assert engine.clauses(document, lang) == tuple((one.sentence, one.badge) for one in said)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(PHASES), st.sampled_from(PARTIES), st.integers(-3, 3))
def test_a_plan_decides_what_its_document_decides(
    engine: PolicyEngine, number: int, phase: Any, party: str, days: int
) -> None:
    """>> random policies, requests, parties, instants around each edge  << decision, reasons, record are the same."""
    document, world, _ = fuzz.case(number)
    edge = engine.program(document).next_change(world)
    for now in (world.now + days * fuzz.DAY, *(() if edge is None else (edge - 1, edge, edge + 1))):
        then = replace(world, now=now, participant=party)
        agreed = {**document, "@id": f"urn:uuid:{now}", "timestamp": "2026-11-01T00:00:00Z"}
        same_decision(engine, agreed, then, phase)


def same_decision(engine: PolicyEngine, document: dict[str, Any], world: World, phase: Any) -> None:
    known = replace(world, closure=engine._closure)
    program = compile(parse(document, engine.registry), engine.registry)
    fast, slow = engine.rule(document, world, phase), program.examine(known, phase)
    assert (fast.permit, fast.next_change, fast.counters) == (slow.permit, slow.next_change, slow.counters)
    assert engine.record(fast) == engine.record(slow)
    assert engine.reasons(fast) == engine.reasons(slow)
    plan, registry = engine.plan(document), engine.registry
    sources = Sources(plan.digest, sha256_of(document), registry.digest, "lists", "plugins")
    seen = sha256_of(plain(known))
    whole = record(slow, known, document, vocabulary="lists", registry=registry, plugins="plugins")
    assert canonical(recorded(fast, known.clock, seen, sources)) == canonical(whole)
    assert plan.program.verdict(known, phase) == program.verdict(known, phase)
    assert plan.digest == digest(parse(document, registry))


@pytest.mark.threat("T112")
def test_nothing_that_decides_is_left_out_of_what_a_plan_is_kept_by(engine: PolicyEngine) -> None:
    """>> one policy for two parties, targets and classes  << a plan each; its id and time alone change nothing."""
    document = {**use(KIND), "@id": "urn:uuid:1", "@type": "Agreement", "target": "urn:trees", "assignee": PARTIES[0]}
    plan = engine.plan(document)
    assert engine.plan({**document, "@id": "urn:uuid:2", "timestamp": "2026-11-01T00:00:00Z"}) is plan
    for other in ({"assignee": PARTIES[1]}, {"target": "urn:greens"}, {"@type": "Offer"}, {"assigner": PARTIES[2]}):
        assert engine.plan({**document, **other}) is not plan
    town = Requester(did=PARTIES[0], kind=fuzz.H + "county").known()
    asking = [World(now=fuzz.NOW, participant=did, facts=town, target="urn:trees") for did in PARTIES[:2]]
    assert [engine.rule(document, world, "access").permit for world in asking] == [True, False]


@pytest.mark.threat("T112")
@pytest.mark.parametrize("odd", [float("nan"), "\ud800"])
def test_what_is_no_json_is_refused_though_its_look_alike_is_known(engine: PolicyEngine, odd: object) -> None:
    """>> a value that a fast writer cannot tell from null, or not write  << refused before and after null was seen."""
    for _ in range(2):
        with pytest.raises(PolicyError):
            engine.plan({**use(KIND), "ex:price": odd})
        engine.plan({**use(KIND), "ex:price": None})


@pytest.mark.threat("T159")
@pytest.mark.parametrize("name", ["use", "count", "isAnyOf", "prohibit"])
@pytest.mark.parametrize("spelled", ["odrl:{}", "http://www.w3.org/ns/odrl/2/{}"])
def test_bug_a_policy_called_like_a_term_that_it_uses_was_another_one_at_the_gate(
    engine: PolicyEngine, name: str, spelled: str
) -> None:
    """>> a policy whose name is that of an action, operand, operator or strategy of ODRL that it uses by its bare word
    << not understood, as in its file, and nothing is said of it; the gate had left the name out and permitted."""
    document = use(KIND, {"leftOperand": "count", "operator": "lt", "rightOperand": "5"})
    document |= {"@type": "Set", "conflict": "prohibit"}
    assert engine.clauses(document, "de")
    called = {**document, "@id": spelled.format(name)}
    policy = parse(called)
    assert policy.extras
    assert engine.policy(called) == policy
    assert engine.clauses(called, "de") == ()


@pytest.mark.parametrize("kind", ["Offer", "Agreement"])
def test_bug_a_prohibition_was_said_to_be_against_one_and_was_against_whoever_agrees(
    engine: PolicyEngine, kind: str
) -> None:
    """>> a prohibition that names somebody, in an offer and in its agreement << said without a name, since it forbids
    it to whoever agrees (decision 0148); the contract had said that it is only against that one."""
    bare = {"action": "odrl:distribute"}
    document = {**use(), "@type": kind, "target": "urn:x", "assigner": PARTIES[0], "assignee": PARTIES[1]}
    for_all = {**document, "prohibition": [bare]}
    named = {**document, "prohibition": [{**bare, "assignee": PARTIES[2]}]}
    said = engine.clauses(for_all, "de")
    assert said
    assert engine.clauses(named, "de") == said


def test_bug_for_whom_all_rules_are_was_not_said_where_they_are_several(engine: PolicyEngine) -> None:
    """>> a policy for two, whose rules name nobody << both are said, as if the rule named them; it was said to all."""
    both = [*PARTIES[:2]]
    of_policy = {**use(), "assignee": both}
    of_rule = use(permission={"action": "use", "assignee": both})
    said = [sentence for sentence, _ in engine.clauses(of_rule, "de")]
    assert PARTIES[1] in said[-1]
    assert [sentence for sentence, _ in engine.clauses(of_policy, "de")] == said


def test_a_name_that_is_too_long_is_refused_at_its_place(engine: PolicyEngine) -> None:
    """>> an id of 4 001 characters under known rules  << the error that parsing gives."""
    engine.plan({**use(KIND), "@id": "urn:uuid:1"})
    with pytest.raises(PolicyError) as refused:
        engine.plan({**use(KIND), "@id": "u" * 4_001})
    assert (refused.value.pointer, refused.value.code) == ("/@id", "policy.too-long")


def test_a_policy_bears_the_names_of_its_document(engine: PolicyEngine) -> None:
    document = {**use(KIND), "@id": "urn:uuid:1", "timestamp": "2026-11-01T00:00:00Z"}
    assert engine.plan(document).policy.id == ""
    assert named(engine.plan(document).policy, document) == parse(document, engine.registry)


@pytest.mark.threat("T112")
@pytest.mark.parametrize(("length", "kept"), [(0, 3), (3_000, 2), (20_000, 1)])
def test_plans_are_bounded_by_number_and_size(
    engine: PolicyEngine, monkeypatch: pytest.MonkeyPatch, length: int, kept: int
) -> None:
    """>> one policy more than are kept of its size  << the one that was not asked for longest is made anew."""
    monkeypatch.setattr(plans, "KEPT", ((2_048, 3), (plans.LARGE, 2)))
    monkeypatch.setattr(plans, "LARGE_KEPT", 1)
    found, small = Plans(engine.registry, lambda policy, lang: ()), use(KIND)
    untouched = found.plan({**small, "ex:of": "another size"}) if length else None
    documents = [{**small, "ex:number": number, "ex:text": ["x" * 1_000] * (length // 1_000)} for number in range(4)]
    made = [found.plan(one) for one in documents[:kept]]
    assert [found.plan(one) for one in documents[:kept]] == made
    found.plan(documents[kept])
    assert found.plan(documents[0]) is not made[0]
    assert not length or found.plan({**small, "ex:of": "another size"}) is untouched


@pytest.mark.threat("T112")
def test_signed_agreements_are_bounded_by_number_and_size(
    engine: PolicyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> one agreement more than are found by their bytes, and large ones  << what was not asked for longest is read
    again, and so is a large one each time."""
    monkeypatch.setattr(plans, "SIGNED_KEPT", 2)
    few, read = Plans(engine.registry, engine._narrated), []
    monkeypatch.setattr(plans.msgspec.json, "decode", lambda data: (read.append(len(data)), json.loads(data))[1])
    small = [json.dumps({**use(KIND), "@id": f"urn:uuid:{number}"}).encode() for number in range(3)]
    for document in (*small, small[2], small[0]):
        assert few.signed(document) is few.signed(document)
    assert len(read) == 4
    large = json.dumps({**use(KIND), "ex:note": ["x" * 3_000] * 6}).encode()
    assert few.signed(large).deal == few.signed(large).deal
    assert len(read) == 6


@pytest.mark.threat("T112")
def test_bug_policies_of_agreements_were_kept_by_number_alone() -> None:
    """>> many texts of each size, as a peer may have signed << so many answers are alive as may be, the newest."""

    class Made:
        """Something that can be counted."""

    alive: WeakSet[Made] = WeakSet()

    def make(text: bytes) -> Made:
        made = Made()
        alive.add(made)
        return made

    kept = plans.kept_by_size(make)
    for size, most in (*plans.KEPT, (plans.LARGE + 1, plans.LARGE_KEPT)):
        before = len(alive)
        texts = [b"%*d" % (size, number) for number in range(most + 50)]
        for text in texts:
            kept(text)
        assert len(alive) == before + most
        assert kept(texts[-1]) is kept(texts[-1])

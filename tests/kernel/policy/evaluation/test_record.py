"""The decision record: a world written down and read again, a decision made again, and those of earlier releases."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.evaluation.record import ENGINE, plain, record, replay, world_digest, world_of
from connector.kernel.policy.odrl.model import PHASES, Closure, Phase
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.registry import left_operand
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, World
from connector.kernel.policy.odrl.values import Type
from tests.fuzz.effort import amount
from tests.kernel.policy.worlds import CLOSURE, KIND, NOW, POLICIES, TOWN, WORLDS, H
from tests.testkit.places import ROOT

RECORDED = sorted((ROOT / "tests/kernel/policy/recorded").glob("decisions-*.json"))
MAY = World(
    now=NOW,
    participant=TOWN,
    facts={H + "participantKind": Fact(frozenset({H + "county"}), "verified-credential", "vc:1")},
    uses={"": 1},
    closure=CLOSURE,
)
DOCUMENT: dict[str, Any] = {"permission": [{"action": "use", "constraint": [KIND]}]}


def kept(document: dict[str, Any], world: World, phase: Phase = "access", **members: Any) -> dict[str, Any]:
    decision = compile(parse(document)).examine(world, phase)
    return record(decision, world, document, **{"vocabulary": "v1"} | members)


def told(value: object) -> Any:
    """As it comes back from a file."""
    return json.loads(msgspec.json.encode(value))


@settings(max_examples=100)
@given(WORLDS)
def test_a_world_is_written_down_and_read_again(world: World) -> None:
    """Nothing is lost on the way through JSON, and equal worlds have equal digests."""
    usable = replace(world, facts={iri: f for iri, f in world.facts.items() if not isinstance(f.value, bool)})
    again = world_of(told(plain(usable)), CLOSURE)
    assert again == usable
    assert world_digest(again) == world_digest(usable)


@settings(max_examples=amount(40, 100))
@given(POLICIES, WORLDS, st.sampled_from(PHASES))
def test_a_decision_is_a_function_of_its_record(document: dict[str, Any], world: World, phase: Phase) -> None:
    """>> the record, the world and the policy from a file  << the same record, byte by byte."""
    first = kept(document, world, phase)
    again = replay(told(first), told(plain(world)), told(document), CLOSURE)
    assert msgspec.json.encode(again, order="sorted") == msgspec.json.encode(first, order="sorted")


CHANGES: list[dict[str, Any]] = [
    {"now": NOW + 1},
    {"participant": "did:web:other"},
    {"clock": "synchronised"},
    {"action": "a"},
    {"target": "t"},
    {"facts": {}},
    {"parties": frozenset({"p"})},
    {"assets": frozenset({"a"})},
    {"purpose": "p"},
    {"purpose_source": "declared"},
    {"agreement_at": 1},
    {"agreement_end": 1},
    {"first_access": 1},
    {"event_end": 1},
    {"uses": {"": 2}},
    {"uses": {"P1D": 1}},
    {"deeds": (Deed(action="a", at=1),)},
    {"duty_states": {"d": "violated"}},
    {"can": frozenset({"c"})},
    {"facts": {H + "participantKind": Fact(frozenset({H + "county"}), "verified-credential", "vc:2")}},
    {"facts": {H + "participantKind": Fact(frozenset({H + "county"}), "declared", "vc:1")}},
]


def test_every_change_of_the_world_is_tried() -> None:
    """A new member of the world needs its change above; only the closure has a digest of its own."""
    assert {name for change in CHANGES for name in change} == set(World.__struct_fields__) - {"closure"}


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_every_member_of_the_world_is_in_its_digest(change: dict[str, Any]) -> None:
    """>> one value changed  << another digest, and the replay shows it."""
    other = replace(MAY, **change)
    assert world_digest(other) != world_digest(MAY)
    assert replay(kept(DOCUMENT, MAY), plain(other), DOCUMENT, CLOSURE) != kept(DOCUMENT, MAY)


def test_a_policy_that_was_exchanged_shows() -> None:
    """>> another document of the same meaning, and one of another  << the digests tell which."""
    first = kept(DOCUMENT, MAY)
    same = replay(first, plain(MAY), DOCUMENT | {"@id": "urn:uuid:1"}, CLOSURE)
    assert (same["policy"], same["document"] == first["document"]) == (first["policy"], False)
    wider = replay(first, plain(MAY), {"permission": [{"action": "use"}]}, CLOSURE)
    assert wider["policy"] != first["policy"]


def test_what_a_record_says() -> None:
    """Digests, phase, result, rule, obligations, clock; the values themselves stay in the case file."""
    obligation = {"action": "odrl:delete", "uid": "urn:d"}
    found = kept(DOCUMENT | {"obligation": [obligation]}, replace(MAY, clock="unsynchronised"), plugins="abc")
    assert (found["permit"], found["phase"], found["rule"]) == (True, "access", "/permission/0")
    assert (found["engine"], found["vocabulary"], found["plugins"]) == (ENGINE, "v1", "abc")
    assert (found["operands"], found["clock"]) == (BUILT_IN.digest, "unsynchronised")
    assert found["obligations"] == [["/obligation/0", "not-set", None]]
    assert TOWN not in json.dumps(told(found))


def test_other_operands_show_in_the_record() -> None:
    """>> the same decision with a plug-in's operand registered  << another digest of the list."""
    made = left_operand("urn:x:w", type=Type.INTEGER, source="measured", phases=PHASES, operators=["eq"])(lambda w: 1)
    registry = BUILT_IN.with_([made])
    again = replay(kept(DOCUMENT, MAY), plain(MAY), DOCUMENT, CLOSURE, registry)
    assert again == kept(DOCUMENT, MAY) | {"operands": registry.digest}


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"now": "x"},
        {"facts": {"a": {"value": 5, "source": "measured", "evidence": "", "unit": ""}}},
        {"more": 1},
        {"facts": {"a": {"value": None, "source": "hearsay", "evidence": "", "unit": ""}}},
        {"facts": {"a": {"value": "five", "source": "measured", "evidence": "", "unit": ""}}},
    ],
    ids=str,
)
def test_a_world_that_nobody_wrote_is_refused(odd: dict[str, Any]) -> None:
    """>> a member missing, of a wrong kind, or too many  << ValueError."""
    document = plain(MAY) | odd if odd else {}
    with pytest.raises(ValueError, match=r"\w"):
        world_of(document, Closure())


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_decisions_of_every_release_are_made_again(path: Path) -> None:
    """>> what releases decided, with their worlds and policies  << decided the same today."""
    found = json.loads(path.read_text(encoding="utf-8"))
    closure = Closure({iri: frozenset(above) for iri, above in found["closure"].items()})
    for one in found["decisions"]:
        world, document = found["worlds"][one["world"]], found["documents"][one["document"]]
        again = told(replay(one["record"], world, document, closure))
        if found["engine"] != ENGINE:
            again["engine"] = found["engine"]
        assert again | {"operands": one["record"]["operands"]} == one["record"], (one["document"], one["world"])


def test_this_release_has_written_its_decisions() -> None:
    """Whoever raises the version of the engine writes a file beside the old ones (see `recorded/README.md`)."""
    assert f"decisions-{ENGINE}" in [path.stem for path in RECORDED]


def test_the_recorded_decisions_are_worth_keeping() -> None:
    """Permits and refusals of every phase, deferrals, suspension, a clash, duties in the stream."""
    records = [one["record"] for path in RECORDED for one in json.loads(path.read_text("utf-8"))["decisions"]]
    assert {(r["phase"], r["permit"]) for r in records} == {
        (phase, permit) for phase in PHASES for permit in (True, False)
    }
    for name in ("deferred", "suspended", "void", "during", "counters", "nextChange", "obligations"):
        assert any(r[name] for r in records), name

"""What a running server holds: a decision is explained from what it was made of, a contract shown as agreed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.app.policy_engine import policy_engine
from connector.cli.frame.client import Problem
from connector.cli.policy import explain, source
from connector.data.catalogue.concepts import vocabulary
from connector.kernel.policy.evaluation.record import plain, record
from connector.kernel.policy.odrl.names import HANSE
from connector.kernel.policy.odrl.state_of_world import Fact, World

NOON = 1_798_718_400_000  # 2026-12-31T12:00:00Z
KIND = HANSE + "participantKind"
POLICY: dict[str, Any] = {
    "permission": [
        {
            "action": "use",
            "constraint": [{"leftOperand": KIND, "operator": "isAnyOf", "rightOperand": [HANSE + "municipality"]}],
        }
    ]
}


class Server:
    """Answers as the management surface does; what it does not hold is a 404."""

    held: Mapping[tuple[str, ...], Any] = {}

    def __init__(self, _socket: Path) -> None: ...

    def get(self, *parts: str, **_query: object) -> Any:
        if parts not in self.held:
            raise Problem(404, {"code": "duties.no-decision", "reason": {"en": "not here"}})
        return json.loads(json.dumps(self.held[parts]))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> type[Server]:
    monkeypatch.setattr(explain, "Api", Server)
    monkeypatch.setattr(source, "Api", Server)
    return Server


def decided(kind: str) -> dict[str, Any]:
    """A decision as it is kept."""
    engine = policy_engine()
    facts = {KIND: Fact(frozenset({HANSE + kind}), "verified-credential", "urn:vc:1")}
    world = World(now=NOON, participant="did:web:a", facts=facts, closure=vocabulary().closure)
    decision = engine.rule(POLICY, world, "access")
    kept = record(decision, world, POLICY, vocabulary=engine.vocabulary, registry=engine.registry)
    return {"phase": "access", "permit": decision.permit, "record": kept, "world": plain(world), "policy": POLICY}


@pytest.mark.parametrize(("kind", "code"), [("municipality", 0), ("university", 1)])
def test_a_recorded_decision_is_made_again_and_explained(
    run: Any, server: type[Server], monkeypatch: pytest.MonkeyPatch, kind: str, code: int
) -> None:
    monkeypatch.setattr(server, "held", {("participants", "a", "decisions", "d1"): decided(kind)})
    found, value, _ = run("policy", "explain", "d1", "--of", "a", "--json")
    (one,) = value["decisions"]
    assert (found, one["permit"], one["notes"]) == (code, not code, [])
    assert any("kind of participant" in line for line in one["text"])


def test_of_a_transfer_the_newest_decision_is_explained(
    run: Any, server: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = {
        ("participants", "a", "transfers", "urn:uuid:1", "decisions"): {"decisions": [{"id": "new"}, {"id": "old"}]},
        ("participants", "a", "decisions", "new"): decided("university"),
        ("participants", "a", "decisions", "old"): decided("municipality"),
    }
    monkeypatch.setattr(server, "held", held)
    assert run("policy", "explain", "urn:uuid:1", "--of", "a")[0] == 1


def test_a_decision_of_another_engine_is_told(run: Any, server: type[Server], monkeypatch: pytest.MonkeyPatch) -> None:
    kept = decided("municipality")
    kept["record"]["engine"] = "0.0.0"
    monkeypatch.setattr(server, "held", {("participants", "a", "decisions", "d1"): kept})
    code, text, _ = run("policy", "explain", "d1", "--of", "a")
    assert code == 0
    assert "not the same today as for this decision; then: permitted" in text


def test_what_the_server_does_not_hold_is_refused(run: Any, server: type[Server]) -> None:
    assert run("policy", "explain", "d1", "--of", "a")[0] == 1


def test_the_terms_of_an_offer_a_negotiation_and_its_contract(
    run: Any, server: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = {"id": "urn:uuid:n", "agreement": "urn:uuid:g", "offer": "urn:theirs", "policy": POLICY}
    held = {
        ("participants", "a", "datasets"): {"datasets": [{"policies": {"urn:ours": POLICY}}]},
        ("participants", "a", "negotiations"): {"negotiations": [case]},
        ("participants", "a", "agreements"): {"agreements": [{"agreement": "urn:uuid:g", "negotiation": "urn:uuid:n"}]},
    }
    monkeypatch.setattr(server, "held", held)
    for name in ("urn:uuid:n", "urn:uuid:g", "urn:theirs", "urn:ours"):
        code, text, _ = run("policy", "show", name, "--of", "a")
        assert code == 0
        assert "kind of participant is municipality" in text
    assert run("policy", "show", "urn:uuid:x", "--of", "a")[0] == 1

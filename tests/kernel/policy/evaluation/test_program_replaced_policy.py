"""A policy that was replaced by another one permits nothing, whatever it says of its successor (Information Model 2.8).

The question goes both ways through the engine, the short one and the one with reasons, which must agree.
"""

from typing import Any

import pytest

from connector.data.catalogue.concepts import vocabulary
from connector.kernel.policy.conflict.conflict import contradictions
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import PHASES
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import World
from connector.kernel.policy.wording.badges import coverage
from connector.kernel.policy.wording.explain import explain
from connector.kernel.policy.wording.narrate import narrate
from connector.kernel.policy.wording.words import Words
from tests.kernel.policy.fuzz import NOW, TOWN

SUCCESSOR = "https://data.example/policies/2"


@pytest.mark.threat("T62")
@pytest.mark.parametrize("prefix", ["dct:", "dcterms:", "http://purl.org/dc/terms/"])
@pytest.mark.parametrize(
    "value", [SUCCESSOR, {"@id": SUCCESSOR}, [{"@id": SUCCESSOR}], {"@id": "_:b0"}, {"x": 1}, None]
)
def test_a_replaced_policy_permits_nothing(prefix: str, value: Any, german: Words) -> None:
    """>> an open policy, replaced by whatever  << void in every phase, with the reason; never offered or narrated."""
    policy = parse({"permission": [{"action": "use"}], prefix + "isReplacedBy": value})
    program = compile(policy)
    for phase in PHASES:
        world = World(now=NOW, participant=TOWN)
        decision = program.examine(world, phase)
        assert not decision.permit
        assert not program.verdict(world, phase).permit
        assert [said for said in explain(decision, german) if "ersetzt" in said]
    assert policy.replaced_by
    assert narrate(policy, german) is None
    assert [one.fault for one in contradictions(policy, vocabulary().closure)] == ["replaced"]
    assert [row.notes for row in coverage(policy) if row.where == "/replaced_by"] == [("replaced",)]


def test_a_policy_that_replaces_another_is_none_that_was_replaced() -> None:
    program = compile(parse({"permission": [{"action": "use"}], "dct:replaces": SUCCESSOR}))
    world = World(now=NOW, participant=TOWN)
    assert program.examine(world, "access").permit
    assert program.verdict(world, "access").permit

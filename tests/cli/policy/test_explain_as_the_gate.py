"""What `explain` says of a made-up request is what the gates say of the same request: one way to make its world."""

from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from connector.app.policy_engine import policy_engine
from connector.cli.policy.explain import world_of_arguments
from connector.data.catalogue.templates.templates import fill, templates
from connector.exchange.contracts.agreement.agreements import Terms
from connector.exchange.transfer.decision.agreement_now import AgreementNow, History
from connector.exchange.transfer.decision.state_of_world import StatesOfWorld
from connector.kernel.policy.engine import PolicyEngine, Requester
from connector.kernel.policy.odrl.model import PHASES, Phase
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.names import ODRL as O
from connector.kernel.policy.odrl.state_of_world import Fact
from tests.kernel.policy.filled import DID, NOW, SLOTS

KINDS = ("municipality", "company", "statisticsOffice")
PURPOSES = (None, "heatPlanning", "productDevelopment")
ACTIONS = (None, "distribute", "aiTraining")
LATER = {"at": ("2026-11-24T07:00:00+01:00", "2028-02-02T00:00:00+01:00"), "agreed": "2026-11-24T06:59:59+01:00"}
CLAIMS = (H + "memberOf", H + "adminLevel", H + "participantLocation")


class Made:
    """A command line with these arguments."""

    def __init__(self, **arguments: Any) -> None:
        given = {"facts": [], "uses": None, "target": "", **arguments}
        self.args = type("Arguments", (), given)


def gate(engine: PolicyEngine, document: Any, asked: Any, phase: Phase) -> bool:
    """The answer of the gate of this phase to the same request, from what it reads itself."""
    kind, purpose, action, now = asked
    who = Requester(did=DID, kind=H + kind)
    said = purpose and H + purpose
    done = {None: None, "distribute": O + "distribute", "aiTraining": H + "aiTraining"}[action]
    if phase in ("catalog", "negotiation"):
        later = phase == "negotiation"
        return engine.permits(
            document, who, phase, now, purpose=said if later else None, action=done if later else None
        )
    row = type("Row", (), {"dataset": "", "end": None, "first_access": None})
    process = type("Process", (), {"id": "p", "format": "pull", "purpose": said, "action": done})
    agreement = AgreementNow(
        now=now,
        row=row,
        document=document,
        program=engine.program(document),
        signed_at=NOW - 1000,  # type: ignore[arg-type]
        vocabulary=engine.vocabulary,
        closure=engine._closure,
        terms=Terms("", None),
        root="https://town.example",
        consumer=DID,
    )
    worlds = StatesOfWorld(None, None)  # type: ignore[arg-type]
    uses = dict.fromkeys(("", "P1D", "P1M"), 1)
    world = worlds.of(agreement, who, process, History((), uses if phase == "access" else {}))  # type: ignore[arg-type]
    return agreement.program.verdict(world, phase).permit


@pytest.mark.parametrize("template", SLOTS)
def test_bug_explain_says_what_the_gate_does(template: str) -> None:
    """>> every template, kind, purpose or none, action or none, early and late, in each phase
    << the answer of the gate; without a purpose it was refused, and so was what the plane has to do to the data."""
    engine, document, permitted = policy_engine(), fill(template, SLOTS[template]), 0
    for kind, purpose, action, at in product(KINDS, PURPOSES, ACTIONS, LATER["at"]):
        call = Made(who=[DID, kind], purpose=purpose, action=action, at=at, agreed=LATER["agreed"], uses=1)
        world = world_of_arguments(call, engine)  # type: ignore[arg-type]
        # What these gates know beside: that the town is in no group, and what the flow is like.
        world = replace(world, facts={**world.facts, H + "memberOf": Fact(frozenset()), **flow()})
        for phase in PHASES:
            answer = engine.rule(document, world, phase).permit
            assert answer is gate(engine, document, (kind, purpose, action, world.now), phase), (kind, purpose, action)
            permitted += answer
    assert permitted or template not in USABLE


def flow() -> dict[str, Fact]:
    return {
        O + "deliveryChannel": Fact(frozenset({H + "download"})),
        O + "virtualLocation": Fact(frozenset({"https://town.example/data"})),
        O + "recipient": Fact(frozenset({DID})),
    }


USABLE = frozenset({"open-attribution", "municipalities-only", "municipal-purpose", "statistics", "pilot"})


def test_every_template_is_walked() -> None:
    assert {template.id for template in templates()} >= USABLE


@pytest.mark.parametrize("phase", PHASES)
def test_a_made_up_request_has_the_treatments_of_the_plane(phase: Phase) -> None:
    """>> data that are to be anonymised in the transfer, by a plane that can, or cannot
    << permitted; refused at access, because the duty cannot be carried out."""
    document = {"permission": [{"action": "use", "duty": [{"action": "odrl:anonymize"}]}]}
    for can in (frozenset({O + "anonymize"}), frozenset()):
        engine = policy_engine()
        engine.can = can
        call = Made(who=[DID], purpose=None, action=None, at=LATER["at"][0], agreed=LATER["agreed"])
        world = world_of_arguments(call, engine)  # type: ignore[arg-type]
        assert world.can == can
        assert engine.rule(document, world, phase).permit is (bool(can) or phase != "access")

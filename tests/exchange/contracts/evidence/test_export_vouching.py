"""Who exports counts the same witnesses as who verifies: of no operator that has to do with a party."""

import json

import pytest

from connector.exchange.contracts.evidence import export
from connector.verify.formats import base64url, cosignature
from tests.verify.forge import CONSUMER, PROVIDER
from tests.verify.keys import Witness
from tests.verify.moved import Story
from tests.verify.story import Story as Partner


def _listed(story: Story, exporter: str, operator: str, witnesses: list[Witness]) -> str:
    log = story.old if exporter == PROVIDER else Partner.of(story.case, exporter=CONSUMER).log
    claims = json.loads(base64url.decode(story.listed({exporter: log.keys}, operator=operator).split(".")[1]))
    claims["witnesses"] = [one.entry() for one in witnesses]
    return story.case.authority.signed(claims)


@pytest.mark.threat("T69")
@pytest.mark.threat("T117")
@pytest.mark.parametrize("exporter", [PROVIDER, CONSUMER])
def test_bug_an_export_rested_on_the_witness_that_a_party_had_moved_to(exporter: str) -> None:
    """Bug: >> the provider moved to the operator of the only witness << counted here, so that the bundle was made with
    a state that nobody believes; of another operator, or with another witness beside: counted."""
    story = Story().arrived()
    witness, other = story.case.witness, Witness("did:web:anderer.example")
    for operator, witnesses, counting in (
        (witness.operator, [witness], []),
        (witness.operator, [witness, other], [other]),
        ("z", [witness], [witness]),
    ):
        listed = _listed(story, exporter, operator, witnesses)
        policy = export.policy_of(listed, exporter, (PROVIDER, CONSUMER))
        names = {key.name for key in policy.witnesses.values() if key is not None} if policy else set()
        assert names == {cosignature.name_of(one.url) for one in counting}, (operator, exporter)

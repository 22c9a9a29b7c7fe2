"""Passing on by every name that it has: which actions hand data to third parties, and which templates forbid them.

Source of each reading: the definitions of ODRL Vocabulary 2.2, section 4, and of the CC REL schema (decision 0178).
"""

from collections.abc import Iterator
from typing import Literal

import pytest

from connector.data.catalogue.templates.templates import fill
from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.odrl.names import ACTIONS, HANSE, ODRL, PREFIXES, SAME, covers
from connector.kernel.policy.odrl.parse import parse
from tests.kernel.policy.deciding import decide
from tests.kernel.policy.filled import SLOTS, town

CC = PREFIXES["cc"]

Kind = Literal["on", "made", "away", "own", "duty"]
"""`on`: third parties get the data, or a right to them. `made`: they get what was made of the data, an asset of its
own. `away`: the data change their owner, which nobody who may use them may do. `own`: whoever was permitted keeps
the data to itself. `duty`: what a rule asks for in return; nobody gets data by it."""

TABLE: dict[Kind, str] = {
    "on": "distribute present grantUse nextPolicy cc:Distribution cc:Sharing",
    "made": "cc:DerivativeWorks cc:ShareAlike",
    "away": "transfer give sell",
    "own": """
        use aggregate annotate anonymize archive concurrentUse delete derive digitize display execute extract include
        index install modify move play print read reproduce stream synchronize textToSpeech transform translate
        uninstall watermark cc:CommercialUse cc:Reproduction hanse:aiTraining hanse:reidentify hanse:link
        hanse:pseudonymise hanse:dropFields hanse:aggregate hanse:suppressCells hanse:generalise
        hanse:engageSubProcessor
    """,
    "duty": """
        acceptTracking attribute compensate ensureExclusivity inform obtainConsent reviewPolicy cc:Attribution cc:Notice
        cc:SourceCode hanse:sign hanse:log hanse:suspendAccess hanse:returnData
    """,
}
"""To play, display, stream and read aloud are for the assignee alone unless a `recipient` says otherwise, as their
notes have it; to perform (`present`) is public. A processor is no third party (Art. 4(10) GDPR): the template for
processors has a rule of its own for further ones."""

PERMITTING = ("open-attribution", "municipalities-only", "no-ai-training", "onward-chain")
"""Templates whose title or effect says that data may be passed on."""
TRAINING = "ai-public-benefit"
"""Permits one action, which is not use."""
FORBIDDING = [template for template in SLOTS if template not in (*PERMITTING, TRAINING)]


def iri(name: str) -> str:
    prefix, _, local = name.rpartition(":")
    return {"": ODRL, "cc": CC, "hanse": HANSE}[prefix] + local


def of(kind: Kind) -> list[str]:
    return [iri(name) for name in TABLE[kind].split()]


def placed() -> Iterator[str]:
    for kind in TABLE:
        yield from of(kind)


def test_every_action_has_one_place() -> None:
    """>> each action of the vocabulary, and each that we added  << a person said whether it passes data on."""
    assert sorted(placed()) == sorted(ACTIONS)


def test_an_old_name_stands_where_the_new_one_does() -> None:
    """What ODRL calls an exact match is the same action; what has none is in no list, and nobody may do it."""
    assert {SAME[ODRL + old] for old in ("share", "license")} <= set(of("on"))
    assert not {ODRL + "lease", ODRL + "lend"} & (set(ACTIONS) | set(SAME))


@pytest.mark.threat("T158")
@pytest.mark.parametrize("template", FORBIDDING)
def test_bug_passing_on_was_forbidden_by_one_name_alone(vocabulary: Vocabulary, template: str) -> None:
    """>> who fits, and asks to pass on by any name, old ones too  << refused; to use them itself is permitted."""
    policy = parse(fill(template, SLOTS[template]))
    asked = [*of("on"), *of("away"), *(ODRL + old for old in ("share", "license", "lease", "lend"))]
    assert [one for one in asked if decide(policy, town(vocabulary, template, action=one), "access").permit] == []
    assert decide(policy, town(vocabulary, template), "access").permit


@pytest.mark.parametrize("template", FORBIDDING)
def test_whoever_may_use_may_do_what_nobody_else_gets(vocabulary: Vocabulary, template: str) -> None:
    """>> each action that stays in the house  << permitted, but for what the template forbids by its name."""
    policy = parse(fill(template, SLOTS[template]))
    forbidden = {rule.action.iri for rule in policy.prohibitions}
    refused = {one for one in of("own") if not decide(policy, town(vocabulary, template, action=one), "access").permit}
    assert refused == forbidden & set(of("own"))


@pytest.mark.parametrize("template", FORBIDDING)
def test_who_works_on_instruction_publishes_nothing_of_it(vocabulary: Vocabulary, template: str) -> None:
    """A map that was drawn of the data is no longer the data (`derive`), but a processor owns nothing that it made."""
    policy = parse(fill(template, SLOTS[template]))
    for action in of("made"):
        permitted = decide(policy, town(vocabulary, template, action=action), "access").permit
        assert permitted is (template != "processor"), action


@pytest.mark.parametrize("template", PERMITTING)
def test_a_template_that_says_so_permits_each_of_them(vocabulary: Vocabulary, template: str) -> None:
    policy = parse(fill(template, SLOTS[template]))
    for action in of("on"):
        assert decide(policy, town(vocabulary, template, action=action), "access").permit, action


def test_training_alone_permits_none_of_them(vocabulary: Vocabulary) -> None:
    policy = parse(fill(TRAINING, SLOTS[TRAINING]))
    for action in (*of("on"), *of("made"), *of("away")):
        assert not covers(HANSE + "aiTraining", action)
        assert not decide(policy, town(vocabulary, TRAINING, action=action), "access").permit, action

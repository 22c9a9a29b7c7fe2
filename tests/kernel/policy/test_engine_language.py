"""Every text about a rule is in one language and for people: all templates and the cases of the suite, in both."""

from collections.abc import Iterator
from typing import Any

import pytest

from connector.data.catalogue.templates.slots import choices, hint
from connector.data.catalogue.templates.templates import default_text, fill, templates
from connector.data.catalogue.templates.usable import hindrance
from connector.foundation.language import LANGUAGES
from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.model import PHASES, Phase
from connector.kernel.policy.odrl.state_of_world import World
from tests.fuzz.effort import LONG
from tests.kernel.policy.cases import H
from tests.kernel.policy.filled import NOW, SLOTS, town
from tests.kernel.policy.language import SHARED, faults, words
from tests.kernel.policy.municipal import world
from tests.suites.municipal.suite import cases

YEARS = 1_000_000_000_000
"""Some thirty of them, in ms."""
PARTIES = {"@type": "Offer", "assigner": "did:web:giver.example", "target": "urn:uuid:trees"}
VALUES = {"Stadt Musterstadt", "Gebührensatzung Geodaten", "Satzung", "11 Tage", "good", "many", "two"}
"""What the slots and the cases hold themselves."""
Text = tuple[str, str]
"""A language and what is said in it."""


@pytest.fixture(scope="module")
def engine() -> PolicyEngine:
    from connector.app.policy_engine import policy_engine

    return policy_engine()


def told(engine: PolicyEngine, document: dict[str, Any]) -> Iterator[Text]:
    """What `show`, `check` and the desk say of a policy."""
    for lang in LANGUAGES:
        for statement in engine.statements(document, lang):
            yield lang, statement.sentence
            yield from ((lang, note) for note in engine.notes(statement, lang))
        yield from ((lang, name) for name in engine.names(document, lang))
    for one in engine.contradictions(document, now=NOW):
        yield from one.reasons.items()


def explained(engine: PolicyEngine, document: dict[str, Any], asked: World, *phases: Phase) -> Iterator[Text]:
    """What `explain` and `try` say: the reasons, the tree as text and as JSON, and what would help."""
    for phase in phases:
        decision = engine.rule(document, asked, phase)
        for lang in LANGUAGES:
            yield from ((lang, text) for text in engine.reasons(decision)[lang])
            yield from ((lang, line) for line in engine.explain_text(decision, lang).splitlines())
            yield from ((lang, text) for text in spoken(engine.explain_tree(decision, lang)))


def spoken(node: Any) -> Iterator[str]:
    """The members of the JSON tree that are for people."""
    yield from (node[name] for name in ("clause", "collection") if name in node)
    for child in node.get("children", ()):
        yield from spoken(child)


def wrong(texts: Iterator[Text]) -> list[tuple[str, ...]]:
    return [(text, *found) for lang, text in dict.fromkeys(texts) if (found := [*faults(text, lang, VALUES)])]


def test_words_of_both_languages_are_these() -> None:
    """>> a word in our German and in our English texts << a word of both languages, a name, or German law: the list."""
    assert words("de") & words("en") == SHARED


@pytest.mark.parametrize("name", SLOTS)
def test_every_text_about_a_template_is_in_one_language(
    engine: PolicyEngine, vocabulary: Vocabulary, name: str
) -> None:
    """>> a template's own texts; as an offer, asked by whom it is for, by a company thirty years later << all sound."""
    (chosen,) = (one for one in templates() if one.id == name)

    def texts() -> Iterator[Text]:
        hindered = hindrance(engine, chosen, NOW)
        yield from hindered.reasons.items() if hindered else ()
        for lang in LANGUAGES:
            yield from ((lang, text) for text in (chosen.title[lang], chosen.effect[lang], chosen.plain[lang]))
            for slot in chosen.slots.values():
                yield from ((lang, text) for text in (slot.label[lang], hint(slot, lang)))
                if slot.default:
                    yield lang, default_text(slot, chosen.slots, lang)
                yield from ((lang, labels[lang]) for labels in choices(slot).values())
        document = fill(name, SLOTS[name]) | PARTIES
        yield from told(engine, document)
        yield from explained(engine, document, town(vocabulary, name), *PHASES)
        late = town(vocabulary, name, now=NOW + YEARS, facts={H + "participantKind": H + "company"})
        yield from explained(engine, document | {"@type": "Set"}, late, "access")

    assert wrong(texts()) == []


@pytest.mark.parametrize("part", range(4))
def test_every_text_about_a_case_of_the_suite_is_in_one_language(
    engine: PolicyEngine, vocabulary: Vocabulary, part: int
) -> None:
    """>> each policy of the suite, shown, checked and explained << all sound; every tenth case, --long each."""
    step = 4 if LONG else 40
    for case in cases()[part::step]:
        texts = [*told(engine, case.policy), *explained(engine, case.policy, world(case, vocabulary), "access")]
        assert wrong(iter(texts)) == [], case.title

"""`vocab/shapes` is what the table says, and a validator finds with it what our engine finds."""

from collections import Counter

import pytest

from connector.foundation.resources import folder
from connector.kernel.metadata.check import engine, official, shapes
from connector.kernel.metadata.check.context import prepared
from connector.kernel.metadata.check.model import Profile
from connector.kernel.metadata.check.rules import of_profile
from tests.kernel.metadata.check.catalogues import BERLIN, GOLDEN, examples, graph, mutants


@pytest.mark.parametrize("profile", Profile)
def test_the_files_are_generated_from_the_table(profile: Profile) -> None:
    """>> python -m connector.kernel.metadata.check.shapes vocab/shapes << the same bytes."""
    written = (folder("vocab") / "shapes" / shapes.file_name(profile)).read_text(encoding="utf-8")
    assert written == shapes.turtle(profile)


@pytest.mark.parametrize("profile", Profile)
def test_each_rule_is_a_shape_with_a_sentence_in_both_languages(profile: Profile) -> None:
    text = shapes.turtle(profile)
    for rule in of_profile(profile):
        assert f"\n:{rule.id} a sh:" in text
    assert text.count('"@de') == text.count('"@en') - text.count("rdfs:comment") == len(of_profile(profile))


def agree(names: list[str], many: int) -> list[str]:
    """Where pyshacl with our shapes and our engine do not find the same."""
    pytest.importorskip("pyshacl")
    tried = [(name, graph(name)) for name in names] + list(mutants(many, seed=7))
    wrong = []
    for profile in Profile:
        ours = official.load_files([folder("vocab") / "shapes" / shapes.file_name(profile)]).graph
        for what, catalogue in tried:
            known = prepared(catalogue, profile)
            here, there = (
                Counter((str(one.node), one.path, one.component, one.severity) for one in found)
                for found in (engine.findings(known, profile), official.findings(ours, known))
            )
            if here != there:
                wrong.append(f"{profile} {what}: {list(here - there)} {list(there - here)}")
    return wrong


def test_a_validator_finds_with_our_shapes_what_we_find() -> None:
    assert agree([GOLDEN, BERLIN], 0) == []


@pytest.mark.long
def test_a_validator_finds_with_our_shapes_what_we_find_in_all_examples_and_mutants() -> None:
    assert agree([*examples()], 20) == []

"""`hanse policy show|check|explain|try|templates` in German and English: one language, nothing only machines read."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from connector.foundation.language import LANGUAGES
from tests.kernel.policy.filled import SLOTS
from tests.kernel.policy.language import faults

VALUES = {"Stadt Musterstadt", "Gebührensatzung Geodaten"}
PARTIES = {"@type": "Offer", "assigner": "did:web:giver.example", "target": "urn:uuid:trees"}


NAME = re.compile(r"^ *\d+\. [a-z-]+|^ +[a-z-]+(?=:)|: [a-z-]+ --slot.*|hanse policy .*")
"""What is typed as it stands: the names of templates and slots, and commands."""


def wrong(text: str, lang: str) -> list[tuple[str, ...]]:
    lines = [NAME.sub("", line) for line in text.split("\n") if line.strip()]
    return [(line, *found) for line in lines if (found := [*faults(line, lang, VALUES)])]


@pytest.fixture
def offers(tmp_path: Path) -> Path:
    """Every template as an offer, in one file."""
    from connector.data.catalogue.templates.templates import fill

    place = tmp_path / "offers.json"
    made = [{"@id": f"urn:uuid:{name}", **fill(name, slots), **PARTIES} for name, slots in SLOTS.items()]
    place.write_text(json.dumps(made), encoding="utf-8")
    return place


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("command", ["show", "check", "explain", "try", "templates"])
def test_every_line_about_the_templates_is_in_one_language(run: Any, offers: Path, command: str, lang: str) -> None:
    """>> all templates as offers in one file; the list of templates << one language, no code."""
    words = ("templates",) if command == "templates" else (command, offers)
    _, text, told = run("policy", *words, "--lang", lang)
    assert told == ""
    assert len(text.split("\n")) > len(SLOTS)
    assert wrong(text, lang) == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_line_about_one_template_is_in_one_language(run: Any, lang: str) -> None:
    """>> a template with slots of many kinds, and one whose slots have defaults << the same."""
    for name in ("processor", "municipalities-only", "open-attribution"):
        _, text, _ = run("policy", "templates", name, "--lang", lang)
        assert wrong(text, lang) == []

"""What templates said before: policies that our own code made then are still recognised, as what they were.

`earlier.json` was written by that code from the files of that day; nothing of today had a hand in it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from connector.data.catalogue.templates.recognise import recognise
from connector.data.catalogue.templates.templates import earlier, fill, template
from connector.kernel.policy.evaluation.digest import digest
from connector.kernel.policy.odrl.parse import parse

MADE: list[dict[str, Any]] = json.loads(Path(__file__).with_name("earlier.json").read_text(encoding="utf-8"))
IDS = [f"{one['template']}-{one.get('edition', 1)}" for one in MADE]
SAME = {"municipalities-only"}
"""Whose title says more now, and whose rule says the same."""


@pytest.mark.parametrize("made", MADE, ids=IDS)
def test_an_offer_of_an_earlier_file_is_recognised(made: dict[str, Any]) -> None:
    """>> a policy of the file before  << its template, that edition, and values that give exactly it again."""
    policy = parse(made["policy"])
    assert digest(policy) == made["digest"]
    found = recognise(policy)
    assert found is not None
    edition = 0 if made["template"] in SAME else made.get("edition", 1)
    assert (found.template, found.edition) == (made["template"], edition)
    assert digest(parse(fill(*found))) == made["digest"]


def test_each_earlier_file_has_a_policy_of_its_time() -> None:
    """No edition is kept that nothing proves; the current one counts on from it."""
    made = [(one["template"], one.get("edition", 1)) for one in MADE if one["template"] not in SAME]
    assert sorted(made) == sorted((one.id, one.edition) for one in earlier())
    for one in earlier():
        assert template(one.id).edition > one.edition
        assert template(one.id).number == one.number


@pytest.mark.parametrize(
    "made",
    [one for one in MADE if one["template"] not in SAME],
    ids=lambda made: f"{made['template']}-{made.get('edition', 1)}",
)
def test_what_is_made_today_is_of_today(made: dict[str, Any]) -> None:
    """>> the same values, as far as the template still asks for them  << another policy, recognised as of today."""
    kept = {name: text for name, text in made["slots"].items() if name in template(made["template"]).slots}
    policy = parse(fill(made["template"], kept))
    assert digest(policy) != made["digest"]
    found = recognise(policy)
    assert found is not None
    assert (found.template, found.edition) == (made["template"], 0)

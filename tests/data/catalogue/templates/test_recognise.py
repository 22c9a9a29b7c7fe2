"""The way back from a policy to its template: all of them, over random values, and nothing else."""

import copy
import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.data.catalogue.templates.recognise import recognise
from connector.data.catalogue.templates.slots import Slot, concepts
from connector.data.catalogue.templates.templates import Template, fill, templates
from connector.foundation.errors import Mistake
from connector.kernel.policy.evaluation.digest import digest
from connector.kernel.policy.odrl.parse import parse
from tests.fuzz.effort import amount

IDS = [template.id for template in templates()]
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True)
DAYS = st.dates(date(2026, 1, 1), date(2040, 12, 31)).map(date.isoformat)
DIDS = NAMES.map(lambda name: f"did:web:{name}.example")
LINE = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=40).filter(
    lambda text: text.strip(",")
)
"""Of nothing but commas is a list without members, and refused like an empty text."""
VALUES: Mapping[str, st.SearchStrategy[str]] = {
    "first-day": DAYS,
    "last-day": DAYS,
    "duration": st.builds("P{}DT{}S".format, st.integers(0, 999), st.integers(1, 86_399)),
    "window": st.sampled_from(["P1D", "P1M", "Tag", "Monat"]),
    "count": st.integers(3, 2**53 - 1).map(str),
    "text": LINE,
    "participant": DIDS,
    "participants": st.lists(DIDS, min_size=1, max_size=4).map(", ".join),
    "party": st.one_of(DIDS, NAMES.map(lambda name: f"mailto:{name}@a.example")),
    "hash": st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    "amount": st.builds("{}.{:02}".format, st.integers(1, 10**9 - 1), st.integers(0, 99)),
    "currency": st.sampled_from(["EUR", "chf", "PLN"]),
    "licence": st.sampled_from(["dl-by-de/2.0", "cc-by/4.0", "http://dcat-ap.de/def/licenses/cc-by-de/3.0"]),
    "county": st.sampled_from(["05515", "09 1 84", "032410000000"]),
    "url": NAMES.map(lambda name: f"https://{name}.example/api"),
    "iri": NAMES.map(lambda name: f"urn:uuid:{name}"),
    "fields": st.lists(NAMES.map(lambda name: f"$.{name}"), min_size=1, max_size=4).map(", ".join),
}


def values(slot: Slot) -> st.SearchStrategy[str]:
    """Texts that the slot takes, mostly; an optional one is sometimes empty."""
    known = sorted(concepts(slot))
    if slot.type == "term":
        found = st.sampled_from(known)
    elif known:
        found = st.lists(st.sampled_from(known), min_size=1, max_size=5).map(", ".join)
    else:
        found = VALUES[slot.type]
    return st.one_of(st.just(""), found) if slot.optional else found


def filled(template: Template) -> st.SearchStrategy[dict[str, str]]:
    found = st.fixed_dictionaries({name: values(slot) for name, slot in template.slots.items()})
    return found.map(lambda slots: {name: text for name, text in slots.items() if text})


def orderly(template: str, slots: Mapping[str, str]) -> dict[str, Any] | None:
    """The policy, or None if two days came in the wrong order."""
    try:
        return fill(template, slots)
    except Mistake as problem:
        if problem.code != "policy.slot-order":
            raise
        return None


@pytest.mark.parametrize("template", templates(), ids=IDS)
def test_filled_recognised_and_filled_again_is_the_same(template: Template) -> None:
    """>> any values << the same template, and values that give a policy of the same digest; written down and read once
    more, they do not change any further."""

    @settings(max_examples=amount(10, 25), deadline=None)
    @given(slots=filled(template))
    def there_and_back(slots: dict[str, str]) -> None:
        if (document := orderly(template.id, slots)) is None:
            return
        policy = parse(document)
        found = recognise(policy)
        assert found is not None
        assert found.template == template.id
        again = parse(fill(*found))
        assert digest(again) == digest(policy)
        assert recognise(again) == found

    there_and_back()


PLAIN = {
    "participant": "did:web:a.example",
    "participants": "did:web:a.example, did:web:b.example",
    "party": "did:web:c.example",
    "hash": "a" * 64,
    "amount": "12,50",
    "text": "Satzung vom 1. Mai",
    "iri": "urn:uuid:1",
    "last-day": "31.12.2027",
    "first-day": "1.1.2027",
    "areas": "DE-NW",
    "county": "05515",
}


def example(template: Template) -> dict[str, str]:
    needed = {name: slot for name, slot in template.slots.items() if not (slot.default or slot.optional)}
    return {name: PLAIN.get(slot.type) or next(iter(concepts(slot))) for name, slot in needed.items()}


def edits(value: Any, path: tuple[Any, ...] = ()) -> list[Callable[[Any], None]]:
    """Every way to leave out one member or one entry of a policy, and to change one string."""
    found: list[Callable[[Any], None]] = []
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:

        def remove(root: Any, key: Any = key) -> None:
            del _at(root, path)[key]

        def change(root: Any, key: Any = key) -> None:
            _at(root, path)[key] += "x"

        found += [remove, *([change] if isinstance(inner, str) else []), *edits(inner, (*path, key))]
    return found


def _at(root: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        root = root[key]
    return root


@pytest.mark.parametrize("template", templates(), ids=IDS)
def test_whatever_is_recognised_says_just_that(template: Template) -> None:
    """Each single omission and change of a policy: recognised as a template that gives exactly it, or not at all."""
    document = fill(template.id, example(template))
    tried = 0
    for edit in edits(document):
        changed = copy.deepcopy(document)
        edit(changed)
        try:
            policy = parse(changed)
        except ValueError:
            continue
        found = recognise(policy)
        assert found is None or digest(parse(fill(*found))) == digest(policy)
        tried += found is None
    assert tried > 3


def test_order_and_spelling_do_not_matter() -> None:
    """A peer that sorts, expands or repeats what stands by default sends the same template."""
    document = fill("municipal-purpose", {"until": "31.12.2027"})
    text = json.dumps(document).replace("odrl:distribute", "http://www.w3.org/ns/odrl/2/distribute")
    changed: dict[str, Any] = json.loads(text)
    changed["prohibition"].reverse()
    changed["permission"][0]["constraint"][0]["and"].reverse()
    found = recognise(parse(changed | {"@id": "urn:uuid:1", "@type": "Offer", "target": "urn:uuid:2"}))
    assert found is not None
    assert found.template == "municipal-purpose"


def test_one_thing_more_is_another_policy() -> None:
    """>> a second permission, an unknown member, a clause of one's own  << no template of ours."""
    document = fill("municipalities-only", {})
    own = {"leftOperand": "odrl:purpose", "operator": "eq", "rightOperand": "urn:x"}
    (permission,) = document["permission"]  # type: ignore[misc]
    for changed in (
        document | {"permission": [permission, {"action": "odrl:distribute"}]},
        document | {"urn:more": 1},
        document | {"permission": [permission | {"constraint": [*permission["constraint"], own]}]},
        document | {"odrl:conflict": {"@id": "odrl:perm"}},
    ):
        assert recognise(parse(changed)) is None

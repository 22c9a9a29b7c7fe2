"""Slots of rule templates: what a steward may write, what becomes of it, and what is said about anything else."""

from collections.abc import Mapping
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.data.catalogue.templates.slots import KINDS, MOST, Slot, SlotType, concepts, hint
from connector.foundation.errors import Mistake
from connector.foundation.language import LANGUAGES, say

H = "https://w3id.org/hanse/v1#"
HASH = "0123456789abcdef" * 4
LABEL = {"de": "Angabe", "en": "slot"}
LEVEL = {"scheme": "securityProfileScheme"}


def slot(type: SlotType, **more: object) -> Slot:
    return Slot(type=type, label=LABEL, **more)  # type: ignore[arg-type]


def read(type: SlotType, text: str, **more: object) -> object:
    return KINDS[type].read("angabe", slot(type, **more), text)


def test_every_type_can_be_read_written_and_explained() -> None:
    """No type without its pair of functions and its words in both languages."""
    assert set(KINDS) == set(get_args(SlotType))
    assert all(hint(slot(type), lang) for type in KINDS for lang in LANGUAGES)
    assert "ab 3" in hint(slot("count", least=3), "de")


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        ("areas", "Nordrhein-Westfalen", [H + "DE-NW"]),
        ("areas", "DE-NW", [H + "DE-NW"]),
        ("areas", "05", [H + "DE-NW"]),
        ("areas", "DEA", [H + "DE-NW"]),
        ("areas", "http://dcat-ap.de/def/politicalGeocoding/stateKey/05", [H + "DE-NW"]),
        ("areas", "EL, Greece, europäische union", [H + "GR", H + "EU"]),
        ("levels", "Landesebene, county level", [H + "stateLevel", H + "countyLevel"]),
        ("purposes", "Wärmeplanung", H + "heatPlanning"),
        ("purposes", "Wärmeplanung, testing", [H + "heatPlanning", H + "testing"]),
        ("kinds", "Kreis", [H + "county"]),
        ("count", "007", "7"),
        ("amount", "1.250,50", "1250.50"),
        ("amount", "1250,5", "1250.50"),
        ("amount", "1250.50", "1250.50"),
        ("amount", "0,01", "0.01"),
        ("amount", "1.250", "1250.00"),
        ("currency", "eur", "EUR"),
        ("window", "Tag", "P1D"),
        ("window", "p1m", "P1M"),
        ("hash", HASH.upper(), HASH),
        ("hash", "sha256:" + HASH, HASH),
        ("participants", " did:web:a , did:web:b%3A8443:x, did:web:a", ["did:web:a", "did:web:b%3A8443:x"]),
        ("party", "mailto:dsb@muster.example", "mailto:dsb@muster.example"),
        ("url", "https://a.example:8443/v1?x=1", "https://a.example:8443/v1?x=1"),
        ("iri", "urn:uuid:0b4c", "urn:uuid:0b4c"),
        ("fields", "$.a.b, $['x y'][*], $[0].*", ["$.a.b", "$['x y'][*]", "$[0].*"]),
    ],
)
def test_what_is_written_becomes_a_string_or_a_list_of_strings(type: SlotType, text: str, value: object) -> None:
    """In the spelling of a steward, of a program, or of another list."""
    assert read(type, text) == value


NRW = {"de": "Nordrhein-Westfalen (DE-NW)", "en": "North Rhine-Westphalia (DE-NW)"}


@pytest.mark.parametrize(
    ("type", "text", "code", "facts"),
    [
        (
            "areas",
            "Nordrhein",
            "concept",
            {"nearest": NRW},
        ),
        ("areas", "05315000", "concept", {}),
        ("levels", "Ländereben", "concept", {"value": "Ländereben"}),
        ("kinds", " , ", "missing-value", {}),
        ("fields", ",".join(f"$.f{n}" for n in range(MOST + 1)), "too-many", {"most": MOST}),
        ("count", "1", "count", {"least": 3}),
        ("count", "9" * 17, "count", {}),
        ("amount", "0,00", "amount", {}),
        ("amount", "-1", "amount", {}),
        ("amount", "1,234", "amount", {}),
        ("amount", "1e3", "amount", {}),
        ("currency", "EURO", "currency", {"nearest": "EUR"}),
        ("window", "P2D", "window", {}),
        ("hash", HASH[1:], "hash", {}),
        ("participant", "https://a.example", "did", {}),
        ("participants", "did:web:a, b", "did", {"value": "b"}),
        ("party", "dsb@muster.example", "party", {}),
        ("url", "http://a.example", "url", {}),
        ("url", "https://user@a.example", "url", {}),
        ("iri", "0b4c", "iri", {}),
        ("fields", "name", "field", {}),
        ("fields", "$.a | $.b", "field", {}),
        ("text", "\u202egnal", "text", {}),
    ],
)
def test_what_does_not_fit_is_named_with_what_would(
    type: SlotType, text: str, code: str, facts: Mapping[str, object]
) -> None:
    """The slot, the value and the nearest known one, in both languages."""
    with pytest.raises(Mistake) as caught:
        read(type, text, least=3)
    assert caught.value.code == f"policy.slot-{code}"
    assert facts.items() <= caught.value.facts.items()
    assert all(say(f"error.{caught.value.code}", lang, **caught.value.facts) for lang in LANGUAGES)


def test_a_term_comes_from_the_list_of_its_slot() -> None:
    """The same word is known in one list and not in another; one term, not several."""
    assert read("term", "hoher Schutz", **LEVEL) == H + "trustPlusSecurity"
    for text in ("municipality", "trustSecurity, baseSecurity"):
        with pytest.raises(Mistake):
            read("term", text, **LEVEL)
    assert set(concepts(slot("term", **LEVEL))) == {"baseSecurity", "trustSecurity", "trustPlusSecurity"}
    assert not concepts(slot("text"))


@settings(max_examples=300, deadline=None)
@given(type=st.sampled_from(sorted(KINDS)), text=st.text(max_size=600))
def test_any_text_is_a_value_or_a_mistake(type: SlotType, text: str) -> None:
    """Nothing else is raised, a value holds strings only, and written down again it reads to the same."""
    about = slot(type, scheme="roleScheme" if type in ("term", "terms") else "")
    if not (text := text.strip()):
        return
    try:
        value = KINDS[type].read("angabe", about, text)
    except Mistake:
        return
    texts = [value] if isinstance(value, str) else value
    assert all(isinstance(part, str) and part for part in texts)
    written = KINDS[type].write(about, texts)
    assert written is not None
    assert KINDS[type].read("angabe", about, written) == value

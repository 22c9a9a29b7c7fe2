"""Filling rule templates: slots in, ODRL out, and clear sentences for whatever does not fit."""

import re

import pytest

from connector.data.catalogue.templates.templates import fill, named, template, templates
from connector.foundation.errors import Mistake
from connector.foundation.language import LANGUAGES, say
from connector.foundation.resources import folder
from connector.kernel.policy.odrl.model import Logic
from connector.kernel.policy.odrl.parse import parse

H = "https://w3id.org/hanse/v1#"
MUNICIPALITY = {"value": "Kommunen"}


def test_template_three_as_on_the_wire() -> None:
    """The demo's rule, member by member."""
    assert fill("municipal-purpose", {"until": "31.12.2027"}) == {
        "profile": "https://w3id.org/hanse/v1",
        "odrl:conflict": {"@id": "odrl:prohibit"},
        "permission": [
            {
                "action": "use",
                "constraint": [
                    {
                        "and": [
                            {
                                "leftOperand": H + "participantKind",
                                "operator": "isAnyOf",
                                "rightOperand": [H + "municipality", H + "county", H + "intermunicipalAssociation"],
                            },
                            {
                                "leftOperand": "odrl:purpose",
                                "operator": "isPartOf",
                                "rightOperand": H + "publicAdministration",
                            },
                            {
                                "leftOperand": "odrl:dateTime",
                                "operator": "lt",
                                "rightOperand": "2028-01-01T00:00:00+01:00",
                            },
                        ]
                    }
                ],
            }
        ],
        "prohibition": [
            {"action": "odrl:distribute"},
            {"action": "odrl:present"},
            {"action": "odrl:grantUse"},
            {"action": "odrl:nextPolicy"},
            {"action": "http://creativecommons.org/ns#Distribution"},
            {"action": "http://creativecommons.org/ns#Sharing"},
            {"action": H + "aiTraining"},
        ],
        "obligation": [
            {
                "action": "odrl:delete",
                "constraint": [
                    {"leftOperand": H + "dueBy", "operator": "lt", "rightOperand": "2028-02-01T00:00:00+01:00"}
                ],
                "odrl:consequence": [{"action": H + "suspendAccess"}],
            }
        ],
    }


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("31.12.2027", "2028-01-01T00:00:00+01:00"),
        ("2027-12-31", "2028-01-01T00:00:00+01:00"),
        ("1.7.2027", "2027-07-02T00:00:00+02:00"),
        ("27.3.2027", "2027-03-28T00:00:00+01:00"),
        ("28.3.2027", "2027-03-29T00:00:00+02:00"),
        ("30.10.2027", "2027-10-31T00:00:00+02:00"),
        ("31.10.2027", "2027-11-01T00:00:00+01:00"),
        ("29.2.2028", "2028-03-01T00:00:00+01:00"),
    ],
)
def test_the_last_day_counts_in_full(day: str, expected: str) -> None:
    """The limit is the next midnight with the offset of Europe/Berlin at that moment."""
    permission = parse(fill("municipal-purpose", {"until": day})).permissions[0]
    (clause,) = permission.constraints
    assert isinstance(clause, Logic)
    assert expected in str(clause.clauses[2])


@pytest.mark.parametrize("words", ["county", "Kreis", "kreis", H + "county", " county , Kreis "])
def test_concepts_by_name_label_or_iri(words: str) -> None:
    """A steward writes the label, a program the IRI."""
    document = fill("municipalities-only", {"kinds": words})
    assert document["permission"][0]["constraint"][0]["rightOperand"] == [H + "county"]  # type: ignore[index]


def test_two_purposes_are_a_list() -> None:
    """One purpose is a string, several are a list, in the order given."""
    document = fill("municipal-purpose", {"until": "31.12.2027", "purpose": "testing, Forschung"})
    assert str([H + "testing", H + "research"]) in str(document)


@pytest.mark.parametrize(
    ("name", "slots", "code", "facts"),
    [
        ("municipal-purposes", {}, "policy.template-unknown", {"nearest": "municipal-purpose"}),
        ("pilot", {"untill": "1.1.2027"}, "policy.slot-unknown", {"nearest": "until"}),
        ("municipal-purpose", {}, "policy.slot-missing", {"slot": "until"}),
        ("municipal-purpose", {"until": "  "}, "policy.slot-missing-value", {"slot": "until"}),
        ("municipal-purpose", {"until": "1.1.2027", "space": ""}, "policy.slot-missing-value", {"slot": "space"}),
        ("municipal-purpose", {"until": "1.1.2027", "space": " , "}, "policy.slot-missing-value", {"slot": "space"}),
        ("municipal-purpose", {"until": "1.1.2027", "valid-for": ""}, "policy.slot-missing-value", {}),
        ("municipal-purpose", {"until": "1.1.2027", "kinds": " "}, "policy.slot-missing-value", {}),
        ("municipal-purpose", {"until": "31.2.2027"}, "policy.slot-day", {"value": "31.2.2027"}),
        ("municipal-purpose", {"until": "2027-12-31T10:00"}, "policy.slot-day", {}),
        ("municipal-purpose", {"until": "9999-12-31"}, "policy.slot-day", {}),
        ("municipal-purpose", {"until": "1.1.2027", "valid-for": "5s"}, "policy.slot-duration", {"value": "5s"}),
        ("municipal-purpose", {"until": "1.1.2027", "valid-for": "PT0S"}, "policy.slot-duration", {}),
        ("municipal-purpose", {"until": "1.1.2027", "kinds": "Kommunen"}, "policy.slot-concept", MUNICIPALITY),
        ("municipal-purpose", {"until": "1.1.2027", "purpose": "county"}, "policy.slot-concept", {"value": "county"}),
        ("municipalities-only", {"kinds": ","}, "policy.slot-missing-value", {}),
        ("municipalities-only", {"kinds": ["county"]}, "policy.slot-not-text", {"value": '["county"]'}),
        ("pilot", {"count": 5}, "policy.slot-not-text", {"value": "5"}),
        ("pilot", {"count": True}, "policy.slot-not-text", {"value": "true"}),
        ("pilot", {"space": None}, "policy.slot-not-text", {"slot": "space"}),
        ("pilot", {"unheard": {}}, "policy.slot-not-text", {"slot": "unheard"}),
        ("pilot", {"from": "1.1.2027", "until": "2.1.2027", "count": "0"}, "policy.slot-count", {}),
        ("pilot", {"from": "1.1.2027", "until": "2.1.2027", "count": "viele"}, "policy.slot-count", {}),
        ("pilot", {"from": "3.1.2027", "until": "2.1.2027"}, "policy.slot-order", {}),
        ("open-attribution", {"source": "a\nb"}, "policy.slot-text", {}),
        ("open-attribution", {"source": "x" * 501}, "policy.slot-text", {}),
        ("no-ai-training", {"until": "1.1.2027"}, "policy.slot-unknown", {"nearest": ""}),
        ("open-attribution", {"source": "a", "licence": "dl-zero-de/2.0"}, "policy.slot-licence", {}),
        ("open-attribution", {"source": "a", "licence": "cc-by-nc/4.0"}, "policy.slot-licence", {}),
        ("open-attribution", {"source": "a", "licence": "https://a.example/licence"}, "policy.slot-licence", {}),
        ("county", {"county": "0551"}, "policy.slot-county", {"value": "0551"}),
        ("county", {"county": "055150004004"}, "policy.slot-county", {}),
        ("county", {"county": "05000"}, "policy.slot-county", {}),
        ("county", {"county": "17515"}, "policy.slot-county", {}),
        ("county", {"county": "٠٥٥١٥"}, "policy.slot-county", {}),
        ("processor", {"return-within": "P31D", "controller": "did:web:a", "avv": "a" * 64}, "policy.slot-order", {}),
        ("municipal-purpose", {"until": "1.2.2027", "delete-by": "1.1.2027"}, "policy.slot-order", {}),
    ],
)
def test_mistakes_say_what_to_mend(name: str, slots: dict[str, str], code: str, facts: dict[str, str]) -> None:
    """Unknown names come with the nearest known one, bad values with themselves, in both languages."""
    with pytest.raises(Mistake) as caught:
        fill(name, slots)
    assert caught.value.code == code
    assert facts.items() <= caught.value.facts.items()
    assert all(say(f"error.{code}", lang, **caught.value.facts) for lang in LANGUAGES)


def test_a_template_may_be_named_by_its_title() -> None:
    """>> id, German and English title in any case << the id; a slip << the nearest."""
    for one in templates():
        for word in (one.id, one.title["de"].upper(), f" {one.title['en']} "):
            assert named(word) == one.id
    with pytest.raises(Mistake, match="municipal-purpose"):
        named("municipal-purpos")


def test_a_period_of_one_day_is_in_order() -> None:
    """From and until the same day is one full day."""
    assert fill("pilot", {"from": "2.1.2027", "until": "2.1.2027"})


def test_templates_are_complete() -> None:
    """Both languages everywhere, unique ids and numbers, and exactly the slots that the body uses."""
    found = templates()
    assert len({each.id for each in found}) == len({each.number for each in found}) == len(found)
    for each in found:
        texts = [each.title, each.effect, each.plain, *(slot.label for slot in each.slots.values())]
        assert all(set(text) == set(LANGUAGES) and all(text.values()) for text in texts)
        assert set(re.findall(r"\{([a-z-]+)\}", str(each.body))) == set(each.slots)
        assert not any("\n" in text for text in each.plain.values())
        assert {slot.after for slot in each.slots.values()} <= {"", *each.slots}


def test_there_are_nineteen() -> None:
    """Numbered as in spec/policy.md 14.1, each in a file of its own name."""
    assert [each.number for each in templates()] == list(range(1, 20))
    assert {path.stem for path in folder("policies").glob("*.toml")} == {each.id for each in templates()}


def test_data_are_deleted_a_month_after_the_last_day_unless_said_otherwise() -> None:
    """>> until 30.11.2027  << delete before 1.1.2028; >> and delete on the same day  << before 1.12.2027"""
    later = fill("municipal-purpose", {"until": "30.11.2027"})
    at_once = fill("municipal-purpose", {"until": "30.11.2027", "delete-by": "30.11.2027"})
    assert "'lt', 'rightOperand': '2028-01-01T00:00:00+01:00'" in str(later["obligation"])
    assert "'lt', 'rightOperand': '2027-12-01T00:00:00+01:00'" in str(at_once["obligation"])


def test_a_slot_inside_a_text_becomes_a_part_of_it() -> None:
    """The anchor stays, the duration is the steward's."""
    document = fill("pilot", {"from": "1.1.2027", "until": "2.1.2027", "delete-within": "P3D"})
    assert "'agreementEnd+P3D'" in str(document["obligation"])


def test_an_empty_optional_slot_takes_its_clause_with_it() -> None:
    """A clause vanishes from its list, and a duty that is nothing without it vanishes, too."""
    basis = {"legal-basis": "publicTaskBasis"}
    short, long = fill("anonymised", basis), fill("anonymised", {**basis, "drop": "$.name", "until": "1.1.2027"})
    (one,), (other,) = short["permission"], long["permission"]  # type: ignore[misc]
    assert [duty["action"] for duty in one["duty"]] == ["odrl:anonymize"]
    assert [duty["action"] for duty in other["duty"]] == ["odrl:anonymize", H + "dropFields"]
    assert (len(one["constraint"]), len(other["constraint"])) == (1, 2)


def test_a_template_by_its_id() -> None:
    """The number is the one of the list."""
    assert template("municipal-purpose").number == 3

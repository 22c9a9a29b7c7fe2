"""Filling rule templates: slots in, ODRL out, and clear sentences for whatever does not fit."""

import re
from datetime import date, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from connector.catalogue import rules
from connector.catalogue.rules import fill, midnight, negotiable, template, templates, visible, vocabulary
from connector.errors import Mistake
from connector.language import LANGUAGES, say
from connector.policy.model import Logic
from connector.policy.parse import parse
from connector.policy.world import World

H = "https://w3id.org/hanse/v1#"
MUNICIPALITY = {"nearest": "municipality"}


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
        "prohibition": [{"action": "odrl:distribute"}, {"action": H + "aiTraining"}],
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


def test_without_a_time_zone_database_midnights_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each day of forty years: the rule of the EU and the database agree."""
    first = date(1997, 1, 1)
    days = [first + timedelta(days=n) for n in range(365 * 40)]
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        pytest.skip("no time zone database to compare with: install tzdata")
    known = [midnight(day).isoformat() for day in days]

    def absent(name: str) -> None:
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr(rules, "ZoneInfo", absent)
    assert [midnight(day).isoformat() for day in days] == known


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
        ("municipal-purpose", {"until": "  "}, "policy.slot-missing", {"slot": "until"}),
        ("municipal-purpose", {"until": "31.2.2027"}, "policy.slot-day", {"value": "31.2.2027"}),
        ("municipal-purpose", {"until": "2027-12-31T10:00"}, "policy.slot-day", {}),
        ("municipal-purpose", {"until": "9999-12-31"}, "policy.slot-day", {}),
        ("municipal-purpose", {"until": "1.1.2027", "valid-for": "5s"}, "policy.slot-duration", {"value": "5s"}),
        ("municipal-purpose", {"until": "1.1.2027", "valid-for": "PT0S"}, "policy.slot-duration", {}),
        ("municipal-purpose", {"until": "1.1.2027", "kinds": "Kommunen"}, "policy.slot-concept", MUNICIPALITY),
        ("municipal-purpose", {"until": "1.1.2027", "purpose": "county"}, "policy.slot-concept", {"value": "county"}),
        ("municipalities-only", {"kinds": ","}, "policy.slot-missing-value", {}),
        ("pilot", {"from": "1.1.2027", "until": "2.1.2027", "count": "0"}, "policy.slot-count", {}),
        ("pilot", {"from": "1.1.2027", "until": "2.1.2027", "count": "viele"}, "policy.slot-count", {}),
        ("pilot", {"from": "3.1.2027", "until": "2.1.2027"}, "policy.slot-order", {}),
        ("open-attribution", {"source": "a\nb"}, "policy.slot-text", {}),
        ("open-attribution", {"source": "x" * 501}, "policy.slot-text", {}),
    ],
)  # fmt: skip
def test_mistakes_say_what_to_mend(name: str, slots: dict[str, str], code: str, facts: dict[str, str]) -> None:
    """Unknown names come with the nearest known one, bad values with themselves, in both languages."""
    with pytest.raises(Mistake) as caught:
        fill(name, slots)
    assert caught.value.code == code
    assert facts.items() <= caught.value.facts.items()
    assert all(say(f"error.{code}", lang, **caught.value.facts) for lang in LANGUAGES)


def test_a_period_of_one_day_is_in_order() -> None:
    """From and until the same day is one full day."""
    assert fill("pilot", {"from": "2.1.2027", "until": "2.1.2027"})


def test_templates_are_complete() -> None:
    """Both languages everywhere, unique ids and numbers, and exactly the slots that the body uses."""
    found = templates()
    assert len({each.id for each in found}) == len({each.number for each in found}) == len(found)
    for each in found:
        texts = [each.title, each.effect, *(slot.label for slot in each.slots.values())]
        assert all(set(text) == set(LANGUAGES) and all(text.values()) for text in texts)
        assert set(re.findall(r"'\{([a-z-]+)\}'", str(each.body))) == set(each.slots)


def test_a_template_by_its_id() -> None:
    """The number is the one of the list of seventeen."""
    assert template("municipal-purpose").number == 3


@pytest.mark.parametrize(("kind", "shown", "talks"), [("municipality", True, True), ("company", False, False)])
def test_who_sees_an_offer_and_may_negotiate(kind: str, shown: bool, talks: bool) -> None:
    """With visibility `members` everyone sees it, with `eligible` only those whom nothing contradicts."""
    policy = parse(fill("municipal-purpose", {"until": "31.12.2027"}))
    facts = {"purpose": H + "winterService", "purpose_source": "declared"}
    asker = World(now=0, participant="did:web:a", kind=H + kind, closure=vocabulary().closure, **facts)  # type: ignore[arg-type]
    assert visible(policy, asker, "members")
    assert visible(policy, asker, "eligible") is shown
    assert negotiable(policy, asker) is talks

"""Who could use data under a rule, in sentences."""

from connector.app.policy_engine import policy_engine
from connector.data.catalogue.audience import audience
from connector.data.catalogue.templates.templates import fill
from connector.surfaces.views.audience import AudienceView
from connector.surfaces.views.audience import audience as shown
from tests.kernel.policy.filled import NOW, SLOTS
from tests.testkit.members import MEMBERS, member

ENGINE = policy_engine()


def view(name: str, members: object = MEMBERS, **slots: str) -> AudienceView:
    return shown(ENGINE, audience(ENGINE, fill(name, {**SLOTS[name], **slots}), members, NOW))  # type: ignore[arg-type]


def test_the_line_counts_by_kind_in_both_languages() -> None:
    found = view("municipalities-only")
    assert found.text["de"] == "41 Kommunen, 1 Kreis, 0 Firmen, 0 Landesbehörden"
    assert found.text["en"] == "41 municipalities, 1 county, 0 companies, 0 state authorities"
    assert found.kinds[0].text["de"] == "41 von 41 Kommunen"
    assert len(found.kinds[0].members) == 41


def test_three_requesters_are_told_what_they_would_get_and_why() -> None:
    town, firm, _ = view("municipalities-only").examples
    assert town.who["de"] == "Kommune (erfunden)"
    assert town.text["de"] == "Bekommt heute einen Vertrag und mit ihm die Daten."
    assert firm.text["de"].startswith("Bekommt nichts. Bedingung „Teilnehmerart ist Kommune, Kreis oder Zweckverband“")
    assert "Was hilft" in firm.text["de"]
    assert "Bevor die Daten kommen, ist zu erledigen: Bezahlung." in view("fee").examples[0].text["de"]
    assert "Gebunden an den Zweck" in view("municipal-purpose").examples[0].text["de"]
    assert view("state-authorities").examples[0].who["de"] == "Landesbehörde (erfunden), Sitz: Nordrhein-Westfalen"


def test_a_first_day_to_come_stands_in_the_line() -> None:
    found = view("pilot", **{"from": "1.1.2027", "until": "31.12.2027"})
    assert found.text["de"].startswith("ab 01.01.2027: 41 Kommunen")
    assert found.text["en"].startswith("from 01 Jan 2027: 41 municipalities")
    assert "die Daten gibt es ab 01.01.2027." in found.examples[0].text["de"]
    assert found.begins == "2026-12-31T23:00:00Z"


def test_names_and_kinds_of_others_are_one_harmless_line() -> None:
    """>> a name with a line break and a sign that turns text around, a kind of no list << plain, and counted."""
    odd = member("a\nb\u202ec" + "x" * 500, "sonst")
    found = view("no-ai-training", [odd])
    kind = next(one for one in found.kinds if one.count)
    assert kind.members[0].name.startswith("a b c" + "x")
    assert len(kind.members[0].name) <= 200
    assert "1 https://w3id.org/hanse/v1#sonst" in found.text["de"]

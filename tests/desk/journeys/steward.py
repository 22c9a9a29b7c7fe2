"""P1: the steward of a small town, half an hour a week: from a file to an offer."""

from pathlib import Path
from typing import Final

from tests.desk.hand import Hand
from tests.desk.journeys.stage import Stage
from tests.desk.towns import NEIGHBOUR, TOWN

_KINDS: Final = (
    ("Winterlinde", "Marktplatz", "14,5", "8,2", 1978),
    ("Stieleiche", "Schulhof", "18,0", "11,4", 1952),
    ("Rosskastanie", "Königsallee", "16,25", "9,0", 1964),
    ("Feldahorn", "Bürgerweg", "7,75", "4,1", 2003),
    ("Säulenhainbuche", "Am Mühlbach", "9,0", "3,5", 2011),
    ("Gemeine Esche", "Friedhof", "12,0", "7,7", 1989),
)
TREES: Final = "\r\n".join(
    ["Baumnr;Art;Straße;Höhe_m;Kronendurchmesser_m;Gepflanzt;Pflege_€"]
    + [f"{at};{';'.join(map(str, _KINDS[at % len(_KINDS)]))};{12 + at % 9},50" for at in range(1, 241)]
).encode("cp1252")
"""As the gardening office of a town has it: Windows-1252, semicolons, decimal comma, 240 rows."""


async def publish(stage: Stage) -> None:
    """From the overview to data that others see, under the rule for municipalities."""
    file = stage.file(f"Baumkataster {stage.tag}.csv", TREES)
    person = await stage.towns.person(f"Anna Amt {stage.way}", {TOWN: ("steward",)})
    async with stage.desk(person) as hand:
        await hand.open(f"/t/{TOWN}/")
        await hand.follow("Daten freigeben")
        await hand.follow("Neu freigeben")
        await offer(hand, file)
    found = await stage.towns.city.api.get(f"/api/v1/participants/{TOWN}/datasets")
    assert any(stage.way in one["title"] for one in found["datasets"])


async def offer(hand: Hand, file: Path) -> None:
    """From the form for a file to data that are published."""
    await hand.give("Datei", file)
    await hand.press("Datei abgeben")
    await hand.see("Zeichensatz Windows-1252")
    await hand.write("Was steht darin?", "Art, Höhe und Pflanzjahr aller Stadtbäume")
    await hand.press("Weiter")
    await hand.choose("Wer darf die Daten nutzen?", "Nur Kommunen")
    await hand.press("Weiter")
    await hand.press("Weiter")
    await hand.press("Veröffentlichen")
    await hand.see("ist veröffentlicht")


async def end(stage: Stage) -> None:
    """From the overview to the end of a contract, stated with a reason after a question."""
    there, title = stage.towns, f"Parkhäuser {stage.tag}"
    made = await there.city.publish(TOWN, TREES, title=title)
    signed = await there.city.negotiate(NEIGHBOUR, there.city.did(TOWN), made["dataset"])
    person = await there.person(f"Edda Ende {stage.way}", {TOWN: ("steward",)})
    async with stage.desk(person) as hand:
        await hand.open(f"/t/{TOWN}/")
        await hand.follow("Verträge")
        await hand.follow(title)
        await hand.follow("Vertrag beenden")
        await hand.write("Grund", "Die Zählung wurde eingestellt.")
        await hand.press("Weiter")
        await hand.press("Ja, Vertrag beenden")
        await hand.see("beendet")
    place = f"/api/v1/participants/{TOWN}/agreements/{signed['agreement'].removeprefix('urn:uuid:')}"
    assert (await there.city.api.get(place))["state"] == "ended"

"""P5: the data protection officer: one contract as a whole, its evidence in one click, and what that is worth."""

from tests.desk.journeys.stage import Stage
from tests.desk.journeys.steward import TREES
from tests.desk.towns import NEIGHBOUR, TOWN


async def evidence_checked(stage: Stage) -> None:
    """From the overview to the evidence of a contract as a file, and to the verdict on that file."""
    there, title = stage.towns, f"Schulwege {stage.tag}"
    made = await there.city.publish(TOWN, TREES, title=title)
    await there.city.negotiate(NEIGHBOUR, there.city.did(TOWN), made["dataset"])
    person = await there.person(f"Dana Datenschutz {stage.way}", {TOWN: ("protection",)})
    async with stage.desk(person) as hand:
        await hand.open(f"/t/{TOWN}/")
        await hand.follow("Verträge")
        await hand.follow(title)
        await hand.see("Was gilt")
        file = await hand.save("Nachweis herunterladen", stage.folder / "nachweis.zip")
        await hand.follow("Nachweis prüfen")
        await hand.give("Nachweis (ZIP-Datei)", file)
        await hand.press("Prüfen")
        await hand.see("Der Nachweis hält: Alles ist geprüft und stimmt.")

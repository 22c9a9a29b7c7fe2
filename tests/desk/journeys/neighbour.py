"""P2: the clerk in the neighbour town: from a search to the file, under a rule that needs nobody's word."""

from tests.desk.journeys.stage import Stage
from tests.desk.journeys.steward import TREES
from tests.desk.towns import NEIGHBOUR, TOWN


async def find_to_file(stage: Stage) -> None:
    """From the overview to the file on her own computer."""
    there, title = stage.towns, f"Baumkataster der Parks ({stage.way})"
    await there.city.publish(TOWN, TREES, title=title)
    refresh = f"/api/v1/participants/{NEIGHBOUR}/federation/refresh"  # as the crawler does sooner or later
    await there.city.api.post(refresh, {"member": there.city.did(TOWN)})
    person = await there.person(f"Nora Nachbar {stage.way}", {NEIGHBOUR: ("steward",)})
    async with stage.desk(person) as hand:
        await hand.open(f"/t/{NEIGHBOUR}/")
        await hand.follow("Daten finden")
        await hand.write("Wonach suchen Sie?", "Baumkataster Parks")
        await hand.press("Suchen")
        await hand.follow(title)
        await hand.see("Verbindlich anfragen")
        await hand.choose("Wofür brauchen Sie die Daten?", "Verwaltungsaufgaben")
        await hand.press("Verbindlich anfragen")
        await hand.see("Die Daten sind da.")
        file = await hand.save("Datei speichern", stage.folder / "baeume.csv")
    assert file.read_bytes() == TREES

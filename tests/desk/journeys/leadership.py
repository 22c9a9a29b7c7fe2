"""P6 and P7: who coordinates or leads looks a figure up, and takes the entries along that prove it."""

from tests.desk.journeys.stage import Stage
from tests.desk.towns import NEIGHBOUR, TOWN


async def figure_to_proof(stage: Stage) -> None:
    """From the overview to the partners who use our data, to the log entries behind that number, as a file."""
    there = stage.towns
    title = f"Parkplätze {stage.tag}"
    made = await there.city.publish(TOWN, b"Ort;Plaetze\nMarkt;40\n", title=title)
    signed = await there.city.negotiate(NEIGHBOUR, there.city.did(TOWN), made["dataset"])
    await there.city.fetch(NEIGHBOUR, signed["agreement"])
    person = await there.person(f"Karla Kreis {stage.way}", {TOWN: ("auditor",)})
    async with stage.desk(person) as hand:
        await hand.open(f"/t/{TOWN}/")
        await hand.follow("Kennzahlen")
        await hand.follow("(Nachnutzende)")
        await hand.see("Nachbardorf")
        file = await hand.save("Einträge als Tabelle herunterladen", stage.folder / "entries.csv")
    assert "nachbardorf" in file.read_text(encoding="utf-8-sig")

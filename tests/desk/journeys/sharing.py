"""P1: a steward of a small town looks after what she has shared."""

from tests.desk.journeys.stage import Stage
from tests.desk.towns import TOWN


async def take_back(stage: Stage) -> None:
    """A dataset that should not be out any more: looked up, asked about, withdrawn."""
    title = f"Zurück {stage.tag}"
    await stage.towns.city.publish(TOWN, b"Ort;Plaetze\nMarkt;40\n", title=title)
    person = await stage.towns.person(f"Steffi Zurück {stage.way}", {TOWN: ("steward",)})
    async with stage.desk(person) as hand:
        await hand.open(f"/t/{TOWN}/datasets")
        await hand.follow(title)
        await hand.follow("Zurückziehen")
        await hand.press("Zurückziehen")
        await hand.see("zurückgezogen")

"""P1 on the first day: a town that knows only its name, from an invitation to the first data that others see."""

from tests.desk.journeys.operator import accept
from tests.desk.journeys.stage import Stage
from tests.desk.journeys.steward import TREES, offer
from tests.desk.towns import Person
from tests.testkit.cities import MUNICIPALITY


async def invitation_to_data(stage: Stage) -> None:
    """The account, the second factor, whom to ask, and the first file; all of it led by the page of the first steps."""
    city, slug = stage.towns.city, f"neustadt-{stage.way.replace(' ', '-')}"
    await city.api.post("/api/v1/participants", {"slug": slug, "name": slug.title(), "kind": MUNICIPALITY})
    code = await city.services.accounts.people.invite(slug, "", "Frau Neu", ("steward", "admin"))
    origin = (await stage.towns.person(f"Niemand {slug}", {})).origin
    async with stage.desk(Person("", "Nele Neu", origin, {"hanse-language": "de"})) as hand:
        await hand.open(f"/invitation?code={code}")
        await accept(hand, f"nele@{slug}.example")
        await hand.follow("Zum Einstieg")
        await hand.write("E-Mail", f"gartenamt@{slug}.example")
        await hand.press("Speichern")
        await hand.see("Wer Fragen zu Ihren Daten hat, weiß, wohin.")
        await hand.follow("Jetzt erledigen", within="Erste Daten sind freigegeben")
        await offer(hand, stage.file(f"Baumkataster {stage.way}.csv", TREES))
    found = await city.api.get(f"/api/v1/participants/{slug}/datasets")
    assert len(found["datasets"]) == 1

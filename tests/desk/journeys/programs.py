"""P3: the developer of a provider or a firm: from the desk to the first answer that a program gets."""

import re

import aiohttp

from tests.desk.journeys.stage import Stage
from tests.desk.towns import TOWN

KEY = re.compile(r"hanse_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")


async def key_to_answer(stage: Stage) -> None:
    """From the overview to a key, and with it to the list of datasets."""
    there = stage.towns
    person = await there.person(f"Dora Daten {stage.way}", {TOWN: ("steward",)})
    async with stage.desk(person) as hand:
        await hand.open(f"/t/{TOWN}/")
        await hand.unfold(person.name)
        await hand.follow("Zugang für Programme")
        await hand.write("Wofür", f"Karte {stage.way}")
        await hand.tick("Lesen")
        await hand.press("Zugang anlegen")
        await hand.see("Der Zugang ist angelegt")
        found = KEY.search(await hand.text())
    assert found is not None
    address = f"http://127.0.0.1:{there.city.settings.api.port}/api/v1/participants/{TOWN}/datasets"
    async with aiohttp.ClientSession() as program:
        async with program.get(address) as answer:
            assert answer.status == 401
        async with program.get(address, headers={"Authorization": f"Bearer {found[0]}"}) as answer:
            assert answer.status == 200
            assert "datasets" in await answer.json()

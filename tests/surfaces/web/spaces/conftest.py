"""The desks of a county that keeps a space and of a town elsewhere, with people who are really signed in."""

from collections.abc import AsyncIterator

import pytest

from connector.dataspace.spaces.model import Rules
from connector.foundation.settings.load import web_origin
from connector.surfaces.web.session import Cookies
from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, TOWN, UNLISTED, County
from tests.surfaces.web.browsing import Browser
from tests.testkit.cities import MUNICIPALITY, City, Space

RULES = Rules(checklist=("Anruf",), documents=("Beschluss", "Siegel"), text="Für Gemeinden des Kreises.")
ANNA, BERT, _ = PEOPLE


class CountyDesk:
    """`kreis`; `browser` is somebody signed in."""

    def __init__(self, county: County) -> None:
        self.county = county
        self._open: list[Browser] = []

    async def browser(self, city: City, slug: str, login: str, role: str = "steward", lang: str = "de") -> Browser:
        people, links = city.services.accounts.people, city.services.accounts.links
        known = {person.login: person for person, _ in await people.all()}
        person = known.get(login) or await people.add(login, login.partition("@")[0].title())
        await people.decide(person.id, slug, role, take=False)
        origin = web_origin(city.settings)
        cookie = await links.use(await links.make(person.id), "Firefox")
        self._open.append(Browser(origin, cookie, Cookies(origin).name, lang))
        return self._open[-1]

    async def at_county(self, login: str = ANNA, role: str = "steward", lang: str = "de") -> Browser:
        return await self.browser(self.county.city, COUNTY, login, role, lang)

    async def close(self) -> None:
        for one in self._open:
            await one.close()


class Desks(CountyDesk):
    """And `musterstadt`."""

    def __init__(self, county: County, town: City) -> None:
        super().__init__(county)
        self.town = town

    async def at_town(self, login: str = "tina@musterstadt.example", role: str = "steward") -> Browser:
        return await self.browser(self.town, TOWN, login, role)


@pytest.fixture
async def desk(space: Space) -> AsyncIterator[CountyDesk]:
    """Where there is no town."""
    county = County(await space.city("county", {COUNTY: COUNTY_KIND}, UNLISTED))
    made = CountyDesk(county)
    await county.found(RULES)
    yield made
    await made.close()


@pytest.fixture
async def desks(space: Space, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desks]:
    """The town asks the county when somebody presses the button, and not by itself every ten seconds."""

    async def nothing() -> None:
        pass

    county = County(await space.city("county", {COUNTY: COUNTY_KIND}, UNLISTED))
    made = Desks(county, await space.city("town", {TOWN: MUNICIPALITY}, UNLISTED))
    monkeypatch.setattr(made.town.services.spaces.joining, "work", nothing)
    await county.found(RULES)
    yield made
    await made.close()

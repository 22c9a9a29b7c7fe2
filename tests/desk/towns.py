"""Towns with a desk for tests: three participants in two processes, and persons who are signed in.

Musterstadt publishes, Nachbardorf is a neighbour at the same provider, Stadtwerke a firm in the other process. A person
is made with her roles by the words of the operator; her session is opened as a sign-in link opens it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from connector.foundation.settings.load import web_origin
from connector.surfaces.web.publish import handlers as publish
from connector.surfaces.web.session import Cookies
from tests.testkit.cities import COMPANY, MUNICIPALITY, City, Space, data_space
from tests.testkit.listening import reserved_port
from tests.testkit.patience import PATIENCE_S

TOWN, NEIGHBOUR, FIRM = "musterstadt", "nachbardorf", "stadtwerke"
ROLES = ("steward", "publisher", "auditor", "protection", "admin")


class Person(NamedTuple):
    """Who is signed in at which desk: `cookies` for a browser's window there."""

    id: str
    name: str
    origin: str
    cookies: Mapping[str, str]


class Towns(NamedTuple):
    """`city` hosts Musterstadt and Nachbardorf, `firm` the Stadtwerke."""

    space: Space
    city: City
    firm: City

    def of(self, slug: str) -> City:
        return self.firm if slug == FIRM else self.city

    async def person(
        self, name: str, roles: Mapping[str, tuple[str, ...]], *, operator: bool = False, at: str = TOWN
    ) -> Person:
        """A new person with these roles (by slug), signed in at the desk of `at`."""
        city = self.of(at)
        accounts = city.services.accounts
        made = await accounts.people.add(f"{name.replace(' ', '.').lower()}@{at}.example", name, operator=operator)
        for slug, wanted in roles.items():
            for role in wanted:
                await accounts.people.grant(slug, "", made.id, role)
        return await self.signed_in(made.id, name, at)

    async def signed_in(self, person: str, name: str, at: str = TOWN) -> Person:
        """In a new session of hers, which counts as one with a second factor."""
        city = self.of(at)
        links, origin = city.services.accounts.links, web_origin(city.settings)
        cookie = await links.use(await links.make(person), "Chromium")
        return Person(person, name, origin, {Cookies(origin).name: cookie, "hanse-language": "de"})


@asynccontextmanager
async def towns(folder: Path) -> AsyncIterator[Towns]:
    """Both processes, each knowing the other; short paths, please.

    They show no page that only waits for a file to be read: it has a button more, and how many are pressed is counted.
    """
    with patch.object(publish, "PATIENCE_S", PATIENCE_S), reserved_port() as port:
        async with _towns(folder, port) as made:
            yield made


@asynccontextmanager
async def _towns(folder: Path, port: int) -> AsyncIterator[Towns]:
    async with data_space(folder) as space:
        environ = {"HANSE_QUOTA__PEER_HOUR_STARTS": "0"}
        programs = {**environ, "HANSE_API__PORT": str(port)}
        city = await space.city("it", {TOWN: MUNICIPALITY, NEIGHBOUR: MUNICIPALITY}, programs)
        firm = await space.city("firm", {FIRM: COMPANY}, environ)
        await space.reload(city, firm)
        await asyncio.sleep(0)
        yield Towns(space, city, firm)

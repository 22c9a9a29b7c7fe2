"""The desk with the accounts that a process has: whoever is signed in has signed in."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec.structs import replace

from connector.app import desk as composed
from connector.app.services import Services
from connector.foundation.http import server
from connector.identity.accounts.password import Passwords
from connector.surfaces.web import routes
from connector.surfaces.web.call import Desk
from connector.surfaces.web.session import Cookies
from tests.identity.accounts.people import PASSWORD, PETRA
from tests.surfaces.web.browsing import Browser, Page
from tests.testkit.listening import reserved_port


class Door:
    """A desk on a port; `browsers` have no cookie."""

    def __init__(self, services: Services, desk: Desk, stack: AsyncExitStack) -> None:
        self.services, self.desk, self._stack = services, desk, stack
        self.accounts = services.accounts

    @property
    def origin(self) -> str:
        return self.desk.origin

    def browser(self, lang: str = "de") -> Browser:
        made = Browser(self.origin, lang=lang)
        self._stack.push_async_callback(made.close)
        return made

    async def invited(self, *roles: str, slug: str = "musterstadt") -> str:
        """The secret of an invitation by the operator."""
        return await self.accounts.people.invite(slug, "", "Petra", roles)

    async def account(self, *roles: str, login: str = PETRA, slug: str = "musterstadt") -> Browser:
        """Somebody who has just accepted an invitation, in her browser."""
        made = self.browser()
        page = await made.get(f"/invitation?code={await self.invited(*roles, slug=slug)}")
        name = login.partition("@")[0].title() + " Muster"
        await made.send(page, login=login, name=name, password=PASSWORD)
        return made

    async def signed_in(self, *roles: str, login: str = PETRA, slug: str = "musterstadt") -> Browser:
        """Somebody with these roles, by a link of the operator: as with a second factor."""
        person = await self.accounts.people.add(login, login.partition("@")[0].title() + " Muster")
        for role in roles:
            await self.accounts.people.grant(slug, "", person.id, role)
        made = self.browser()
        page = await made.get(f"/sign-in/link?code={await self.accounts.links.make(person.id)}")
        await made.send(page)
        return made


async def entered(browser: Browser, login: str = PETRA, password: str = PASSWORD) -> Page:
    """Name and password typed on the page for it."""
    return await browser.send(await browser.get("/sign-in"), "/sign-in", login=login, password=password)


@asynccontextmanager
async def open_door(services: Services) -> AsyncIterator[Door]:
    services.accounts.signing_in._passwords._memory = 8  # both share it; tests do not wait for argon2
    assert isinstance(services.accounts.signing_in._passwords, Passwords)
    handlers = composed.pages(services)
    async with AsyncExitStack() as stack:
        port = stack.enter_context(reserved_port())
        origin = f"http://localhost:{port}"
        made = replace(composed.desk(services), origin=origin, cookies=Cookies(origin), paths=routes.paths(handlers))
        runner = await server.serve(routes.application(made, handlers), host="127.0.0.1", port=port, tls=None)
        stack.push_async_callback(runner.cleanup)
        yield Door(services, made, stack)

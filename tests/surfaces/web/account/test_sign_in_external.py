"""Signing in at an identity provider, as the browser sees it: off, back, and what is shown when it goes wrong."""

from collections.abc import AsyncIterator
from typing import NamedTuple
from urllib.parse import urlencode

import pytest

from connector.foundation.http import server
from tests.identity.accounts.oidc.issuer import Issuer, issuing
from tests.surfaces.web.account.desk import Door, open_door
from tests.surfaces.web.browsing import Browser, Page
from tests.testkit.cities import MUNICIPALITY, Space

ANSWER = "/sign-in/external/answer"


class There(NamedTuple):
    door: Door
    issuer: Issuer

    async def back(self, browser: Browser, following: str = "/account") -> Page:
        """Off to the provider, where she is known, and back."""
        off = await browser.get(f"/sign-in/external?next={following}", follow=False)
        assert off.status == 303
        return await browser.get(f"{ANSWER}?{urlencode(self.issuer.authorize(off.headers['Location']))}")


@pytest.fixture
async def there(space: Space) -> AsyncIterator[There]:
    space.prepared("it")
    certs = space.folder / "certs"
    tls = server.tls_server(certs / "server.pem", certs / "server.key")
    async with issuing(tls) as issuer:
        issuer.person |= {"groups": ["rathaus"], "amr": ["mfa"]}
        environ = {
            "HANSE_OIDC__ISSUER": issuer.url,
            "HANSE_OIDC__CLIENT_SECRET": "geheim",
            "HANSE_OIDC__NAME": "Rathaus",
            "HANSE_OIDC__ROLES": "rathaus = musterstadt steward",
        }
        towns = {"musterstadt": MUNICIPALITY}
        async with space.running("it", towns, environ) as city, open_door(city.services) as door:
            yield There(door, issuer)


@pytest.mark.threat("T88")
async def test_off_and_back(there: There) -> None:
    """>> the button, the provider, back << where she wanted to go, with her role; no password of ours to change."""
    anna = there.door.browser()
    page = await anna.get("/sign-in?next=/account")
    assert page.link("Anmelden mit Rathaus") == "/sign-in/external?next=%2Faccount"
    page = await there.back(anna)
    assert (page.path, page.h1) == ("/account", "Mein Konto")
    assert "Freigabe" in page.words
    assert "Passwort" not in page.words
    assert (await there.back(there.door.browser(), "//evil.example")).path in ("/", "/t/musterstadt/")


@pytest.mark.threat("T88")
async def test_what_goes_wrong_leads_to_the_sign_in_page(there: There) -> None:
    """>> another browser's answer, one of before, a refusal, a stranger << one page with a sentence, no session."""
    anna, olaf = there.door.browser(), there.door.browser()
    off = await anna.get("/sign-in/external", follow=False)
    answer = there.issuer.authorize(off.headers["Location"])
    page = await olaf.get(f"{ANSWER}?{urlencode(answer)}")
    assert (page.status, page.h1) == (401, "Anmelden")
    assert "nicht zu gebrauchen" in page.words
    page = await anna.get(f"{ANSWER}?error=access_denied&error_description=%3Cb%3E&{urlencode(answer)}")
    assert page.status == 401
    assert "<b>" not in page.text
    assert (await anna.get(f"{ANSWER}?{urlencode(answer)}")).status == 401, "that sign-in was over"
    there.issuer.person |= {"groups": []}
    page = await there.back(anna)
    assert page.status == 403
    assert "keine Aufgabe" in page.words
    assert (await anna.get("/account")).path == "/sign-in"

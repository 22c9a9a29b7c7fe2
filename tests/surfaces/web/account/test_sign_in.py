"""Signing in at the desk: the ways in, and that nothing planted, replayed or foreign opens it."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from connector.surfaces.web import forms
from connector.surfaces.web.account import browser as browsers
from tests.identity.accounts.people import PASSWORD, PETRA, code
from tests.surfaces.web.account.desk import Door, entered, open_door
from tests.surfaces.web.browsing import Browser, Page
from tests.testkit.cities import MUNICIPALITY, Space


@pytest.fixture
async def door(space: Space) -> AsyncIterator[Door]:
    towns = {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY}
    async with space.running("it", towns) as city, open_door(city.services) as opened:
        yield opened


def cookies(browser: Browser) -> dict[str, str]:
    return {one.key: one.value for one in browser._jar}


def session_of(browser: Browser) -> str:
    return next((value for name, value in cookies(browser).items() if "session" in name), "")


async def with_second(door: Door, browser: Browser) -> tuple[str, Page]:
    """She sets up her telephone; its secret, and the page with her codes on paper."""
    page = await browser.get("/account/second-factor")
    totp = dict(page.form("/account/second-factor").fields)["secret"]
    now = door.services.infra.clock.now()
    return totp, await browser.send(page, "/account/second-factor", code=code(totp, now))


async def test_from_an_invitation_to_work(door: Door) -> None:
    """>> an invitation as steward, an account, a second factor, out, in again with both << the page she wanted."""
    anna = door.browser()
    page = await anna.get(f"/invitation?code={await door.invited('steward')}")
    assert (page.status, page.h1) == (200, "Einladung zu Musterstadt")
    assert "Freigabe: gibt Daten frei" in page.words
    page = await anna.send(page, login=PETRA, name="Petra Muster", password=PASSWORD)
    assert (page.path, page.h1) == ("/account/second-factor", "Zweiter Faktor")
    assert "<svg" in page.text
    assert (await anna.get("/account")).words.count("Freigabe") == 1, "it rests until then"
    totp, codes = await with_second(door, anna)
    assert codes.h1 == "Ihre Codes auf Papier"
    shown = [word for word in codes.words.split() if len(word) == 11 and word[5] == "-"]
    assert len(shown) == 10
    assert (await anna.send(codes, "/sign-out")).path == "/sign-in"
    assert session_of(anna) == ""
    page = await anna.get("/account?x=1")
    assert page.path == "/sign-in"
    page = await anna.send(page, "/sign-in", login=PETRA, password=PASSWORD)
    assert page.path == "/sign-in/second"
    page = await anna.send(page, code=code(totp, door.services.infra.clock.now(), 1))
    assert (page.path, page.h1) == ("/account", "Mein Konto")
    assert "ruhen" not in page.words
    again = door.browser()
    page = await entered(again)
    await again.send(page, code=shown[0])
    assert session_of(again)


@pytest.mark.threat("T28")
async def test_a_planted_session_is_worth_nothing(door: Door) -> None:
    """>> cookies that a stranger chose, before she signs in << they name nobody, and she gets others."""
    anna = await door.account("auditor")
    planted = session_of(anna)
    victim = door.browser()
    victim._jar.update_cookies({door.desk.cookies.name: "x" * 43})
    await entered(victim)
    assert session_of(victim) not in ("x" * 43, "", planted)
    before = session_of(victim)
    await victim.send(await victim.get("/account"), "/account/password", old=PASSWORD, new="Eine neue Kastanie")
    assert session_of(victim) not in (before, "")
    stale = door.browser()
    stale._jar.update_cookies({door.desk.cookies.name: before})
    assert (await stale.get("/account")).path == "/sign-in"
    assert (await anna.get("/account")).path == "/sign-in", "a new password ends all sessions"


@pytest.mark.threat("T28")
async def test_nobody_is_led_elsewhere(door: Door) -> None:
    """>> an address of another place to go back to << the start page, on the form and in the answer."""
    await door.account("auditor")
    for back in (
        "//evil.example",
        "///evil",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\t/evil",
        "",
    ):
        anna = door.browser()
        page = await anna.get("/sign-in?next=" + quote(back, safe=""))
        form = page.form("/sign-in")
        assert dict(form.fields)["next"] == "/"
        sent = {**dict(form.fields), "next": back, "login": PETRA, "password": PASSWORD}
        answer = await anna.post("/sign-in", sent, follow=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/")


@pytest.mark.threat("T28")
async def test_only_our_own_pages_sign_in(door: Door) -> None:
    """>> the form from another origin, without origin, without token << refused before anybody is looked for."""
    await door.account("auditor")
    anna = door.browser()
    page = await anna.get("/sign-in")
    typed = {**dict(page.form("/sign-in").fields), "login": PETRA, "password": PASSWORD}
    assert (await anna.post("/sign-in", typed, origin="https://evil.example")).status == 400
    assert (await anna.post("/sign-in", typed, origin="null")).status == 400
    assert (await anna.post("/sign-in", [("login", PETRA), ("password", PASSWORD)])).status == 400
    assert session_of(anna) == ""
    for name, value in (("X-Frame-Options", "DENY"), ("Cache-Control", "no-store")):
        assert page.headers[name] == value
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


async def test_what_was_sent_too_late_is_said_to_be_lost(door: Door) -> None:
    """Bug: a form sent after the session was over led to signing in without a word, and from there to the start.
    >> a new name on her account's page, too late << told so, then back; signing out loses nothing."""
    anna = await door.account("auditor")
    page = await anna.get("/account")
    await over(door, anna)
    late = await anna.send(page, "/account", name="Petra Neu")
    assert (late.path, "ist nicht angekommen" in late.words) == ("/sign-in", True)
    back = await anna.send(late, "/sign-in", login=PETRA, password=PASSWORD)
    assert (back.path, "Petra Neu" in back.text) == ("/account", False)
    await over(door, anna)
    assert "ist nicht angekommen" not in (await anna.send(back, "/sign-out")).words


async def over(door: Door, browser: Browser) -> None:
    """As after half an hour without use."""
    signed = await door.accounts.sessions.session(session_of(browser))
    assert signed is not None
    await door.accounts.sessions.end(signed.person, signed.session)


async def test_what_was_wrong_is_not_told(door: Door) -> None:
    """>> a wrong password, an unknown name, markup as name << one page and sentence; the name stays text."""
    await door.account("auditor")
    nasty = '"><img src=x onerror=alert(1)>'
    pages = [
        await entered(door.browser(), login, "Kastanie im Regen") for login in (PETRA, "niemand@example.org", nasty)
    ]
    assert {page.status for page in pages} == {401}
    assert all("Name oder Passwort stimmt nicht." in page.words for page in pages)
    assert "<img" not in pages[2].text
    assert "Kastanie" not in pages[0].text
    stranger = door.browser()
    for _ in range(5):
        page = await entered(stranger, PETRA, "falsch-falsch")
    assert page.status == 429
    assert "Anmelde-Link" in page.words


@pytest.mark.threat("T28")
async def test_a_link_is_looked_at_and_then_used_once(door: Door) -> None:
    """>> a mail program opens it, she presses the button, somebody presses it again << nothing, in, refused."""
    person = await door.accounts.people.add(PETRA, "Petra Muster")
    await door.accounts.people.grant("musterstadt", "", person.id, "steward")
    link = f"/sign-in/link?code={await door.accounts.links.make(person.id)}"
    seen = await door.browser().get(link)
    assert seen.h1 == "Mit einem Link anmelden"
    anna, late = door.browser(), door.browser()
    page = await anna.get(link)
    other = await late.get(link)
    assert (await anna.send(page)).status in (200, 404)
    assert session_of(anna)
    refused = await late.send(other)
    assert refused.status == 401
    assert session_of(late) == ""


async def test_a_link_from_afar(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the desk has no address of its own, somebody from elsewhere has a link << refused, and it is not used."""
    person = await door.accounts.people.add(PETRA, "Petra Muster")
    link = await door.accounts.links.make(person.id)
    monkeypatch.setattr("connector.surfaces.web.account.sign_in._loopback", lambda address: False)
    anna = door.browser()
    page = await anna.send(await anna.get(f"/sign-in/link?code={link}"))
    assert (page.status, session_of(anna)) == (403, "")
    monkeypatch.undo()
    await anna.send(await anna.get(f"/sign-in/link?code={link}"))
    assert session_of(anna)


@pytest.mark.threat("T30")
async def test_an_invitation_that_is_none(door: Door) -> None:
    """>> made up, used, twice at once << each the same page that tells nothing of a participant."""
    link = await door.invited("auditor")
    anna = door.browser()
    page = await anna.get(f"/invitation?code={link}")
    weak = await anna.send(page, login=PETRA, name="Petra", password="kurz")
    assert weak.status == 400
    assert "mindestens 12" in weak.words
    assert (await anna.send(weak, login=PETRA, name="Petra", password=PASSWORD)).path == "/t/musterstadt/"
    for secret in (link, "", "x" * 43):
        page = await door.browser().get(f"/invitation?code={secret}")
        assert page.status == 401
        assert "Musterstadt" not in page.words


async def test_who_has_an_account_joins_with_it(door: Door) -> None:
    """>> Petra of Musterstadt opens an invitation to Nachbardorf << one button, and she signs in anew.

    Bug: that her session would end, and what to do if somebody else is invited, was not said before.
    """
    anna = await door.account("auditor")
    page = await anna.get(f"/invitation?code={await door.invited('publisher', slug='nachbardorf')}")
    assert "Annehmen als Petra Muster" in page.words
    assert "Sie sind als Petra Muster angemeldet." in page.words
    assert "werden Sie überall abgemeldet" in page.words
    page = await anna.send(page, "/invitation/join")
    assert (await anna.get("/account")).path == "/sign-in"
    people = {login.login: roles for login, roles in await door.accounts.people.all()}
    assert people == {PETRA: {"musterstadt": {"auditor"}, "nachbardorf": {"publisher"}}}


def test_browsers_are_two_words() -> None:
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/143.0 Safari/537.36 Edg/143.0"
    assert (browsers.kind(firefox), browsers.kind(edge)) == ("Firefox, Linux", "Edge, Windows")
    assert browsers.kind("curl/8") == browsers.kind("") == ""


async def test_without_a_password_nobody_is_asked_for_a_code(door: Door) -> None:
    """>> the page for the code out of the blue << to the first page."""
    assert (await door.browser().get("/sign-in/second")).path == "/sign-in"


@pytest.mark.threat("T28")
async def test_another_sign_in_ends_the_one_before(door: Door) -> None:
    """Bug: the session that a browser had before lived on beside the new one. >> she signs in again in the browser
    in which she is signed in, and elsewhere << the first is over, elsewhere's stays."""
    anna, elsewhere = await door.account("auditor"), door.browser()
    await entered(elsewhere)
    before, page = session_of(anna), await anna.get("/account")
    token = await _token_of(door, anna, "/sign-in")
    sent = {"form": token, "login": PETRA, "password": PASSWORD, "next": "/account"}
    assert (await anna.post("/sign-in", sent)).h1 == page.h1
    assert session_of(anna) not in (before, "")
    assert await door.accounts.sessions.session(before) is None
    assert await door.accounts.sessions.session(session_of(elsewhere)) is not None


async def _token_of(door: Door, browser: Browser, path: str) -> str:
    signed = await door.accounts.sessions.session(session_of(browser))
    assert signed is not None
    return forms.token(signed.form_key, path, door.desk.clock.now())


@pytest.mark.threat("T87")
async def test_a_flood_from_her_address_shuts_nobody_out(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bug: whoever shared her address, as all do behind a proxy, kept her from the page to sign in on. >> a stranger
    asks until he has to wait; so does a browser with a secret of its own making; hers << both wait; she signs in."""
    monkeypatch.setattr("connector.surfaces.web.routes.ADDRESS_BURST", 30)
    monkeypatch.setattr("connector.surfaces.web.routes.ADDRESS_PER_S", 0)
    async with space.running("it", {"musterstadt": MUNICIPALITY}) as city, open_door(city.services) as door:
        anna, stranger = await door.account("auditor"), door.browser()
        await anna.send(await anna.get("/account"), "/sign-out")
        await entered(anna)
        await anna.send(await anna.get("/account"), "/sign-out")
        asked = [await stranger.get("/sign-in") for _ in range(30)]
        assert asked[-1].status == 429
        name = door.desk.cookies.name.replace("session", "browser")
        stranger._jar.update_cookies({name: "x" * 43})
        assert (await stranger.get("/sign-in")).status == 429
        assert (await entered(anna)).status == 200
        assert session_of(anna)

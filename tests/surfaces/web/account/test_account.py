"""What is one's own: name, language, sessions; and nothing of it for anybody else."""

from collections.abc import AsyncIterator

import pytest

from tests.identity.accounts.people import OLAF, PASSWORD, PETRA
from tests.surfaces.web.account.desk import Door, entered, open_door
from tests.testkit.cities import MUNICIPALITY, Space


@pytest.fixture
async def door(space: Space) -> AsyncIterator[Door]:
    async with space.running("it", {"musterstadt": MUNICIPALITY}) as city, open_door(city.services) as opened:
        yield opened


async def test_name_and_language(door: Door) -> None:
    """>> another name, English << both from now on, in another browser too; a name nobody sees is none."""
    anna = await door.account("auditor")
    page = await anna.send(await anna.get("/account"), "/account", name="Petra  Neu <b>", language="en")
    assert page.h1 == "My account"
    assert "Petra Neu <b>" in page.words
    assert "p-" in page.words
    page = await anna.send(page, "/account", name="\u202e", language="en")
    assert page.status == 400
    other = door.browser()
    await entered(other)
    assert (await other.get("/account")).h1 == "My account"


async def test_sessions_are_seen_and_ended(door: Door) -> None:
    """>> three browsers; one is ended, then all others << signed out there, never here."""
    first = await door.account("auditor")
    second, third = door.browser(), door.browser()
    for one in (second, third):
        await entered(one)
    page = await first.get("/account")
    assert page.words.count("Dieser Browser") == 1
    ends = [form for form in page.forms if form.action == "/account/sessions/end"]
    assert len(ends) == 2
    await first.post("/account/sessions/end", ends[0].fields)
    signed = [(await one.get("/account")).path for one in (second, third)]
    assert sorted(signed) == ["/account", "/sign-in"]
    await first.send(await first.get("/account"), "/account/sessions/end-others")
    assert [(await one.get("/account")).path for one in (first, second, third)] == ["/account", "/sign-in", "/sign-in"]


@pytest.mark.threat("T28")
async def test_a_form_is_of_one_session(door: Door) -> None:
    """>> Olaf sends the form that Petra's page has << refused, nothing changed."""
    petra, olaf = await door.account("auditor"), await door.account("auditor", login=OLAF)
    page = await petra.get("/account")
    sent = {**dict(page.form("/account").fields), "name": "Fremd"}
    assert (await olaf.post("/account", sent)).status == 400
    assert "Fremd" not in (await olaf.get("/account")).words


async def test_a_wrong_password_or_code_changes_nothing(door: Door) -> None:
    """>> a wrong old password, an easy new one, a code of no telephone, a made-up secret << told on the page."""
    anna = await door.account("auditor")
    page = await anna.get("/account")
    for old, new, said in (("falsch", "Eine neue Kastanie", "stimmt nicht"), (PASSWORD, "kurz", "mindestens 12")):
        page = await anna.send(page, "/account/password", old=old, new=new)
        assert said in page.words
    page = await anna.send(await anna.get("/account/second-factor"), "/account/second-factor", code="000000")
    assert "passt nicht" in page.words
    page = await anna.send(page, "/account/second-factor", secret="A" * 31, code="000000")
    assert page.status == 400
    assert not (await door.accounts.people.known(PETRA)).second


async def test_who_came_by_a_link_chooses_a_password(door: Door) -> None:
    """>> no password yet << asked for a new one alone; then signed in with it, and next time for the old one."""
    anna = await door.signed_in("auditor")
    page = await anna.get("/account")
    assert "old" not in page.form("/account/password").names
    assert "mindestens 12" in (await anna.send(page, "/account/password", new="kurz")).words
    page = await anna.send(await anna.get("/account"), "/account/password", new=PASSWORD)
    assert "old" in page.form("/account/password").names
    again = door.browser()
    await entered(again)
    assert (await again.get("/account")).path == "/account"

"""People and keys of a participant, as those see them who may: two persons, secrets once, nothing for others."""

from collections.abc import AsyncIterator

import pytest

from connector.foundation.storage import PROCESS
from connector.identity.accounts import store
from tests.identity.accounts.people import OLAF, PETRA
from tests.surfaces.web.account.desk import Door, open_door
from tests.surfaces.web.browsing import Browser, Page
from tests.testkit.cities import MUNICIPALITY, Space

ANNA, BERT = "anna@musterstadt.de", "bert@musterstadt.de"


@pytest.fixture
async def door(space: Space) -> AsyncIterator[Door]:
    towns = {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY}
    async with space.running("it", towns) as city, open_door(city.services) as opened:
        yield opened


async def pressed(browser: Browser, page: Page, action: str, person: str, role: str) -> Page:
    """The button of this person and role."""
    found = [
        form
        for form in page.forms
        if form.action.endswith(action) and {("person", person), ("role", role)} <= set(form.fields)
    ]
    assert len(found) == 1, f"{len(found)} × {action} {role}"
    return await browser.post(found[0].action, found[0].fields)


async def roles(door: Door, login: str) -> set[str]:
    found = {person.login: some for person, some in await door.accounts.people.all()}
    return set(found[login].get("musterstadt", frozenset()))


async def test_two_persons_make_a_steward(door: Door) -> None:
    """>> Anna proposes Petra, cannot confirm it herself; Bert does << it waits, no button for her, it counts."""
    anna = await door.signed_in("admin", login=ANNA)
    bert = await door.signed_in("admin", login=BERT)
    await door.account("publisher")
    petra = (await door.accounts.people.known(PETRA)).id
    page = await anna.get("/t/musterstadt/people")
    assert "Petra Muster" in page.words
    page = await pressed(anna, page, "/people/grant", petra, "steward")
    assert "wartet auf eine zweite Person" in page.words
    assert not [form for form in page.forms if form.action.endswith("/people/confirm")]
    assert await roles(door, PETRA) == {"publisher"}
    page = await pressed(bert, await bert.get("/t/musterstadt/people"), "/people/confirm", petra, "steward")
    assert await roles(door, PETRA) == {"publisher", "steward"}
    page = await pressed(anna, await anna.get("/t/musterstadt/people"), "/people/take", petra, "steward")
    assert await roles(door, PETRA) == {"publisher"}


@pytest.mark.threat("T28")
async def test_what_pages_do_not_offer_is_refused(door: Door) -> None:
    """>> one's own role, one's own proposal, the last admin, a role that is none << refused, nothing changed."""
    anna = await door.signed_in("admin", login=ANNA)
    me = (await door.accounts.people.known(ANNA)).id
    page = await anna.get("/t/musterstadt/people")
    token = {action: anna_token(page, action) for action in ("take", "invite")}
    grant = await door.account("auditor")
    assert grant
    petra = (await door.accounts.people.known(PETRA)).id
    page = await anna.get("/t/musterstadt/people")
    form = next(one for one in page.forms if one.action.endswith("/people/grant"))
    wish = {**dict(form.fields), "person": me, "role": "steward"}
    assert (await anna.post(form.action, wish)).status == 403
    assert (await anna.post(form.action, {**wish, "person": petra, "role": "operator"})).status == 400
    refused = await anna.post("/t/musterstadt/people/take", {"form": token["take"], "person": me, "role": "admin"})
    assert refused.status == 403
    assert "letzte Person" in refused.words
    assert await roles(door, ANNA) == {"admin"}


def anna_token(page: Page, action: str) -> str:
    return next(dict(form.fields)["form"] for form in page.forms if form.action.endswith(f"/people/{action}"))


@pytest.mark.threat("T86")
async def test_a_name_is_confirmed_by_another_admin_and_a_change_undoes_it(door: Door) -> None:
    """>> Petra's name confirmed by Anna; Petra calls herself otherwise << each page says so; nobody confirms her own,
    and a publisher nobody's."""
    anna, petra = await door.signed_in("admin", login=ANNA), await door.account("publisher")
    page = await anna.get("/t/musterstadt/people")
    (form,) = (one for one in page.forms if one.action.endswith("/people/name"))
    assert page.words.count("Name nicht bestätigt") == 2
    assert (await petra.post(form.action, dict(form.fields))).status in (403, 404)
    me = {**dict(form.fields), "person": (await door.accounts.people.known(ANNA)).id, "name": "Anna Muster"}
    assert (await anna.post(form.action, me)).status == 403
    page = await anna.post(form.action, form.fields)
    assert "Der Name wurde von Anna Muster bestätigt." in page.words
    assert page.words.count("Name nicht bestätigt") == 1
    found = await door.accounts.people.known(PETRA)
    await door.services.infra.db.write(PROCESS, store.set_details, found.id, "Anna Muster", "de")
    page = await anna.get("/t/musterstadt/people")
    assert page.words.count("Name nicht bestätigt") == 2
    (form,) = (one for one in page.forms if one.action.endswith("/people/name"))
    late = await anna.post(form.action, {**dict(form.fields), "name": "Petra Muster"})
    assert (late.status, "heißt inzwischen anders" in late.words) == (400, True)


async def test_an_invitation_is_shown_once(door: Door) -> None:
    """>> invited, shown again, taken back << the link on that page alone, in the list without it, gone."""
    anna = await door.signed_in("admin", login=ANNA)
    page = await anna.get("/t/musterstadt/people")
    page = await anna.send(page, "/people/invite", name="Olaf <b>", roles=["auditor", "publisher"])
    link = next(word for word in page.words.split() if "/invitation?code=" in word)
    assert (await door.browser().get(link.removeprefix(door.origin))).h1 == "Einladung zu Musterstadt"
    page = await anna.get("/t/musterstadt/people")
    assert link not in page.text
    assert "Olaf <b>" in page.words
    empty = await anna.send(page, "/people/invite", name="Olaf", roles=[])
    assert empty.status == 400
    await anna.send(page, "/people/take-back")
    assert (await door.browser().get(link.removeprefix(door.origin))).status == 401


async def test_a_key_is_shown_once_and_ended(door: Door) -> None:
    """>> an auditor makes one for reading; more is not offered, and refused if sent << shown once; an admin ends it."""
    olaf = await door.account("auditor", login=OLAF)
    page = await olaf.get("/t/musterstadt/tokens")
    page = await olaf.send(page, "/tokens", label="QGIS", scopes=["read"], days="30")
    key = next(word for word in page.words.split() if word.startswith("hanse_") and not word.endswith("…"))
    caller = await door.accounts.tokens.caller(f"Bearer {key}")
    assert caller.scopes == {"read"}
    page = await olaf.get("/t/musterstadt/tokens")
    assert key not in page.text
    assert "QGIS" in page.words
    assert "Diese Namen hat hier niemand bestätigt: Olaf" in page.words
    more = await olaf.send(page, "/tokens", label="x", scopes=["decide"], days="30")
    assert more.status == 403
    assert "nicht mehr dürfen" in more.words
    for days in ("0", "366", "x", "１２"):
        assert (await olaf.send(page, "/tokens", label="x", scopes=["read"], days=days)).status == 400
    anna = await door.signed_in("admin", login=ANNA)
    page = await anna.get("/t/musterstadt/tokens")
    assert not [form for form in page.forms if form.action.endswith("/tokens")], "an admin reads nothing"
    await anna.send(page, "/tokens/end")
    assert await door.accounts.tokens.of("musterstadt") == []


@pytest.mark.threat("T86")
async def test_who_may_not_sees_nothing(door: Door) -> None:
    """>> a reader, an admin without a second factor, an admin of another town << as if there were no such page."""
    olaf = await door.account("auditor", login=OLAF)
    weak = await door.account("admin")
    other = await door.signed_in("admin", login=BERT, slug="nachbardorf")
    for browser in (olaf, weak, other):
        page = await browser.get("/t/musterstadt/people")
        assert page.status == 404
        assert "Petra" not in page.words.replace("Petra Muster", "", 1)
    assert (await other.get("/t/nachbardorf/people")).status == 200
    assert (await other.get("/t/musterstadt/tokens")).status == 404

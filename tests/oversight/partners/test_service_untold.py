"""Who leaves a space before partners know that contracts have ended is told of whom, by command, program and desk."""

import asyncio

import pytest

from connector.cli.main import main
from connector.foundation.settings.load import web_origin
from connector.surfaces.web.session import Cookies
from tests.cli.playback import Terminal
from tests.dataspace.spaces.conftest import UNLISTED, joined
from tests.dataspace.spaces.mergers import founded, listed, space_of
from tests.surfaces.web.browsing import Browser
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.patience import eventually_said

TOWN, PARTNER = "musterstadt", "nachbardorf"


async def untold(city: City, space: str) -> list[str]:
    found = await city.api.get(f"/api/v1/participants/{TOWN}/spaces/untold", space=space)
    return list(found["partners"])


async def leaves(city: City, space: str, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a person reads beside the result."""
    given = ["space", "leave", space, "--as", TOWN, *words, "--data", str(city.settings.folder), "--lang", "en"]
    assert await asyncio.to_thread(main, given, {"LANG": "en"}) == 0
    return capsys.readouterr().err


async def at_the_desk(city: City) -> str:
    """What a steward of the town reads on the page of the space."""
    people, links, origin = city.services.accounts.people, city.services.accounts.links, web_origin(city.settings)
    person = await people.add("tina@musterstadt.example", "Tina")
    await people.decide(person.id, TOWN, "steward", take=False)
    tina = Browser(origin, await links.use(await links.make(person.id), "Firefox"), Cookies(origin).name, "de")
    try:
        page = await tina.get((await tina.get(f"/t/{TOWN}/spaces")).link("Datenraum Musterkreis"))
        return page.words
    finally:
        await tina.close()


async def test_whoever_leaves_too_early_is_told_who_does_not_know(
    space: Space, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a contract with a partner that is away, ended; the town looks, as command and at its desk, and says no; of a
    space that it has not joined; the partner comes back; it leaves << the partner's name; nothing has changed; nobody;
    nobody, and it is out."""
    county = await founded(space)
    town = await space.city("town", {TOWN: MUNICIPALITY}, UNLISTED)
    url = await space_of(county)
    async with space.running("partner", {PARTNER: MUNICIPALITY}, dict(UNLISTED)) as partner:
        for city, slug in ((town, TOWN), (partner, PARTNER)):
            await joined(city, slug, county)
        await listed(county, town, partner)
        made = await town.publish(TOWN)
        signed = await partner.negotiate(PARTNER, town.did(TOWN), made["dataset"])
        assert await untold(town, url) == []
    uuid = signed["agreement"].removeprefix("urn:uuid:")
    await town.api.post(f"/api/v1/participants/{TOWN}/agreements/{uuid}/end", {"reason": "Teil von Musterstadt."})
    assert (await untold(town, url), await untold(town, f"{url}s")) == (["Nachbardorf"], [])
    monkeypatch.setattr("sys.stdin", Terminal("no\n"))
    told = await leaves(town, url, capsys)
    assert "do not learn it after you have left; with them they stay in force: Nachbardorf\n" in told
    assert "bei ihnen bleiben sie in Kraft: Nachbardorf." in await at_the_desk(town)
    assert [one.state for one in await town.services.spaces.joining.all(TOWN)] == ["member"]
    async with space.running("partner", {}, dict(UNLISTED)):

        async def known() -> bool:
            return await untold(town, url) == []

        await eventually_said(known)
        monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
        assert "Nachbardorf" not in await leaves(town, url, capsys)
        assert [one.state for one in await town.services.spaces.joining.all(TOWN)] == ["left"]

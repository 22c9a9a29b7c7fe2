"""The life of an agreement by the commands that a steward types: compared, replaced, ended, with a partner away."""

import asyncio
import json

import pytest

from connector.cli.main import main
from connector.foundation.language import local_text
from tests.testkit.cities import MUNICIPALITY, PURPOSE, City, Space
from tests.testkit.patience import PATIENCE_S

TOWN, VILLAGE = "musterstadt", "nachbardorf"


async def hanse(city: City, capsys: pytest.CaptureFixture[str], *words: str, lang: str = "de", code: int = 0) -> str:
    """Runs a command against the city and gives what it printed, errors included."""
    argv = ["--data", str(city.settings.folder), "--lang", lang, *words]
    assert await asyncio.to_thread(main, argv, {}) == code
    said = capsys.readouterr()
    return said.out + said.err


async def state(city: City, slug: str, agreement: str) -> str:
    return str((await city.api.get(f"/api/v1/participants/{slug}/agreements/{agreement[9:]}"))["state"])


async def until(city: City, slug: str, agreement: str, wanted: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await state(city, slug, agreement) != wanted:
            await asyncio.sleep(0.05)


async def test_read_side_by_side_then_replaced(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    """>> a second offer with another end << compare shows the clause; >> request --replaces << the old one is over."""
    town = await space.city("town", {TOWN: MUNICIPALITY})
    village = await space.city("village", {VILLAGE: MUNICIPALITY})
    await space.reload(town, village)
    made = await town.publish(TOWN)
    old = (await village.negotiate(VILLAGE, town.did(TOWN), made["dataset"], offer=made["offer"]))["agreement"]
    wish = {"rule": "municipal-purpose", "slots": {"until": "31.12.2040"}}
    uuid = made["dataset"].rsplit("/", 1)[-1]
    offer = (await town.api.post(f"/api/v1/participants/{TOWN}/datasets/{uuid}/offers", wish))["offer"]
    shown = await hanse(village, capsys, "agreement", "compare", old, offer, "--as", VILLAGE)
    assert "Geändert:" in shown
    assert "2099" in shown
    assert "2040" in shown
    assert "Unverändert:" in shown
    english = await hanse(village, capsys, "agreement", "compare", old, old, "--as", VILLAGE, lang="en")
    assert english.startswith("Unchanged: ")
    missing = await hanse(village, capsys, "agreement", "compare", old, "urn:nothing", "--as", VILLAGE, code=1)
    assert "urn:nothing" in missing
    asked = await hanse(
        village,
        capsys,
        "request",
        offer,
        "--as",
        VILLAGE,
        "--from",
        town.did(TOWN),
        "--purpose",
        PURPOSE,
        "--replaces",
        old,
        "--json",
        "--yes",
    )
    new = json.loads(asked)["agreement"]
    for city, slug in ((town, TOWN), (village, VILLAGE)):
        await until(city, slug, old, "ended")
        assert await state(city, slug, new) == "finalized"
    told = await hanse(village, capsys, "agreement", "compare", old, new, "--as", VILLAGE)
    assert "Geändert:" in told
    for city, slug in ((town, TOWN), (village, VILLAGE)):
        before = json.loads(await hanse(city, capsys, "agreement", "show", old, "--as", slug, "--json"))
        after = json.loads(await hanse(city, capsys, "agreement", "show", new, "--as", slug, "--json"))
        assert (before["predecessor"], after["successor"]) == (None, None)
        assert before["successor"] == {
            "agreement": new,
            "digest": before["successor"]["digest"],
            "since": before["successor"]["since"],
            "ended": None,
        }
        assert after["predecessor"]["agreement"] == old
        assert after["predecessor"]["ended"] == before["ended"] is not None
        said = await hanse(city, capsys, "agreement", "show", old, "--as", slug)
        assert f"Abgelöst durch {new}, gültig seit {local_text(before['successor']['since'], 'de')}." in said
        said = await hanse(city, capsys, "agreement", "show", new, "--as", slug)
        assert f"Löst {old} ab, beendet am {local_text(before['ended'], 'de')}." in said


async def test_an_end_reaches_a_partner_that_was_away(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    """>> the town is down when the village ends it << shown as waiting; the town is back << ended there too."""
    village = await space.city("village", {VILLAGE: MUNICIPALITY})
    async with space.running("town", {TOWN: MUNICIPALITY}) as town:
        await space.reload(town, village)
        made = await town.publish(TOWN)
        signed = await village.negotiate(VILLAGE, town.did(TOWN), made["dataset"])
    agreement = str(signed["agreement"])
    words = ("agreement", "end", agreement, "--as", VILLAGE, "--yes")
    assert "Grund" in await hanse(village, capsys, *words, "--reason", " ", code=1)
    told = await hanse(village, capsys, *words, "--reason", "Nicht mehr nötig.", "--reason-en", "Not needed any more.")
    assert "Ende erklärt durch uns" in told
    assert "steht noch aus" in told
    async with space.running("town", {TOWN: MUNICIPALITY}) as town:
        await space.reload(town, village)
        await until(town, TOWN, agreement, "ended")
        theirs = await hanse(town, capsys, "agreement", "show", agreement, "--as", TOWN, lang="en")
        assert "Reason: Not needed any more." in theirs
        assert "End stated by the other side" in theirs

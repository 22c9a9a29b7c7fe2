"""`hanse space` and `hanse join` against real servers, as `docs/space-authority.md` and `docs/space-joining.md` go."""

import asyncio
import csv
import io
import json
import re
import sys
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from connector.cli.main import main
from connector.dataspace.spaces.model import Rules
from connector.foundation.clock import rfc3339
from connector.foundation.language import local_text
from tests.cli.playback import Playback
from tests.dataspace.spaces.conftest import (
    COUNTY,
    COUNTY_KIND,
    PEOPLE,
    TOWN,
    UNLISTED,
    VILLAGE,
    County,
    applied,
    joined,
)
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.patience import PATIENCE_S, eventually_said

ANNA, BERT = PEOPLE[:2]


@pytest.fixture
async def county(space: Space) -> County:
    """A county without a space yet."""
    return County(await space.city("county", {COUNTY: COUNTY_KIND}, UNLISTED))


@pytest.fixture
async def town(space: Space) -> City:
    return await space.city("town", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY}, UNLISTED)


async def hanse(city: City, *words: str, code: int = 0) -> None:
    assert await asyncio.to_thread(main, [*words, "--data", str(city.settings.folder)], {"LANG": "en"}) == code


async def answer(city: City, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    capsys.readouterr()
    await hanse(city, *words, "--json", code=code)
    return json.loads(capsys.readouterr().out.splitlines()[-1])


async def test_from_nothing_to_a_member(
    county: County, town: City, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> create, invite with a picture, join by a piped link, check, approve << a member; suspended, resumed, left."""
    await county.people()
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(b"%PDF-")
    await hanse(
        county.city,
        "space",
        "create",
        "Musterkreis",
        "--as",
        COUNTY,
        "--check",
        "letter",
        "--document",
        "letter",
        "--text",
        "Hello",
    )
    await hanse(county.city, "space", "show", "--as", COUNTY)
    said = re.search(r"Fingerprint of the key: ([0-9a-f ]+)", capsys.readouterr().out)
    assert said is not None
    picture = tmp_path / "link.svg"
    await hanse(county.city, "space", "invite", "--name", "Musterstadt", "--as", COUNTY, "--qr", str(picture))
    link = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("https://"))
    assert picture.read_text().startswith("<svg")
    await hanse(town, "join", link, "--as", TOWN, code=2)
    await hanse(town, "join", link, "--as", TOWN, "--fingerprint", "0", "--document", f"letter={letter}", code=1)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{link}\n"))
    await hanse(town, "join", "--as", TOWN, "--fingerprint", said[1], "--document", f"letter={letter}")
    (one,) = (await answer(county.city, capsys, "space", "applications", "--as", COUNTY))["applications"]
    await hanse(county.city, "space", "applications", "--as", COUNTY)
    await hanse(county.city, "space", "application", one["id"], "--as", COUNTY)
    shown = capsys.readouterr().out
    assert "open: letter" in shown
    assert "good: The application comes from " in shown
    assert "good: Nothing is unusual about the keys." in shown
    assert "doubtful: The invitation named no domain; " in shown
    own = ("--as", COUNTY, "--who")
    await hanse(county.city, "space", "approve", one["id"], *own, ANNA, code=1)
    await hanse(county.city, "space", "check", one["id"], "letter", "--note", "AZ 1", *own, ANNA)
    await hanse(county.city, "space", "approve", one["id"], *own, ANNA)
    await hanse(county.city, "space", "approve", one["id"], *own, ANNA, code=1)
    await hanse(county.city, "space", "approve", "musterSTADT", *own, BERT)
    joined = await answer(
        town,
        capsys,
        "join",
        link,
        "--as",
        TOWN,
        "--fingerprint",
        said[1],
        "--document",
        f"letter={letter}",
        "--wait",
        str(round(PATIENCE_S)),
    )
    assert joined["state"] == "member"
    await hanse(county.city, "space", "members", "--as", COUNTY)
    assert "Musterstadt" in capsys.readouterr().out
    for step in ("suspend", "resume", "renew"):
        await hanse(county.city, "space", step, town.did(TOWN), *own, ANNA)
    await hanse(town, "space", "joined", "--as", TOWN)
    roots = tmp_path / "roots.pem"
    await hanse(town, "space", "roots", joined["space"], "--as", TOWN, "-o", str(roots))
    assert "BEGIN PUBLIC KEY" in roots.read_text()
    await hanse(town, "space", "roots", "https://other.example/space", "--as", TOWN, "-o", str(roots), code=1)
    await hanse(town, "space", "leave", joined["space"], "--as", TOWN, "--yes")
    await hanse(county.city, "space", "expel", town.did(TOWN), *own, ANNA, code=1)
    await hanse(county.city, "space", "invitations", "--as", COUNTY)
    assert "used" in capsys.readouterr().out


async def test_an_application_refused(county: County, town: City, capsys: pytest.CaptureFixture[str]) -> None:
    await county.found()
    said = await county.authority.description(COUNTY)
    invited = await county.invite()
    await hanse(town, "join", invited.link, "--as", TOWN, "--fingerprint", said.fingerprint)
    (one,) = await county.applications.all(COUNTY)
    await hanse(county.city, "space", "refuse", one.id, "--as", COUNTY, "--who", ANNA, "--reason", "No seal.")
    await hanse(town, "join", invited.link, "--as", TOWN, "--fingerprint", said.fingerprint, code=1)
    assert "Reason: No seal." in capsys.readouterr().out, "the words of whoever refused"
    other = await county.invite()
    await hanse(county.city, "space", "withdraw", other.invitation.id, "--as", COUNTY)
    await hanse(town, "join", other.link, "--as", VILLAGE, "--fingerprint", said.fingerprint, code=1)
    assert "Reason: This invitation does not hold" in capsys.readouterr().out, "no bare code"


async def test_twenty_towns_by_a_list(county: County, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """>> a dry run, the list, the list again << nobody; twenty links in a file of mode 0600; nobody twice."""
    await county.found()
    table, report = tmp_path / "towns.csv", tmp_path / "links.csv"
    table.write_text("name;ars;domain\n" + "".join(f"Town {at};;town-{at}.example\n" for at in range(20)))
    words = ("space", "invite", "--csv", str(table), "--as", COUNTY)
    told = await answer(county.city, capsys, *words, "--dry-run")
    assert (told["would"], told["invited"]) == (20, [])
    assert await county.invitations.all(COUNTY) == []
    await hanse(county.city, *words, code=2)
    await hanse(county.city, *words, "--report", str(report))
    assert len(report.read_text().splitlines()) == 21
    assert report.stat().st_mode & 0o077 == 0
    again = await answer(county.city, capsys, *words, "--report", str(report))
    assert (again["would"], again["known"]) == (0, 20)
    await hanse(county.city, "space", "invite", "--as", COUNTY, code=2)
    for broken in ("", "town\nx\n", "name;ars\nx\n", 'name\n"x\n', '"name\n', "name;name\nx;y\n"):
        table.write_text(broken)
        with_code = await asyncio.to_thread(
            main, [*words, "--report", str(report), "--data", str(county.city.settings.folder)], {"LANG": "en"}
        )
        assert with_code == 2, broken


@pytest.mark.long
async def test_twenty_towns_join_by_a_script(
    county: County, space: Space, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a list, a dry run, the report, then for each line of it a join and two approvals, by commands alone; all of it
    again << twenty members in under two minutes of processor time, and nothing twice."""
    began = process_time()
    await county.found(Rules())
    slugs = [f"town-{at}" for at in range(20)]
    many = await space.city("many", dict.fromkeys(slugs, MUNICIPALITY), UNLISTED)
    said = await county.authority.description(COUNTY)
    table, report = tmp_path / "towns.csv", tmp_path / "links.csv"
    table.write_text("name\n" + "".join(f"{slug.title()}\n" for slug in slugs))
    invite = ("space", "invite", "--csv", str(table), "--as", COUNTY)
    assert (await answer(county.city, capsys, *invite, "--dry-run"))["would"] == 20
    own = ("--as", COUNTY, "--who")
    for _ in range(2):
        await hanse(county.city, *invite, "--report", str(report))
        for line in csv.DictReader(io.StringIO(report.read_text())):
            monkeypatch.setattr(sys, "stdin", io.StringIO(line["link"]))
            slug = line["name"].lower()
            asked = await answer(many, capsys, "join", "--as", slug, "--fingerprint", said.fingerprint)
            if asked["state"] == "pending":
                for login in (ANNA, BERT):
                    await hanse(county.city, "space", "approve", line["name"], *own, login)
    await county.issue()
    joining = many.services.spaces.joining

    async def members() -> bool:
        """An authority is asked for twenty seconds only in each round."""
        await joining.work()
        return {(await joining.all(slug))[0].state for slug in slugs} == {"member"}

    await eventually_said(members)
    assert len(await county.applications.all(COUNTY)) == 20
    assert process_time() - began < 120


async def test_a_name_under_which_two_wait_is_no_name(county: County, town: City) -> None:
    """>> two invited as the same town, both apply << approving asks for an id; nobody is approved."""
    await county.found()
    said = await county.authority.description(COUNTY)
    for slug in (TOWN, VILLAGE):
        invited = await county.invite()
        await hanse(town, "join", invited.link, "--as", slug, "--fingerprint", said.fingerprint)
    await hanse(county.city, "space", "refuse", "Musterstadt", "--as", COUNTY, "--who", ANNA, "--reason", "No.", code=1)
    found = await county.applications.all(COUNTY)
    assert [one.state for one in found] == ["pending", "pending"]


async def test_joined_says_how_long_and_whether_suspended(
    county: County, town: City, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a member, then suspended; refused with a reason << each line says so."""
    await county.found()
    one = await joined(town, TOWN, county)
    change, did = county.city.services.spaces.memberships.change, town.did(TOWN)
    for state, said in (("active", "member"), ("suspended", "suspended")):
        await change(COUNTY, did, state, "Test", ANNA)  # type: ignore[arg-type]
        await county.issue()
        await town.services.trust.listing.reload()
        town.services.spaces.joining._keys_changed(None)
        await town.services.spaces.joining.work()
        capsys.readouterr()
        await hanse(town, "space", "joined", "--as", TOWN)
        ends = rfc3339((await town.services.spaces.joining.all(TOWN))[0].until or 0)
        assert capsys.readouterr().out.splitlines() == [
            f"Datenraum Musterkreis ({one.space}): {said}",
            f"  until {local_text(ends, 'en', end=True)}",
        ]
    waiting = await applied(town, VILLAGE, await county.invite(), county)
    await county.applications.refuse(COUNTY, waiting.application, "No letter.", ANNA)
    await town.services.spaces.joining.progress(VILLAGE, waiting.space)
    await hanse(town, "space", "joined", "--as", VILLAGE)
    assert "Reason: No letter." in capsys.readouterr().out


async def test_recognising(county: County, space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    await county.found()
    city = await space.city("other", {"nachbarkreis": COUNTY_KIND}, UNLISTED)
    other = County(city, "nachbarkreis")
    theirs = await other.found()
    words = ("space", "recognise", theirs.space, "--as", COUNTY, "--who", ANNA, "--fingerprint")
    await hanse(county.city, *words, "0", code=1)
    await hanse(county.city, *words, theirs.fingerprint)
    assert theirs.space in capsys.readouterr().out


def test_bug_days_of_a_space_were_cut_from_utc(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> memberships and invitations that end about midnight << the day and the hour of the desk, not those of UTC."""
    place, end = "/participants/kreis/space", "2036-12-31T23:00:00Z"
    member = {"name": "Adorf", "did": "did:web:a", "state": "active", "until": end}
    play.on(f"GET {place}/members", {"members": [member, {**member, "until": None}]})
    play.on(f"GET {place}/invitations", {"invitations": [{**member, "id": "7", "state": "open", "until": end}]})
    play.on(
        "GET /participants/kreis/spaces",
        {
            "spaces": [
                {
                    "name": "Norden",
                    "space": "https://k.example/space",
                    "suspended": False,
                    "state": "member",
                    "until": end,
                    "mergers": [],
                }
            ]
        },
    )
    group = {"label": {"de": "Nord"}, "group": "https://k.example/g", "keeper": "did:web:k", "ended": end}
    people = [{"did": "did:web:a", "state": "member", "since": "2026-11-27T23:30:00Z", "until": end}]
    play.on(f"GET {place}/groups", {"groups": [{**group, "members": people}]})
    for words in ("members", "invitations", "joined", "group list"):
        assert main(["space", *words.split(), "--as", "kreis"], {}) == 0
    told = capsys.readouterr().out
    assert told.count("einschließlich 31.12.2036") == 4
    assert "seit 28.11.2026" in told
    assert "aufgelöst am 01.01.2037" in told
    assert "2036-" not in told

"""`hanse space rules` and `hanse space unrecognise`: what is not said stays, and an authority counts no more."""

import asyncio
import json
from argparse import Namespace
from typing import Any

import pytest

from connector.cli.frame.call import Call
from connector.cli.main import main
from connector.cli.operate.space_rules import tell_rules
from connector.dataspace.spaces.documents import Description
from connector.dataspace.spaces.model import Rules
from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, UNLISTED, County
from tests.testkit.cities import Space

ANNA = PEOPLE[0]
OTHER = "https://other.example/space"


@pytest.fixture
async def county(space: Space) -> County:
    made = County(await space.city("county", {COUNTY: COUNTY_KIND}, UNLISTED))
    await made.found()
    return made


async def said(county: County, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    capsys.readouterr()
    given = ["space", *words, "--as", COUNTY, "--json", "--data", str(county.city.settings.folder)]
    assert await asyncio.to_thread(main, given, {"LANG": "en"}) == code
    return json.loads(capsys.readouterr().out.splitlines()[-1]) if code == 0 else None


async def rules(county: County) -> Rules:
    return (await county.authority.description(COUNTY)).rules


async def test_what_is_not_said_stays(county: County, capsys: pytest.CaptureFixture[str]) -> None:
    """>> nothing, a term, two lists, an empty list, what cannot be << shown; each changed alone; refused, and kept."""
    before = await rules(county)
    assert (await said(county, capsys, "rules"))["rules"]["checklist"] == ["letter"]
    assert await rules(county) == before
    await said(county, capsys, "rules", "--term", "30", "--renewal", "people", "--approvals", "3")
    await said(county, capsys, "rules", "--document", "A", "--document", "B", "--kind", "municipality", "--check", "")
    after = await rules(county)
    assert (after.term_days, after.renewal, after.approvals, after.list_days) == (30, "people", 3, before.list_days)
    assert (after.documents, len(after.kinds), after.checklist, after.text) == (("A", "B"), 1, (), before.text)
    for code, *wrong in ((1, "--approvals", "9"), (2, "--kind", "nonsense"), (1, "--list-days", "0")):
        await said(county, capsys, "rules", *map(str, wrong), code=int(code))
    assert await rules(county) == after


@pytest.mark.parametrize(
    ("lang", "one", "two"),
    [
        ("de", "Eine Person stimmt zu.", "Es stimmen 2 Personen zu."),
        ("en", "One person approves.", "2 people approve."),
    ],
)
def test_one_person_is_said_as_one(lang: str, one: str, two: str, capsys: pytest.CaptureFixture[str]) -> None:
    call = Call(Namespace(json=False), lang, {})
    for approvals, sentence in ((1, one), (2, two)):
        tell_rules(call, {"approvals": approvals})
        assert sentence in capsys.readouterr().out.splitlines()


async def test_who_is_recognised_no_more(county: County, capsys: pytest.CaptureFixture[str]) -> None:
    """>> a space that is recognised, one that is not, nobody who decides << ended, in the next list; refused."""
    own = await county.authority.description(COUNTY)
    other = Description(
        space=OTHER,
        name="Other",
        did="did:web:other.example",
        authority=f"urn:other:{'A' * 43}",
        key=own.key,
        list=f"{OTHER}/list",
        rules=Rules(),
    )
    memberships = county.city.services.spaces.memberships
    await memberships.recognise(COUNTY, other, (), ANNA)
    end = ("unrecognise", OTHER, "--yes", "--who")
    await said(county, capsys, *end, "nobody@kreis.example", code=1)
    assert len(await memberships.recognised(COUNTY)) == 1
    assert (await said(county, capsys, *end, ANNA))["spaces"] == []
    await said(county, capsys, *end, ANNA, code=1)
    assert await memberships.recognised(COUNTY) == []

"""`hanse space merge`, `merge-withdraw`, `mergers`, `merge-approve`, `merge-refuse`: what towns and authority type."""

import asyncio
import io
import json

import pytest

from connector.cli.main import main
from connector.cli.operate import space_merge
from tests.cli.playback import Terminal
from tests.dataspace.spaces.conftest import COUNTY, PEOPLE, County
from tests.dataspace.spaces.mergers import PART, WHOLE, founded, listed, space_of, together
from tests.testkit.cities import City, Space

ANNA, BERT = PEOPLE[:2]


@pytest.fixture
async def county(space: Space) -> County:
    return await founded(space)


@pytest.fixture
async def towns(space: Space, county: County) -> City:
    """Both at one provider."""
    return await together(space, county, PART, WHOLE)


async def typed(city: City, slug: str, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What a person reads."""
    capsys.readouterr()
    given = ["space", *words, "--as", slug, "--data", str(city.settings.folder)]
    assert await asyncio.to_thread(main, [*given, "--lang", "en"], {"LANG": "en"}) == code
    return capsys.readouterr().out


async def test_two_towns_say_it_and_two_people_decide(
    county: County, towns: City, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> the part says it, the whole confirms it, two people agree << each is told who is next; the list says it."""
    url, did, into = await space_of(county), towns.did(PART), towns.did(WHOLE)
    told = await typed(county.city, COUNTY, capsys, "mergers")
    assert told == "Nobody has said that it was merged.\n"
    told = await typed(towns, PART, capsys, "merge", url, "--into", into, "--since", "2026-01-01", "--yes")
    assert told.startswith(f"Said, as of 01 Jan 2026: part of {into}. Now the one that takes it in confirms the same")
    told = await typed(county.city, COUNTY, capsys, "mergers")
    assert "not yet confirmed" in told
    told = await typed(towns, WHOLE, capsys, "merge", url, "--member", did, "--since", "1.1.2026", "--yes")
    assert told.startswith(f"Confirmed, as of 01 Jan 2026: {did} is part of this participant.")
    for who, said in ((ANNA, "said by both; people who have to agree yet: 1"), (BERT, "in the list")):
        told = await typed(county.city, COUNTY, capsys, "merge-approve", did, "--who", who, "--yes")
        assert f"Musterdorf ({did}) has been part of Musterstadt ({into}) since 01 Jan 2026: {said}" in told
    await listed(county, towns)
    assert towns.services.trust.anchor.entries[did].merged_into is not None


async def test_a_refusal_has_its_reason_and_nonsense_is_refused(
    county: County, towns: City, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> both options, or none; refused by a person << what is wrong; the reason, for whoever looks."""
    url, did, into = await space_of(county), towns.did(PART), towns.did(WHOLE)
    for wrong in ((), ("--into", into, "--member", did)):
        await typed(towns, PART, capsys, "merge", url, *wrong, "--since", "2026-01-01", "--yes", code=1)
    await typed(towns, PART, capsys, "merge", url, "--into", into, "--since", "2026-01-01", "--yes")
    reason = ("--reason", "No resolution.", "--who", ANNA)
    told = await typed(county.city, COUNTY, capsys, "merge-refuse", did, *reason)
    assert "refused" in told
    assert "because: No resolution." in told
    found = await county.city.api.get(f"/api/v1/participants/{COUNTY}/space/mergers")
    assert json.dumps(found).count("No resolution.") == 1


@pytest.mark.threat("T122")
async def test_nobody_agrees_to_what_she_was_not_shown(
    county: County, towns: City, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> Anna is asked, and says no; nobody can be asked; Anna says yes, and meanwhile both have said another day; she
    says yes once more << what she agrees to is shown; nothing, nothing, refused; her word."""
    url, did, into = await space_of(county), towns.did(PART), towns.did(WHOLE)

    async def both_say(day: str) -> None:
        await typed(towns, PART, capsys, "merge", url, "--into", into, "--since", day, "--yes")
        await typed(towns, WHOLE, capsys, "merge", url, "--member", did, "--since", day, "--yes")

    async def votes() -> int:
        (one,) = await county.city.services.spaces.mergers.all(COUNTY)
        return len(one.merger.ballot.votes)

    await both_say("2026-01-01")
    approve = ("merge-approve", did, "--who", ANNA)
    monkeypatch.setattr("sys.stdin", Terminal("no\n"))
    told = await typed(county.city, COUNTY, capsys, *approve)
    assert f"Musterdorf ({did}) has been part of Musterstadt ({into}) since 01 Jan 2026: said by both" in told
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    await typed(county.city, COUNTY, capsys, *approve, code=2)
    assert await votes() == 0
    loop = asyncio.get_running_loop()

    class Slow(Terminal):
        """Whoever reads for so long that both have said another day."""

        def readline(self, *_: object) -> str:
            asyncio.run_coroutine_threadsafe(both_say("2026-02-01"), loop).result()
            return "yes\n"

    monkeypatch.setattr("sys.stdin", Slow())
    await typed(county.city, COUNTY, capsys, *approve, code=1)
    assert await votes() == 0
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    told = await typed(county.city, COUNTY, capsys, *approve)
    assert "since 01 Feb 2026" in told
    assert await votes() == 1


async def test_nobody_takes_back_what_she_was_not_shown(
    county: County, towns: City, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> both have said it, and are asked whether to take it back: the part, the whole by name and by DID; no; yes;
    once more; a script cannot be asked << the merger in question, and no other; as before; gone; asked all the same,
    and refused; nothing."""
    url, did, into = await space_of(county), towns.did(PART), towns.did(WHOLE)
    day = ("--since", "2026-01-01", "--yes")
    await typed(towns, PART, capsys, "merge", url, "--into", into, *day)
    await typed(towns, WHOLE, capsys, "merge", url, "--member", did, *day)
    await typed(towns, WHOLE, capsys, "merge", url, "--into", did, *day)
    line = f"Musterdorf ({did}) has been part of Musterstadt ({into}) since 01 Jan 2026: said, not decided yet"
    for slug, member in ((PART, ()), (WHOLE, ("--member", "MUSTERDORF")), (WHOLE, ("--member", did))):
        monkeypatch.setattr("sys.stdin", Terminal("no\n"))
        assert await typed(towns, slug, capsys, "merge-withdraw", url, *member) == f"  Merger: {line}\n"
    back = ("merge-withdraw", url, "--member", did)
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    await typed(towns, WHOLE, capsys, *back, code=2)
    assert line in await typed(towns, WHOLE, capsys, "joined")
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    assert await typed(towns, WHOLE, capsys, *back) == f"  Merger: {line}\nTaken back.\n"
    assert line not in await typed(towns, WHOLE, capsys, "joined")
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    stranger = ("merge-withdraw", url, "--member", county.city.did(COUNTY))
    assert await typed(towns, WHOLE, capsys, *stranger, code=1) == ""


async def test_a_name_is_enough_and_what_was_said_is_taken_back(
    county: County, towns: City, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> the part names the whole, with a slip of the pen, and right; the whole names the part; takes it back; the part
    takes it back << the nearest name; said; confirmed; shown at each step, and to nobody when it is gone."""
    url, did, into = await space_of(county), towns.did(PART), towns.did(WHOLE)
    day = ("--since", "2026-01-01", "--yes")
    await typed(towns, PART, capsys, "merge", url, "--into", "Musterstad", *day, code=1)
    told = await typed(towns, PART, capsys, "merge", url, "--into", "Musterstadt", *day)
    assert f"part of {into}" in told
    line = f"  Merger: Musterdorf ({did}) has been part of Musterstadt ({into}) since 01 Jan 2026: "
    assert f"{line}said by the other one, not confirmed here yet\n" in await typed(towns, WHOLE, capsys, "joined")
    await typed(towns, WHOLE, capsys, "merge", url, "--member", "musterdorf", *day)
    assert f"{line}said, not decided yet\n" in await typed(towns, WHOLE, capsys, "joined")
    back = await typed(towns, WHOLE, capsys, "merge-withdraw", url, "--member", "Musterdorf", "--yes")
    assert back == "Taken back.\n"
    assert "Merger" not in await typed(towns, WHOLE, capsys, "joined")
    assert "not yet confirmed" in await typed(county.city, COUNTY, capsys, "mergers")
    await typed(towns, PART, capsys, "merge-withdraw", url, "--yes")
    assert "Merger" not in await typed(towns, PART, capsys, "joined")
    assert "taken back by the member" in await typed(county.city, COUNTY, capsys, "mergers")
    await typed(county.city, COUNTY, capsys, "merge-approve", did, "--who", ANNA, "--yes", code=1)


def test_what_another_space_knows_is_not_shown() -> None:
    """>> both spaces know a merger of the same member << that of the space which is named."""

    class Spaces:
        def get(self, *_: str) -> object:
            return {
                "spaces": [
                    {"space": one, "mergers": [{"member": "did:a", "member_name": "A", "in": one}]}
                    for one in ("https://a/space", "https://b/space")
                ]
            }

    (one,) = space_merge._of_own(Spaces(), "town", "https://b/space", "a")  # type: ignore[arg-type]
    assert one["in"] == "https://b/space"

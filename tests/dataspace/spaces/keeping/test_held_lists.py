"""Members that are asked for a newer list, and what hostile ones show instead of one."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from connector.dataspace.spaces.keeping.held_lists import ASK_S, AT_ONCE, Answers, HeldLists
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Unavailable
from connector.foundation.http.outbound import Answer
from connector.identity.trust.members.trust_list import LIMIT
from tests.dataspace.spaces.values import SPACE
from tests.identity.trust.members.keepers import Keeper
from tests.identity.trust.members.lists import HOUR, NOW, entry

pytestmark = pytest.mark.threat("T151")
HERE = "did:web:kreis.de"


class Members:
    """By host, what each of them answers: a list, nothing (204), a status; who is not there is away."""

    def __init__(self, shown: Mapping[str, str | int]) -> None:
        self.shown, self.asked, self.now, self.most = shown, list[str](), 0, 0

    async def get(self, url: str, *, limit: int, total_s: float) -> Answer:
        assert (limit, total_s) == (LIMIT, ASK_S)
        host = url.removeprefix("https://").partition("/")[0]
        self.asked.append(url)
        said = self.shown.get(host)
        if said is None:
            raise Unavailable("http.too-slow", host=host)
        return Answer(said, {}, b"") if isinstance(said, int) else Answer(200, {}, said.encode())

    def document(self, did: str) -> object | None:
        return SimpleNamespace() if did == HERE else None


async def asked(keeper: Keeper, shown: Mapping[str, str | int], *members: str, beyond: int = 3) -> tuple[Answers, int]:
    """What came of it, and how often somebody was asked."""
    web: Any = Members(shown)
    space = replace(SPACE, space=keeper.space, authority=keeper.key.id, jwk=dict(keeper.key.public_jwk))
    found = await HeldLists(web, web).ask(space, [f"did:web:{one}" for one in members], beyond)
    return found, len(web.asked)


async def test_the_newest_of_all_counts(tmp_path: Path) -> None:
    """>> one has none, two have newer ones, one does not answer << the newest; who is away is named; we are not asked,
    nor is anybody twice."""
    county = Keeper(tmp_path, "kreis")
    older, newer = county.says(entry("a", NOW), version=4), county.says(entry("a", NOW), version=9)
    found, count = await asked(
        county, {"a.de": 204, "b.de": newer, "c.de": older}, "a.de", "b.de", "c.de", "d.de", "kreis.de", "b.de:x"
    )
    assert (found.version, found.jws) == (9, newer)
    assert found.away == ("did:web:d.de",)
    assert count == 4


async def test_whom_a_newer_list_names_is_asked_too(tmp_path: Path) -> None:
    """>> the list that is found names a member for a term, one that is suspended and one that was expelled << the first
    two are asked, and one of them has a list that is newer still."""
    county = Keeper(tmp_path, "kreis")
    term, over = rfc3339(NOW + HOUR), rfc3339(NOW - HOUR)
    newer = county.says(
        entry("a", NOW),
        entry("b", NOW, valid_until=term),
        entry("c", NOW, state="suspended"),
        entry("d", NOW - 9 * HOUR, valid_until=over),
        version=8,
    )
    newest = county.says(entry("a", NOW), version=9)
    found, count = await asked(county, {"a.de": newer, "b.de": newest, "c.de": 204}, "a.de")
    assert (found.version, found.jws, found.away, count) == (9, newest, (), 3)


async def test_what_is_no_newer_list_of_ours_is_no_answer(tmp_path: Path) -> None:
    """>> garbage, a bent signature, another's list, one that says that it is ours, another space's by our key, one that
    is not newer, a redirect, an error << nothing is believed, and each of them has not answered."""
    county, other = Keeper(tmp_path, "kreis"), Keeper(tmp_path, "thief")
    good = county.says(entry("a", NOW), version=9)
    shown: dict[str, str | int] = {
        "a.de": "x" * 10_000,
        "b.de": good[:-8] + "AAAAAAAA",
        "c.de": other.says(entry("a", NOW), version=99),
        "d.de": other.says(entry("a", NOW), version=99, authority=county.key.id, space=county.space),
        "e.de": county.says(entry("a", NOW), version=99, space=other.space),
        "f.de": county.says(entry("a", NOW), version=3),
        "g.de": 302,
        "h.de": 500,
        "i.de": "",
        "j.de": "ä.ö.ü",
    }
    found, _ = await asked(county, shown, *shown)
    assert (found.version, found.jws) == (3, "")
    assert found.away == tuple(f"did:web:{host}" for host in shown)


async def test_a_thousand_that_show_something_large_are_read_some_at_once(tmp_path: Path) -> None:
    """>> two hundred members show a megabyte each << never more than a few of them are in memory."""
    county = Keeper(tmp_path, "kreis")
    alive, most = 0, 0

    class Large(Members):
        async def get(self, url: str, *, limit: int, total_s: float) -> Answer:
            nonlocal alive, most
            alive += 1
            most = max(most, alive)
            return Answer(200, {}, Body(b"x" * 16))

        def document(self, did: str) -> None:
            return None

    class Body(bytes):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    web: Any = Large({})
    space = replace(SPACE, space=county.space, authority=county.key.id, jwk=dict(county.key.public_jwk))
    with ThreadPoolExecutor(max_workers=1) as judges:
        asyncio.get_running_loop().set_default_executor(judges)
        found = await HeldLists(web, web).ask(space, [f"did:web:t{number}.de" for number in range(200)], 0)
    assert len(found.away) == 200
    assert 0 < most <= AT_ONCE + 1, "a thread that has judged one lets go of it a moment later"

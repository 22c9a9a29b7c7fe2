"""The door at which members compare lists: for members alone, and what the authority did not sign is not believed."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from connector.foundation.storage.database import Database
from connector.identity.trust.members.trust_list import LIMIT
from connector.kernel.protocol.inventory import LISTS
from connector.surfaces.peer.lists import MEDIA
from tests.data.federation.list_members import Member, Wire
from tests.identity.trust.members.keepers import Keeper
from tests.identity.trust.members.lists import NOW, entry
from tests.testkit.cities import City
from tests.testkit.nasty import NastyPeer

pytestmark = pytest.mark.threat("T163")
TOWN = "musterstadt"


class Door:
    """That of a town which holds number 7, as a member asks at it."""

    def __init__(self, member: Member, keeper: Keeper, ours: str) -> None:
        self.member, self.keeper, self.ours = member, keeper, ours

    def other(self, version: int = 7) -> str:
        return self.keeper.says(entry("town", NOW), entry("village", NOW), entry("a", NOW), version=version)

    async def show(
        self,
        body: str,
        version: str = "7",
        authority: str | None = None,
        caller: str | None = "village",
        media: str = MEDIA,
    ) -> tuple[int, str]:
        place = f"/town{LISTS}/{quote(authority or self.keeper.key.id, safe='')}/{version}"
        found = await self.member.answer(caller, place, body.encode(), media)
        return found.status, found.body.decode()


@pytest.fixture
async def door(sqlite_db: Database, tmp_path: Path) -> Door:
    keeper = Keeper(tmp_path, "north")
    ours = keeper.says(entry("town", NOW), entry("village", NOW), entry("port", NOW, state="suspended"), version=7)
    return Door(await Member(Wire(), "town", sqlite_db, keeper).shown(ours), keeper, ours)


async def test_each_shows_the_other_its_list_in_one_request(door: Door) -> None:
    """>> a member shows another list of number 7 << ours comes back; both are kept, and it is told."""
    other = door.other()
    assert await door.show(other) == (200, door.ours)
    proof = await door.member.proof()
    assert proof is not None
    assert (proof.held, proof.other) == (door.ours, other)
    assert door.member.alarms == [("trust.list-fork", True)]


async def test_the_same_list_is_no_proof(door: Door) -> None:
    assert await door.show(door.ours) == (200, door.ours)
    assert await door.member.proof() is None


async def test_what_a_member_shows_is_believed_if_the_authority_signed_it_under_that_number(
    door: Door, tmp_path: Path
) -> None:
    """>> nothing, noise, another key's list, an altered one, another number's, another space's << 400; nothing is kept
    and nobody is told."""
    stranger = Keeper(tmp_path, "south")
    head, _, signature = door.ours.split(".")
    away = door.keeper.says(entry("town", NOW), version=7, space="https://elsewhere.de/space")
    for false in (
        "",
        "x",
        "x" * 1000,
        "a.b.c",
        stranger.says(entry("town", NOW), version=7, space=door.keeper.space),
        f"{head}.{door.other().split('.')[1]}.{signature}",
        door.other(6),
        door.other(8),
        away,
    ):
        status, body = await door.show(false)
        assert (status, "federation.list-unproven" in body) == (400, True), false[:80]
        door.member.clock.advance(1000)
    assert (await door.member.proof(), door.member.alarms) == (None, [])


async def test_who_does_not_belong_learns_nothing_and_shows_nothing(door: Door) -> None:
    """>> nobody, a stranger, a suspended member; a list of a space or a number that is not held << 401 and 404."""
    other = door.other()
    for caller in (None, "stranger", "port"):
        assert (await door.show(other, caller=caller))[0] == 401
    for version, authority in (("8", None), ("x", None), ("٧", None), ("7" * 17, None), ("7", "urn:other")):
        assert (await door.show(other, version, authority))[0] == 404
    assert await door.member.proof() is None


@pytest.mark.threat("T184")
async def test_a_member_reads_a_list_of_ours(door: Door) -> None:
    """>> a member reads number 7; one that is not held, of another authority; a stranger, nobody, a suspended member; a
    seventh time at once << the list; 404; 401; 429."""

    async def read(version: str = "7", authority: str | None = None, caller: str | None = "village") -> tuple[int, str]:
        place = f"/town{LISTS}/{quote(authority or door.keeper.key.id, safe='')}/{version}"
        found = await door.member.answer(caller, place, b"", method="GET")
        return found.status, found.body.decode()

    assert await read() == (200, door.ours)
    for version, authority in (("8", None), ("x", None), ("7" * 17, None), ("7", "urn:other")):
        assert (await read(version, authority))[0] == 404
    for caller in (None, "stranger", "port"):
        assert (await read(caller=caller))[0] == 401
    assert [(await read())[0] for _ in range(2)] == [200, 429]


async def test_a_body_is_bounded_and_so_is_how_often(door: Door) -> None:
    """>> more than a list may have; another media type; a member that shows and shows, and one that asks and asks <<
    413, 415, then 429 for that member; another one is answered."""
    assert (await door.show("x" * (LIMIT + 1)))[0] == 413
    assert (await door.show(door.ours, media="application/json"))[0] == 415
    assert [(await door.show(door.ours))[0] for _ in range(6)] == [200] * 5 + [429]
    asked = [(await _asked(door, "village"))[0] for _ in range(31)]
    assert asked == [200] * 30 + [429]
    assert (await _asked(door, "town"))[0] == 200


async def _asked(door: Door, caller: str, body: object = None) -> tuple[int, dict[str, object]]:
    text = json.dumps({"lists": []} if body is None else body).encode()
    found = await door.member.answer(caller, f"/town{LISTS}", text)
    return found.status, json.loads(found.body)


async def test_claims_are_answered_with_ours_whatever_they_say(door: Door) -> None:
    """>> no claim, a false one, further members of tomorrow; a thousand claims and what is none << ours; 400."""
    claim = {"authority": door.keeper.key.id, "version": 7, "sha256": "0" * 64}
    told = [await _asked(door, "village", body) for body in ({"lists": []}, {"lists": [claim], "more": 1})]
    assert told[0] == told[1]
    assert [one["version"] for one in told[0][1]["lists"]] == [7]  # type: ignore[attr-defined]
    for body in ([], {}, {"lists": [claim] * 65}, {"lists": [{**claim, "version": 0}]}, {"lists": ["x"]}):
        assert (await _asked(door, "village", body))[0] == 400
    assert (await door.member.proof(), door.member.alarms) == (None, [])


async def test_a_member_compares_over_the_network(it: City, nasty: NastyPeer) -> None:
    """>> a member of the configured list, and nobody << the newest numbers of that list; 401 without a token, and for
    one that was used before."""
    found = await nasty.post(it, TOWN, LISTS, {"lists": []})
    anchor = it.services.trust.anchor
    newest = max(found.json["lists"], key=lambda one: one["version"])
    assert (found.status, newest["authority"], newest["version"]) == (200, anchor.own_name, anchor.version)
    token = nasty.token(it.did(TOWN))
    url = it.root(TOWN) + LISTS
    answers = [await nasty.call("POST", url, {"lists": []}, token=one) for one in (token, token, None)]
    assert [one.status for one in answers] == [200, 401, 401]

"""A token once at the door of a process: by GET and POST alike, after a stop and after a death."""

from collections.abc import Sequence

import aiohttp
import pytest

from connector.foundation.clock import SystemClock
from connector.surfaces.peer import tokens
from connector.surfaces.peer.tokens import SeenTokens
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.nasty import NastyPeer

TOWN = "musterstadt"
CATALOGUE = "/2025-1/catalog/request"
ASK = {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@type": "CatalogRequestMessage"}
GONE = "/2025-1/negotiations/urn:uuid:x"


async def get(it: City, nasty: NastyPeer, token: str) -> int:
    return (await nasty.call("GET", it.root(TOWN) + GONE, token=token)).status


async def post(it: City, nasty: NastyPeer, token: str) -> int:
    return (await nasty.call("POST", it.root(TOWN) + CATALOGUE, ASK, token=token)).status


def of_one_second(nasty: NastyPeer, did: str, count: int, ahead: int = 0) -> Sequence[str]:
    """Tokens of the same second by a clock that is so much ahead."""
    second = SystemClock().now() // 1000 + ahead
    return [nasty.token(did, iat=second, exp=second + 300) for _ in range(count)]


@pytest.mark.threat("T05")
async def test_what_was_read_with_cannot_be_written_with_nor_the_other_way_round(it: City, nasty: NastyPeer) -> None:
    """>> GET then POST, POST then GET, each with one token, twice over << 404 and 401, 200 and 401."""
    for first, second, third, fourth in [of_one_second(nasty, it.did(TOWN), 4)]:
        assert [await get(it, nasty, first), await post(it, nasty, first)] == [404, 401]
        assert [await post(it, nasty, second), await get(it, nasty, second)] == [200, 401]
        assert [await get(it, nasty, third), await post(it, nasty, third)] == [404, 401]
        assert [await post(it, nasty, fourth), await get(it, nasty, fourth)] == [200, 401]


@pytest.mark.threat("T126")
@pytest.mark.parametrize("ahead", [20, *(pytest.param(s, marks=pytest.mark.long) for s in (-20, 0))])
async def test_a_process_that_dies_takes_no_used_token_when_it_is_back(
    ahead: int, space: Space, nasty: NastyPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a GET and a POST by a clock that is ahead; the process dies << both again 503 with `Retry-After`, as GET and
    as POST; a token of a later second 200."""

    async def dead(seen: SeenTokens) -> None:
        """Nobody hands over."""

    monkeypatch.setattr(SeenTokens, "hand_over", dead)
    async with space.running("again", {TOWN: MUNICIPALITY}) as city:
        tokens_ = of_one_second(nasty, city.did(TOWN), 3, ahead)
        assert [await post(city, nasty, tokens_[0]), await get(city, nasty, tokens_[1])] == [200, 404]
        assert await get(city, nasty, tokens_[2]) == 404
    async with space.running("again", {TOWN: MUNICIPALITY}) as city:
        for token in tokens_:
            reply = await nasty.call("GET", city.root(TOWN) + GONE, token=token)
            assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
            assert await post(city, nasty, token) == 503
        [later] = of_one_second(nasty, city.did(TOWN), 1, ahead + 2)
        assert [await post(city, nasty, later), await post(city, nasty, later)] == [200, 401]


@pytest.mark.threat("T126")
async def test_no_id_passes_for_an_opened_second(it: City, nasty: NastyPeer) -> None:
    """>> three tokens of one second, the last with an id as the row of that second has << 404, 404, 401: a stop takes
    such a row back, and the id would be forgotten."""
    second = SystemClock().now() // 1000
    ids = ("first", "other", tokens._opened(second))
    sent = [nasty.token(it.did(TOWN), iat=second, exp=second + 300, jti=jti) for jti in ids]
    assert [await get(it, nasty, token) for token in sent] == [404, 404, 401]


@pytest.mark.threat("T126")
async def test_ids_are_handed_over_when_nobody_can_ask_any_more(
    space: Space, nasty: NastyPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a request while they are written at a stop << no connection: what came now would be in no row."""
    asked: list[str] = []
    hand_over = SeenTokens.hand_over

    async def handing(seen: SeenTokens) -> None:
        with pytest.raises(aiohttp.ClientConnectorError):
            await get(city, nasty, nasty.token(city.did(TOWN)))
        asked.append("refused")
        await hand_over(seen)

    monkeypatch.setattr(SeenTokens, "hand_over", handing)
    async with space.running("again", {TOWN: MUNICIPALITY}) as city:
        assert await get(city, nasty, nasty.token(city.did(TOWN))) == 404
    assert asked == ["refused"]


async def test_a_process_that_is_stopped_and_started_refuses_only_what_was_used(space: Space, nasty: NastyPeer) -> None:
    """>> two tokens of one second before a stop, a third after it << 200 and 404, again 401 and 401, 200."""
    async with space.running("again", {TOWN: MUNICIPALITY}) as city:
        first, second, third = of_one_second(nasty, city.did(TOWN), 3)
        assert [await post(city, nasty, first), await get(city, nasty, second)] == [200, 404]
    async with space.running("again", {TOWN: MUNICIPALITY}) as city:
        assert [await post(city, nasty, first), await get(city, nasty, second)] == [401, 401]
        assert await post(city, nasty, third) == 200

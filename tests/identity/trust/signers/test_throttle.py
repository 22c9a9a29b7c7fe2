"""A keeper that is slow holds few places, and is asked again by one seal at a time (T60)."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

import pytest

from connector.foundation.errors import Unavailable
from connector.foundation.http.outbound import SafeClient
from connector.foundation.settings.sections import Signers
from connector.identity.trust.signers import throttle
from connector.identity.trust.signers.port import Asked, KeptKey, Place
from connector.identity.trust.signers.registry import SignerRegistry
from connector.identity.trust.signers.throttle import FIRST_S, LONGEST_S, MOST, Throttle
from tests.identity.trust.signers.keepers import KEYS, digest_signature

pytestmark = pytest.mark.threat("T60")
SLOW, QUICK = Place(signer="csc", key="langsam"), Place(signer="csc", key="schnell")


class Watch:
    """Time that a test sets, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def code(turns: Throttle) -> str:
    try:
        with turns.taken("csc"):
            return ""
    except Unavailable as fault:
        return fault.code


def test_one_place_takes_a_bounded_number_of_seals() -> None:
    """>> as many as there may be are asked for << the next one is told so at once; one is done << it may."""
    turns = Throttle()
    with ExitStack() as held:
        for _ in range(MOST):
            held.enter_context(turns.taken("csc"))
        assert code(turns) == "signers.busy"
    assert code(turns) == ""


def test_a_place_that_was_too_slow_is_tried_by_one_after_a_pause_that_grows() -> None:
    """>> slow, slow, slow, answered << 1 s, 2 s, 4 s, none; during a trial nobody else asks."""
    watch = Watch()
    turns = Throttle(watch)
    for pause in (FIRST_S, 2 * FIRST_S, 4 * FIRST_S):
        with turns.taken("csc"):
            turns.too_slow()
            turns.too_slow()  # others that waited with it
        watch.now += pause - 0.01
        assert code(turns) == "signers.paused"
        watch.now += 0.02
    with turns.taken("csc"):
        assert code(turns) == "signers.paused"
        turns.answered()
        assert code(turns) == ""


def test_the_pause_has_an_end() -> None:
    watch = Watch()
    turns = Throttle(watch)
    for _ in range(2000):
        turns.too_slow()
        watch.now += LONGEST_S
    assert code(turns) == ""


def test_what_goes_wrong_gives_the_turn_back() -> None:
    turns = Throttle()
    for _ in range(MOST + 1):
        with pytest.raises(ValueError, match="x"), turns.taken("csc"):
            raise ValueError("x")


async def test_a_slow_keeper_of_one_town_does_not_stop_the_seals_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> forty contracts wait for a keeper that hangs << it is asked by few; another key seals meanwhile."""
    monkeypatch.setattr(throttle, "FIRST_S", LONGEST_S)  # it is still paused however late it is asked again
    hangs, asked = asyncio.Event(), []

    async def sign(wanted: Asked) -> Sequence[bytes]:
        asked.append(wanted.place)
        if wanted.place == SLOW:
            await hangs.wait()
        return [digest_signature(KEYS["ES256"], wanted.digest)]

    cabinet = SignerRegistry({"csc": sign}, 0.05)

    def key(place: Place) -> KeptKey:
        """Keys are made anew whenever a participant changes; the turns of their place stay."""
        return cabinet.key("did:web:a.example#x", KEYS["ES256"].public_key(), place)

    waiting = [asyncio.create_task(key(SLOW).seal(b"header.")) for _ in range(MOST + 8)]
    await asyncio.sleep(0)
    assert await key(QUICK).seal(b"header.")
    found = await asyncio.gather(*waiting, return_exceptions=True)
    codes = [fault.code for fault in found if isinstance(fault, Unavailable)]
    assert (codes.count("signers.too-slow"), codes.count("signers.busy")) == (MOST, 8)
    with pytest.raises(Unavailable, match=r"signers\.paused"):
        await key(SLOW).seal(b"header.")
    assert asked.count(SLOW) == MOST


@pytest.mark.parametrize("wrong", [ValueError("4711-pin"), TypeError(), KeyError("token"), MemoryError()], ids=repr)
async def test_whatever_a_library_raises_is_not_now_and_shows_nothing(wrong: Exception) -> None:
    """Past bug: an error that nobody thought of was a defect, and the contract had neither a question nor an end."""

    async def sign(asked: Asked) -> Sequence[bytes]:
        raise wrong

    cabinet = SignerRegistry({"csc": sign}, 5.0)
    with pytest.raises(Unavailable, match=r"signers\.answer") as found:
        await cabinet.key("did:web:a.example#x", KEYS["ES256"].public_key(), QUICK).seal(b"header.")
    assert found.value.facts["why"] == type(wrong).__name__
    assert found.value.__cause__ is None
    assert "4711" not in str(found.value)


async def test_a_cabinet_knows_one_row_of_turns_per_place() -> None:
    client = SafeClient()
    cabinet = SignerRegistry.of(Signers(), client)
    public = KEYS["ES256"].public_key()
    one, same, other = (cabinet.key("did:web:a.example#x", public, place) for place in (SLOW, SLOW, QUICK))
    assert one._turns is same._turns is not other._turns
    await client.close()

"""An end that was stated before its side moved, or while it did: it arrives, counts once, and both sides agree."""

import pytest

from connector.foundation.errors import PeerError
from tests.exchange.contracts.ending import CONSUMER, PROVIDER, end, hand_over, log, stated, states
from tests.testkit.moved import move_town
from tests.testkit.towns import Towns

SIDES = (CONSUMER, PROVIDER)


@pytest.mark.parametrize("mover", SIDES)
@pytest.mark.parametrize("by", SIDES)
async def test_an_end_that_waits_while_either_side_moves(towns: Towns, by: str, mover: str) -> None:
    """>> stated, not delivered; the one who stated it, or its partner, moves << ended on both sides, once."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    await end(towns, by, agreement)
    await move_town(towns, mover)
    await towns.hurry()
    assert await states(towns, agreement) == ["ended", "ended"]
    other = PROVIDER if by == CONSUMER else CONSUMER
    assert [one.answer for one in await stated(towns, by, agreement)] == ["delivered"]
    assert [one.answer for one in await stated(towns, other, agreement)] == ["theirs"]


@pytest.mark.parametrize("mover", SIDES)
async def test_ends_of_both_sides_that_cross_a_move(towns: Towns, mover: str) -> None:
    """>> both end it, one before and one after the move << both statements on both sides."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    notice = towns.clock.now() + 86_400_000
    await end(towns, mover, agreement, notice)
    await move_town(towns, mover)
    await end(towns, PROVIDER if mover == CONSUMER else CONSUMER, agreement)
    await towns.hurry()
    assert await states(towns, agreement) == ["ended", "ended"]
    for side in SIDES:
        assert len(await stated(towns, side, agreement)) == 2
        assert len([body for body in await log(towns, side, agreement) if body["event"] == "ended"]) == 1


async def test_an_end_is_stated_under_the_new_did(towns: Towns) -> None:
    """>> moved, then stated << taken: sealed by the keys of the new place."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    await move_town(towns, CONSUMER)
    assert await hand_over(towns, agreement)
    assert (await towns.agreement(PROVIDER, agreement.id)).state == "ended"


@pytest.mark.threat("T117")
async def test_an_end_in_the_name_of_somebody_else_is_none(towns: Towns) -> None:
    """>> the successor brings a statement that a third town sealed << the seal is not its own."""
    await towns.add("fremdstadt")
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    await move_town(towns, CONSUMER)
    with pytest.raises(PeerError, match=r"contracts\.seal-invalid"):
        await hand_over(towns, agreement, signer="fremdstadt")
    assert (await towns.agreement(PROVIDER, agreement.id)).in_force

"""What a witness that lies, contradicts itself or keeps us waiting achieves against a log: little, and ever less."""

import pytest

from connector.audit import seal
from connector.audit.witnessing import Held
from connector.errors import Unavailable
from connector.http.outbound import Answer
from connector.testing.towns import Towns
from tests.delivery.test_witnesses import ON_SQLITE, TOWN, Peer, Stage


@ON_SQLITE
@pytest.mark.threat("T50")
async def test_each_lie_of_a_witness_makes_its_next_word_wait_twice_as_long(towns: Towns) -> None:
    """>> "a million leaves" every hour for four days << few origins; the word of another witness counts at once."""
    liar, honest = Peer("did:web:a.example"), Peer("did:web:b.example")
    liar.says = lambda asked: Answer(409, {}, b"1000000\n")
    stage = Stage(towns, liar, honest)
    first = await stage.grow(3)
    for _ in range(96):
        await stage.witnesses.vouched(stage.hosted)
        await stage.seal()
        await towns.db.write(TOWN, lambda tx: tx.run("UPDATE log_epoch SET at = at - 3600000"))
        stage.clock.advance(3_600_000)
    epoch = await stage.epoch()
    assert epoch == 7  # at hours 0, 1, 3, 7, 15, 31, 63
    honest.says = lambda asked: Answer(409, {}, f"{first.size + 100}\n".encode())
    await stage.witnesses.vouched(stage.hosted)
    assert await stage.epoch() == epoch + 1


@ON_SQLITE
@pytest.mark.threat("T50")
async def test_a_liar_that_is_not_believed_is_left_alone_for_a_while(towns: Towns) -> None:
    """>> a new origin was opened a moment ago, and it says the same again << not asked at every look."""
    liar = Peer()
    liar.says = lambda asked: Answer(409, {}, b"1000000\n")
    stage = Stage(towns, liar)
    for _ in range(6):
        await stage.grow(1, "agreement", "urn:uuid:1")
        await stage.witnesses.look()
    assert (len(liar.asked), await stage.epoch()) == (2, 1)


@ON_SQLITE
@pytest.mark.threat("T50")
@pytest.mark.parametrize("answer", [Answer(422, {}, b""), Answer(409, {}, b"0\n")])
async def test_who_has_seen_nothing_has_nothing_against_us(towns: Towns, answer: Answer) -> None:
    """>> a first request, no proof is due << "proof does not hold", "I know of nothing": no reason for a new origin."""
    peer = Peer()
    peer.says = lambda asked: answer
    stage = Stage(towns, peer)
    await stage.grow(3)
    await stage.witnesses.vouched(stage.hosted)
    assert (len(peer.asked), await stage.epoch()) == (1, 0)


@ON_SQLITE
async def test_one_witness_that_knows_nothing_does_not_speak_for_the_other(towns: Towns) -> None:
    """>> a new witness answers at once, the one that has seen more is slow << nothing is signed before it is heard."""
    fresh, slow = Peer("did:web:a.example"), Peer("did:web:b.example")
    stage = Stage(towns, fresh, slow)
    newest = await stage.grow(3)
    slow.held[seal.origin(stage.hosted.participant.root)] = Held(newest.size + 4, b"r" * 32, "known")
    slow.away = Unavailable("http.unreachable", host="x")
    stage.again()
    assert not await stage.witnesses.settled(stage.hosted)
    slow.away = None
    assert await stage.witnesses.settled(stage.hosted)
    assert await stage.epoch() == 1

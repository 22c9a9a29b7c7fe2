"""What a witness that lies, contradicts itself or keeps us waiting achieves against a log: little, and ever less."""

import pytest

from connector.dataspace.witness import cosignatures
from connector.dataspace.witness.ask import MOST, MOST_KEPT, MOST_LOST
from connector.dataspace.witness.cosign import VouchedState
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Unavailable
from connector.foundation.http.outbound import Answer
from connector.identity.audit import sealer
from connector.verify.formats import checkpoint, cosignature
from tests.dataspace.witness.stage import TOWN, Peer, Stage, lines_of
from tests.testkit.towns import Towns


@pytest.mark.on_both
@pytest.mark.threat("T50")
async def test_a_lying_witness_costs_one_origin_an_hour(towns: Towns) -> None:
    """>> "a million leaves", of any origin, again and again << a new origin once, few numbers on; old states stand."""
    liar = Peer()
    liar.says = lambda asked: Answer(409, {}, b"1000000\n")
    stage = Stage(towns, liar)
    first = await stage.grow(2)
    for _ in range(4):
        stage.again()
        assert await stage.witnesses.settled(stage.hosted)
        await stage.seal()
    assert await stage.epoch() == MOST_LOST
    assert len(await towns.rows(TOWN, "SELECT epoch FROM log_epoch WHERE participant = :participant")) == 1
    assert await towns.db.read(TOWN, sealer.latest, TOWN, 0) == first
    newest = await stage.seal()
    assert (newest.epoch, newest.size) == (MOST_LOST, first.size + 1)


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


async def test_one_witness_that_knows_nothing_does_not_speak_for_the_other(towns: Towns) -> None:
    """>> a new witness answers at once, the one that has seen more is slow << nothing is signed before it is heard."""
    fresh, slow = Peer("did:web:a.example"), Peer("did:web:b.example")
    stage = Stage(towns, fresh, slow)
    newest = await stage.grow(3)
    slow.held[sealer.origin(stage.hosted.participant.root)] = VouchedState(newest.size + 4, b"r" * 32, "known")
    slow.away = Unavailable("http.unreachable", host="x")
    stage.again()
    assert not await stage.witnesses.settled(stage.hosted)
    slow.away = None
    assert await stage.witnesses.settled(stage.hosted)
    assert await stage.epoch() == 1


@pytest.mark.threat("T61")
async def test_many_lines_of_one_key_are_one(towns: Towns) -> None:
    """>> thirty genuine cosignatures, each of another time << the earliest of each key; others have room in the note.

    Sixty lines of one witness and four of others made a note that no verifier reads.
    """
    liar, honest = Peer("did:web:a.example"), Peer("did:web:b.example")
    times = range(liar.at, liar.at + 30)
    liar.says = lambda asked: Answer(200, {}, b"".join(lines_of(liar, asked, at=at) for at in reversed(times)))
    stage = Stage(towns, liar, honest)
    newest = await stage.grow(3)
    await stage.witnesses.vouched(stage.hosted)
    kept = await towns.db.read(TOWN, cosignatures.cosigned, TOWN, newest.size)
    assert [line.split(" ")[1] for line in kept.splitlines()] == [
        cosignature.name_of(peer.url) for peer in (liar, liar, honest, honest)
    ]
    assert await stage.time(newest.size) == min(liar.at, honest.at) * 1000


@pytest.mark.threat("T61")
@pytest.mark.parametrize(("until", "kept"), [(-1, 0), (3600, 2)])
async def test_an_answer_by_a_retired_key_is_none(
    towns: Towns, until: int, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the list says that the keys count until a second ago << not kept; until in an hour: kept."""
    peer = Peer()
    entry = peer.entry()
    last = rfc3339((peer.at + until) * 1000)
    listed = {**entry, "keys": [{**key, "validUntil": last} for key in entry["keys"]]}
    monkeypatch.setattr(peer, "entry", lambda: listed)
    stage = Stage(towns, peer)
    newest = await stage.grow(3)
    await stage.witnesses.vouched(stage.hosted)
    lines = await towns.db.read(TOWN, cosignatures.cosigned, TOWN, newest.size)
    assert len(lines.splitlines()) == kept
    assert await stage.time(newest.size) == (peer.at * 1000 if kept else None)


@pytest.mark.threat("T61")
def test_a_note_has_room_for_all_lines_that_are_kept() -> None:
    """Past bug: while sixteen witnesses exchanged their keys nobody could read the note any more."""
    lines = MOST * MOST_KEPT + 2
    text = f"{checkpoint.text_of('o', 3, b'r' * 32)}\n{checkpoint.line_of('w', b'abcd', b's') * lines}"
    assert len(checkpoint.parse(text).lines) == lines <= checkpoint.MOST_LINES

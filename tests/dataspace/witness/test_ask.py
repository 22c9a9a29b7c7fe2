"""How a log asks the witnesses of others: when, what it believes of their answers, and what a hostile one achieves."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from connector.dataspace.witness import cosign, cosignatures
from connector.dataspace.witness.ask import Wanted, Witnesses, due, in_use
from connector.dataspace.witness.cosign import VouchedState
from connector.dataspace.witness.cosignatures import WitnessProgress
from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import Tx
from connector.identity.audit import merkle, origins, sealer
from connector.identity.audit.sealer import Batch
from connector.identity.participants.service import Hosted
from connector.identity.trust.members.trust_list import Witness
from connector.verify.formats import checkpoint, cosignature
from tests.dataspace.witness.stage import NOW, OTHER, TOWN, Peer, Stage, lines_of
from tests.testkit.towns import Towns

# When


@pytest.mark.parametrize(
    ("standing", "wanted"),
    [
        ((5, 0, 0, False), True),  # never asked
        ((5, 5, 0, False), False),  # nothing new
        ((6, 5, NOW - 3_599_999, False), False),
        ((6, 5, NOW - 3_600_000, False), True),
        ((6, 5, NOW - 1, True), True),  # an agreement does not wait for the hour
    ],
)
def test_asks_hourly_and_after_agreements(standing: tuple[int, int, int, bool], wanted: bool) -> None:
    size, known, at, agreed = standing
    newest = Batch(participant=TOWN, size=size, root=b"", frontier=merkle.NOTHING, checkpoint="", at=0)
    assert due(WitnessProgress(newest, known, at, agreed), NOW, 3600.0) is wanted


def test_nobody_asks_who_was_a_witness() -> None:
    """Former ones stay on the list, each key with its end; while keys change, the new one has none."""
    old, new = {"kty": "OKP", "validUntil": "2026-01-01T00:00:00Z"}, {"kty": "OKP"}
    assert [in_use(Witness("A", "https://w", keys), NOW) for keys in ((old,), (old, new), (new,), ())] == [
        False,
        True,
        True,
        True,
    ]


async def test_each_state_is_proven_to_grow_from_the_last(towns: Towns) -> None:
    """>> records, an agreement, nothing, a bundle << asked at first, for the agreement at once, and for the bundle."""
    peer = Peer()
    stage = Stage(towns, peer)
    first = await stage.grow(3)
    await stage.witnesses.look()
    await stage.grow(2)
    await stage.witnesses.look()
    assert peer.sizes() == [(0, first.size)]
    second = await stage.grow(1, "agreement", "urn:uuid:1")
    await stage.witnesses.look()
    await stage.witnesses.look()
    assert peer.sizes() == [(0, first.size), (first.size, second.size)]
    assert await stage.time(second.size) == peer.at * 1000
    third = await stage.grow()
    await stage.witnesses.vouched(stage.hosted)  # a bundle wants the newest state
    assert peer.sizes()[-1] == (second.size, third.size)


async def test_own_operators_witness_is_never_asked(towns: Towns) -> None:
    """Neither the one of the participant's operator nor this process itself, whoever lists it."""
    own, same = Peer("Musterstadt"), Peer("did:web:self.example")
    stage = Stage(towns, own, same)
    await stage.grow()
    await stage.witnesses.vouched(stage.hosted)
    assert own.asked == same.asked == []
    stage.net.listed = False
    await stage.witnesses.vouched(stage.hosted)  # no list yet: nobody is a witness


@pytest.mark.threat("T148")
async def test_bug_a_witness_whose_operator_looks_like_ours_was_asked(towns: Towns) -> None:
    """>> our operator's name with a capital, a zero width space and a Cyrillic letter << as little as our own."""
    alike = [Peer(name) for name in ("MUSTERSTADT", "Muster\u200bstadt", "Must\u0435rstadt")]
    stage = Stage(towns, *alike)
    await stage.grow()
    await stage.witnesses.vouched(stage.hosted)
    assert [one.asked for one in alike] == [[], [], []]


async def test_a_lost_answer_is_asked_for_again(towns: Towns) -> None:
    """>> vouched there, the answer lost << 409 with our own size, and the same state is asked for from there."""
    peer = Peer()
    stage = Stage(towns, peer)
    newest = await stage.grow(3)
    peer.held[sealer.origin(stage.hosted.participant.root)] = VouchedState(
        newest.size, newest.root, newest.checkpoint or ""
    )
    await stage.witnesses.vouched(stage.hosted)
    assert peer.sizes() == [(0, newest.size), (newest.size, newest.size)]
    assert await stage.time(newest.size) == peer.at * 1000


@pytest.mark.parametrize("error", [Unavailable("http.unreachable", host="x"), PeerError("http.url-refused")])
async def test_who_is_away_is_left_alone_for_a_while(towns: Towns, error: Exception) -> None:
    """>> three looks at once << one request; later again, and then it vouches; the other witness is not delayed."""
    gone, there = Peer("did:web:a.example"), Peer("did:web:b.example")
    gone.away = error
    stage = Stage(towns, gone, there)
    newest = await stage.grow()
    for _ in range(3):
        await stage.witnesses.look()
    assert len(there.asked) == 1
    gone.away = None
    await stage.witnesses.look()
    assert gone.asked == []
    stage.clock.advance(16_000)
    await stage.witnesses.look()
    assert gone.sizes() == [(0, newest.size)]


async def test_a_log_whose_witnesses_failed_lately_is_not_walked(towns: Towns, walked: list[str]) -> None:
    """>> its only witness is away, and many looks << they ask whose turn it is, and of the log nothing until then."""
    peer = Peer()
    peer.away = Unavailable("http.unreachable", host="x")
    stage = Stage(towns, peer)
    newest = await stage.grow()
    await stage.witnesses.look()
    walked.clear()
    for _ in range(5):
        await stage.witnesses.look()
    assert TOWN not in walked
    peer.away = None
    stage.clock.advance(16_000)
    await stage.witnesses.look()
    assert walked.count(TOWN) == 1
    assert peer.sizes() == [(0, newest.size)]


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The logs that were read, in this order; none has its turn."""
    found: list[str] = []
    ask = Witnesses._ask

    async def noted(self: Witnesses, hosted: Hosted, wanted: Wanted) -> None:
        found.append(hosted.participant.id)
        await ask(self, hosted, wanted)

    async def nobody(self: Witnesses) -> list[Hosted]:
        return []

    monkeypatch.setattr(Witnesses, "_ask", noted)
    monkeypatch.setattr(Witnesses, "_turn", nobody)
    return found


async def test_a_log_that_grew_within_the_hour_is_read_once(towns: Towns, walked: list[str]) -> None:
    """>> vouched for, grown, many looks << read once for its new size; within the hour an agreement is, and the hour
    itself."""
    peer = Peer()
    stage = Stage(towns, peer)
    await stage.grow()
    await stage.witnesses.look()
    second = await stage.grow()
    for _ in range(5):
        await stage.witnesses.look()
    assert walked == [TOWN, TOWN]
    third = await stage.grow(1, "agreement", "urn:uuid:1")
    await stage.witnesses.look()
    assert peer.sizes()[-1][1] == third.size > second.size
    last = await stage.grow()
    await stage.witnesses.look()
    assert peer.sizes()[-1][1] == third.size
    peer.at += 3660
    stage.clock.advance(3_660_000)
    await stage.witnesses.look()
    assert peer.sizes()[-1] == (third.size, last.size)


async def test_logs_ask_one_after_the_other_but_for_an_agreement(towns: Towns) -> None:
    """>> two logs that nobody has vouched for << one asks; the other would two seconds later, and with an agreement
    does at once."""
    peer = Peer()
    stage = Stage(towns, peer)
    await stage.grow()
    await stage.seal(OTHER)
    await stage.witnesses.look()
    assert len(peer.held) == 1
    await stage.grow(1, "agreement", "urn:uuid:1", slug=OTHER)
    await stage.witnesses.look()
    assert len(peer.held) == 2


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_witness_that_has_had_enough_is_asked_by_one_log_alone(towns: Towns, status: int) -> None:
    """>> two logs wait, and the witness takes none now << it is asked once; then for one after the other."""
    peer = Peer()
    peer.says = lambda _: Answer(status, {}, b"")
    stage = Stage(towns, peer)
    await stage.grow()
    await stage.seal(OTHER)
    for _ in range(3):
        await stage.witnesses.look()
    assert len(peer.asked) == 1
    peer.says = None
    stage.clock.advance(15_000)
    await stage.witnesses.look()
    assert len(peer.held) == 2


class TakesOne:
    """A witness with room for one agreement a round; of one origin it never takes any. `heard`: of whom, in order."""

    def __init__(self, peer: Peer, never: str = "") -> None:
        self._peer, self._never = peer, never
        self._room = 0
        self.heard = list[str]()

    def __call__(self, asked: cosign.Asked) -> Answer:
        if not self._room or asked.checkpoint.origin == self._never:
            return Answer(429, {}, b"")
        self._room -= 1
        self.heard.append(asked.checkpoint.origin)
        return self._peer.vouches(asked)

    async def rounds(self, stage: Stage, logs: Sequence[str], count: int) -> None:
        """Each log has had an answer; then each has an agreement more in every round."""
        for slug in logs:
            await stage.grow(1, "agreement", "urn:uuid:1", slug=slug)
        await stage.witnesses.look()
        self._peer.says = self
        for number in range(count):
            for slug in logs:
                await stage.grow(1, "agreement", f"urn:uuid:{number}", slug=slug)
            self._room = 1
            stage.clock.advance(900_000)
            self._peer.at += 900
            await stage.witnesses.look()


async def test_bug_with_more_agreements_than_it_takes_the_first_logs_alone_were_heard(towns: Towns) -> None:
    """>> three logs, each with an agreement again and again, of a witness that takes one at a time; one of them it
    never takes << the other two by turns, and the one that it never takes holds up neither."""
    peer = Peer()
    witness = TakesOne(peer, sealer.origin(towns.participants.held(TOWN).participant.root, 0))
    await towns.add("altdorf")
    await witness.rounds(Stage(towns, peer), ("altdorf", TOWN, OTHER), 8)
    assert min(witness.heard.count(origin) for origin in set(witness.heard)) >= 2
    assert len(set(witness.heard)) == 2


async def test_bug_a_database_that_sorts_otherwise_let_one_log_wait_for_ever(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> as above, without one that is never taken, and a PostgreSQL that sorts names by other rules than we compare
    them << each log has its turn."""
    peer, waiting = Peer(), cosignatures.waiting
    witness = TakesOne(peer)
    monkeypatch.setattr(cosignatures, "waiting", lambda tx, most: dict(reversed(waiting(tx, most).items())))
    await towns.add("altdorf")
    await witness.rounds(Stage(towns, peer), ("altdorf", TOWN, OTHER), 6)
    assert len(set(witness.heard[-3:])) == 3


async def test_of_a_witness_that_is_listed_no_more_nothing_is_remembered(towns: Towns) -> None:
    """>> a witness fails, and goes off the list; an hour of looks << its pause is forgotten, the other stays."""
    gone, there = Peer("did:web:a.example"), Peer("did:web:b.example")
    gone.away = there.away = PeerError("http.url-refused")
    stage = Stage(towns, gone, there, look_s=1_800.0)
    await stage.grow()
    await stage.witnesses.look()
    del stage.net.peers[f"{gone.url}/add-checkpoint"]
    for _ in range(3):
        await stage.witnesses.look()
    pauses = stage.witnesses._pauses
    assert [pauses.holds(TOWN, one.url) for one in (gone, there)] == [False, True]


async def test_logs_that_a_witness_does_not_take_yet_hold_up_none_that_it_knows(towns: Towns) -> None:
    """>> it takes no new log for now << an agreement in one that it knows is vouched for all the same."""
    peer = Peer()
    stage = Stage(towns, peer)
    await stage.grow()
    await stage.witnesses.look()
    await stage.seal(OTHER)
    stage.clock.advance(2_000)
    peer.says = lambda asked: Answer(429, {}, b"") if asked.old == 0 else peer.vouches(asked)
    await stage.witnesses.look()
    newest = await stage.grow(1, "agreement", "urn:uuid:1")
    for _ in range(3):
        await stage.witnesses.look()
    assert [size for size in peer.sizes() if size[0] == 0][1:] == [(0, peer.sizes()[1][1])]
    assert await stage.time(newest.size) == peer.at * 1000


# What a hostile witness achieves


def of_another(asked: cosign.Asked) -> cosign.Asked:
    """The request for a tree of the same log with a leaf more."""
    note = asked.checkpoint
    text = checkpoint.text_of(note.origin, note.size + 1, note.root)
    return asked._replace(note=f"{text}\n{asked.note.partition(chr(10) * 2)[2]}")


def flipped(body: bytes) -> bytes:
    return body[:60] + bytes([body[60] ^ 1]) + body[61:]


BAD_ANSWERS: list[Callable[[Peer, Any], Answer]] = [
    lambda peer, asked: Answer(200, {}, b""),
    lambda peer, asked: Answer(200, {}, b"\xff\xfe"),
    lambda peer, asked: Answer(200, {}, lines_of(peer, asked) + b"more"),
    lambda peer, asked: Answer(200, {}, flipped(lines_of(peer, asked))),
    lambda peer, asked: Answer(200, {}, lines_of(Peer("did:web:other.example"), asked)),
    lambda peer, asked: Answer(200, {}, lines_of(peer, asked, at=peer.at + 3602)),
    lambda peer, asked: Answer(200, {}, lines_of(peer, asked, at=peer.at - 3602)),
    lambda peer, asked: Answer(200, {}, lines_of(peer, asked, at=0)),
    lambda peer, asked: Answer(200, {}, lines_of(peer, asked, at=peer.at - 600)),  # before it was sealed
    lambda peer, asked: Answer(200, {}, lines_of(peer, asked, at=2**63)),
    lambda peer, asked: Answer(200, {}, lines_of(peer, of_another(asked))),
    lambda peer, asked: Answer(200, {}, lines_of(peer, asked) + lines_of(peer, of_another(asked))),
    lambda peer, asked: Answer(200, {}, lines_of(peer, asked) + lines_of(peer, asked, at=0)),
    lambda peer, asked: Answer(200, {}, lines_of(peer, asked) * 40),
    lambda peer, asked: Answer(200, {}, "— x ".encode() + b"A" * 60_000 + b"\n" + lines_of(peer, asked) + b"\n"),
    lambda peer, asked: Answer(302, {}, b""),
    lambda peer, asked: Answer(404, {}, b""),
    lambda peer, asked: Answer(500, {}, b"0\n"),
    lambda peer, asked: Answer(409, {}, b""),
    lambda peer, asked: Answer(409, {}, b"-1\n"),
    lambda peer, asked: Answer(409, {}, "٣\n".encode()),
    lambda peer, asked: Answer(409, {}, b"9" * 4000),
    lambda peer, asked: Answer(409, {}, f"{asked.old ^ 1}\n".encode()),
]


@pytest.mark.threat("T50")
async def test_nothing_of_a_bad_answer_is_kept(towns: Towns) -> None:
    """Not genuine, of somebody else, at a strange time, nonsense: no line is stored and the log goes on as it was."""
    for number, says in enumerate(BAD_ANSWERS):
        peer = Peer()
        peer.says = lambda asked, says=says, peer=peer: says(peer, asked)  # type: ignore[misc]
        stage = Stage(towns, peer)
        newest = await stage.grow(3)
        await stage.witnesses.vouched(stage.hosted)
        assert 0 < len(peer.asked) <= 2, number
        assert await towns.db.read(TOWN, cosignatures.cosigned, TOWN, newest.size) == "", number
        assert await stage.epoch() == 0, number


@pytest.mark.threat("T50")
async def test_lines_of_strangers_beside_a_genuine_one_are_left_out(towns: Towns) -> None:
    """Only what a listed key signed stands under our checkpoint."""
    peer, stranger = Peer(), Peer("did:web:other.example")
    peer.says = lambda asked: Answer(200, {}, lines_of(stranger, asked) + lines_of(peer, asked))
    stage = Stage(towns, peer)
    newest = await stage.grow()
    await stage.witnesses.vouched(stage.hosted)
    kept = await towns.db.read(TOWN, cosignatures.cosigned, TOWN, newest.size)
    assert {line.split(" ")[1] for line in kept.splitlines()} == {cosignature.name_of(peer.url)}


# The first seal of a process


def sizes(peers: Sequence[Peer]) -> list[list[tuple[int, int]]]:
    return [peer.sizes() for peer in peers]


async def test_asks_how_far_the_log_was_with_the_empty_tree(towns: Towns) -> None:
    """>> start << each witness is asked once, with a checkpoint of nothing; the log was not further: it goes on."""
    peers = [Peer("did:web:a.example"), Peer("did:web:b.example")]
    stage = Stage(towns, *peers)
    await stage.grow(3)
    await stage.witnesses.vouched(stage.hosted)
    stage.again()
    for _ in range(2):
        assert await stage.witnesses.settled(stage.hosted)
    assert [asked[-1] for asked in sizes(peers)] == [(0, 0), (0, 0)]
    assert [len(asked) for asked in sizes(peers)] == [2, 2]
    assert await stage.epoch() == 0


async def test_a_log_that_was_further_goes_on_under_a_new_origin(towns: Towns) -> None:
    """>> one of two witnesses knows more leaves than the database << recorded, and what follows has another name."""
    behind, ahead = Peer("did:web:a.example"), Peer("did:web:b.example")
    stage = Stage(towns, behind, ahead)
    newest = await stage.grow(3)
    origin = sealer.origin(stage.hosted.participant.root)
    ahead.held[origin] = VouchedState(newest.size + 4, b"r" * 32, "known")
    assert await stage.witnesses.settled(stage.hosted)
    after = await stage.seal()
    assert (after.epoch, after.size) == (1, newest.size + 1)
    await stage.witnesses.vouched(stage.hosted)
    assert ahead.sizes()[-1] == (0, after.size)
    assert await stage.time(after.size) == ahead.at * 1000
    assert ahead.held[origin].size == newest.size + 4


async def test_logs_of_a_start_do_not_ask_a_witness_that_just_refused_one(towns: Towns) -> None:
    """>> two logs with a past, and a witness that takes none << one asks and both wait; a moment later the other does,
    and an answer counts for it alone."""
    peer = Peer()
    stage = Stage(towns, peer)
    other = towns.participants.held(OTHER)
    await stage.grow()
    await stage.seal(OTHER)
    peer.says = lambda _: Answer(429, {}, b"")
    assert not await stage.witnesses.settled(stage.hosted)
    assert not await stage.witnesses.settled(other)
    assert len(peer.asked) == 1
    peer.says = None
    stage.clock.advance(200)
    assert await stage.witnesses.settled(other)
    assert [asked.checkpoint.origin for asked in peer.asked[1:]] == [sealer.origin(other.participant.root)]
    assert await stage.witnesses.settled(stage.hosted)
    assert len(peer.asked) == 3


async def test_bug_a_log_without_a_past_was_sealed_unheard_where_another_was_refused(towns: Towns) -> None:
    """>> a witness refuses one log, and knows another that lost all of its states << that one asks all the same, and
    goes on under another name."""
    peer = Peer()
    stage = Stage(towns, peer)
    other = towns.participants.held(OTHER)
    await stage.grow()
    origin = sealer.origin(other.participant.root)
    peer.held[origin] = VouchedState(4, b"r" * 32, "known")
    peer.says = lambda asked: peer.vouches(asked) if asked.checkpoint.origin == origin else Answer(429, {}, b"")
    assert not await stage.witnesses.settled(stage.hosted)
    assert await stage.witnesses.settled(other)
    assert await towns.db.read(OTHER, origins.current, OTHER) == 1


async def test_waits_a_moment_for_a_witness_and_then_goes_on(towns: Towns) -> None:
    """>> nobody answers << a log with a past waits `start_wait_s`; one without a past does not wait at all."""
    peer = Peer()
    stage = Stage(towns, peer, start_wait_s=30.0)
    peer.away = Unavailable("http.unreachable", host="x")
    assert await stage.witnesses.settled(stage.hosted)
    await stage.grow()
    stage.again()
    assert not await stage.witnesses.settled(stage.hosted)
    stage.clock.advance(29_000)
    assert not await stage.witnesses.settled(stage.hosted)
    stage.clock.advance(1_000)
    assert await stage.witnesses.settled(stage.hosted)


async def test_who_is_listed_later_is_not_waited_for(towns: Towns) -> None:
    """>> no witness at the start, then one that is away << the log that this process has sealed goes on at once."""
    stage = Stage(towns)
    assert await stage.witnesses.settled(stage.hosted)
    await stage.grow()
    late = Peer()
    late.away = Unavailable("http.unreachable", host="x")
    stage.net.peers[f"{late.url}/add-checkpoint"] = late
    assert await stage.witnesses.settled(stage.hosted)
    stage.net.listed = False
    stage.again()
    assert await stage.witnesses.settled(stage.hosted)  # without any list nobody can be asked yet
    stage.net.listed = True
    assert not await stage.witnesses.settled(stage.hosted)


async def test_a_branch_that_a_witness_has_seen_ends_the_origin(towns: Towns) -> None:
    """Nobody answered at the start, and old sizes were signed again: the first answer shows it (422 or 409)."""
    for number, kind in enumerate(("larger", "same size")):
        peer = Peer()
        stage = Stage(towns, peer)
        await stage.grow(3)
        await stage.witnesses.vouched(stage.hosted)
        epoch = await stage.epoch()
        origin = sealer.origin(stage.hosted.participant.root, epoch)
        more = 0 if kind == "larger" else 2
        newest = await stage.grow(2)
        peer.held[origin] = VouchedState(newest.size - 2 + more, b"x" * 32, "another branch")
        await stage.witnesses.vouched(stage.hosted)
        assert await stage.epoch() == epoch + 1, kind
        if number == 0:
            await towns.db.write(TOWN, aged)


def aged(tx: Tx) -> None:
    """As if the last change of the origin were long ago."""
    tx.run("UPDATE log_epoch SET at = 0")

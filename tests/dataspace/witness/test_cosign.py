"""What a witness says to a log: it vouches for one history, keeps the proof of a second, and never moves back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import ModuleType

import pytest

from connector.dataspace.witness import cosign
from connector.dataspace.witness.cosign import NOTHING, Alarm, Asked, Verdict, VouchedState
from connector.dataspace.witness.keys import WitnessKeys
from connector.foundation.errors import PeerError
from connector.foundation.storage import Database, open_database
from connector.foundation.storage.database import PROCESS
from connector.identity.audit import merkle
from connector.identity.trust.keys.vault import Vault
from connector.verify.formats import base64url, checkpoint, cosignature
from connector.verify.formats.checkpoint import ML_DSA_44, TIMED_ED25519
from tests.dataspace.witness.notes import AT, KEYS, ORIGIN, TIMED, note, text, tree


def asked(old: int, size: int, branch: bytes = b"", at: int = AT, proof: Sequence[bytes] | None = None) -> Asked:
    sound = tree(size, branch).consistency(old) if proof is None else proof
    return cosign.parse(cosign.write(old, sound, note(size, branch, at)))


def held(size: int, branch: bytes = b"", at: int = AT) -> VouchedState:
    return VouchedState(size, tree(size, branch).root(), note(size, branch, at))


# The decision


@pytest.mark.threat("T51")
@pytest.mark.parametrize(
    ("before", "request_", "verdict"),
    [
        (NOTHING, asked(0, 5), Verdict("vouch", 0)),  # the first state is taken as it is
        (NOTHING, asked(0, 0), Verdict("vouch", 0)),
        (NOTHING, asked(3, 5), Verdict("conflict", 0)),
        (NOTHING, asked(0, 5, proof=[b"x" * 32]), Verdict("unproven", 0)),  # nothing to prove, so nothing may be there
        (held(5), asked(5, 8), Verdict("vouch", 5)),
        (held(5), asked(5, 5), Verdict("vouch", 5)),  # asked again: the answer got lost
        (held(5), asked(4, 8), Verdict("conflict", 5)),
        (held(5), asked(0, 8, proof=[]), Verdict("conflict", 5)),
        (held(5), asked(0, 0), Verdict("conflict", 5)),  # how a log asks what is known
        (held(5), asked(5, 8, b"fork"), Verdict("unproven", 5)),
        (held(5), asked(5, 8, proof=[]), Verdict("unproven", 5)),
        (held(5), asked(5, 8, proof=[b"x" * 32] * 63), Verdict("unproven", 5)),
        (held(5), asked(5, 5, b"fork"), Verdict("fork", 5)),
        (held(5), asked(0, 5, b"fork", proof=[]), Verdict("fork", 5)),  # two trees of one size, whatever is believed
        (held(5), asked(2, 3), Verdict("conflict", 5)),  # an old note, signed before: no crime
        (held(5), asked(2, 3, at=AT + 3600), Verdict("conflict", 5, rolled_back=True)),
        (held(5), asked(2, 3, at=AT + 30), Verdict("conflict", 5)),  # a clock that was set back
    ],
)
def test_decides(before: VouchedState, request_: Asked, verdict: Verdict) -> None:
    assert cosign.decide(before, request_, TIMED) == verdict


def test_without_a_stated_time_nothing_counts_as_rolled_back() -> None:
    """The Ed25519 line alone says nothing of when."""
    assert cosign.decide(held(5), asked(2, 3, at=AT + 3600), []) == Verdict("conflict", 5)


# The request


HASH = base64url.encode_padded(b"h" * 32)


@pytest.mark.threat("T51")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"old 1",
        b"old 1\n\n",
        f"old 01\n\n{note(3)}".encode(),
        f"old -1\n\n{note(3)}".encode(),
        f"old  1\n\n{note(3)}".encode(),
        f"Old 1\n\n{note(3)}".encode(),
        f"old 1\n{note(3)}".encode(),
        f"old 4\n\n{note(3)}".encode(),
        f"old 1\nAAAA\n\n{note(3)}".encode(),
        f"old 1\n{HASH[:-1]}!\n\n{note(3)}".encode(),
        f"old 1\n{HASH}\r\n\n{note(3)}".encode(),
        ("old 1\n" + f"{HASH}\n" * 64 + f"\n{note(3)}").encode(),
        f"old 1\n\n{note(3)}x".encode(),
        f"old {'9' * 40}\n\n{note(3)}".encode(),
        f"old 1\n\n{note(3).replace(chr(10) + '3' + chr(10), chr(10) + '03' + chr(10))}".encode(),
    ],
)
def test_other_spellings_of_a_request_are_refused(body: bytes) -> None:
    """One form, 63 proof lines at most, and an old size within the new one."""
    with pytest.raises(PeerError, match=r"witness\.form"):
        cosign.parse(body)


def test_a_request_is_read_as_it_is_written() -> None:
    proof, signed = tree(9).consistency(3), note(9)
    found = cosign.parse(cosign.write(3, proof, signed))
    assert (found.old, list(found.proof), found.note, found.checkpoint.size) == (3, proof, signed, 9)


# The memory


@pytest.mark.threat("T51")
async def test_remembers_the_newest_state_and_each_crime_once(any_db: Database) -> None:
    """Grows, is asked again, is lied to twice in the same way and once in another; never forgets, never moves back."""
    consider = cosign.consider
    assert await any_db.write(PROCESS, consider, asked(0, 4), TIMED) == (Verdict("vouch", 0), None)
    assert await any_db.write(PROCESS, consider, asked(4, 7), TIMED) == (Verdict("vouch", 4), None)
    assert await any_db.write(PROCESS, consider, asked(7, 7), TIMED) == (Verdict("vouch", 7), None)
    fork = Alarm(origin=ORIGIN, kind="fork", held=note(7), offered=note(7, b"f"))
    verdict, alarm = await any_db.write(PROCESS, consider, asked(7, 7, b"f"), TIMED)
    assert (verdict.kind, alarm and (alarm.kind, texts(alarm))) == ("fork", ("fork", texts(fork)))
    assert await any_db.write(PROCESS, consider, asked(7, 7, b"f"), TIMED) == (Verdict("fork", 7), None)
    verdict, alarm = await any_db.write(PROCESS, consider, asked(2, 3, at=AT + 4000), TIMED)
    assert (verdict.rolled_back, alarm and alarm.kind) == (True, "rollback")
    assert [one.kind for one in await any_db.read(PROCESS, cosign.alarms)] == ["fork", "rollback"]
    known = await any_db.read(PROCESS, cosign.known, ORIGIN)
    assert (known.size, known.root) == (7, tree(7).root())


@pytest.mark.threat("T61")
async def test_a_second_history_of_the_size_that_is_held_is_told(sqlite_db: Database) -> None:
    """Past bug: >> a restore, another replica vouches for a branch of the same size; this one has the proof << told."""
    unit = sqlite_db.write
    assert (await unit(PROCESS, cosign.consider, asked(0, 5, b"x"), TIMED))[1] is None
    verdict, alarm = await unit(PROCESS, cosign.consider, asked(5, 8, b"x"), TIMED, held(5))
    assert verdict.kind == "vouch"
    assert alarm is not None
    assert [alarm.kind, *texts(alarm)] == ["fork", text(5), text(5, b"x")]
    assert (await unit(PROCESS, cosign.consider, asked(8, 9, b"x"), TIMED, held(5)))[1] is None
    assert (await unit(PROCESS, cosign.consider, asked(9, 9, b"x"), TIMED, held(9, b"x")))[1] is None


def texts(alarm: Alarm) -> list[str]:
    return [checkpoint.parse(one).text for one in (alarm.held, alarm.offered)]


@pytest.mark.threat("T51")
async def test_a_hostile_log_cannot_fill_the_disk_with_its_crimes(sqlite_db: Database) -> None:
    """Enough proofs of one log are kept; more of them change nothing."""
    await sqlite_db.write(PROCESS, cosign.consider, asked(0, 5), TIMED)
    for number in range(cosign.MOST_ALARMS + 5):
        await sqlite_db.write(PROCESS, cosign.consider, asked(0, 5, bytes([number, 1]), proof=[]), TIMED)
    assert len(await sqlite_db.read(PROCESS, cosign.alarms)) == cosign.MOST_ALARMS


@pytest.fixture
async def replicas(cluster: ModuleType) -> AsyncIterator[list[Database]]:
    """Two processes on one PostgreSQL database."""
    with cluster.database() as urls:
        both = [open_database(urls.app, worker_url=urls.worker) for _ in range(2)]
        for one in both:
            await one.start()
        yield both
        for one in both:
            await one.close()


@pytest.mark.threat("T51")
async def test_two_replicas_never_vouch_for_two_branches(replicas: list[Database]) -> None:
    """>> two branches at the same moment, one to each replica << one of them is vouched for, every time."""
    for round_ in range(8):
        origin = f"localhost:18443/musterstadt/log/{round_}"
        assert (await replicas[0].write(PROCESS, cosign.consider, grown(origin, b""), ()))[0].kind == "vouch"
        offers = [grown(origin, branch, 4) for branch in (b"l", b"r")]
        answers = await asyncio.gather(
            *(db.write(PROCESS, cosign.consider, offer, ()) for db, offer in zip(replicas, offers, strict=True))
        )
        assert sorted(verdict.kind for verdict, _ in answers) == ["fork", "vouch"]
        won = [verdict.kind for verdict, _ in answers].index("vouch")
        known = await replicas[1 - won].read(PROCESS, cosign.known, origin)
        assert known.root == offers[won].checkpoint.root


def grown(origin: str, branch: bytes, old: int = 0) -> Asked:
    """Four leaves, and one more that differs by branch if they are known."""
    more = [merkle.leaf_hash(branch)] if old else []
    whole = merkle.Tree([*(merkle.leaf_hash(bytes([at])) for at in range(4)), *more])
    text = checkpoint.text_of(origin, whole.size, whole.root())
    line = checkpoint.line_of(origin, b"....", KEYS[0].sign(text.encode()))  # whether it holds was judged before
    return cosign.parse(cosign.write(old, whole.consistency(old), f"{text}\n{line}"))


# The keys


async def test_replicas_are_one_witness(any_db: Database) -> None:
    """Whoever starts first makes the keys; at rest they are encrypted, and each cosignature holds."""
    vault = Vault(bytes(32))
    one, two = (WitnessKeys(any_db, vault, "https://localhost:18443/witness") for _ in range(2))
    first, second = await asyncio.gather(one.public(), two.public())
    assert first == second
    note_ = checkpoint.parse(note(3))
    lines = await two.cosign(note_, AT * 1000 + 999)
    entry = {"operator": "o", "url": one.url, "keys": list(first)}
    policy = cosignature.derived([entry], "own")
    assert policy is not None
    assert cosignature.time_of(checkpoint.parse(note(3) + lines), policy) == AT * 1000
    assert {key.kind for key, _ in await one.vkeys()} == {TIMED_ED25519, ML_DSA_44}
    rows = await any_db.read(PROCESS, lambda tx: tx.all("SELECT secret FROM witness_key"))
    assert rows
    assert all(b'"d"' not in row["secret"] and b'"priv"' not in row["secret"] for row in rows)

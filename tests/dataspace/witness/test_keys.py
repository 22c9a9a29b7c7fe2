"""A witness exchanges its keys: both sign for a while, what the old ones signed holds for good, nothing new does.

>> rotate << the keys as the trust list names them, and the time that a verifier concludes from their lines.
"""

import asyncio

import pytest

from connector.dataspace.witness.keys import OVERLAP_MS, WitnessKeys, _line
from connector.foundation.clock import SystemClock, rfc3339
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import PROCESS, Database
from connector.identity.audit import merkle
from connector.identity.trust.keys.vault import Vault
from connector.verify.formats import checkpoint, cosignature
from connector.verify.formats.faults import Fault

DAY = 86_400_000
NOW = SystemClock().now() // 1000 * 1000
ORIGIN = "localhost:18443/musterstadt/log/0"
TEXT = checkpoint.text_of(ORIGIN, 3, merkle.EMPTY)
LINE = checkpoint.line_of(ORIGIN, b"abcd", b"x" * 64)


def keys_of(db: Database) -> WitnessKeys:
    return WitnessKeys(db, Vault(bytes(32)), "https://localhost:18443/witness")


async def signed(keys: WitnessKeys, now: int) -> list[str]:
    """The lines that it puts under a checkpoint at that time."""
    return (await keys.cosign(checkpoint.parse(f"{TEXT}\n{LINE}"), now)).splitlines(True)


async def concluded(keys: WitnessKeys, lines: list[str]) -> int | None:
    """The time that these lines prove to whoever has the trust list of today."""
    entry = {"operator": "o", "url": keys.url, "keys": list(await keys.public())}
    policy = cosignature.derived([entry], "own")
    assert policy is not None
    return cosignature.time_of(checkpoint.parse(f"{TEXT}\n{LINE}{''.join(lines)}"), policy)


async def test_both_sign_for_a_while_then_the_new_ones_alone(any_db: Database) -> None:
    """>> exchanged in one replica << the other signs with both at once; a month later only with the new."""
    keys, replica = keys_of(any_db), keys_of(any_db)
    before, early = await replica.public(), await signed(replica, NOW)
    retires = await keys.rotate()
    listed = await replica.public()
    assert [key for key in listed if "validUntil" in key] == [{**key, "validUntil": rfc3339(retires)} for key in before]
    assert len(listed) == 2 * len(before)
    assert len(await signed(replica, NOW)) == 2 * len(before)
    late = await signed(replica, retires)
    assert len(late) == len(before)
    assert await concluded(keys, early) == NOW
    assert await concluded(keys, late) == retires // 1000 * 1000


@pytest.mark.threat("T61")
async def test_a_retired_key_vouches_for_nothing_new(sqlite_db: Database) -> None:
    """>> whoever kept an old key signs with it a day after its last << nothing is proven; a second before, it is."""
    keys = keys_of(sqlite_db)
    await keys.public()
    thief = keys_of(sqlite_db)
    old = [one.key for one in await thief._all()]
    retires = await keys.rotate()
    note = checkpoint.parse(f"{TEXT}\n{LINE}")
    for at, proven in ((retires + DAY, None), (retires // 1000 * 1000 - 1000, retires // 1000 * 1000 - 1000)):
        lines = [_line(keys.name, key, note, at // 1000) for key in old]
        assert await concluded(keys, lines) == proven


@pytest.mark.parametrize("order", [1, -1])
async def test_a_key_that_is_listed_twice_has_its_earlier_end(sqlite_db: Database, order: int) -> None:
    """Past bug: a list that names a retired key once more without its end << the first of both counted."""
    keys = keys_of(sqlite_db)
    lines = await signed(keys, NOW)
    used = list(await keys.public())
    ended = [{**key, "validUntil": rfc3339(NOW - DAY)} for key in used]
    entry = {"operator": "o", "url": keys.url, "keys": [*used, *ended][::order]}
    policy = cosignature.derived([entry], "own")
    assert policy is not None
    assert cosignature.time_of(checkpoint.parse(f"{TEXT}\n{LINE}{''.join(lines)}"), policy) is None


async def test_never_more_than_two_of_a_kind_sign(sqlite_db: Database) -> None:
    """>> again at once << refused with the day from which on it may be; then the third takes its turn."""
    keys = keys_of(sqlite_db)
    retires = await keys.rotate()
    with pytest.raises(Mistake, match=r"witness\.rotated") as refused:
        await keys.rotate()
    assert refused.value.facts == {"until": rfc3339(retires)}
    later = "UPDATE witness_key SET created_at = created_at - :overlap"
    await sqlite_db.write(PROCESS, lambda tx: tx.run(later, overlap=OVERLAP_MS))
    await keys.rotate()
    listed = await keys.public()
    kinds = len({key["kty"] for key in listed})
    assert len(listed) == 3 * kinds
    assert [key.get("validUntil") for key in listed[:kinds]] == [None] * kinds
    assert len({key["validUntil"] for key in listed[kinds:]}) == 2
    assert len(await signed(keys, SystemClock().now())) == 2 * kinds


async def test_a_kind_that_was_left_out_once_retires_with_the_next(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past bug: >> exchanged where ML-DSA is not known, then where it is << the first ML-DSA key signed for ever."""
    keys = keys_of(sqlite_db)
    await keys.public()
    monkeypatch.setattr("connector.dataspace.witness.keys.post_quantum", lambda: False)
    await keys.rotate()
    assert [("pub" in key, "validUntil" in key) for key in await keys.public()] == [
        (False, False),
        (False, True),
        (True, False),
    ]
    monkeypatch.undo()
    await sqlite_db.write(
        PROCESS, lambda tx: tx.run("UPDATE witness_key SET created_at = created_at - :ms", ms=OVERLAP_MS)
    )
    await keys.rotate()
    assert [key for key in await keys.public() if "validUntil" not in key] == list((await keys.public())[:2])


async def test_two_replicas_exchange_once(any_db: Database) -> None:
    """>> both at the same moment << one generation; the other is told that it was done just now."""
    one, two = keys_of(any_db), keys_of(any_db)
    before = await one.public()
    said = await asyncio.gather(one.rotate(), two.rotate(), return_exceptions=True)
    assert sorted(isinstance(answer, Mistake) for answer in said) == [False, True]
    assert await one.public() == await two.public()
    assert len(await one.public()) == 2 * len(before)


@pytest.mark.parametrize("until", ["tomorrow", "2026-11-25T00:00:00", 5, [], "9999-12-31T23:59:59-23:59"])
async def test_an_end_that_is_no_time_is_a_fault(sqlite_db: Database, until: object) -> None:
    key: dict[str, object] = {**(await keys_of(sqlite_db).public())[0], "validUntil": until}
    with pytest.raises(Fault, match="trust-list-form"):
        cosignature.derived([{"operator": "o", "url": "https://x.example/w", "keys": [key]}], "own")

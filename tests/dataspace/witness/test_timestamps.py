"""Tokens over checkpoints as they are kept: which one is asked for, what of an answer counts, whose rows they are."""

from hashlib import sha256
from pathlib import Path

import pytest

from connector.dataspace.witness import timestamps
from connector.dataspace.witness.timestamps import Request
from connector.foundation.errors import Defect, Mistake, PeerError
from connector.foundation.storage import Database, Tx
from connector.identity.audit import sealer, store
from connector.verify.formats import der, timestamp
from tests.verify.authority import NOTE, Authority, tlv
from tests.verify.forge import PROVIDER, LogKey, root_of

TOWN, OTHER = "musterstadt", "nachbardorf"
HOUR = 3_600_000
KEYS = [LogKey()]


def add(tx: Tx, number: int) -> None:
    store.append(tx, TOWN, "catalogue", None, "p-1", {"number": number}, did=PROVIDER)


async def grown(db: Database, number: int = 0) -> sealer.Batch:
    """One more record under one more checkpoint."""
    await db.write(TOWN, add, number)
    batch = await sealer.seal(db, TOWN, root_of(PROVIDER), KEYS)
    assert batch is not None
    return batch


def age(tx: Tx) -> None:
    """As if all tokens had come an hour earlier."""
    tx.run("UPDATE audit_timestamp SET at = at - :hour WHERE participant = :participant", hour=HOUR, participant=TOWN)


async def test_the_newest_checkpoint_is_asked_for_once_an_hour(sqlite_db: Database) -> None:
    """Nothing without a checkpoint, none twice, the next one only after the hour."""
    db = sqlite_db
    assert await db.read(TOWN, timestamps.wanted, TOWN, HOUR) is None
    first, second = await grown(db), await grown(db, 1)
    wanted = await db.read(TOWN, timestamps.wanted, TOWN, HOUR)
    assert wanted == timestamps.Unstamped(second.size, second.checkpoint or "")
    await db.write(TOWN, timestamps.keep, TOWN, second.size, b"token", 7)
    assert await db.read(TOWN, timestamps.wanted, TOWN, 0) is None
    third = await grown(db, 2)
    assert await db.read(TOWN, timestamps.wanted, TOWN, HOUR) is None
    await db.write(TOWN, age)
    wanted = await db.read(TOWN, timestamps.wanted, TOWN, HOUR)
    assert wanted is not None
    assert (wanted.size, first.size) == (third.size, 1)


async def test_the_first_token_stays_and_the_earliest_one_counts(any_db: Database) -> None:
    """A later answer changes nothing; a leaf is proven by the smallest stamped tree that holds it."""
    db = any_db
    sizes = [(await grown(db, number)).size for number in range(4)]
    for size, token in ((2, b"first"), (2, b"second"), (4, b"later")):
        await db.write(TOWN, timestamps.keep, TOWN, size, token, 1_000 * size)
    assert sizes == [1, 2, 3, 4]
    assert [await db.read(TOWN, timestamps.of, TOWN, size) for size in sizes] == [None, b"first", None, b"later"]
    found = [await db.read(TOWN, timestamps.earliest, TOWN, index) for index in range(5)]
    assert [None if one is None else (one.size, one.token, one.time) for one in found] == [
        (2, b"first", 2_000),
        (2, b"first", 2_000),
        (4, b"later", 4_000),
        (4, b"later", 4_000),
        None,
    ]
    assert found[0] is not None
    assert found[0].note.startswith("localhost:18443/musterstadt/log/0\n2\n")


@pytest.mark.threat("T18")
async def test_tokens_are_their_owners_and_are_never_changed(postgres_db: Database) -> None:
    """PostgreSQL: another tenant sees none and adds none; the owner itself can neither change nor delete one."""
    batch = await grown(postgres_db)
    await postgres_db.write(TOWN, timestamps.keep, TOWN, batch.size, b"token", 1)
    assert await postgres_db.read(OTHER, timestamps.of, TOWN, batch.size) is None
    with pytest.raises(Defect, match=r"storage\.foreign-row"):
        await postgres_db.write(OTHER, timestamps.keep, TOWN, 9, b"token", 1)
    for statement in ("UPDATE audit_timestamp SET token = ''", "DELETE FROM audit_timestamp"):
        with pytest.raises(Defect, match=r"storage\.foreign-row"):
            await postgres_db.write(TOWN, lambda tx, sql=statement: tx.run(sql))
    assert await postgres_db.read(TOWN, timestamps.of, TOWN, batch.size) == b"token"


def test_a_request_says_what_it_has_to() -> None:
    """SHA-256 of the note, a fresh nonce, and that the certificate is wanted (RFC 3161, 2.4.1)."""
    pytest.importorskip("rfc3161_client", reason="no rfc3161-client: pip install '.[timestamps]'")
    asked, again = timestamps.request(NOTE.decode()), timestamps.request(NOTE.decode())
    version, imprint, nonce, certificate = der.sequence(der.read(asked.body))
    assert (der.integer(version), der.integer(nonce), certificate.body) == (1, asked.nonce, b"\xff")
    assert der.octets(der.sequence(imprint)[1]) == sha256(NOTE).digest()
    assert asked.nonce != again.nonce
    assert asked.nonce.bit_length() > 32


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timestamps.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(Mistake, match=r"timestamps\.not-installed"):
        timestamps.request("a")


def nonce_of(query: bytes) -> int:
    """The nonce in a request."""
    return next(der.integer(one) for one in der.sequence(der.read(query))[2:] if one.tag == der.INTEGER)


@pytest.mark.threat("T49")
def test_only_what_an_auditor_accepts_counts(tmp_path: Path) -> None:
    """The bare token is kept; a replayed, foreign, refused or broken answer is not."""
    authority, stranger = Authority(tmp_path / "a"), Authority(tmp_path / "b", "rsa")
    note, query = NOTE.decode(), authority.query()
    asked = Request(query, nonce_of(query))
    answer = authority.reply(query)
    token, said = timestamps.accepted(answer, asked, note, authority.roots)
    assert answer.endswith(token)
    assert timestamp.check(token, NOTE, authority.roots) == said
    refusal = tlv(0x30, tlv(0x30, tlv(0x02, b"\x02")))
    for wrong, code in [
        (authority.reply(authority.query()), "timestamps.nonce"),
        (authority.reply(authority.query(nonce=False)), "timestamps.nonce"),
        (authority.reply(authority.query(b"other")), "timestamps.token"),
        (stranger.reply(query), "timestamps.token"),
        (refusal, "timestamps.refused"),
        *((odd, "timestamps.token") for odd in (b"", b"<html>", answer[:-1], tlv(0x30), bytes(70_000))),
    ]:
        with pytest.raises(PeerError, match=code.replace(".", r"\.")):
            timestamps.accepted(wrong, asked, note, authority.roots)

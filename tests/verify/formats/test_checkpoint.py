"""A checkpoint is a C2SP signed note: its one spelling, its key ids, its two kinds of signature."""

import base64
from hashlib import sha256

import pytest

from connector.identity.audit import merkle
from connector.verify.formats import checkpoint
from connector.verify.formats.faults import Fault
from tests.verify.forge import PROVIDER, Log, LogKey, PqLogKey

ORIGIN = "localhost:18443/musterstadt/log/0"


@pytest.fixture(scope="module")
def log() -> Log:
    filled = Log(PROVIDER)
    filled.noise(3)
    return filled


@pytest.fixture(scope="module")
def note(log: Log) -> str:
    return log.note(merkle.Tree([merkle.leaf_hash(bytes([leaf])) for leaf in range(5)]))


def test_reads_as_the_specification_says(log: Log, note: str) -> None:
    """Origin, size, root, an empty line, then one line per key."""
    text, _, tail = note.partition("\n\n")
    origin, size, root = text.split("\n")
    assert (origin, size) == (ORIGIN, "5")
    assert len(base64.b64decode(root)) == 32
    first, second = tail.splitlines()
    assert first.startswith(f"— {ORIGIN} ")
    blob = base64.b64decode(first.rsplit(" ", 1)[1])
    public = base64.urlsafe_b64decode(log.keys[0].public_jwk["x"] + "=")
    assert blob[:4] == sha256(ORIGIN.encode() + b"\n\x01" + public).digest()[:4]
    assert len(blob) == 4 + 64
    assert len(base64.b64decode(second.rsplit(" ", 1)[1])) == 4 + 8 + 2420


def test_holds_with_both_keys_or_one(log: Log, note: str) -> None:
    """A line of a key that is not looked for says nothing; at least one that is must hold."""
    parsed = checkpoint.parse(note)
    for keys in (log.keys, log.keys[:1], log.keys[1:]):
        checkpoint.check(parsed, [key.public_jwk for key in keys])
    for strangers in ([], [LogKey().public_jwk], [PqLogKey().public_jwk], [{"kty": "EC"}]):
        with pytest.raises(Fault, match="checkpoint-signature"):
            checkpoint.check(parsed, strangers)


def test_a_bad_line_is_never_outvoted(log: Log, note: str) -> None:
    """The Ed25519 line holds, the ML-DSA line was changed: refused."""
    keys = [key.public_jwk for key in log.keys]
    head, _, last = note.removesuffix("\n").rpartition(" ")
    blob = bytearray(base64.b64decode(last))
    for position in (4, 11, 12, 2000):
        broken = bytes(blob[:position]) + bytes([blob[position] ^ 1]) + bytes(blob[position + 1 :])
        with pytest.raises(Fault, match="checkpoint-signature"):
            checkpoint.check(checkpoint.parse(f"{head} {base64.b64encode(broken).decode()}\n"), keys)


@pytest.mark.parametrize("change", [("\n5\n", "\n6\n"), (ORIGIN + "\n", "evil/log/0\n")])
def test_text_and_signature_belong_together(log: Log, note: str, change: tuple[str, str]) -> None:
    """Another size or another origin is not what was signed."""
    with pytest.raises(Fault, match="checkpoint-signature"):
        checkpoint.check(checkpoint.parse(note.replace(*change, 1)), [key.public_jwk for key in log.keys])


@pytest.mark.threat("T112")
def test_a_signature_is_checked_once_and_proves_nothing_else(log: Log, note: str) -> None:
    """>> the same note again, another text, another key << known; checked anew each time, and refused."""
    parsed, keys = checkpoint.parse(note), [key.public_jwk for key in log.keys]
    other = checkpoint.parse(note.replace("\n5\n", "\n6\n", 1))
    checkpoint._verify.cache_clear()
    for _ in range(3):
        checkpoint.check(parsed, keys)
        assert checkpoint._verify.cache_info().misses == len(keys)
    for times in (1, 2):
        with pytest.raises(Fault, match="checkpoint-signature"):
            checkpoint.check(other, keys)
        assert checkpoint._verify.cache_info().misses == len(keys) + times
    (_, _, signature), *_ = parsed.lines
    stranger = checkpoint.key_of(ORIGIN, LogKey().public_jwk)
    assert stranger is not None
    with pytest.raises(Fault, match="checkpoint-signature"):
        stranger.seconds(parsed, signature)
    assert checkpoint._verify.cache_info().currsize == len(keys)
    assert checkpoint._verify.cache_parameters()["maxsize"] == 256


HEAD = "a\n1\n" + "A" * 43 + "="


@pytest.mark.parametrize(
    "note",
    [
        *("", "a\n1\n", "a\n1\nAAAA\n\n", f"{HEAD}\n\n"),
        HEAD.replace("1", "01") + "\n\n— a AAAA\n",
        HEAD.replace("1", "-1") + "\n\n— a AAAA\n",
        f"{HEAD}\nextension\n\n— a AAAA\n",
        f"{HEAD}\n\n- a AAAA\n",
        f"{HEAD}\n\n— a AAAA",
    ],
)
def test_other_spellings_are_refused(note: str) -> None:
    """No extension lines, no leading zeros, no hyphen for the dash, a newline at the end."""
    with pytest.raises(Fault, match="checkpoint-form"):
        checkpoint.parse(note)

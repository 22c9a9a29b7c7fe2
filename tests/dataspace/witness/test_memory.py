"""The notes of a witness beside its database: only the newest, only whole ones, and none under another log's name."""

import os
from pathlib import Path

import pytest

from connector.dataspace.witness import note_files
from connector.dataspace.witness.cosign import NOTHING
from connector.dataspace.witness.memory import Memory, _file
from connector.verify.formats import checkpoint
from tests.dataspace.witness.notes import KEYS, ORIGIN, note, tree
from tests.verify.forge import LogKey

LISTED = [key.public_jwk for key in KEYS]


def test_only_the_newest_is_kept(tmp_path: Path) -> None:
    """>> five leaves, then three << five; nothing without a folder, nothing of another log."""
    memory = Memory(tmp_path / "witness")
    assert memory.known(ORIGIN, LISTED) is None
    newest = note(5)
    memory.keep(ORIGIN, LISTED, newest, 5)
    memory.keep(ORIGIN, LISTED, note(3), 3)
    found = memory.known(ORIGIN, LISTED)
    assert found is not None
    assert (found.size, found.root, found.note) == (5, tree(5).root(), newest)
    assert memory.known(f"{ORIGIN}0", LISTED) is None
    nowhere = Memory(None)
    nowhere.keep(ORIGIN, LISTED, note(5), 5)
    assert nowhere.known(ORIGIN, LISTED) is None


@pytest.mark.threat("T61")
@pytest.mark.parametrize(
    "text", ["", "x", note(5)[:-2], note(5).replace(ORIGIN, f"{ORIGIN}1"), checkpoint.text_of(ORIGIN, 9, b"r" * 32)]
)
def test_what_is_no_note_of_this_log_says_nothing(tmp_path: Path, text: str) -> None:
    """A file that was cut, emptied, or copied from another log's; the next state takes its place."""
    memory = Memory(tmp_path)
    _file(tmp_path, ORIGIN).write_text(text, encoding="utf-8")
    assert memory.known(ORIGIN, LISTED) is None
    memory.keep(ORIGIN, LISTED, note(3), 3)
    found = memory.known(ORIGIN, LISTED)
    assert found is not None
    assert found.size == 3


@pytest.mark.threat("T61")
def test_a_note_that_the_log_has_not_signed_accuses_nobody(tmp_path: Path) -> None:
    """Past bug: one bit of the size or the root at rest, and the log was refused, or convicted by what it never said.

    A genuine state takes its place, also a smaller one.
    """
    memory = Memory(tmp_path)
    other, signed = note(5, b"x").partition("\n\n")[0], note(5).partition("\n\n")[2]
    for bad in (note(5).replace("\n5\n", "\n9000\n"), f"{other}\n\n{signed}"):
        _file(tmp_path, ORIGIN).write_text(bad, encoding="utf-8")
        assert memory.known(ORIGIN, LISTED) is None
        memory.keep(ORIGIN, LISTED, note(3), 3)
        found = memory.known(ORIGIN, LISTED)
        assert found is not None
        assert found.size == 3
    assert memory.known(ORIGIN, [LogKey().public_jwk]) is None
    assert memory.known(ORIGIN, [{"kty": "OKP", "crv": "Ed25519", "x": "x"}]) is None


@pytest.mark.threat("T61")
def test_what_is_no_file_of_its_own_is_not_read(tmp_path: Path) -> None:
    """Past bug: a pipe in the place of a note held the answer, and with it the seal, for ever. A link, a folder."""
    memory, place = Memory(tmp_path / "witness"), _file(tmp_path / "witness", ORIGIN)
    memory.keep(ORIGIN, LISTED, note(5), 5)
    elsewhere = place.rename(tmp_path / "elsewhere")
    for made in (os.mkfifo, lambda path: path.symlink_to(elsewhere), lambda path: path.symlink_to("/dev/zero")):
        made(place)
        assert memory.known(ORIGIN, LISTED) is None
        memory.keep(ORIGIN, LISTED, note(3), 3)
        assert (memory.known(ORIGIN, LISTED) or NOTHING).size == 3
        place.unlink()
    place.mkdir()
    memory.keep(ORIGIN, LISTED, note(3), 3)
    assert memory.known(ORIGIN, LISTED) is None
    assert checkpoint.parse(elsewhere.read_text(encoding="utf-8")).size == 5


def test_the_longest_note_that_is_taken_is_read_again(tmp_path: Path) -> None:
    """Past bug: a log with many keys had a note of more than 32 KB, of which only a part was read."""
    memory, long = Memory(tmp_path), note(5)
    long += "".join(checkpoint.line_of(f"other{at}", b"abcd", b"x" * 2_400) for at in range(18))
    assert note_files.LIMIT > len(long.encode()) > 50_000
    memory.keep(ORIGIN, LISTED, long, 5)
    assert (memory.known(ORIGIN, LISTED) or NOTHING).size == 5


def test_without_room_the_witness_goes_on(tmp_path: Path) -> None:
    """>> the folder cannot be written << nothing is raised: the database decides as before."""
    memory = Memory(Path("/proc/nowhere"))
    memory.keep(ORIGIN, LISTED, note(3), 3)
    assert memory.known(ORIGIN, LISTED) is None

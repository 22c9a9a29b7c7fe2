"""The notes of a witness beside its database: only the newest, only whole ones, and none under another log's name."""

from pathlib import Path

import pytest

from connector.audit.witness_memory import Memory, _file
from connector.verify import checkpoint
from tests.audit.test_witnessing import ORIGIN, note, tree


def test_only_the_newest_is_kept(tmp_path: Path) -> None:
    """>> five leaves, then three << five; nothing without a folder, nothing of another log."""
    memory = Memory(tmp_path / "witness")
    assert memory.known(ORIGIN) is None
    newest = note(5)
    memory.keep(ORIGIN, newest, 5)
    memory.keep(ORIGIN, note(3), 3)
    found = memory.known(ORIGIN)
    assert found is not None
    assert (found.size, found.root, found.note) == (5, tree(5).root(), newest)
    assert memory.known(f"{ORIGIN}0") is None
    nowhere = Memory(None)
    nowhere.keep(ORIGIN, note(5), 5)
    assert nowhere.known(ORIGIN) is None


@pytest.mark.threat("T61")
@pytest.mark.parametrize(
    "text", ["", "x", note(5)[:-2], note(5).replace(ORIGIN, f"{ORIGIN}1"), checkpoint.text_of(ORIGIN, 9, b"r" * 32)]
)
def test_what_is_no_note_of_this_log_says_nothing(tmp_path: Path, text: str) -> None:
    """A file that was cut, emptied, or copied from another log's; the next state takes its place."""
    memory = Memory(tmp_path)
    _file(tmp_path, ORIGIN).write_text(text, encoding="utf-8")
    assert memory.known(ORIGIN) is None
    memory.keep(ORIGIN, note(3), 3)
    found = memory.known(ORIGIN)
    assert found is not None
    assert found.size == 3


def test_without_room_the_witness_goes_on(tmp_path: Path) -> None:
    """>> the folder cannot be written << nothing is raised: the database decides as before."""
    memory = Memory(Path("/proc/nowhere"))
    memory.keep(ORIGIN, note(3), 3)
    assert memory.known(ORIGIN) is None

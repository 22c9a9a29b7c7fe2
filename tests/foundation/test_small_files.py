"""Small files are written whole or not at all, and drafts never stay."""

import errno
import os
from pathlib import Path

import pytest

from connector.foundation.small_files import created, replaced, replacing


def test_a_file_is_replaced_with_the_mode_that_was_asked_for(tmp_path: Path) -> None:
    """>> private, then public, in a folder that is not there yet << its bytes and mode; a folder of mode 0700."""
    place = tmp_path / "new" / "file"
    replaced(place, b"one")
    assert (place.read_bytes(), place.stat().st_mode & 0o777) == (b"one", 0o600)
    replaced(place, b"two", 0o644)
    assert (place.read_bytes(), place.stat().st_mode & 0o777) == (b"two", 0o644)
    assert place.parent.stat().st_mode & 0o777 == 0o700


def test_what_is_not_written_to_its_end_changes_nothing(tmp_path: Path) -> None:
    """>> the writer breaks off << the file of before, and no draft."""
    place = tmp_path / "file"
    replaced(place, b"one")

    def broken() -> None:
        with replacing(place) as file:
            file.write(b"half")
            raise LookupError

    with pytest.raises(LookupError):
        broken()
    assert place.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("links", [True, False])
def test_of_two_that_create_a_file_one_is_first(links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> created twice, with and without hard links << the bytes of the first, and no draft."""

    def none(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", none)
    place = tmp_path / "file"
    created(place, b"first")
    created(place, b"second")
    assert (place.read_bytes(), place.stat().st_mode & 0o777) == (b"first", 0o600)
    assert list(tmp_path.iterdir()) == [place]

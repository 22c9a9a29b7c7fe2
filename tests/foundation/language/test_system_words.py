"""What the system says is told in the words of people, in either language."""

import errno
import os
import socket

import pytest

from connector.foundation.language import say
from connector.foundation.language.system_words import _SAID, system_words


@pytest.mark.parametrize(
    ("problem", "why"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), "es gibt sie nicht"),
        (PermissionError(errno.EACCES, "Permission denied"), "dieser Benutzer hat nicht das Recht dazu"),
        (IsADirectoryError(errno.EISDIR, "Is a directory"), "sie ist ein Ordner"),
        (OSError(errno.ENOSPC, "No space left on device"), "auf dem Datenträger ist kein Platz mehr"),
        (OSError(errno.EADDRINUSE, "Address already in use"), "ein anderes Programm benutzt sie schon"),
        (OSError(errno.EXDEV, "Invalid cross-device link"), "Invalid cross-device link"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "zu diesem Namen gibt es keine Adresse"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "sie ist kein Text in UTF-8"),
        (OSError("no number"), "no number"),
        (ValueError("line 3"), "line 3"),
    ],
)
def test_bug_a_file_that_cannot_be_read_was_told_in_words_of_python(problem: Exception, why: str) -> None:
    """`[Errno 13] Permission denied` is no sentence for who runs the server."""
    told = say("error.settings.bad-file", "de", path="hanse.toml", problem=system_words(problem))
    assert told == f"Die Datei hanse.toml ist nicht lesbar: {why}."


@pytest.mark.parametrize("number", _SAID)
def test_each_has_words_of_its_own_in_both_languages(number: int) -> None:
    told = system_words(OSError(number, os.strerror(number)))
    assert len({told["de"], told["en"], os.strerror(number)}) == 3

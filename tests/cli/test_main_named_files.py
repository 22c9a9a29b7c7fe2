"""A path that somebody names is a regular file or a sentence: no command waits for a pipe that nobody writes into."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from connector.cli.exchange.get import save
from connector.cli.main import main
from connector.foundation.errors import Mistake
from connector.foundation.settings.load import load

COMMANDS = (
    ["publish", "{}", "--as", "town", "--title", "t", "--rule", "r"],
    ["verify", "{}"],
    ["verify", "{good}", "--trust", "{}"],
    ["verify", "{good}", "--witness", "{}"],
    ["verify", "{good}", "--timestamps", "{}"],
    ["policy", "check", "{}"],
    ["catalogue", "check", "{}"],
    ["vocab", "update", "{}"],
    ["participant", "seal", "town", "{}"],
    ["backup", "--passphrase-file", "{}"],
    ["restore", "{good}", "--passphrase-file", "{}"],
)


def place(folder: Path, kind: str) -> Path:
    path = folder / "named"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "dangling link":
        path.symlink_to(folder / "nowhere")
    return Path("/dev/zero") if kind == "device" else path


@pytest.mark.parametrize(
    "command", COMMANDS, ids=lambda words: f"{words[0]} {words[2][:9]}" if len(words) > 2 else words[0]
)
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "dangling link", "nothing"])
def test_bug_a_command_waited_for_a_pipe(
    command: Sequence[str], kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a pipe without a writer, an endless device, a folder, a link to nowhere << exit code 2 and the path."""
    named, good = place(tmp_path, kind), tmp_path / "good"
    good.write_text("x")
    words = [word.format(named, good=good) for word in command]
    assert main(["--data", str(tmp_path / "data"), "--lang", "en", *words], {}) == 2
    assert str(named) in capsys.readouterr().err


def test_settings_and_secrets_are_read_from_files_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "secret")
    with pytest.raises(Mistake, match=r"secret-unreadable .*keine gewöhnliche Datei"):
        load(tmp_path, {"HANSE_SIGNERS__CSC_TOKEN_FILE": "secret"})
    os.mkfifo(tmp_path / "hanse.toml")
    with pytest.raises(Mistake, match="bad-file"):
        load(tmp_path, {})


def test_a_result_is_not_put_over_a_folder_nor_through_a_pipe(tmp_path: Path) -> None:
    """>> `-o` names a folder << said before anything is fetched; its draft is a pipe: no waiting."""

    def chunks() -> list[bytes]:
        pytest.fail("it was fetched")

    with pytest.raises(Mistake, match=r"cli\.folder"):
        save(tmp_path, (chunk for _ in [0] for chunk in chunks()))
    os.mkfifo(tmp_path / "out.part")
    with pytest.raises(Mistake, match=r"cli\.file"):
        save(tmp_path / "out", iter([b"x"]))


def test_bug_a_result_for_a_read_only_disk_ended_in_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> nothing can be written there, nor removed << said of the file."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refused)
    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(Mistake, match=r"cli\.file .*lesen"):
        save(tmp_path / "out", iter([b"x"]))

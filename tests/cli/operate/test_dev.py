"""`hanse dev init`: a folder that can be served, made once, private."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from connector.cli.main import main
from connector.cli.operate.dev import prepare
from connector.foundation.clock import FakeClock, SystemClock
from connector.foundation.settings.load import load
from connector.identity.trust.members.roots import read_roots
from connector.identity.trust.members.trust_list import read_list


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_makes_the_folder_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "hanse"
    assert main(["dev", "init", str(folder)], {}) == 0
    assert f"hanse serve --data {folder}" in capsys.readouterr().out
    first = contents(folder)
    assert {"hanse.toml", "certs/dev-ca.pem", "certs/server.pem", "trust/list.jws", "trust/roots.pem"} <= first.keys()
    assert main(["dev", "init", str(folder)], {}) == 0
    assert contents(folder) == first


def test_nothing_of_it_is_committed_by_mistake(tmp_path: Path) -> None:
    """Bug: the README's own walk left a folder with keys in the checkout, ready for `git add`."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is missing: apt-get install git")
    subprocess.run([git, "init", "-q", str(tmp_path)], check=True)
    prepare(tmp_path / "town", {}, SystemClock())
    told = subprocess.run(
        [git, "status", "--porcelain", "-uall"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert told.stdout == ""


def test_private_files_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "hanse"
    prepare(folder, {}, SystemClock())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    private = [path for path in folder.rglob("*") if path.suffix in (".key", ".enc")]
    assert len(private) == 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}


def test_the_list_is_signed_by_the_pinned_authority(tmp_path: Path) -> None:
    settings = prepare(tmp_path, {}, FakeClock())
    certificates, authority = read_roots(settings.trust.authority_key_file.read_text())
    trust_list = read_list(settings.trust.list_file.read_text(), authority)
    assert (trust_list.version, trust_list.participants) == (1, ())
    assert certificates[0].strip() == (tmp_path / "certs/seal-ca.pem").read_text().strip()


def test_its_settings_allow_this_machine_only(tmp_path: Path) -> None:
    settings = prepare(tmp_path, {}, SystemClock())
    assert settings.outbound.allow == ("127.0.0.0/8", "::1/128")
    assert settings.trust.ca_files == (tmp_path / "certs/dev-ca.pem",)
    assert settings.development.folder == tmp_path / "certs"


def test_doctor_is_content_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(tmp_path, {}, SystemClock())
    assert main(["doctor", "--data", str(tmp_path)], {}) == 0, capsys.readouterr().out


def test_a_folder_that_cannot_be_made_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bug: >> dev init FOLDER, where a file or nothing stands in its way << a traceback."""
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/hanse")):
        assert main(["dev", "init", str(place)], {}) == 2
        assert capsys.readouterr().err.startswith("hanse: ")


def test_a_second_operator_shares_the_cas_and_no_list(tmp_path: Path) -> None:
    """>> beside the first, twice, and by another path << its settings lead to the files of the first; made once."""
    town, county = tmp_path / "to wn", tmp_path / "deep" / "er" / "county"
    assert main(["dev", "init", str(town)], {}) == 0
    for _ in range(2):
        assert main(["dev", "init", str(county), "--beside", str(tmp_path / "." / "to wn")], {}) == 0
    first, second = load(town, {}), load(county, {})
    assert [path.resolve() for path in second.trust.ca_files] == [path.resolve() for path in first.trust.ca_files]
    assert second.trust.seal_ca_files[0].read_bytes() == (town / "trust/roots.pem").read_bytes()
    assert second.peer.tls_key_file is not None
    assert second.peer.tls_key_file.read_bytes() == (town / "certs/server.key").read_bytes()
    assert not second.trust.list_file.exists()
    assert set(contents(county)) <= {"hanse.toml", ".gitignore", "trust/master.key"}


def test_beside_what_is_no_folder_of_ours_nothing_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """>> beside a folder without CAs, itself, or where other settings are << said, and nothing changed."""
    town, alone = tmp_path / "town", tmp_path / "alone"
    assert main(["dev", "init", str(alone), "--beside", str(town)], {}) == 1
    assert not alone.exists()
    assert main(["dev", "init", str(town)], {}) == 0
    first = contents(town)
    assert main(["dev", "init", str(town), "--beside", str(town)], {}) == 1
    assert main(["dev", "init", str(alone)], {}) == 0
    assert main(["dev", "init", str(alone), "--beside", str(town)], {}) == 1
    assert contents(town) == first
    assert str(alone) in capsys.readouterr().err

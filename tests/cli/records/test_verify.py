"""`hanse verify`: exit codes, and trusted roots that never come from the bundle."""

import json
from pathlib import Path

import pytest

from connector.cli.main import main
from connector.verify import bundle, pack
from connector.verify.report import Check, Report, Verdict
from tests.verify.forge import Case


@pytest.fixture
def roots_seen(monkeypatch: pytest.MonkeyPatch) -> list[bytes | None]:
    """Replaces the verifier by one that passes whatever has roots, fails `broken` and keeps the roots it got."""
    seen: list[bytes | None] = []

    def judge(data: bytes, roots: bytes | None, lang: str, **outside: object) -> Report:
        seen.append(roots)
        verdict = Verdict.FAILED if data == b"broken" else Verdict.PASSED if roots else Verdict.INDETERMINATE
        return Report((Check("seals", verdict, f"sentence in {lang}"),))

    monkeypatch.setattr(bundle, "verify_bundle", judge)
    return seen


def test_the_data_folders_own_roots_are_the_default(tmp_path: Path, roots_seen: list[bytes | None]) -> None:
    (tmp_path / "b.zip").write_bytes(b"good")
    words = ["verify", str(tmp_path / "b.zip"), "--data", str(tmp_path)]
    assert main(words, {}) == 2
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust/roots.pem").write_bytes(b"own")
    assert main(words, {}) == 0
    (tmp_path / "other.pem").write_bytes(b"other")
    assert main([*words, "--trust", str(tmp_path / "other.pem")], {}) == 0
    assert roots_seen == [None, b"own", b"other"]


def test_a_failed_check_is_named(
    tmp_path: Path, roots_seen: list[bytes | None], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.zip").write_bytes(b"broken")
    assert main(["verify", str(tmp_path / "b.zip"), "--json", "--lang", "en"], {}) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["verdict"], said["reason"]) == ("FAILED", "sentence in en")
    assert said["checks"] == [{"name": "seals", "verdict": "FAILED", "code": "", "sentence": "sentence in en"}]
    assert (said["failed"], said["checkedAt"][-1]) == ("seals", "Z")
    assert main(["verify", str(tmp_path / "b.zip")], {}) == 1
    assert "sentence in de" in capsys.readouterr().out


@pytest.mark.parametrize("lang", ["de", "en"])
def test_the_real_verifier_refuses_what_is_no_bundle(
    lang: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.zip").write_bytes(b"PK nonsense")
    assert main(["verify", str(tmp_path / "b.zip"), "--lang", lang, "--data", str(tmp_path)], {}) == 1
    assert capsys.readouterr().out.strip()


def test_a_missing_bundle_or_root_is_wrong_usage_and_no_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(tmp_path / "gone.zip")], {}) == 2
    assert "gone.zip" in capsys.readouterr().err
    (tmp_path / "b.zip").write_bytes(b"good")
    assert main(["verify", str(tmp_path / "b.zip"), "--trust", str(tmp_path / "no.pem")], {}) == 2
    assert "no.pem" in capsys.readouterr().err


def test_policy_and_timestamp_roots_come_from_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> verify --witness --timestamps --beside << each reaches the verifier, and a missing one is wrong usage"""
    seen: list[dict[str, object]] = []

    def judge(data: bytes, roots: bytes | None, lang: str, **outside: object) -> Report:
        seen.append(outside)
        return Report((Check("time", Verdict.PASSED, "sentence"),))

    monkeypatch.setattr(bundle, "verify_bundle", judge)
    for name, content in {"b.zip": b"good", "policy": b"quorum none\n\xff", "tsa.pem": b"roots"}.items():
        (tmp_path / name).write_bytes(content)
    words = ["verify", str(tmp_path / "b.zip"), "--witness", str(tmp_path / "policy")]
    assert main([*words, "--timestamps", str(tmp_path / "tsa.pem"), "--beside", str(tmp_path / "b.zip")], {}) == 0
    assert main([*words, "--timestamps", str(tmp_path / "gone.pem")], {}) == 2
    assert main([*words, "--beside", str(tmp_path / "gone.zip")], {}) == 2
    said = {name: seen[0][name] for name in ("witness", "timestamps_pem", "trust_list", "beside")}
    assert said == {"witness": "quorum none\n\ufffd", "timestamps_pem": b"roots", "trust_list": None, "beside": b"good"}
    assert "gone.pem" in capsys.readouterr().err


def test_the_verifier_is_written_as_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """>> verify --pyz FILE << the file and its SHA-256; with neither a bundle nor a file it says what is missing"""
    place = tmp_path / "hanse-verify.pyz"
    assert main(["verify", "--pyz", str(place), "--json"], {}) == 0
    assert json.loads(capsys.readouterr().out)["sha256"] == pack.fingerprint(place.read_bytes())
    assert main(["verify", "--pyz", str(place), "--lang", "en"], {}) == 0
    assert "--trust roots.pem" in capsys.readouterr().out
    assert main(["verify", "--pyz", str(tmp_path / "no" / "such.pyz")], {}) == 2
    assert main(["verify"], {}) == 2
    assert "--pyz" in capsys.readouterr().err


def test_a_bundle_beside_pyz_is_wrong_usage_and_does_not_seem_to_have_passed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> verify BUNDLE --pyz FILE << 2 and nothing written; it was 0 without a look at the bundle"""
    (tmp_path / "b.zip").write_bytes(b"broken")
    place = tmp_path / "hanse-verify.pyz"
    assert main(["verify", str(tmp_path / "b.zip"), "--pyz", str(place), "--lang", "en"], {}) == 2
    assert not place.exists()
    assert "twice" in capsys.readouterr().err


def test_timestamp_roots_without_a_certificate_are_not_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> verify --timestamps a file without a certificate << the check of the anchors says that it cannot be read"""
    case = Case()
    (tmp_path / "b.zip").write_bytes(case.bundle())
    (tmp_path / "roots.pem").write_bytes(case.roots)
    (tmp_path / "tsa.pem").write_text("art;hoehe\n")
    words = ["verify", str(tmp_path / "b.zip"), "--trust", str(tmp_path / "roots.pem"), "--json", "--lang", "en"]
    assert main([*words, "--timestamps", str(tmp_path / "tsa.pem")], {}) == 2
    checks = {check["name"]: check["verdict"] for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["anchors"] == "INDETERMINATE"


def test_a_folder_in_place_of_a_file_is_said_in_german(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """>> verify FOLDER << a German sentence to the end; it ended in “Is a directory”"""
    assert main(["verify", str(tmp_path)], {}) == 2
    assert "ist ein Ordner" in capsys.readouterr().err


@pytest.mark.threat("T67")
def test_the_newest_list_comes_from_a_file_or_from_the_folder_whose_roots_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> verify, with --trust-list, with --trust of another data space << the file, the folder's own, none at all"""
    seen: list[object] = []

    def judge(data: bytes, roots: bytes | None, lang: str, **outside: object) -> Report:
        seen.append((outside["trust_list"], isinstance(outside["now"], int)))
        return Report((Check("time", Verdict.PASSED, "sentence"),))

    monkeypatch.setattr(bundle, "verify_bundle", judge)
    (tmp_path / "trust").mkdir()
    for name, content in {"b.zip": b"good", "trust/list.jws": b"own", "new.jws": b"new", "roots.pem": b"r"}.items():
        (tmp_path / name).write_bytes(content)
    words = ["verify", str(tmp_path / "b.zip"), "--data", str(tmp_path)]
    assert main(words, {}) == 0
    assert main([*words, "--trust", str(tmp_path / "roots.pem")], {}) == 0
    assert main([*words, "--trust", str(tmp_path / "roots.pem"), "--trust-list", str(tmp_path / "new.jws")], {}) == 0
    assert main([*words, "--trust-list", str(tmp_path / "gone.jws")], {}) == 2
    assert seen == [(b"own", True), (None, True), (b"new", True)]

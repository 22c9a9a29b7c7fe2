"""`hanse verify`: exit codes, and trusted roots that never come from the bundle."""

import json
from pathlib import Path

import pytest

from connector.cli.main import main
from connector.verify import bundle
from connector.verify.report import Check, Report, Verdict


@pytest.fixture
def roots_seen(monkeypatch: pytest.MonkeyPatch) -> list[bytes | None]:
    """Replaces the verifier by one that passes whatever has roots, fails `broken` and keeps the roots it got."""
    seen: list[bytes | None] = []

    def judge(data: bytes, roots: bytes | None, lang: str) -> Report:
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
    assert said["checks"] == [{"name": "seals", "verdict": "FAILED", "sentence": "sentence in en"}]
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

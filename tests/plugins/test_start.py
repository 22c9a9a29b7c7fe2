"""A start with plug-ins: what the settings name is loaded before anything else; `hanse doctor` tells what is there."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app.process import running
from connector.cli.main import main
from connector.foundation.errors import Mistake
from connector.foundation.settings.load import load
from tests.plugins.packages import importable, operand, package, texts


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """A folder on the import path with one sound and one broken plug-in."""
    with importable(tmp_path / "site") as folder:
        package(folder, "size", operand(), texts=texts(), version="2.1")
        package(folder, "weather", "import nowhere_to_be_found")
        yield folder


async def test_a_start_with_a_broken_plugin_stops_before_it_makes_anything(site: Path, tmp_path: Path) -> None:
    """>> the settings name a plug-in that does not load  << the mistake; no folder, no database."""
    settings = load(tmp_path / "data", {"HANSE_PLUGINS__ALLOW": "size, weather"})
    with pytest.raises(Mistake) as caught:
        async with running(settings):
            raise AssertionError("it must not run")
    assert (caught.value.code, caught.value.facts["plugin"]) == ("plugin.broken", "weather")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("lang", ["de", "en"])
def test_serve_says_which_one_it_is(lang: str, site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"HANSE_DATA": str(tmp_path / "data"), "HANSE_PLUGINS__ALLOW": "weather"}
    assert main(["serve", "--lang", lang], environ) == 1
    said = capsys.readouterr().err
    assert "weather" in said
    assert "nowhere_to_be_found" in said
    assert "Traceback" not in said


def told(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str]]:
    """What doctor says of plug-ins: check -> state and text."""
    main(["doctor", "--json", "--lang", "en"], environ)
    findings = json.loads(capsys.readouterr().out)["findings"]
    return {one["check"]: (one["state"], one["text"]) for one in findings if one["check"].startswith("plugin")}


def test_doctor_lists_the_plugins(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """>> one allowed, one installed only  << what the first registers, that the second is idle; it was not imported."""
    found = told({"HANSE_DATA": str(tmp_path / "data"), "HANSE_PLUGINS__ALLOW": "size"}, capsys)
    assert found.keys() == {"plugin", "plugin-idle"}
    assert found["plugin"][0] == "ok"
    assert all(part in found["plugin"][1] for part in ("size", "2.1", "https://plug.example/ns#size"))
    assert "weather" in found["plugin-idle"][1]


def test_doctor_sees_what_would_stop_a_start(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told({"HANSE_DATA": str(tmp_path / "data"), "HANSE_PLUGINS__ALLOW": "weather"}, capsys)
    assert found["plugin-bad"][0] == "bad"
    assert "nowhere_to_be_found" in found["plugin-bad"][1]


def test_doctor_sees_that_two_plugins_do_not_go_together(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> each is sound, both register one name  << told, as the start would."""
    package(site, "again", operand("https://other.example/ns#size"), texts=texts())
    found = told({"HANSE_DATA": str(tmp_path / "data"), "HANSE_PLUGINS__ALLOW": "size,again"}, capsys)
    assert found["plugin-bad"][0] == "bad"

"""`hanse doctor` beside a server that runs."""

import json

import pytest

from connector.cli.main import main
from tests.cli.playback import Playback, said


def test_doctor_sees_the_server(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on("GET /health/ready", {})
    main(["doctor", "--json"], {})
    assert "server" in [finding["check"] for finding in json.loads(said(capsys))["findings"]]

"""What `hanse doctor` says of moves that are not finished."""

from pathlib import Path

from connector.cli.operate import doctor_moves
from connector.foundation.settings.load import load
from tests.cli.playback import Playback


def test_a_move_that_is_not_finished_is_told(play: Playback, tmp_path: Path) -> None:
    """>> one moves away, one is expected, one rests here << a warning each; nothing of those that work."""
    play.on("GET /participants", {"participants": [{"slug": "a", "state": "active"}, {"slug": "b", "state": "moving"}]})
    places = [{"slug": "c", "state": "waiting", "did": "did:web:c"}, {"slug": "d", "state": "imported", "did": "d"}]
    play.on("GET /arrivals", {"arrivals": places})
    found = list(doctor_moves.lines(load(tmp_path / "hanse-data", {}), "de"))
    assert [(state, key, facts["participant"]) for state, key, facts in found] == [
        ("warn", "move-out", "b"),
        ("warn", "move-waiting", "c"),
        ("warn", "move-imported", "d"),
    ]


def test_without_a_server_nothing_is_said(tmp_path: Path) -> None:
    assert list(doctor_moves.lines(load(tmp_path, {}), "de")) == []

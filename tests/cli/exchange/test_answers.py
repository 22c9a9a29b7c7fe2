"""The options that say what a dataset is, as they reach the management surface."""

import json
from pathlib import Path
from typing import Any

from connector.cli.main import main
from tests.cli.playback import PUBLISHED, UPLOADED, Playback, hanse


def sent(play: Playback, *words: str) -> dict[str, Any]:
    """What `hanse publish` sends with these options."""
    Path("trees-2026.csv").write_bytes(b"a;b\n1;2\n")
    play.on("POST /participants/a/files?name=trees-2026.csv", UPLOADED)
    play.on("POST /participants/a/datasets", PUBLISHED, 201)
    assert main(["publish", "trees-2026.csv", "--as", "a", *words], {}) == 0
    made: dict[str, Any] = json.loads(play.asked[-1][1])
    return made


def test_every_option_has_its_place(play: Playback) -> None:
    found = sent(
        play,
        "--title",
        "Bäume",
        "--title-in",
        "en=Trees",
        "--keyword",
        "Baum",
        "--keyword",
        "Grün",
        "--keyword-in",
        "en=tree",
        "--description-in",
        "en=All=1",
        "--licence",
        "cc-zero",
        "--theme",
        "ENVI",
        "--access",
        "open",
        "--hvd",
        "c_1",
        "--api",
        "https://a.example/",
        "--api-page",
        "https://a.example/p",
        "--start",
        "2026",
        "--series",
        "Reihe",
        "--notes",
        "neu",
    )
    assert found["translations"] == {"en": {"title": "Trees", "keywords": ["tree"], "description": "All=1"}}
    assert (found["keywords"], found["themes"], found["hvd"]) == (["Baum", "Grün"], ["ENVI"], ["c_1"])
    assert found["api"] == {"endpoint": "https://a.example/", "description": "", "page": "https://a.example/p"}
    assert (found["start"], found["series"], found["notes"]) == ("2026", "Reihe", "neu")
    assert not {"description", "end", "rule", "files"} & found.keys()


def test_a_file_says_its_title_itself(play: Playback) -> None:
    """>> no title, no terminal << the name of the file, and nobody is asked."""
    assert sent(play, "--access", "open", "--licence", "cc-zero", "--hvd", "no")["title"] == "Trees 2026"


def test_data_elsewhere_and_an_announcement_need_no_file(play: Playback) -> None:
    play.on("POST /participants/a/datasets", PUBLISHED, 201)
    assert hanse("publish --as a --url https://a.example/luft.csv --access open --licence cc-zero") == 0
    found = json.loads(play.asked[-1][1])
    assert (found["files"], found["title"]) == ([{"url": "https://a.example/luft.csv"}], "Luft")
    assert hanse("publish --as a --title Bald --access announced") == 0
    assert "source" not in json.loads(play.asked[-1][1])


def test_what_is_missing_is_named_before_anything_is_sent(play: Playback, capsys: Any) -> None:
    """>> nothing to publish, no rule, half a translation << exit code 2, a sentence with the option, no request."""
    Path("a.csv").write_bytes(b"x")
    for words, named in (
        ("publish --as a", "--url"),
        ("publish a.csv --as a", "--rule"),
        ("publish a.csv --as a --rule r --title-in Trees", "Trees"),
    ):
        assert hanse(words) == 2
        assert named in capsys.readouterr().err
    assert play.asked == []

"""`hanse publish` against a management surface that plays back canned answers."""

import json
from pathlib import Path

import pytest

from connector.cli.main import main
from tests.cli.playback import CLAUSE, DATASET, Playback, hanse, said
from tests.kernel.reading.files import xlsx


def test_publish_uploads_the_bytes_and_shows_the_clauses(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    Path("bäume.csv").write_bytes(b"Art;H\xc3\xb6he\n" * 100_000)
    play.on("POST /participants/a/files?name=b%C3%A4ume.csv", {"source": "s1", "sha256": "ff", "bytes": 1_100_000})
    play.on(
        "POST /participants/a/datasets", {"dataset": DATASET, "offer": f"{DATASET}/offers/1", "clauses": [CLAUSE]}, 201
    )
    words = "publish bäume.csv --as a --title Bäume --rule t3 --set until=2027 --set who=x --set who=y --set who=z"
    assert main(words.split(), {}) == 0
    assert play.asked[0][1] == Path("bäume.csv").read_bytes()
    made = json.loads(play.asked[1][1])
    assert made["source"] == "s1"
    assert made["slots"] == {"until": "2027", "who": ["x", "y", "z"]}
    assert "visibility" not in made
    out = said(capsys)
    assert "Nur Kommunen [technisch erzwungen]" in out
    assert "1.100.000 Bytes" in out


def test_publish_refuses_a_missing_file_and_a_bad_slot(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    assert hanse("publish gone.csv --as a --title T --rule r") == 2
    assert "gone.csv" in capsys.readouterr().err
    assert hanse("publish gone.csv --as a --title T --rule r --set x") == 2
    assert "„x“" in capsys.readouterr().err
    assert play.asked == []


@pytest.mark.parametrize("lang", ["de", "en"])
def test_bug_headings_alone_were_published_without_a_word(
    play: Playback, capsys: pytest.CaptureFixture[str], lang: str
) -> None:
    """>> a CSV and a workbook of headings alone, then with a row << told, with `--json` too; told no more."""
    files = {
        "leer.csv": b"Ort;Jahr\n",
        "leer.xlsx": xlsx({"Orte": [["Ort", "Jahr"]]}),
        "voll.csv": b"Ort;Jahr\nAhaus;2020\n",
        "voll.xlsx": xlsx({"Orte": [["Ort", "Jahr"], ["Ahaus", 2020]]}),
    }
    told = {"de": "keine einzige Zeile mit Daten", "en": "no row of data"}[lang]
    for name, content in files.items():
        Path(name).write_bytes(content)
        play.on(f"POST /participants/a/files?name={name}", {"source": "s1", "sha256": "ff", "bytes": 9})
        play.on("POST /participants/a/datasets", {"dataset": DATASET, "offer": None, "clauses": []}, 201)
        assert hanse(f"publish {name} --as a --title Orte --rule r --lang {lang} --json") == 0
        out, err = capsys.readouterr()
        empty = name.startswith("leer")
        assert (json.loads(out).get("remarks"), told in err) == ((["no-rows"], True) if empty else (None, False))

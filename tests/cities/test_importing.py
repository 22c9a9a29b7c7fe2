"""A steward takes the city's catalogue in on the command line, answers what is asked, and looks at the repairs.

>> hanse catalogue import, questions, answer, repairs, original << what a terminal shows, and what is published.
"""

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

from connector.cli.main import main
from tests.data.harvest.imports import WORDS, catalogue
from tests.testkit.cities import MUNICIPALITY, City, Space

TOWN, VILLAGE = "musterstadt", "nachbardorf"
GERMAN = ":a dct:language <http://publications.europa.eu/resource/authority/language/GER> .\n"


async def hanse(city: City, *words: str) -> int:
    command = ["--data", str(city.settings.folder), *words]
    return await asyncio.to_thread(main, command, {"LANG": "en"})


async def test_a_catalogue_from_the_file_to_the_answers(space: Space, tmp_path: Path, capsys: Any) -> None:
    """>> two datasets wait for one licence << one question in a file; filled in: both go out; all said in words."""
    it = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY})
    file, form = tmp_path / "portal.ttl", tmp_path / "fragen.csv"
    file.write_bytes(catalogue("a", "b", licence=WORDS, more=GERMAN) + catalogue("c"))
    second = tmp_path / "second.ttl"
    second.write_bytes(catalogue("d"))
    assert await hanse(it, "catalogue", "import", str(file), str(second), "--as", TOWN) == 0
    told = capsys.readouterr().out
    assert "In all: 4 datasets" in told
    assert "3 datasets" in told
    assert "0 lost; 1 published, 2 waiting" in told
    assert "1 of them new" in told
    assert await hanse(it, "catalogue", "questions", "--as", TOWN) == 0
    assert "Nutzungsbedingungen" in capsys.readouterr().out
    assert await hanse(it, "catalogue", "questions", "--as", TOWN, "--output", str(form)) == 0
    rows = list(csv.DictReader(io.StringIO(form.read_text("utf-8-sig")), delimiter=";"))
    assert [(row["kind"], row["value"], row["datasets"]) for row in rows] == [("licence", "Nutzungsbedingungen", "2")]
    capsys.readouterr()
    assert await hanse(it, "catalogue", "answer", str(form), "--as", TOWN) == 1
    assert "holds no answer" in capsys.readouterr().err
    form.write_text("kind,value,answer\nlicence,Nutzungsbedingungen,dl-by-de/2.0\n", encoding="utf-8")
    assert await hanse(it, "catalogue", "answer", str(form), "--as", TOWN) == 0
    assert "3 published, 0 waiting" in capsys.readouterr().out
    assert await hanse(it, "catalogue", "repairs", "--as", TOWN, "--rule", "language") == 0
    told = capsys.readouterr().out
    assert "language: 1 times" in told
    assert "- <https://town.example/a>" in told
    assert await hanse(it, "catalogue", "repairs", "--as", TOWN, "--undo", "language") == 0
    assert await hanse(it, "catalogue", "repairs", "--as", TOWN) == 0
    assert "Left out in portal.ttl: language" in capsys.readouterr().out
    assert await hanse(it, "catalogue", "repairs", "--as", TOWN, "--redo", "language", "--json") == 0
    assert json.loads(capsys.readouterr().out)["reports"][0]["changed"] == 1
    whole = tmp_path / "original.nt"
    assert await hanse(it, "catalogue", "original", "--as", TOWN, "--source", "portal.ttl", "--output", str(whole)) == 0
    assert whole.read_bytes().count(b"\n") == 30
    assert await hanse(it, "catalogue", "original", "--as", VILLAGE) == 0
    service = await it.services.harvest.service()
    assert len(await it.services.infra.db.read(TOWN, service.served, TOWN)) == 4
    assert await it.services.infra.db.read(VILLAGE, service.served, VILLAGE) == []


async def test_words_of_a_portal_are_no_formula(space: Space, tmp_path: Path, capsys: Any) -> None:
    """>> a licence that a spreadsheet would run << written as text; handed in as it is, it answers the question."""
    it = await space.city("it", {TOWN: MUNICIPALITY})
    file, form = tmp_path / "portal.ttl", tmp_path / "fragen.csv"
    file.write_bytes(catalogue("a", licence='dct:license "=1+1"'))
    assert await hanse(it, "catalogue", "import", str(file), "--as", TOWN) == 0
    assert await hanse(it, "catalogue", "questions", "--as", TOWN, "--output", str(form)) == 0
    text = form.read_text("utf-8-sig")
    assert ";'=1+1;" in text
    form.write_text(text.rstrip().removesuffix(";") + ";cc-zero\n", encoding="utf-8")
    assert await hanse(it, "catalogue", "answer", str(form), "--as", TOWN) == 0
    assert "1 published, 0 waiting" in capsys.readouterr().out


async def test_what_cannot_be_taken_in_is_said(space: Space, tmp_path: Path, capsys: Any) -> None:
    """>> a web page, an inner address, a file that is not there, answers that are none << a sentence, not 0."""
    it = await space.city("it", {TOWN: MUNICIPALITY})
    page, wrong = tmp_path / "page.html", tmp_path / "wrong.json"
    page.write_text("<!DOCTYPE html><html></html>")
    wrong.write_text('{"kind": "licence"}')
    for words, sentence in (
        (("import", str(page)), "page for people"),
        (("import", "https://169.254.169.254/latest"), "public host"),
        (("import", "file:///etc/passwd"), "no address that is called"),
        (("import", str(tmp_path / "none.ttl")), "none.ttl"),
        (("answer", str(wrong)), "no file of answers"),
        (("repairs", "--undo", "nothing"), "no rule"),
        (("questions", "--source", "elsewhere"), "elsewhere"),
    ):
        assert await hanse(it, "catalogue", *words, "--as", TOWN) != 0, words
        said = capsys.readouterr()
        assert sentence in said.err + said.out, words


async def test_new_records_wait_by_choice_and_each_run_says_which(space: Space, tmp_path: Path, capsys: Any) -> None:
    """>> taken in with the choice to wait; sources shown; the choice taken back << said with each; nothing was public
    before, and it is with the run after; a choice for no source, or for one that is not there, is refused in words."""
    it = await space.city("it", {TOWN: MUNICIPALITY})
    file, command = tmp_path / "portal.ttl", ("catalogue", "import", str(tmp_path / "portal.ttl"), "--as", TOWN)
    file.write_bytes(catalogue("a", "b"))
    assert await hanse(it, *command, "--new-records", "wait") == 0
    told = capsys.readouterr().out
    assert "Published in this run: 0, waiting for approval: 2, published and unchanged: 0." in told
    assert f"People agree in the desk, at /t/{TOWN}/approvals/" in told
    assert "Chosen: what is new or changed in this source always waits for a person." in told
    assert await hanse(it, "catalogue", "imports", "--as", TOWN) == 0
    assert "portal.ttl (portal.ttl): published: 0, waiting for approval: 2" in capsys.readouterr().out
    assert await hanse(it, "catalogue", "imports", "--as", TOWN, "--new-records", "publish") != 0
    assert "for which source?" in capsys.readouterr().err
    choice = ("catalogue", "imports", "--as", TOWN, "--new-records", "publish", "--source")
    assert await hanse(it, *choice, "elsewhere") != 0
    assert "elsewhere" in capsys.readouterr().err
    assert await hanse(it, *choice, "portal.ttl") == 0
    assert "waits only where a rule asks for it" in capsys.readouterr().out
    assert await hanse(it, *command) == 0
    assert "Published in this run: 2, waiting for approval: 0" in capsys.readouterr().out

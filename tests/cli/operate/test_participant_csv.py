"""`hanse participant add --csv`: all lines are checked first, then each is told, and the list may be given again."""

import json
from pathlib import Path

import pytest

from tests.cli.playback import Playback, hanse, said

GOOD = "slug;name;kind\nastadt;Astadt;Kommune\n\nbdorf;Bdorf;municipality\n"
ADD = "participant add --csv towns.csv"
ASTADT = {
    "slug": "astadt",
    "name": "Astadt",
    "kind": "https://w3id.org/hanse/v1#municipality",
    "operator": "Astadt",
    "root": "https://a.example/astadt",
}


def listed(text: str | bytes) -> None:
    Path("towns.csv").write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize(
    "text", [GOOD, GOOD.replace(";", ","), "\ufeff" + GOOD, GOOD.replace("\n", "\r\n"), GOOD.encode("cp1252")]
)
def test_each_line_is_added_and_told(text: str | bytes, play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    listed(text)
    for slug in ("astadt", "bdorf"):
        play.on("POST /participants", {"slug": slug, "did": f"did:web:{slug}"}, 201)
    assert hanse(ADD) == 0
    kind = "https://w3id.org/hanse/v1#municipality"
    assert [json.loads(body) for _, body in play.asked] == [
        {"slug": "astadt", "name": "Astadt", "kind": kind},
        {"slug": "bdorf", "name": "Bdorf", "kind": kind},
    ]
    assert said(capsys).splitlines()[0] == "1/2 Astadt (astadt): did:web:astadt"


def test_one_wrong_line_adds_nobody_and_every_fault_is_named(
    play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    listed(
        "slug,name,kind,root\nA B,A,Kommune,\na,,Kommune,\na,A,Komune,\nb,B,Kreis,http://x\nc,C,Kreis,\nc,D,Kreis,\n"
    )
    assert hanse(ADD) == 2
    both = capsys.readouterr()
    assert [line.partition(":")[0] for line in both.err.splitlines()] == [f"Zeile {n}" for n in (2, 3, 4, 5, 7)]
    assert "Nichts angelegt" in both.out
    assert play.asked == []


def test_a_dry_run_changes_nothing(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    listed(GOOD)
    play.on("GET /participants", {"participants": [ASTADT]})
    assert hanse(f"{ADD} --dry-run") == 0
    assert said(capsys).splitlines() == [
        "gibt es schon: astadt (Astadt)",
        "würde angelegt: bdorf (Bdorf)",
        "Nur geprüft. Neu anzulegen: 1",
    ]
    assert [path for path, _ in play.asked] == ["GET /participants"]


def test_what_fails_on_the_way_stops_no_other(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> the first is another's << named, the second is added, exit 1; the same list may be given again."""
    listed(GOOD)
    play.on("POST /participants", {"code": "participants.taken", "reason": {"de": "vergeben", "en": "taken"}}, 400)
    play.on("POST /participants", {"slug": "bdorf", "did": "did:web:b"}, 201)
    assert hanse(ADD) == 1
    both = capsys.readouterr()
    assert "ließ sich nicht anlegen: vergeben" in both.err
    assert "Angelegt oder schon da: 1, gescheitert: 1" in both.out


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"name,kind\nA,Kreis\n",
        b"slug,name,kind,colour\na,A,Kreis,red\n",
        b"slug,slug,name,kind\na,a,A,Kreis\n",
        b"slug,name,kind\na,A\n",
        b"slug,name,kind\na,A,Kreis,more\n",
        b'slug,name,kind\na,"A,Kreis\n',
        b"\0" * 9,
        b"slug,name,kind\n" + b"a,A,Kreis\n" * 5001,
        b"x" * 2_000_000,
    ],
)
def test_what_is_no_such_list_is_refused_whole(text: bytes, play: Playback) -> None:
    listed(text)
    assert hanse(ADD) == 2
    assert play.asked == []


def test_a_pipe_or_a_folder_is_no_list(play: Playback, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("/dev/null", "folder", "gone.csv"):
        assert hanse(f"participant add --csv {name}") == 2


@pytest.mark.parametrize("words", ["", "a", "a --name A", "a --csv x", "a --name A --kind Kreis --dry-run"])
def test_one_or_many_but_not_both(words: str, play: Playback) -> None:
    assert hanse(f"participant add {words}") == 2
    assert play.asked == []


@pytest.mark.parametrize("other", [{"name": "Adorf"}, {"kind": "https://w3id.org/hanse/v1#county"}, {"operator": "X"}])
def test_a_dry_run_says_what_would_be_refused(
    other: dict[str, str], play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bug: a slug of somebody else was "there already" when tried, and refused when it was meant."""
    listed(GOOD)
    play.on("GET /participants", {"participants": [{**ASTADT, **other}]})
    assert hanse(f"{ADD} --dry-run") == 1
    assert said(capsys).splitlines()[0].startswith("ließe sich nicht anlegen: Unter astadt")


def test_a_name_of_two_lines_is_found_before_anybody_is_added(
    play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    listed('slug,name,kind\na,"Astadt\nmit Umbruch",Kommune\n')
    assert hanse(ADD) == 2
    assert "keine einzelne Zeile" in capsys.readouterr().err
    assert play.asked == []


def test_keys_and_contacts_come_along(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> a column of regional keys, one of them none << named by its line; then sent, and known when it is the same."""
    listed("slug;name;kind;ars;contact_email\nastadt;Astadt;Kommune;995640000000;\n")
    assert hanse(ADD) == 2
    assert "995640000000" in capsys.readouterr().err
    listed("slug;name;kind;ars;contact_email\nastadt;Astadt;Kommune;095640000000;a@b.example\n")
    play.on("POST /participants", {"slug": "astadt", "did": "did:web:astadt"}, 201)
    assert hanse(ADD) == 0
    assert json.loads(play.asked[-1][1])["publisher"] == {"ars": "095640000000", "contact_email": "a@b.example"}
    known = {
        "ars": "095640000000",
        "contact_name": "",
        "contact_email": "a@b.example",
        "contact_url": "",
        "contributor": "",
    }
    for publisher, code in ((known, 0), ({**known, "ars": ""}, 1)):
        play.answers["GET /participants"] = []
        play.on("GET /participants", {"participants": [{**ASTADT, "publisher": publisher}]})
        assert hanse(ADD + " --dry-run") == code


@pytest.mark.threat("T148")
def test_bug_two_towns_of_one_look_came_in_by_a_list_without_a_word(
    play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a list with a name like one that is here, and two alike << told at each, before it is added and after."""
    listed("slug;name;kind\nastadt;Аstadt;Kommune\nbdorf;Bdorf;Kommune\nb-dorf;BDORF;Kommune\nc;C;Kreis\n")
    play.on("GET /participants", {"participants": [{**ASTADT, "slug": "old"}]})
    assert hanse(f"{ADD} --dry-run") == 0
    told = said(capsys).splitlines()
    assert [("(old)" in line, "(bdorf)" in line, "(b-dorf)" in line) for line in told if "Verwechseln" in line] == [
        (True, False, False),
        (False, False, True),
        (False, True, False),
    ]
    for slug in ("astadt", "bdorf", "b-dorf", "c"):
        alike = [{"slug": "old", "name": "Astadt"}] if slug == "astadt" else []
        play.on("POST /participants", {"slug": slug, "did": f"did:web:{slug}", "alike": alike}, 201)
    assert hanse(ADD) == 0
    assert said(capsys).splitlines()[1].endswith("unterscheiden Sie die beiden besser am Namen.")

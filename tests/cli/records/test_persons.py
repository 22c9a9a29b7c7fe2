"""`hanse records erase` and `export` against a server that answers in portions, and breaks off in the middle."""

import json
from pathlib import Path
from typing import Any

import pytest

from connector.cli.main import main
from tests.cli.playback import Playback, hanse, said

PERSON = "/participants/a/persons/p-7f3a91"
ERASE = ["records", "erase", "--as", "a", "--pseudonym", "p-7f3a91", "--role", "r", "--ground", "g"]


def stay(why: str, until: int | None = None, days: int | None = None) -> dict[str, Any]:
    return {"index": 7, "type": "deed", "why": why, "until": until, "days": days}


def portion(*, may: int = 0, erased: int = 0, following: int | str | None = None, **other: Any) -> dict[str, Any]:
    found = {"may": [{"index": 1}] * may, "erased": erased, "stays": [], "objects": [], "complete": following is None}
    found |= {"clears": [], "cleared": 0, "places": []}
    return {**found, "next": following, **other}


def test_portions_are_told_as_one(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> erase --yes over two portions << asked from where the first ended, one sum, one list of what stays."""
    request = f"POST {PERSON}/erase"
    play.on(request, portion(may=2, following=40, stays=[stay("hold")]))
    play.on(request, portion(may=1))
    play.on(request, portion(erased=2, following=40, stays=[stay("hold")]))
    play.on(request, portion(erased=1))
    assert main([*ERASE, "--yes"], {}) == 1
    told = said(capsys)
    assert "Löschbare Einträge: 3" in told
    assert "Gelöschte Einträge: 3" in told
    assert "p-7f3a91 steht weiterhin in Einträgen (1) und unterschriebenen Dokumenten (0)" in told
    assert [json.loads(body)["after"] for _, body in play.asked] == [0, 40, 0, 40]


def test_a_server_that_never_ends_is_not_followed(play: Playback) -> None:
    """<< the same place again and again >> it is asked no further."""
    play.on(f"POST {PERSON}/erase", portion(following=40))
    assert main(ERASE, {}) == 1
    assert len(play.asked) == 2


def test_what_broke_off_says_how_to_go_on(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> the connection ends between two portions << what is erased stays so, run it again; exit code of the error."""
    request = f"POST {PERSON}/erase"
    play.on(request, portion(may=2))
    play.on(request, portion(erased=1, following=40))
    play.on(request, b"{CUT")
    assert main([*ERASE, "--yes"], {}) == 4
    told = capsys.readouterr()
    assert "Was schon gelöscht ist, bleibt gelöscht" in told.err
    assert "Gelöschte Einträge" not in told.out


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        (
            "de",
            "Bleibt: unterschriebenes Dokument approval-consumer.json (urn:uuid:9), Beweis der geltenden"
            " Vereinbarung (Art. 17 Abs. 3 Buchst. e DSGVO), bis die Vereinbarung endet und danach noch 3650 Tage.",
        ),
        (
            "en",
            "Stays: signed document approval-consumer.json (urn:uuid:9), evidence of the agreement in force"
            " (Art. 17 (3) e GDPR), until the agreement ends and 3650 days after that.",
        ),
    ],
)
def test_a_signed_document_says_why_and_until_when(
    lang: str, expected: str, play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bug: only signed documents kept the pseudonym, and the command ended with 0."""
    kept = {"agreement": "urn:uuid:9", "name": "approval-consumer.json", "why": "in-force", "until": None, "days": 3650}
    play.on(f"POST {PERSON}/erase", portion(objects=[kept]))
    assert main([*ERASE, "--lang", lang], {}) == 1
    assert expected in said(capsys).splitlines()


@pytest.mark.parametrize(
    ("lang", "expected", "remains"),
    [
        (
            "de",
            "Bleibt: Verhandlung (approval, urn:uuid:9), noch nötig, weil die Vereinbarung gilt (Art. 17 Abs. 1"
            " Buchst. a DSGVO), bis die Vereinbarung endet und danach noch 3650 Tage.",
            "p-7f3a91 steht weiterhin an Stellen außerhalb des Protokolls (3).",
        ),
        (
            "en",
            "Stays: negotiation (approval, urn:uuid:9), still needed, because the agreement is in force (Art. 17 (1)"
            " a GDPR), until the agreement ends and 3650 days after that.",
            "p-7f3a91 is still in places outside of the log (3).",
        ),
    ],
)
def test_a_place_says_why_and_until_when(
    lang: str, expected: str, remains: str, play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> an approval in force, a title, a table that nobody has words for << each told; exit 1 for that alone."""
    row: dict[str, Any] = {"key": {"id": "n1"}, "until": None, "days": None}
    kept = [
        {
            **row,
            "table": "negotiation",
            "column": "approval",
            "agreement": "urn:uuid:9",
            "why": "in-force",
            "days": 3650,
        },
        {**row, "table": "dataset", "column": "title", "agreement": None, "why": "published"},
        {**row, "table": "novelty", "column": "x", "agreement": None, "why": "elsewhere"},
    ]
    play.on(f"POST {PERSON}/erase", portion(places=kept))
    assert main([*ERASE, "--lang", lang], {}) == 1
    told = said(capsys).splitlines()
    assert expected in told
    assert remains in told
    assert any("novelty (x, n1)" in line for line in told)


def test_what_can_only_be_cleared_is_asked_for_too(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> no record, one other place; without --yes, then with it << asked first; then cleared, and said so: exit 0."""
    place = {"table": "outbox", "column": "body", "key": {"id": 3}, "agreement": None}
    play.on(f"POST {PERSON}/erase", portion(clears=[place]))
    play.on(f"POST {PERSON}/erase", portion(clears=[place]))
    play.on(f"POST {PERSON}/erase", portion(clears=[place], cleared=1))
    assert main(ERASE, {}) == 1
    assert "Weitere Stellen, an denen das Pseudonym entfernt werden kann: 1" in said(capsys)
    assert main([*ERASE, "--yes"], {}) == 0
    assert "Stellen, an denen das Pseudonym entfernt wurde: 1." in said(capsys)


def test_what_was_cleared_is_listed(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    cleared = {"at": 0, "role": "r", "ground": "g", "cleared": {"outbox.body": 2, "negotiation.approval": 1}}
    play.on("GET /participants/a/erasures", {"erasures": [], "clearings": [cleared]})
    assert main(["records", "erased", "--as", "a"], {}) == 0
    assert said(capsys) == "01.01.1970, 01:00:00 Uhr (MEZ): Pseudonym an anderen Stellen entfernt (3), r: g\n"


def test_very_many_that_stay_are_counted(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on(f"POST {PERSON}/erase", portion(stays=[stay("period", until=1_900_000_000_000)] * 30))
    assert main(ERASE, {}) == 1
    told = said(capsys)
    assert told.count("Bleibt: Eintrag 7 (erfüllte Pflicht), unter Aufbewahrungspflicht") == 20
    assert "Es bleiben noch weitere Einträge: 10." in told


def test_nothing_there_is_no_error(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on(f"POST {PERSON}/erase", portion())
    assert main(ERASE, {}) == 0
    assert "steht weiterhin" not in said(capsys)


def test_a_copy_holds_all_portions(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> export over four portions << one file with what all of them hold; how far it is, on standard error."""
    rest = {"participant": "did:web:a", "pseudonym": "p-7f3a91", "records": [], "objects": [], "places": []}
    more = {**rest, "complete": False}
    play.on(f"GET {PERSON}?after=0", {**more, "records": [{"index": 1}], "next": 40})
    play.on(f"GET {PERSON}?after=40", {**more, "records": [{"index": 2}], "objects": [{"name": "a"}], "next": "oab"})
    play.on(f"GET {PERSON}?after=oab", {**more, "objects": [{"name": "b"}], "places": [{"table": "c"}], "next": "pWQ"})
    play.on(f"GET {PERSON}?after=pWQ", {**rest, "places": [{"table": "d"}], "complete": True, "next": None})
    assert main(["records", "export", "--as", "a", "--pseudonym", "p-7f3a91", "-o", "copy.json"], {}) == 0
    found = json.loads(Path("copy.json").read_text(encoding="utf-8"))
    assert ([one["index"] for one in found["records"]], found["complete"]) == ([1, 2], True)
    assert [one["name"] for one in found["objects"]] == ["a", "b"]
    assert [one["table"] for one in found["places"]] == ["c", "d"]
    assert found.keys() == {*rest, "complete", "next"}
    told = capsys.readouterr()
    assert "(Einträge: 2, unterschriebene Dokumente: 2, weitere Stellen: 2)" in told.out
    assert [line.split(".")[0] for line in told.err.splitlines()] == [f"Bisher gefunden: {n}" for n in (1, 3, 5)]


def test_a_copy_that_is_not_whole_is_no_success(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """Bug: the server names the same place again and again << the file was written, and a script saw exit code 0."""
    part = {"participant": "did:web:a", "pseudonym": "p-7f3a91", "records": [], "objects": [], "places": []}
    play.on(f"GET {PERSON}?after=0", {**part, "complete": False, "next": 40})
    play.on(f"GET {PERSON}?after=40", {**part, "complete": False, "next": 40})
    assert main(["records", "export", "--as", "a", "--pseudonym", "p-7f3a91", "-o", "copy.json"], {}) == 1
    assert "nicht vollständig" in capsys.readouterr().err


def test_a_record_that_is_not_sealed_yet_has_no_number(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> records erase, right after the record was made << a dash and when to try again; it said “Eintrag None”"""
    stays = {"index": None, "type": "confirmation", "why": "unsealed", "until": None, "days": None}
    plan = {"may": [], "stays": [stays], "objects": [], "complete": True, "next": None}
    play.on("POST /participants/a/persons/p-7f3a91/erase", plan)
    assert hanse("records erase --as a --pseudonym p-7f3a91 --role r --ground g") == 1
    out = said(capsys)
    assert "None" not in out
    assert "in einer Minute" in out

"""`hanse records erase` and `export` against a server that answers in portions, and breaks off in the middle."""

import json
from pathlib import Path
from typing import Any

import pytest

from connector.cli.main import main
from tests.cli.test_client import Playback, play, said

__all__ = ["play"]
PERSON = "/participants/a/persons/p-7f3a91"
ERASE = ["records", "erase", "--as", "a", "--pseudonym", "p-7f3a91", "--role", "r", "--ground", "g"]


def stay(why: str, until: int | None = None, days: int | None = None) -> dict[str, Any]:
    return {"index": 7, "type": "deed", "why": why, "until": until, "days": days}


def portion(*, may: int = 0, erased: int = 0, following: int | None = None, **other: Any) -> dict[str, Any]:
    found = {"may": [{"index": 1}] * may, "erased": erased, "stays": [], "objects": [], "complete": following is None}
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
        ("de", "Bleibt: unterschriebenes Dokument approval-consumer.json (urn:uuid:9), Beweis der geltenden"
               " Vereinbarung (Art. 17 Abs. 3 Buchst. e DSGVO), bis die Vereinbarung endet und danach noch 3650 Tage."),
        ("en", "Stays: signed document approval-consumer.json (urn:uuid:9), evidence of the agreement in force"
               " (Art. 17 (3) e GDPR), until the agreement ends and 3650 days after that."),
    ],
)  # fmt: skip
def test_a_signed_document_says_why_and_until_when(
    lang: str, expected: str, play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bug: only signed documents kept the pseudonym, and the command ended with 0."""
    kept = {"agreement": "urn:uuid:9", "name": "approval-consumer.json", "why": "in-force", "until": None, "days": 3650}
    play.on(f"POST {PERSON}/erase", portion(objects=[kept]))
    assert main([*ERASE, "--lang", lang], {}) == 1
    assert expected in said(capsys).splitlines()


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


def test_a_copy_holds_all_portions(play: Playback) -> None:
    """>> export over two portions << one file with the records of both."""
    rest = {"participant": "did:web:a", "pseudonym": "p-7f3a91", "objects": []}
    play.on(f"GET {PERSON}?after=0", {**rest, "records": [{"index": 1}], "complete": False, "next": 40})
    play.on(f"GET {PERSON}?after=40", {**rest, "records": [{"index": 2}], "complete": True, "next": None})
    assert main(["records", "export", "--as", "a", "--pseudonym", "p-7f3a91", "-o", "copy.json"], {}) == 0
    found = json.loads(Path("copy.json").read_text(encoding="utf-8"))
    assert ([one["index"] for one in found["records"]], found["complete"]) == ([1, 2], True)


@pytest.mark.parametrize(
    ("code", "said_so"),
    [
        ("trust.did-unreachable", "Hat der Partner aufgehört"),
        ("http.too-slow", "nicht rechtzeitig"),
        ("made.up", "Technischer Grund: made.up"),
    ],
)
def test_why_a_partner_could_not_be_asked_is_a_sentence(
    play: Playback, capsys: pytest.CaptureFixture[str], code: str, said_so: str
) -> None:
    """Bug: >> records compare after the partner has left << “Grund: trust.did-unreachable”, and nothing to do."""
    one = {"agreement": "urn:uuid:1", "counterparty": "did:web:b", "state": "unreachable", "code": code, "at": 0}
    play.on("POST /participants/a/comparisons", {"comparisons": [{**one, "findings": []}]})
    assert main(["records", "compare", "--as", "a"], {}) == 0
    assert said_so in said(capsys)

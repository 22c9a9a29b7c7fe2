"""`hanse find`: what is possible with each offer, and in words what could not be read."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from connector.cli.exchange import find
from connector.cli.frame.call import OK, WRONG_USAGE, Call
from connector.data.catalogue.search.facets import label
from tests.cli.playback import DATASET, WHY, Playback, hanse, said


def asked(**given: object) -> Namespace:
    nothing = dict.fromkeys((*find.FACETS, "providers", "since", "box", "period", "page", "like", "data"))
    return Namespace(words=[], live=False, counts=False, json=False, **{**nothing, **given})


@pytest.mark.parametrize(("lang", "word"), [("de", "UNVOLLSTÄNDIG"), ("en", "INCOMPLETE")])
def test_a_catalogue_that_was_not_read_whole_is_named(
    lang: str, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> find << the member and that there is more, beside the result."""

    class Answering:
        def __init__(self, socket: object) -> None: ...

        def get(self, *path: str, **query: object) -> dict[str, Any]:
            return {
                "results": [],
                "asked": 1,
                "failed": [],
                "incomplete": [{"provider": "did:web:large.example", "provider_name": "Großstadt"}],
            }

    monkeypatch.setattr(find, "Api", Answering)
    args = asked(participant="nachbardorf")
    assert find.run(Call(args, lang, {})) == OK
    told = capsys.readouterr().err
    assert word in told
    assert "Großstadt" in told


def test_a_description_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Bug: line breaks in it made a second hit of another member's out of one of its own."""
    hit = {"title": "Linden", "provider": "did:web:a", "provider_name": "A", "dataset": "urn:d", "offers": []}

    class Answering:
        def __init__(self, socket: object) -> None: ...

        def get(self, *path: str, **query: object) -> dict[str, Any]:
            return {"results": [{**hit, "description": "x\nEichen – B (did:web:b)"}], "asked": 1, "failed": []}

    monkeypatch.setattr(find, "Api", Answering)
    args = asked(participant="nachbardorf")
    assert find.run(Call(args, "de", {})) == OK
    assert not any(line.startswith("Eichen") for line in capsys.readouterr().out.splitlines())


def hit(**offer: object) -> dict[str, Any]:
    found = {"provider": "did:web:b", "provider_name": "B", "dataset": DATASET, "title": "Bäume", "description": ""}
    return found | {
        "media_type": "text/csv",
        "bytes": 5,
        "offers": [{"offer": f"{DATASET}/offers/1", "clauses": [], **offer}],
    }


def test_find_says_what_is_possible(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    results = [hit(met=True, reason=None), hit(met=False, reason=WHY)]
    silent = [
        {"provider": "did:web:c", "provider_name": "Cadorf", "reason": {"de": "Zeit abgelaufen", "en": "timed out"}}
    ]
    play.on("GET /participants/a/find?q=alte+B%C3%A4ume", {"results": results, "asked": 2, "failed": silent})
    assert hanse("find alte Bäume --as a") == 0
    both = capsys.readouterr()
    assert f"Vertrag möglich, Angebot: {DATASET}/offers/1" in both.out
    assert WHY["de"] in both.out
    assert "Cadorf hat nicht geantwortet: Zeit abgelaufen" in both.err
    assert hanse("find alte Bäume --as a --json") == 0
    assert json.loads(said(capsys))["asked"] == 2


LICENCE = {"iri": "urn:l", "label": {"de": "Datenlizenz", "en": "Data licence"}}


def test_find_says_where_open_data_are(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> open, to be had elsewhere, announced, offered and open << address, licence, page, whom to ask, by language."""
    page = {"landing_page": "https://b.example/p", "licence": LICENCE}
    results = [
        {**hit(), **page, "offers": [], "open": True, "download": ["https://b.example/x.csv"]},
        {**hit(), "offers": [], "access": ["https://portal.example/"], "licence": None, "contact": "Amt, a@b.example"},
        {**hit(), **page, "offers": []},
        {**hit(met=True, reason=None), **page, "open": True, "download": ["https://b.example/y.csv"]},
    ]
    play.on("GET /participants/a/find?rule=none", {"results": results, "asked": 1, "failed": []})
    assert hanse("find --as a --rule none") == 0
    free, elsewhere, announced, both = capsys.readouterr().out.split("Bäume – B")[1:]
    for words, there in (
        (free, ["frei, ohne Vertrag: https://b.example/x.csv", "Lizenz: Datenlizenz", "Seite: https://b.example/p"]),
        (elsewhere, ["zu haben bei: https://portal.example/", "fragen Sie: Amt, a@b.example"]),
        (announced, ["Seite: https://b.example/p", "fragen Sie: B", "Lizenz: Datenlizenz"]),
        (both, ["Vertrag möglich, Angebot: ", "frei, ohne Vertrag: https://b.example/y.csv", "Lizenz: Datenlizenz"]),
    ):
        assert [line for line in there if line not in words] == []
    assert ("fragen Sie" in free, "Lizenz" in elsewhere, "Seite" in both) == (False, False, False)
    assert hanse("find --as a --rule none --lang en") == 0
    assert "licence: Data licence" in capsys.readouterr().out


def test_find_with_only_silence_is_unavailable(play: Playback) -> None:
    silent = [{"provider": "did:web:c", "reason": None}]
    play.on("GET /participants/a/find?from=did%3Aweb%3Ac", {"results": [], "asked": 1, "failed": silent})
    assert hanse("find --as a --from did:web:c") == 4
    away = [{"provider": "did:web:c", "provider_name": "C", "since": "2026-11-21T06:00:00Z", "last": None}]
    play.on("GET /participants/a/find?from=C", {"results": [], "asked": 1, "failed": [], "unreachable": away})
    assert hanse("find --as a --from C") == 4


def test_find_says_how_old_an_answer_is_and_who_is_silent(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> a kept answer, a mended word, counts, a further page << each in words, in both languages."""
    kept = {**hit(met=True, reason=None), "source": "copy", "seen": "2026-11-20T06:00:00Z"}
    silent = {"provider": "did:web:c", "provider_name": "Seestadt", "since": "2026-11-21T06:00:00Z", "last": None}
    more = {
        "total": 41,
        "mended": {"baumkatatser": "baumkataster"},
        "next": "weiter",
        "unreachable": [silent],
        "facets": {
            "theme": [{"value": "ENVI", "count": 40, "name": label("theme", "ENVI")}],
            "freshness": [{"value": "week", "count": 1, "name": label("freshness", "week")}],
            "provider": [{"value": "did:web:b", "count": 41, "name": {"de": "Bergdorf", "en": "Bergdorf"}}],
        },
    }
    found = {"results": [kept], "asked": 2, "failed": [], **more}
    play.on("GET /participants/a/find?q=Baumkatatser&counts=1", found)
    play.on("GET /participants/a/find?q=Baumkatatser", found)
    assert hanse("find Baumkatatser --as a --facets") == 0
    both = capsys.readouterr()
    for line in (
        "gesehen 20.11.2026",
        "„baumkataster“ statt „baumkatatser“",
        "Treffer: 41",
        "Thema: Umwelt (40)",
        "Datengeber: Bergdorf (41)",
        "Stand: letzte 7 Tage (1)",
        "--page weiter",
    ):
        assert line in both.out
    assert "Seestadt antwortet nicht seit 21.11.2026" in both.err
    assert hanse("find Baumkatatser --as a --lang en") == 0
    both = capsys.readouterr()
    assert "seen 20 Nov 2026" in both.out
    assert "Theme" not in both.out
    assert "has not answered since" in both.err


def test_find_passes_on_what_narrows(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    nothing = {"results": [], "asked": 0, "failed": []}
    query = "from=A&from=B&theme=ENVI&theme=TRAN&format=CSV&since=2020-01-01&box=8%2C53%2C9%2C54&page=p&live=1"
    play.on(f"GET /participants/a/find?{query}", nothing)
    words = "--from A --provider B --theme ENVI --theme TRAN --format CSV --since 2020-01-01 --box 8,53,9,54 --page p"
    assert hanse(f"find --as a {words} --live") == 0


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ('{"title": "Bäume", "keywords": ["Grün"], "description": "Alle"}', "B%C3%A4ume+Gr%C3%BCn+Alle"),
        ('{"dct:title": "Bäume", "description": 7}', "B%C3%A4ume"),
        ("[1, 2]", None),
        ("Bäume\nAlle", "B%C3%A4ume%0AAlle"),
        ("x" * 2_000, "x" * 500),
    ],
)
def test_a_draft_is_a_file_or_what_is_typed(
    text: str, asked: str | None, play: Playback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> JSON, plain text, something else, more than is looked at << title, keywords, description as the question."""
    draft = tmp_path / "draft"
    draft.write_text(text, encoding="utf-8")
    play.on(f"GET /participants/a/find?{'' if asked is None else f'q={asked}&'}like=1", EMPTY)
    assert hanse(f"find --as a --like {draft}") == 0
    play.on("GET /participants/a/find?q=Stadtb%C3%A4ume&like=1", EMPTY)
    assert hanse("find --as a --like Stadtbäume") == 0


def test_a_draft_that_is_no_text_or_not_there_is_no_empty_answer(
    play: Playback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a PDF, a file that is not there << said so; a title with a point in it is a title."""
    (tmp_path / "draft.pdf").write_bytes(b"%PDF-1.7 \xe4\xf6")
    for name in ("draft.pdf", "away.json"):
        assert hanse(f"find --as a --like {tmp_path / name}") == WRONG_USAGE
        assert name in capsys.readouterr().err
    play.on("GET /participants/a/find?q=Open.NRW&like=1", EMPTY)
    assert hanse("find --as a --like Open.NRW") == OK


EMPTY = {"results": [], "asked": 0, "failed": []}

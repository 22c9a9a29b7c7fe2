"""`hanse find`: what is possible with each offer, and in words what could not be read."""

import json
from argparse import Namespace
from typing import Any

import pytest

from connector.cli.exchange import find
from connector.cli.frame.call import OK, Call
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
            return {"results": [], "asked": 1, "failed": [], "incomplete": ["did:web:large.example"]}

    monkeypatch.setattr(find, "Api", Answering)
    args = asked(participant="nachbardorf")
    assert find.run(Call(args, lang, {})) == OK
    told = capsys.readouterr().err
    assert word in told
    assert "did:web:large.example" in told


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
    silent = [{"provider": "did:web:c", "reason": {"de": "Zeit abgelaufen", "en": "timed out"}}]
    play.on("GET /participants/a/find?q=alte+B%C3%A4ume", {"results": results, "asked": 2, "failed": silent})
    assert hanse("find alte Bäume --as a") == 0
    both = capsys.readouterr()
    assert f"möglich: {DATASET}/offers/1" in both.out
    assert WHY["de"] in both.out
    assert "did:web:c hat nicht geantwortet: Zeit abgelaufen" in both.err
    assert hanse("find alte Bäume --as a --json") == 0
    assert json.loads(said(capsys))["asked"] == 2


def test_find_with_only_silence_is_unavailable(play: Playback) -> None:
    silent = [{"provider": "did:web:c", "reason": None}]
    play.on("GET /participants/a/find?from=did%3Aweb%3Ac", {"results": [], "asked": 1, "failed": silent})
    assert hanse("find --as a --from did:web:c") == 4

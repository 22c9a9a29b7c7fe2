"""`hanse find` says in words what it could not read."""

from argparse import Namespace
from typing import Any

import pytest

from connector.cli.exchange import find
from connector.cli.frame.call import OK, Call


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
    args = Namespace(words=[], participant="nachbardorf", provider=None, json=False, data=None)
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
    args = Namespace(words=[], participant="nachbardorf", provider=None, json=False, data=None)
    assert find.run(Call(args, "de", {})) == OK
    assert not any(line.startswith("Eichen") for line in capsys.readouterr().out.splitlines())

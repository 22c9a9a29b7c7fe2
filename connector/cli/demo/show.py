"""What the demonstration prints: a line per step for people, or one JSON object per step and line, and the way on."""

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

from connector.cli.checkout import CHECKOUT
from connector.cli.demo import county
from connector.cli.demo.people import Door
from connector.cli.demo.place import PROVIDER
from connector.cli.demo.steps import NEIGHBOUR, STEPS, TOWN, Facts, Step
from connector.foundation.language import decimal, say

_WIDTH = 58


class Show:
    """Standard output carries the steps; with `--json` everything else goes to standard error."""

    steps: ClassVar[Sequence[Step]] = STEPS
    topic: ClassVar[str] = ""
    """Where the texts of the steps stand below `demo.`, with a dot behind it."""

    def __init__(self, lang: str, *, as_json: bool) -> None:
        self._lang, self._json = lang, as_json

    def _say(self, key: str, /, **facts: object) -> str:
        return say(f"demo.{key}", self._lang, **facts)

    def _step(self, key: str, /, **facts: object) -> str:
        return self._say(f"{self.topic}{key}", **facts)

    def line(self, key: str, /, **facts: object) -> None:
        print(self._say(key, **facts), file=sys.stderr if self._json else sys.stdout, flush=True)

    def begin(self, number: int, name: str) -> None:
        if not self._json:
            title = f"{number:2}/{len(self.steps)} {self._step(f'{name}.title')} "
            print(title.ljust(_WIDTH, "."), end=" ", flush=True)

    def done(self, name: str, facts: Facts, ms: int) -> None:
        if self._json:
            _object(step=name, ok=True, ms=ms, **facts)
            return
        print(f"{ms} ms" if ms < 1000 else f"{decimal(ms / 1000, self._lang)} s")
        for line in self._step(f"{name}.done", **self._words(name, facts)).splitlines():
            print(f"      {line}", flush=True)

    def failed(self, name: str, party: str, reason: str, ms: int) -> None:
        if self._json:
            _object(step=name, ok=False, ms=ms, party=party, reason=reason)
        else:
            print(self._say("failed.word"), flush=True)
        print(self._say("failed.what", step=name, party=party, reason=reason), file=sys.stderr)

    def log(self, place: Path, lines: Sequence[str]) -> None:
        """What the server said last, because with a temporary folder its log goes away."""
        if lines:
            print(self._say("failed.log", path=place), *lines, sep="\n  ", file=sys.stderr)

    def examine(self, folder: Path, *, kept: bool) -> None:
        print(self._say("failed.kept" if kept else "failed.keep", path=folder), file=sys.stderr)

    def _words(self, name: str, facts: Facts) -> Mapping[str, object]:
        words: dict[str, object] = {**facts}
        for key in ("bytes", "objects"):
            if isinstance(facts.get(key), int):
                words[key] = decimal(facts[key], self._lang, 0)
        match name:
            case "start":
                words["dids"] = "\n".join(one["did"] for one in facts["participants"])
            case "publish":
                amount = "objects" if facts["objects"] else "file"
                words["amount"] = self._say(f"publish.{amount}", **words)
                words["clauses"] = "\n".join(f"· {clause}" for clause in facts["clauses"])
                day, month, year = (int(part) for part in facts["until"].split("."))
                words["until"] = say("policy.format.day", self._lang, at=date(year, month, day), year=year)
            case "negotiate":
                words["steps"] = " → ".join(one["text"][self._lang] for one in facts["steps"])
            case "tamper":
                words["failed"] = "\n".join(facts["failed"])
            case _:
                pass
        return words

    def results(self, tour: Any) -> None:
        for key, path in (
            ("received", tour.received),
            ("contract", tour.contract),
            ("bundle", tour.bundle),
            ("changed", tour.tampered),
        ):
            self.line(f"results.{key}", path=path)

    def offline(self, tour: Any) -> None:
        """The command that needs no server."""
        self.line("paste.head")
        self._command(hanse(), "verify", tour.bundle, "--trust", tour.place.roots)

    def online(self, tour: Any) -> None:
        """The commands that ask the running servers."""
        provider = tour.place.base / PROVIDER
        word = tour.title.split()[0]
        self._command(hanse(), "find", word, "--as", NEIGHBOUR.slug, "--data", provider)
        url = f"{tour.place.servers[PROVIDER].url}/{TOWN.slug}/did.json"
        self._command("curl", "--cacert", tour.place.ca, url)

    def doors(self, tour: Any, doors: Sequence[Door]) -> None:
        """The links, and how to get another once one was used."""
        self.line("doors.head", minutes=doors[0].minutes)
        for one in doors:
            self.line("doors.door", participant=one.party.name, name=one.name, url=one.url)
        self.line("doors.again")
        first = doors[0]
        self._command(hanse(), "person", "link", first.login, "--data", tour.place.base / first.party.server)

    def again(self, tour: Any) -> None:
        """How to bring kept servers back."""
        self.line("paste.serve")
        for name in tour.place.folders:
            self._command(hanse(), "serve", "--data", tour.place.base / name)

    def _command(self, *words: object) -> None:
        if words[0] == hanse() and self._lang != "de":
            words = (words[0], "--lang", self._lang, *words[1:])
        print("  " + shlex.join(str(word) for word in words), file=sys.stderr if self._json else sys.stdout, flush=True)


class CountyShow(Show):
    """The same for `--space`."""

    steps: ClassVar[Sequence[Step]] = county.STEPS
    topic: ClassVar[str] = "space."

    def _words(self, name: str, facts: Facts) -> Mapping[str, object]:
        words: dict[str, object] = {**facts}
        if name == "found":
            words["dids"] = "\n".join(one["did"] for one in facts["participants"])
        for key in ("bytes", "listed_ms", "seen_ms", "after_ms", "own_ms", "resumed_ms", "moved_ms"):
            if key in facts:
                words[key] = decimal(facts[key], self._lang, 0)
        for key in ("stolen", "twice"):
            if key in facts:
                words[key] = say(f"error.{facts[key]}", self._lang)
        if name == "invite":
            words["through"] = facts["until"]
        if name == "apply":
            words["open"] = ", ".join(facts["open"])
        return words

    def results(self, tour: Any) -> None:
        for key, path in (("received", tour.received), ("bundle", tour.bundle), ("roots", tour.roots)):
            self.line(f"results.{key}", path=path)

    def offline(self, tour: Any) -> None:
        self.line("paste.head")
        self._command(hanse(), "verify", tour.bundle, "--trust", tour.roots)

    def online(self, tour: Any) -> None:
        base = tour.place.base
        self._command(hanse(), "space", "members", "--as", county.KREIS.slug, "--data", base / county.KREIS.server)
        self._command(hanse(), "space", "joined", "--as", county.TOWN.slug, "--data", base / county.TOWN.server)
        self._command(hanse(), "doctor", "--data", base / county.TOWN.server)


def hanse() -> str:
    """How this very command line is called from where the caller stands."""
    script = CHECKOUT / "hanse"
    if not script.is_file():
        return "hanse"
    return "./hanse" if Path.cwd() == CHECKOUT else str(script)


def _object(**facts: Any) -> None:
    print(json.dumps(facts, ensure_ascii=False), flush=True)

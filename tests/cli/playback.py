"""A management surface that plays back what it is told to answer, and `hanse` called against it."""

import io
import json
from http.server import BaseHTTPRequestHandler

import pytest
from msgspec import to_builtins

from connector.cli.main import main
from connector.surfaces.views.status import StatusView

DATASET = "https://localhost:1/b/datasets/7"
CLAUSE = {"text": {"de": "Nur Kommunen", "en": "Municipalities only"}, "badge": "enforced"}
WHY = {"de": "Teilnehmerart ist nicht Kommune.", "en": "The kind is not municipality."}


UPLOADED = {"source": "s1", "sha256": "ff", "bytes": 9}
PUBLISHED = {
    "dataset": DATASET,
    "offer": None,
    "clauses": [],
    "download": f"{DATASET}/a.csv",
    "page": f"{DATASET}.html",
}


class Terminal(io.StringIO):
    """What somebody types."""

    def isatty(self) -> bool:
        return True


class Playback:
    """What the server answers to `METHOD path`, in order, and what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, bytes]]] = {}
        self.asked: list[tuple[str, bytes]] = []

    def on(self, request: str, body: object, status: int = 200) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.setdefault(request, []).append((status, data))


def handler(play: Playback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers the next canned answer of the path; promises more than it sends where the body says `CUT`."""

        def address_string(self) -> str:
            return "socket"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            request = f"{self.command} {self.path.removeprefix('/api/v1')}"
            play.asked.append((request, self.rfile.read(int(self.headers.get("Content-Length", 0)))))
            waiting = play.answers[request]
            status, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) + (5 if body.endswith(b"CUT") else 0)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

    return Handler


def standing(found: StatusView) -> dict[str, object]:
    """The part of an answer that says in a word how things stand."""
    return {"status": to_builtins(found)}


def hanse(words: str) -> int:
    """The exit code of one command."""
    return main(words.split(), {})


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out

"""Each command against a management surface that plays back canned answers over the Unix socket."""

import hashlib
import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from connector.cli.frame.client import _Whole
from connector.cli.main import main
from connector.errors import Mistake
from tests.verify.forge import Case

DATASET = "https://localhost:1/b/datasets/7"
CLAUSE = {"text": {"de": "Nur Kommunen", "en": "Municipalities only"}, "badge": "enforced"}
WHY = {"de": "Teilnehmerart ist nicht Kommune.", "en": "The kind is not municipality."}


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


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Playback]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hanse-data").mkdir()
    told = Playback()
    with socketserver.ThreadingUnixStreamServer("hanse-data/api.sock", handler(told)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield told
        server.shutdown()
        thread.join()


def hanse(words: str) -> int:
    """The exit code of one command."""
    return main(words.split(), {})


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_participants(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    one = {"slug": "a", "name": "Astadt", "did": "did:web:localhost%3A1:a", "root": "https://localhost:1/a"}
    one |= {"seal": {"level": "L1", "signer": "file", "alg": "ES256"}}
    play.on("POST /participants", one, 201)
    play.on("GET /participants", [one])
    play.on("POST /participants/a/keys/peer/rotate", {}, 200)
    assert hanse("participant add a --name Astadt --kind municipality") == 0
    assert "did:web:localhost%3A1:a" in said(capsys)
    assert json.loads(play.asked[0][1]) == {
        "slug": "a",
        "name": "Astadt",
        "kind": "https://w3id.org/hanse/v1#municipality",
    }
    assert hanse("participant list") == 0
    assert "Astadt" in said(capsys)
    assert hanse("participant rotate-key a peer") == 0


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


def hit(**offer: object) -> dict[str, Any]:
    found = {"provider": "did:web:b", "provider_name": "B", "dataset": DATASET, "title": "Bäume", "description": ""}
    return found | {
        "media_type": "text/csv",
        "bytes": 5,
        "offers": [{"offer": f"{DATASET}/offers/1", "clauses": [], **offer}],
    }


@pytest.mark.parametrize("change", ["shorter", "longer"])
def test_publish_neither_waits_for_what_is_gone_nor_sends_half_of_what_grows(change: str, tmp_path: Path) -> None:
    """>> a file that is cut, or written on, between its first byte and its last << said at once, not sent whole."""
    path = tmp_path / "trees.csv"
    path.write_bytes(b"x" * 100_000)
    with path.open("rb") as file:
        whole = _Whole(file, 100_000, path)
        assert whole.read(16_384) == b"x" * 16_384
        with path.open("r+b") as other:
            other.truncate(20_000 if change == "shorter" else 100_001)
        with pytest.raises(Mistake, match="file-changed"):
            list(iter(lambda: whole.read(16_384), b""))
    with path.open("rb") as file:
        whole = _Whole(file, size := path.stat().st_size, path)
        assert sum(map(len, iter(lambda: whole.read(16_384), b""))) == size


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


def transfer(body: bytes, play: Playback, **change: object) -> None:
    digest = hashlib.sha256(body).hexdigest()
    done = {
        "id": "t1",
        "state": "COMPLETED",
        "bytes": len(body),
        "sha256": digest,
        "outcome": "complete",
        "reason": None,
    }
    play.on("POST /participants/a/transfers", {"id": "t1"}, 201)
    play.on("GET /participants/a/transfers/t1?wait=30", done | {"file": "x.csv"} | change)
    play.on("GET /participants/a/transfers/t1/content", body)


def test_get_saves_the_checked_bytes(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    transfer(b"Baum\n" * 500_000, play)
    assert hanse("get urn:uuid:9 --as a -o out.csv") == 0
    assert Path("out.csv").read_bytes() == b"Baum\n" * 500_000
    assert "2.500.000 Bytes" in said(capsys)


@pytest.mark.parametrize("body", [b"half CUT", b"other bytes"])
def test_get_leaves_nothing_that_is_cut_or_changed(body: bytes, play: Playback) -> None:
    """A cut stream leaves no file at all; a wrong hash is no success."""
    transfer(body, play, sha256="0" * 64)
    assert hanse("get urn:uuid:9 --as a -o out.csv") == 4
    assert not Path("out.csv").exists()
    assert not Path("out.csv.part").exists()


def test_get_says_why_not(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    transfer(b"", play, file=None, state="TERMINATED", outcome="refused", reason=WHY)
    assert hanse("get urn:uuid:9 --as a -o out.csv --lang en") == 1
    assert "REFUSED: The kind is not municipality." in said(capsys)


def test_get_can_have_it_sent(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    transfer(b"Baum", play)
    for words, mode in (("", "pull"), ("--push", "push")):
        assert hanse(f"get urn:uuid:9 --as a -o out.csv {words}") == 0
        [body] = [body for asked, body in play.asked if asked == "POST /participants/a/transfers"]
        assert json.loads(body)["mode"] == mode
        play.asked.clear()


RUNNING = {
    "id": "t1", "state": "SUSPENDED", "format": "HttpData-PUSH", "bytes": 1234, "reason": WHY, "title": "Bäume",
    "partner": "Bdorf", "role": "provider", "agreement": "urn:uuid:9", "created_at": 1_795_000_000_000,
}  # fmt: skip
LINES = ["Bäume – Bdorf", "    ausgesetzt, wir senden, 1.234 Bytes, begonnen 18.11.2026, 12:06:40 Uhr (MEZ)", "    t1"]


def test_transfers_are_listed_with_the_reason(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on("GET /participants/a/transfers", {"transfers": [RUNNING]})
    assert hanse("transfers --as a") == 0
    assert said(capsys).splitlines() == [*LINES, f"    {WHY['de']}"]
    play.on("GET /participants/a/transfers?agreement=urn%3Auuid%3A9", {"transfers": []})
    assert hanse("transfers --as a --agreement urn:uuid:9") == 0
    assert said(capsys).splitlines() == ["Noch keine Übertragung."]


@pytest.mark.parametrize(
    ("words", "path", "body"),
    [
        ("suspend t1 --as a --reason Wartung", "suspend", {"reason": "Wartung"}),
        ("suspend t1 --as a", "suspend", {}),
        ("resume t1 --as a", "resume", {}),
        ("stop t1 --as a --reason Schluss", "terminate", {"reason": "Schluss"}),
    ],
)
def test_a_transfer_is_steered(
    words: str, path: str, body: dict[str, object], play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    play.on(f"POST /participants/a/transfers/t1/{path}", {**RUNNING, "reason": None})
    assert hanse(words) == 0
    assert json.loads(play.asked[-1][1]) == body
    assert said(capsys).splitlines() == LINES


def test_agreements_and_evidence(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    one = {"agreement": "urn:uuid:9", "dataset": DATASET, "state": "one-sided", "role": "provider", "waits": False}
    one |= {"verified": True, "countersignature": "preferred", "until": "2027-01-01", "confirmations": []}
    one |= {"second_invalid": False, "title": "Bäume", "partner": "Bdorf", "created_at": 1_795_000_000_000}
    one |= {"notice": {"by": "consumer", "effective": "2027-03-31T22:00:00Z"}}
    play.on("GET /participants/a/agreements", [{**one, "signed": {"provider": True, "consumer": False}}])
    play.on("GET /participants/a/agreements/9/evidence", b"PK")
    assert hanse("agreements --as a") == 0
    out = said(capsys)
    assert "urn:uuid:9" in out
    assert "gilt; nur vom Datengeber besiegelt" in out
    assert "zweites Siegel" not in out
    bad = {**one, "second_invalid": True, "signed": {"provider": True, "consumer": True}}
    play.on("GET /participants/b/agreements", [bad])
    assert hanse("agreements --as b") == 0
    assert "ein zweites Siegel (ML-DSA) geschickt, das nicht gilt" in said(capsys)
    assert hanse("evidence urn:uuid:9 --as a -o b.zip") == 0
    assert Path("b.zip").read_bytes() == b"PK"
    said(capsys)
    play.on("GET /participants/a/agreements/8/evidence", Case().bundle())
    assert hanse("evidence urn:uuid:8 --as a -o b.zip") == 0
    assert "spricht bis 18.11.2026, 12:06:40 Uhr (MEZ)" in said(capsys)


@pytest.mark.parametrize(("status", "code"), [(400, 1), (403, 1), (404, 1), (500, 1), (502, 4), (503, 4), (504, 4)])
@pytest.mark.parametrize("lang", ["de", "en"])
def test_a_problem_is_its_sentence(
    status: int, code: int, lang: str, play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    play.on("GET /participants/a/agreements", {"title": "x", "reason": WHY, "code": "c"}, status)
    assert main(["agreements", "--as", "a", "--lang", lang], {}) == code
    assert capsys.readouterr().err == f"hanse: {WHY[lang]}\n"


def test_a_problem_without_form_is_shown_as_its_number(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on("GET /participants/a/agreements", b"<html>", 500)
    assert hanse("agreements --as a") == 1
    assert "HTTP 500" in capsys.readouterr().err


def test_a_name_cannot_leave_its_segment(play: Playback) -> None:
    play.on("GET /participants/..%2F..%2Fx/agreements", [])
    assert main(["agreements", "--as", "../../x"], {}) == 0


def test_doctor_sees_the_server(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    play.on("GET /health/ready", {})
    main(["doctor", "--json"], {})
    assert "server" in [finding["check"] for finding in json.loads(said(capsys))["findings"]]


def test_an_empty_word_is_said_before_anything_is_asked(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> records lift "" << what to give; it was “There is nothing at this address.”"""
    words = ["records", "lift", "", "--as", "a", "--role", "r", "--ground", "g", "--lang", "en"]
    assert main(words, {}) == 2
    assert "is empty" in capsys.readouterr().err
    assert play.asked == []


def test_a_record_that_is_not_sealed_yet_has_no_number(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    """>> records erase, right after the record was made << a dash and when to try again; it said “Eintrag None”"""
    stays = {"index": None, "type": "confirmation", "why": "unsealed", "until": None, "days": None}
    plan = {"may": [], "stays": [stays], "objects": [], "complete": True, "next": None}
    play.on("POST /participants/a/persons/p-7f3a91/erase", plan)
    assert hanse("records erase --as a --pseudonym p-7f3a91 --role r --ground g") == 1
    out = said(capsys)
    assert "None" not in out
    assert "in einer Minute" in out


def test_a_contract_is_asked_for_by_its_number_alone(play: Playback) -> None:
    """>> records hold --agreement nope << nope, whose error named urn:uuid:urn:uuid:nope"""
    play.on("POST /participants/a/holds", {"reason": WHY, "code": "c"}, 404)
    for name in ("nope", "urn:uuid:nope"):
        assert hanse(f"records hold --as a --role r --ground g --agreement {name}") == 1
    assert [json.loads(body)["agreement"] for _, body in play.asked] == ["nope", "nope"]

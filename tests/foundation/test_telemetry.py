"""Log lines: one each, without secrets, whatever comes from outside (threats T26, T27)."""

import json
import logging
from collections.abc import Iterator
from typing import get_args

import pytest
import structlog

from connector.foundation import telemetry
from connector.foundation.telemetry import CAP, MOST_SERIES, Metrics, redact
from connector.identity.trust.keys.jose import sign_jwt
from connector.identity.trust.keys.signing import SoftwareKey


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Logging is set up for the whole process: put it back."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    structlog.configure(**before)
    root.handlers, root.level = handlers, level


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


ODD = {
    "line breaks": "a\r\nb\nc\rd",
    "terminal": "\x1b[31mred\x1b[0m",
    "bidi": "\u202egpj.exe\u2066",
    "C1": "\x85\x9b31m",
    "separators": "a\u2028b\u2029c",
    "zero width": "a\u200bb\ufeffc",
    "NUL": "a\x00b",
}


@pytest.mark.threat("T26")
@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
@pytest.mark.parametrize("form", ["json", "text"])
def test_one_event_is_one_line_of_plain_characters(capsys: pytest.CaptureFixture[str], form: str, text: str) -> None:
    """>> control and bidi characters in event, name and value << one line, all of them escaped."""
    telemetry.configure("debug", form)  # type: ignore[arg-type]
    structlog.get_logger("x").info(text, path=text, nested={text: [text]})
    logging.getLogger("library").error("%s", text)
    written = capsys.readouterr().err
    assert written.count("\n") == 2
    assert len(written.splitlines()) == 2
    assert not [character for character in written if not character.isprintable() and character != "\n"]


SECRETS = {
    "a token": sign_jwt({"iss": "did:web:a"}, SoftwareKey.generate("peer", "did:web:a")),
    "a header": "Bearer abc.def",
    "a data token": "hanse_" + "x" * 32,
    "a key": "A" * 43,
}


@pytest.mark.threat("T27")
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_what_looks_like_a_secret_is_hidden_wherever_it_stands(secret: str) -> None:
    """>> alone, inside a sentence, in a list, in a nested value << hidden."""
    event = {"event": f"got {secret}", "a": secret, "b": [secret, {"c": f"x {secret} y"}], "d": ("p", secret)}
    assert secret not in json.dumps(redact(None, "info", event))


@pytest.mark.threat("T27")
@pytest.mark.parametrize(
    "name", ["token", "access_token", "Authorization", "client_secret", "PASSWORD", "cookie", "private_key", "master"]
)
def test_what_is_named_like_a_secret_is_hidden(name: str) -> None:
    assert redact(None, "info", {"event": "x", name: "short"})[name] == "[hidden]"
    assert redact(None, "info", {"event": "x", "in": {name: ["short"]}})["in"][name] == "[hidden]"


def test_what_can_be_printed_has_no_odd_character() -> None:
    """>> every character << what can be printed holds none that is escaped."""
    assert [sign for sign in map(chr, range(0x110000)) if sign.isprintable() and telemetry._ODD.match(sign)] == []


def test_the_shortest_secret_is_hidden() -> None:
    assert redact(None, "info", {"event": "Bearer x"})["event"] == "[hidden]"


def test_what_is_no_secret_is_kept() -> None:
    """DIDs, ids, hashes and numbers must stay readable: operators search for them."""
    event = {
        "event": "peer.error",
        "did": "did:web:localhost%3A18443:musterstadt",
        "sha256": "0" * 64,
        "n": 3,
        "ok": True,
        "id": "urn:uuid:7d1c8f7e-0000-4000-8000-000000000001",
        "none": None,
        "ratio": 0.5,
    }
    assert redact(None, "info", dict(event)) == event


def test_long_values_are_capped() -> None:
    assert len(str(redact(None, "info", {"event": "x" * 100_000})["event"])) == CAP


@pytest.mark.threat("T27")
def test_a_secret_across_the_cap_is_not_cut_into_the_open() -> None:
    """>> a token that begins before the cap and ends behind it << no readable rest of it."""
    token = SECRETS["a token"]
    shown = str(redact(None, "info", {"event": "y " * ((CAP - 60) // 2) + token})["event"])
    assert token[:40] not in shown


def test_levels_and_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    """>> level warning << less is silent; libraries speak from warning on, in the same form."""
    telemetry.configure("warning", "json")
    structlog.get_logger("x").info("quiet")
    structlog.get_logger("x").warning("heard", n=1)
    logging.getLogger("asyncio").info("quiet")
    logging.getLogger("asyncio").warning("slow %s", "callback")
    found = lines(capsys)
    assert [(line["event"], line["level"]) for line in found] == [("heard", "warning"), ("slow callback", "warning")]
    assert found[1]["logger"] == "asyncio"
    assert all(str(line["timestamp"]).endswith("Z") for line in found)


@pytest.mark.threat("T27")
def test_a_traceback_is_one_line_and_hides_what_it_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure("debug", "json")
    try:
        raise ValueError(SECRETS["a token"])
    except ValueError:
        structlog.get_logger("x").exception("defect")
        logging.getLogger("lib").exception("failed %s", "here")
    written = capsys.readouterr().err
    assert len(written.splitlines()) == 2
    assert SECRETS["a token"] not in written
    assert "ValueError" in written


def test_metrics_are_prometheus_text() -> None:
    metrics = Metrics()
    metrics.gauge("hanse_x", "How many.", lambda: 2)
    metrics.count("hanse_requests", "All.", surface="peer", status="200")
    metrics.count("hanse_requests", "All.", status="200", surface="peer")
    assert metrics.text() == (
        "# HELP hanse_x How many.\n# TYPE hanse_x gauge\nhanse_x 2\n"
        "# HELP hanse_requests All.\n# TYPE hanse_requests counter\n"
        'hanse_requests{status="200",surface="peer"} 2\n'
    )


@pytest.mark.threat("T61")
def test_labels_cannot_be_made_up_without_end() -> None:
    """>> a thousand values of one label, one of them ending its quotes << a hundred and one series, no false line."""
    metrics, odd = Metrics(), '"} 9' + "\nhanse_y 1\\"
    metrics.gauges("hanse_x", "Each.", lambda: {(("p", f"{at}{odd}"),): at for at in range(1_000)})
    for at in range(1_000):
        metrics.count("hanse_z", "All.", of=f"{at}{odd}")
    written = metrics.text().splitlines()
    assert [line for line in written if line.startswith("hanse_y")] == []
    assert len([line for line in written if line.startswith("hanse_x{")]) == MOST_SERIES
    counted = [line for line in written if line.startswith("hanse_z{")]
    assert len(counted) == MOST_SERIES + 1
    assert 'hanse_z{of="other"} 900' in counted
    assert written[2] == r'hanse_x{p="0\"} 9\nhanse_y 1\\"} 0'


def test_a_distribution_is_cumulative_and_bounded() -> None:
    metrics = Metrics()
    for seconds in (0.004, 0.005, 0.3, 99.0):
        metrics.observe("hanse_s", "How long.", seconds, surface="peer")
    written = metrics.text().splitlines()
    assert written[:2] == ["# HELP hanse_s How long.", "# TYPE hanse_s histogram"]
    counted = dict(line.rsplit(" ", 1) for line in written[2:])
    assert counted['hanse_s_bucket{surface="peer",le="0.005"}'] == "2"
    assert counted['hanse_s_bucket{surface="peer",le="0.25"}'] == "2"
    assert counted['hanse_s_bucket{surface="peer",le="10"}'] == "3"
    assert counted['hanse_s_bucket{surface="peer",le="+Inf"}'] == counted['hanse_s_count{surface="peer"}'] == "4"
    for at in range(1_000):
        metrics.observe("hanse_s", "How long.", 1.0, surface=str(at))
    assert sum(line.startswith("hanse_s_count") for line in metrics.text().splitlines()) == MOST_SERIES + 1


@pytest.mark.parametrize("least", ["debug", "info", "warning", "error"])
def test_it_can_be_asked_which_lines_are_written(capsys: pytest.CaptureFixture[str], least: telemetry.Level) -> None:
    """>> a line of each level, written from one on << those that were promised, and no other."""
    telemetry.configure(least, "json")
    levels: tuple[telemetry.Level, ...] = get_args(telemetry.Level)
    for level in levels:
        getattr(structlog.get_logger(), level)("said")
    assert [line["level"] for line in lines(capsys)] == [level for level in levels if telemetry.says(level)]
    assert telemetry.says(least)

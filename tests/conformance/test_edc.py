"""`hanse conformance edc` without Java: what the EDCs are told, how scenarios end, and that skipped is never passed."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connector.cli.frame.call import OK, REFUSED, SKIPPED
from connector.cli.main import main
from connector.foundation.errors import Unavailable
from tests.conformance.edc import ours, program, run, theirs
from tests.conformance.edc.program import Edc
from tests.conformance.edc.scene import Forgotten, Otherwise, Scenario
from tests.conformance.edc.site import serving
from tests.conformance.stand_ins import FETCHED, JAVA, NOTHING_RESOLVES, put
from tests.testkit.patience import PATIENCE_S

PORTS = {"http": 1, "management": 2, "protocol": 3, "control": 4, "version": 5}


def playing(monkeypatch: pytest.MonkeyPatch, programs: Path, **scenarios: Scenario) -> dict[str, str]:
    """These scenarios in place of all, and nothing for them to play with but a line of transcript."""
    put(programs, "java", JAVA)
    put(programs, "mvn", f"{FETCHED}; echo j >$o/a.jar")

    @asynccontextmanager
    async def empty(programs: program.Programs, folder: Path, environ: Mapping[str, str]) -> AsyncIterator[Any]:
        line = {"at": time.time(), "direction": "out", "method": "POST", "url": "http://edc/negotiations/request"}
        said = {**line, "status": 404, "body": "asked", "answer": "Not found"}
        (folder / "transcript-1.jsonl").write_text(json.dumps(said) + "\n")
        yield None

    monkeypatch.setattr(run, "scene", empty)
    monkeypatch.setattr(run, "SCENARIOS", scenarios)
    return {"PATH": f"{programs}:/usr/bin:/bin", "XDG_CACHE_HOME": str(programs / "cache")}


async def fine(scene: Any) -> None:
    pass


async def wrong(scene: Any) -> None:
    raise Otherwise("FINALIZED", "REQUESTED")


async def broken(scene: Any) -> None:
    raise KeyError("dataset")


def test_all_passed(programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    environ = playing(monkeypatch, programs, **{"their-catalogue": fine, "our-catalogue": fine})
    assert main(["conformance", "edc", "--lang", "en"], environ) == OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Test kit: Eclipse EDC 0.1")
    assert lines[1] == "  ok      EDC reads our catalogue"
    assert lines[-1] == "2 passed, 0 failed"


def test_a_failure_shows_what_was_exchanged_and_the_others_are_played(
    programs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenarios = {"their-negotiation": wrong, "their-push": broken, "our-push": fine}
    environ = playing(monkeypatch, programs, **scenarios)
    assert main(["conformance", "edc", "--lang", "en", "--keep", str(tmp_path / "kept")], environ) == REFUSED
    out = capsys.readouterr().out
    assert "FAILED EDC negotiates with us to FINALIZED: FINALIZED ≠ REQUESTED" in out
    assert "http://edc/negotiations/request: 404" in out
    assert "KeyError: 'dataset'" in out
    assert out.splitlines()[-1] == "1 passed, 2 failed"
    assert (tmp_path / "kept/transcript-1.jsonl").is_file()


def test_what_edc_forgot_is_played_once_more_and_said(
    programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> forgotten once << passed, with a line that says so >> forgotten twice << failed."""
    played: list[int] = []

    async def forgets_once(scene: Any) -> None:
        played.append(1)
        if len(played) == 1:
            raise Forgotten

    async def forgets(scene: Any) -> None:
        raise Forgotten

    environ = playing(monkeypatch, programs, **{"their-lists": forgets_once, "their-pull": forgets})
    assert main(["conformance", "edc", "--lang", "en"], environ) == REFUSED
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines if "once more" in line] == ["  once more"] * 2
    assert lines[-1] == "1 passed, 1 failed"
    assert len(played) == 2


class Told:
    """Our connector as a scenario asks it: one negotiation and its trace."""

    def __init__(self, state: str, *events: tuple[str, str, str, int]) -> None:
        names = ("event", "text", "message_id", "status")
        told = [(event, {"en": text}, id_, status) for event, text, id_, status in events]
        self.state, self.events = state, [dict(zip(names, one, strict=True)) for one in told]

    async def negotiations(self) -> list[dict[str, str]]:
        return [{"id": "n", "state": self.state}]

    async def call(self, method: str, path: str) -> dict[str, Any]:
        assert (method, path) == ("GET", "/trace/n")
        return {"events": self.events}


HEARD = "ContractAgreementVerificationMessage received and taken"
ONE, OTHER = ("heard", HEARD, "1", 200), ("heard", HEARD, "2", 200)
KNOWS = ("answer", "FINALIZE: the peer answered 200", "", 200)


@pytest.mark.parametrize(
    ("told", "forgot"),
    [
        (Told("FINALIZED", ONE, KNOWS, OTHER), True),
        (Told("FINALIZED", ONE, KNOWS, ONE), False),
        (Told("FINALIZED", ONE, OTHER), False),
        (Told("VERIFIED", ONE, KNOWS, OTHER), False),
        (Told("FINALIZED", ONE, ("answer", "FINALIZE: the peer answered 503", "", 503), OTHER), False),
    ],
)
async def test_only_what_our_own_record_proves_counts_as_forgotten(told: Any, forgot: bool) -> None:
    """>> verified twice under two ids, and 200 to FINALIZED << EDC forgot it; anything less is our failure."""
    assert await theirs._finalized_and_verified_twice(told) is forgot


TOOK = ("heard", "ContractAgreementMessage received and taken", "1", 200)
REFUSED_OTHER = ("refused", "ContractAgreementMessage refused with 400: AGREE does not fit", "2", 400)


@pytest.mark.parametrize(
    ("told", "doubled"),
    [
        (Told("TERMINATED", TOOK, REFUSED_OTHER), True),
        (Told("TERMINATED", TOOK, ("refused-at", *REFUSED_OTHER[1:])), True),
        (Told("TERMINATED", TOOK), False),
        (Told("TERMINATED", REFUSED_OTHER), False),
        (Told("TERMINATED", TOOK, (*REFUSED_OTHER[:2], "1", 400)), False),
        (Told("TERMINATED", TOOK, ("refused", "ContractAgreementVerificationMessage refused", "2", 400)), False),
    ],
)
async def test_two_agreements_in_one_negotiation_are_no_failure_of_ours(told: Any, doubled: bool) -> None:
    """>> one taken, another refused under another id << EDC agreed twice; anything less is our failure."""
    assert await ours._agreed_twice(told, "n") is doubled


def test_a_scenario_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "ONE_S", 0.05)

    async def hangs(scene: Any) -> None:
        await asyncio.sleep(60)

    assert asyncio.run(run._one("our-push", hangs, None)).reason  # type: ignore[arg-type]


@pytest.mark.parametrize("missing", ["java", "mvn", "edc"])
def test_what_is_missing_is_said_and_nothing_passes(
    programs: Path, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if missing != "java":
        put(programs, "java", JAVA)
    if missing == "edc":
        put(programs, "mvn", NOTHING_RESOLVES)
    environ = {"PATH": str(programs), "XDG_CACHE_HOME": str(programs / "cache")}
    assert main(["conformance", "edc", "--lang", "en"], environ) == SKIPPED
    said = capsys.readouterr()
    assert "Skipped, nothing was tested" in said.err
    assert "passed" not in said.out


def test_every_scenario_has_its_sentence() -> None:
    from connector.foundation.language import catalogue

    for lang in ("de", "en"):
        assert {f"cli.conformance.case.{name}" for name in run.SCENARIOS} <= catalogue(lang).keys()


def test_what_an_edc_is_told() -> None:
    """Only loopback; its loops as shipped unless they are set."""
    edc = Edc("nachbar", Path("/x"), PORTS)
    shipped, quick = program.told(edc, None), program.told(edc, 50)
    assert shipped["edc.dsp.callback.address"] == "http://localhost:3/protocol"
    assert (shipped["web.http.port"], shipped["web.http.management.port"]) == ("1", "2")
    assert not [key for key in shipped if "iteration" in key]
    assert quick["edc.negotiation.provider.state-machine.iteration-wait-millis"] == "50"
    assert edc.base == "http://localhost:3/protocol/2025-1"


def test_an_edc_that_does_not_start_says_why(programs: Path, tmp_path: Path) -> None:
    put(programs, "java", "printf 'SEVERE 2026 no such setting\\n'; exit 1")
    with pytest.raises(Unavailable) as ended, program.started(str(programs / "java"), tmp_path, tmp_path, "nachbar"):
        pass
    assert ended.value.facts["log"] == "SEVERE 2026 no such setting"


def test_an_edc_ends_with_whoever_started_it(programs: Path, tmp_path: Path) -> None:
    """Also when that one is killed: what it reads from closes, and the program is gone."""
    put(programs, "java", f"echo $$ >{tmp_path}/pid; exec sleep 60")
    starter = (
        "import sys; from pathlib import Path; from tests.conformance.edc import program\n"
        f"with program.started({str(programs / 'java')!r}, Path('.'), Path({str(tmp_path)!r}), 'x'): pass"
    )
    with subprocess.Popen([sys.executable, "-c", starter]) as process:
        until(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text().strip() != "")
        pid = int((tmp_path / "pid").read_text())
        process.kill()
        until(lambda: not Path(f"/proc/{pid}").exists())


def until(holds: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def test_the_slow_line_hands_on_at_once_and_holds_back_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands beyond has the whole request while whoever asked still waits."""
    monkeypatch.setattr("tests.conformance.edc.site.HELD_S", 0.2)
    arrived: asyncio.Future[tuple[str, str, bytes]] = asyncio.get_running_loop().create_future()

    async def take(request: web.Request) -> web.Response:
        arrived.set_result((request.path_qs, request.headers["Authorization"], await request.read()))
        return web.json_response({"state": "AGREED"}, status=201)

    async with (
        TestServer(_app(take)) as beyond,
        aiohttp.ClientSession() as session,
        serving(program.free_ports(1)[0], str(beyond.make_url("")).rstrip("/")) as site,
    ):
        place = f"{site.slow('umweg')}/2025-1/negotiations/request?x=1"
        asking = asyncio.create_task(session.post(place, data=b"{}", headers={"Authorization": '{"a":1}'}))
        assert await arrived == ("/umweg/2025-1/negotiations/request?x=1", '{"a":1}', b"{}")
        assert not asking.done()
        async with await asking as answer:
            assert (answer.status, await answer.json()) == (201, {"state": "AGREED"})


def _app(handler: Any) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handler)
    return app

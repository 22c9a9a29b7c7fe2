"""For operators: three health questions, metrics, and who may ask at all."""

import asyncio
import json
import os
import re
import stat
from collections.abc import Mapping
from contextlib import ExitStack

import aiohttp
import pytest
from aiohttp import web

from connector.foundation import telemetry
from connector.foundation.storage.work import ask
from connector.foundation.telemetry import Metrics
from connector.surfaces.api import routes
from connector.surfaces.api.operation import OperationHandlers
from tests.cities.sharing import shared
from tests.testkit.cities import MUNICIPALITY, City, Refused, Space
from tests.testkit.listening import reserved_port
from tests.testkit.patience import PATIENCE_S
from tests.testkit.places import ROOT


@pytest.mark.threat("T132")
async def test_the_socket_is_for_its_owner_alone(space: Space) -> None:
    """Who may open the socket is the operator; everybody else is kept out by the file's mode."""
    city = await space.city("it", {"musterstadt": MUNICIPALITY})
    mode = os.stat(city.settings.api.socket)
    assert stat.S_IMODE(mode.st_mode) == 0o600
    assert stat.S_ISSOCK(mode.st_mode)


async def test_health_metrics_and_reload(space: Space) -> None:
    """>> live, ready, started << true each; metrics are text; the list's version is told."""
    city = await space.city("it", {"musterstadt": MUNICIPALITY})
    assert await city.api.get("/health/live") == {"live": True}
    ready = await city.api.get("/health/ready")
    assert ready["ready"] is True
    assert all(ready["checks"].values())
    assert await city.api.get("/health/started") == {"started": True}
    text = (await city.api.get("/metrics")).decode()
    assert "# TYPE hanse_worker_alive gauge\nhanse_worker_alive 1\n" in text
    version = (await city.api.post("/api/v1/trust/reload"))["version"]
    assert f"hanse_trust_list_version {version}\n" in text
    assert "figures" in await city.api.get("/api/v1/participants/musterstadt/figures")


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
async def test_what_goes_on_is_seen_in_metrics_and_in_the_log(
    dialect: str, space: Space, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> contracts, and a message to a member that is away << states, backlog and age, failures, latencies, days left.

    The log has a line per change of state that names no partner.
    """
    with ExitStack() as stack:
        environ = {"HANSE_LOG__LEVEL": "info"}
        if dialect == "postgres":
            urls = stack.enter_context(request.getfixturevalue("cluster").empty())
            environ |= shared(space.folder, urls, stack.enter_context(reserved_port()))
        async with space.running("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY}, environ) as city:
            await watched(space, city, capsys)


WAITS = 'hanse_outbox_waiting{kind="message"} 1\n'
"""The message to the member that is away, alone."""


async def watched(space: Space, city: City, capsys: pytest.CaptureFixture[str]) -> None:
    made = await city.publish("musterstadt")
    async with space.running("away", {"fernstadt": MUNICIPALITY}) as away:
        await space.reload(city, away)
        wish = {"consumer": away.did("fernstadt"), "offer": made["offer"]}
        proposed = await city.api.post("/api/v1/participants/musterstadt/proposals", wish)
        place = f"/api/v1/participants/musterstadt/negotiations/{proposed['id']}"
        async with asyncio.timeout(PATIENCE_S):
            while not (await away.api.get("/api/v1/participants/fernstadt/negotiations"))["negotiations"]:
                await asyncio.sleep(0.05)
    telemetry.configure("info", "json")  # another process in this test has set its own
    capsys.readouterr()
    signed = await city.negotiate("nachbardorf", "Musterstadt", made["dataset"])
    await city.api.post(f"{place}/terminate", {"reason": "Anders entschieden"})
    async with asyncio.timeout(PATIENCE_S):
        text = ""
        while not all(part in text for part in ("hanse_deliveries_failed_total{", WAITS)):  # answers are booked late
            await asyncio.sleep(0.05)
            text = (await city.api.get("/metrics")).decode()
    assert 'hanse_negotiations_open{state="TERMINATED"} 1\n' in text
    assert re.search(r"^hanse_outbox_oldest_seconds [0-9.e-]+$", text, re.MULTILINE)
    assert re.search(r'^hanse_deliveries_failed_total\{kind="message",why="[a-z.-]+"\} [1-9]', text, re.MULTILINE)
    assert re.search(r'^hanse_state_changes_total\{noun="negotiation",state="FINALIZED"\} 2$', text, re.MULTILINE)
    assert re.search(r'^hanse_request_seconds_count\{answer="2xx",surface="peer"\} [1-9]', text, re.MULTILINE)
    days = dict(re.findall(r'^hanse_certificate_days\{certificate="(\w+)",.*\} ([0-9.]+)$', text, re.MULTILINE))
    assert set(days) == {"seal", "tls"}
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if '"process.state"' in line]
    states = [(one["participant"], one["state"]) for one in lines]
    assert states.count(("musterstadt", "FINALIZED")) == states.count(("nachbardorf", "FINALIZED")) == 1
    assert all(set(one) == {"event", "level", "timestamp", "noun", "participant", "process", "state"} for one in lines)
    assert "did:web" not in json.dumps(lines)
    assert signed["agreement"] not in json.dumps(lines)


def test_every_metric_is_told_in_the_handbook() -> None:
    """A figure that nobody explains is not watched."""
    names = {
        name
        for path in (ROOT / "connector").rglob("*.py")
        for name in re.findall(r'"(hanse_[a-z]+_[a-z_]+)"', path.read_text(encoding="utf-8"))
    } - {"hanse_worker"}
    names |= {"hanse_negotiations_open", "hanse_transfers_open"}
    page = (ROOT / "connector/docs/operation.md").read_text(encoding="utf-8")
    assert {name for name in names if f"`{name}" not in page} == set()


async def test_none_of_this_is_on_the_public_surface(space: Space) -> None:
    """>> /metrics, /health, /api on the public port << 404 each, also below a participant's root."""
    city = await space.city("it", {"musterstadt": MUNICIPALITY})
    root = city.root("musterstadt")
    for base in (root, root.rpartition("/")[0]):
        for path in ("/metrics", "/health/live", "/health/ready", "/api/v1/participants"):
            assert (await city.services.infra.http.get(f"{base}{path}")).status == 404


async def test_not_ready_is_503_but_alive(aiohttp_client) -> None:  # type: ignore[no-untyped-def]
    """>> one check fails << 503 that names it; liveness does not ask, so nobody is killed for a slow database."""

    async def ready() -> Mapping[str, bool]:
        return {"database": False, "worker": True}

    handlers = OperationHandlers(None, None, Metrics(), ready, None, None, None)  # type: ignore[arg-type]
    client = await aiohttp_client(routes.application([handlers]))
    answer = await client.get("/health/ready")
    assert (answer.status, (await answer.json())["checks"]) == (503, {"database": False, "worker": True})
    assert (await client.get("/health/live")).status == 200
    assert (await client.get("/health/started")).status == 503
    handlers.started = True
    assert (await client.get("/health/started")).status == 200


class Defective:
    """A handler with our own mistake in it."""

    async def bad(self, request: web.Request) -> web.StreamResponse:
        raise ZeroDivisionError("geheim")

    routes = (routes.get("/metrics", bad, media="text/plain"),)


async def test_a_defect_tells_nothing_but_its_request_id(aiohttp_client) -> None:  # type: ignore[no-untyped-def]
    client = await aiohttp_client(routes.application([Defective()]))
    answer = await client.get("/metrics")
    body = await answer.json(content_type="application/problem+json")
    assert (answer.status, body["code"]) == (500, "defect")
    assert body["request"]
    assert "geheim" not in str(body)
    assert "ZeroDivision" not in str(body)


async def test_errors_are_problems_in_two_languages(space: Space) -> None:
    """>> an unknown participant, a wrong body << problem+json with code, German and English."""
    city = await space.city("it", {"musterstadt": MUNICIPALITY})
    cases = [
        ("/api/v1/participants/nirgends/figures", 404, "participants.unknown"),
        ("/api/v1/participants/musterstadt/agreements/0", 404, "contracts.no-agreement"),
        ("/api/v1/participants/musterstadt/negotiations/0", 404, "contracts.unknown"),
        ("/api/v1/participants/musterstadt/transfers/0", 404, "transfer.unknown"),
        ("/api/v1/participants/musterstadt/negotiations/0?wait=x", 400, "api.wait"),
    ]
    for path, status, code in cases:
        with pytest.raises(Refused) as refusal:
            await city.api.get(path)
        problem = refusal.value.problem
        assert (refusal.value.status, problem["code"]) == (status, code)
        assert problem["reason"]["de"] != problem["reason"]["en"]


async def test_a_body_says_which_member_is_wrong(space: Space) -> None:
    """>> broken JSON, doubled names, a wrong type, another media type << 4xx, and nothing was done."""
    city = await space.city("it", {"musterstadt": MUNICIPALITY})
    path = "http://localhost/api/v1/participants"
    bodies = [
        (b"{", 400),
        (b"[]", 400),
        (b'{"slug": "a", "slug": "b"}', 400),
        (b'{"slug": 7}', 400),
        (b"\xff", 400),
        (b"[" * 10_000, 400),
        (b'{"slug": "' + b"x" * 300_000 + b'"}', 413),
    ]
    connector = aiohttp.UnixConnector(str(city.settings.api.socket))
    async with aiohttp.ClientSession(connector=connector) as session:
        for body, status in bodies:
            async with session.post(path, data=body, headers={"Content-Type": "application/json"}) as answer:
                assert (answer.status, answer.content_type) == (status, "application/problem+json"), body[:20]
        async with session.post(path, data=b"{}", headers={"Content-Type": "text/plain"}) as answer:
            assert answer.status == 415
    assert len((await city.api.get("/api/v1/participants"))["participants"]) == 1


async def test_what_waits_for_a_person_can_be_read(space: Space) -> None:
    """>> two towns, a question in one << it is listed there with its facts, and in the other nothing is."""
    city = await space.city("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY})
    await city.services.infra.db.write("musterstadt", ask, "musterstadt", "urn:uuid:1", "refused", code="409")
    (found,) = (await city.api.get("/api/v1/participants/musterstadt/questions"))["questions"]
    assert (found["subject"], found["kind"], found["facts"]) == ("urn:uuid:1", "refused", {"code": "409"})
    assert await city.api.get("/api/v1/participants/nachbardorf/questions") == {"questions": []}

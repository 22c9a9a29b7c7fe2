"""Whatever a stranger sends, the log has one escaped JSON line per event (T26), and people see plain text."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from connector.cli.frame.call import visible
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.nasty import NastyPeer, Received

ODD = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
FORGED = '{"event": "forged", "level": "info"}'
TAME = f"gut\r\n{FORGED}\n\u2028\u200b"
"""What JSON from strangers may hold."""
STEERING = f"gut\r\n{FORGED}\n\x1b[2J\x1b]0;x\x07\u202egp.exe\u2028\x85"


@asynccontextmanager
async def talkative(space: Space) -> AsyncIterator[City]:
    """A process that logs all there is to log; started inside a test, because it keeps the standard error it finds."""
    async with space.running("it", {"musterstadt": MUNICIPALITY}, {"HANSE_LOG__LEVEL": "debug"}) as city:
        yield city


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """Every line on standard error as JSON; fails on anything that is none."""
    text = capfd.readouterr().err
    assert not ODD.search(text), ODD.search(text)
    found = [json.loads(line) for line in text.splitlines()]
    assert not [line for line in found if line.get("event") == "forged"]
    return found


@pytest.mark.threat("T26")
async def test_no_request_forges_a_line(space: Space, nasty: NastyPeer, capfd: pytest.CaptureFixture[str]) -> None:
    """>> line breaks, colours and direction marks in path, headers, claims and body << each event one line."""
    async with talkative(space) as it:
        quoted = "%0d%7B%22event%22:%22forged%22%7D%1b%5B2J%E2%80%AE"
        nasty.answers["/did.json"] = lambda got: (500, b"")
        root = it.root("musterstadt")
        paths = {
            f"/2025-1/catalog/datasets/{quoted}": 404,
            f"/2025-1/negotiations/{quoted}": 404,
            f"/evidence/{quoted}": 404,
            "/2025-1/catalog/datasets/urn:plain": 503,
        }
        for path, status in paths.items():
            token = nasty.token(it.did("musterstadt"), jti=TAME, note=TAME)
            reply = await nasty.call("GET", root + path, token=token, X_Request_Id=quoted, User_Agent=quoted)
            assert reply.status == status
            assert not {"\r", "\n", "\x1b", "\u202e"} & set(reply.body.decode())
            assert re.fullmatch("[0-9a-f]{32}", reply.headers["X-Request-Id"])
        logged = [line for line in lines(capfd) if line["event"] == "peer.error"]
        assert [str(line["path"]).rpartition("/")[2] for line in logged] == ["urn:plain"]


@pytest.mark.threat("T26")
async def test_a_header_with_a_line_break_gets_nowhere(
    space: Space, nasty: NastyPeer, capfd: pytest.CaptureFixture[str]
) -> None:
    """>> bare line breaks and NUL inside header values, on a raw connection << 400 or closed, no line is forged."""
    async with talkative(space) as it:
        for odd in (b"x\rX-Evil: y", b"x\n " + FORGED.encode(), b"x\x00y", b"\x1b[31m"):
            data = (
                b"GET /musterstadt/did.json HTTP/1.1\r\nHost: x\r\nX-Request-Id: "
                + odd
                + b"\r\nConnection: close\r\n\r\n"
            )
            answered = await nasty.raw(it, data)
            assert b"\r\nX-Evil" not in answered
            assert b"\n" + FORGED.encode() not in answered
        lines(capfd)


@pytest.mark.threat("T26")
async def test_a_peers_reason_is_plain_text(space: Space, nasty: NastyPeer, capfd: pytest.CaptureFixture[str]) -> None:
    """>> a termination with a steering reason << refused; with line breaks << one plain line, in German and English."""
    async with talkative(space) as it:
        made = await it.publish("musterstadt")
        asked = nasty.contract_request(await nasty.offer(it, "musterstadt", made["dataset"]))
        started = (await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", asked)).json
        pids = {name: started[name] for name in ("providerPid", "consumerPid")}
        path = f"/2025-1/negotiations/{started['providerPid']}/termination"
        for text, status in ((STEERING, 400), (TAME, 200)):
            said = {"code": text, "reason": [text, text]}
            ending = nasty.message("ContractNegotiationTerminationMessage", **pids, **said)
            assert (await nasty.post(it, "musterstadt", path, ending)).status == status
        shown = await it.api.get(f"/api/v1/participants/musterstadt/negotiations/{started['providerPid']}")
        for text in shown["reason"].values():
            assert text.startswith("gut {")
            assert not ODD.search(text)
            assert "\n" not in text
        lines(capfd)


@pytest.mark.threat("T26")
async def test_a_peers_title_is_plain_text(space: Space, nasty: NastyPeer) -> None:
    """>> a catalogue whose titles steer terminals << none of it; with line breaks << `find` shows one plain line."""
    async with talkative(space) as it:
        base = nasty.message("Catalog", **{"@id": "urn:k", "participantId": nasty.did})
        offer = {"@id": "urn:o", "@type": "Offer", "permission": [{"action": "use"}]}
        service = {"@id": "urn:s", "@type": "DataService", "endpointURL": nasty.base}
        distribution = {"@type": "Distribution", "format": "HttpData-PULL", "accessService": service}
        dataset = {"@id": "urn:d", "@type": "Dataset", "hasPolicy": [offer], "distribution": [distribution]}
        said = [STEERING]

        def listing(got: Received) -> tuple[int, bytes]:
            titled = {**dataset, "dct:title": said[-1], "dct:description": said[-1]}
            return 200, json.dumps({**base, "dataset": [titled]}).encode()

        nasty.answers["/2025-1/catalog/request"] = listing
        found = await it.api.get("/api/v1/participants/musterstadt/find", **{"from": nasty.did})
        assert (found["results"], len(found["failed"])) == ([], 1)
        said.append(TAME)
        found = await it.api.get("/api/v1/participants/musterstadt/find", **{"from": nasty.did})
        assert found["failed"] == []
        for text in (found["results"][0]["title"], found["results"][0]["description"]):
            assert text.startswith("gut {")
            assert not ODD.search(text)


@pytest.mark.threat("T26")
def test_the_command_line_spells_out_what_would_steer_a_terminal() -> None:
    """>> escape sequences in an id << shown, not obeyed; line breaks and umlauts stay."""
    assert visible("a\x1b[2J\u202eb\r\nä") == "a\\u001b[2J\\u202eb\\u000d\nä"

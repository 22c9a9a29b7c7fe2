"""A member that asks, agrees and ends in a circle fills no disk (T71): refused in words, while all others go on."""

import asyncio
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from connector.cli import main
from connector.exchange.trace.recorder import TAKEN_KINDS
from connector.foundation.settings.sections import Quota
from connector.foundation.storage.database import Tx
from connector.kernel.protocol.messages import HANSE
from connector.surfaces.peer.dsp.exchange import _KEPT
from tests.testkit.cities import MUNICIPALITY, PURPOSE, City, Refused, Space
from tests.testkit.nasty import NastyPeer
from tests.testkit.patience import eventually_said

NEGOTIATE = "/2025-1/negotiations/request"
PIDS = ("providerPid", "consumerPid")
MOST = 200
"""Rounds after which a test gives up: a MiB is used up long before."""

pytestmark = pytest.mark.threat("T71")


async def circles(it: City, nasty: NastyPeer, made: dict[str, Any]) -> tuple[int, Any]:
    """Asks, waits for the agreement and ends it until it is refused: how many rounds, and the refusal."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    for rounds in range(MOST):
        asked = nasty.contract_request(offer)
        reply = await nasty.post(it, "musterstadt", NEGOTIATE, asked)
        if reply.status != 201:
            return rounds, reply
        await end(it, nasty, reply.json)
        nasty.inbox.clear()
    return MOST, None


async def agreed(it: City, nasty: NastyPeer, made: dict[str, Any]) -> str:
    """The id of an agreement of the nasty peer, in force."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    started = (await nasty.post(it, "musterstadt", NEGOTIATE, nasty.contract_request(offer))).json
    agreement = (await nasty.heard("/agreement")).json["agreement"]["@id"]
    told = nasty.message("ContractAgreementVerificationMessage", **{name: started[name] for name in PIDS})
    path = f"/2025-1/negotiations/{started['providerPid']}/agreement/verification"
    assert (await nasty.post(it, "musterstadt", path, told)).status == 200
    await nasty.heard("/events")
    return str(agreement)


async def end(it: City, nasty: NastyPeer, started: dict[str, Any]) -> None:
    await nasty.heard("/agreement")
    pids = {name: started[name] for name in PIDS}
    ending = nasty.message("ContractNegotiationTerminationMessage", **pids)
    path = f"/2025-1/negotiations/{started['providerPid']}/termination"
    assert (await nasty.post(it, "musterstadt", path, ending)).status == 200


async def waiting(it: City) -> list[dict[str, Any]]:
    return (await it.api.get("/api/v1/participants/musterstadt/questions"))["questions"]


def limited(it: City) -> None:
    it.services.quotas.limits = Quota(peer_day_mib=1)


async def circled(it: City, nasty: NastyPeer) -> None:
    made = await it.publish("musterstadt")
    limited(it)
    rounds, refused = await circles(it, nasty, made)
    assert 10 <= rounds < MOST
    assert refused.status == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 3600
    assert "1 MiB" in refused.json["reason"][0]
    other = await it.negotiate("nachbardorf", it.did("musterstadt"), made["dataset"])
    assert other["state"] == "FINALIZED"
    assert [one["kind"] for one in await waiting(it) if one["subject"] == nasty.did] == ["quota"]
    assert 'hanse_quota_refused_total{quota="peer-bytes"} 1' in it.services.infra.metrics.text()


async def test_a_circle_of_requests_and_ends_stops_at_the_quota(it: City, nasty: NastyPeer) -> None:
    """>> request, agreement, terminate again and again << 429 in words, told to the operator once; others go on."""
    await circled(it, nasty)


@pytest.mark.long
async def test_a_circle_stops_on_postgresql_too(space: Space, nasty: NastyPeer, cluster: ModuleType) -> None:
    with cluster.database() as urls:
        environ = {"HANSE_DATABASE__URL": urls.app, "HANSE_DATABASE__WORKER_URL": urls.worker}
        towns = {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY}
        async with space.running("it", towns, environ) as it:
            await circled(it, nasty)


async def test_what_runs_can_be_ended_when_the_quota_is_used_up(
    it: City, nasty: NastyPeer, made: dict[str, Any]
) -> None:
    """>> a negotiation begun before, then no room << its termination is taken, and no further one begins."""
    asked = nasty.contract_request(await nasty.offer(it, "musterstadt", made["dataset"]))
    started = (await nasty.post(it, "musterstadt", NEGOTIATE, asked)).json
    it.services.quotas.limits = Quota(peer_hour_starts=1)
    assert (await nasty.post(it, "musterstadt", NEGOTIATE, nasty.contract_request(asked["offer"]))).status == 429
    assert (await nasty.post(it, "musterstadt", NEGOTIATE, asked)).status == 200
    await end(it, nasty, started)

    async def ended() -> bool:
        shown = await nasty.get(it, "musterstadt", f"/2025-1/negotiations/{started['providerPid']}")
        return bool(shown.json["state"] == "TERMINATED")

    await eventually_said(ended)


async def test_what_is_counted_is_not_less_than_what_the_disk_takes(it: City, nasty: NastyPeer) -> None:
    """Thirty circles: what stands on the peer's account covers what the database grew by."""
    made = await it.publish("musterstadt")
    before = await size(it)
    it.services.quotas.limits = Quota(peer_hour_starts=30)
    rounds, _ = await circles(it, nasty, made)
    assert rounds == 30
    grown, counted = await size(it) - before, await it.services.infra.db.read("musterstadt", _counted)
    assert counted >= grown, (counted // rounds, grown // rounds)


@pytest.mark.parametrize("reason", [[], ["Warten."], ["ä" * 500] * 8], ids=["none", "a word", "a long list"])
async def test_bug_a_transfer_that_went_round_left_more_than_was_counted(
    it: City, nasty: NastyPeer, made: dict[str, Any], reason: list[str]
) -> None:
    """>> suspended and started by the peer thirty times << its account covers what the database grew by."""
    agreement = await agreed(it, nasty, made)
    asked = nasty.message(
        "TransferRequestMessage",
        consumerPid="urn:uuid:t",
        agreementId=agreement,
        format="HttpData-PULL",
        callbackAddress=nasty.base,
        **{f"{HANSE}purpose": PURPOSE},
    )
    started = (await nasty.post(it, "musterstadt", "/2025-1/transfers/request", asked)).json
    await nasty.heard("/start")
    path, pids = f"/2025-1/transfers/{started['providerPid']}", {name: started[name] for name in PIDS}
    before, counted = await size(it), await it.services.infra.db.read("musterstadt", _counted)
    for _ in range(30):
        resting = nasty.message("TransferSuspensionMessage", **pids, reason=reason)
        assert (await nasty.post(it, "musterstadt", f"{path}/suspension", resting)).status == 200
        going_on = nasty.message("TransferStartMessage", **pids)
        assert (await nasty.post(it, "musterstadt", f"{path}/start", going_on)).status == 200
        await eventually_said(lambda: all_booked(it))
    counted = await it.services.infra.db.read("musterstadt", _counted) - counted
    grown = await size(it) - before
    assert counted >= grown, (counted // 30, grown // 30)


async def all_booked(it: City) -> bool:
    """Whether the answers to all that we sent are booked."""
    return not await it.services.infra.db.read(
        "musterstadt", lambda tx: tx.all("SELECT 1 FROM outbox WHERE done_at IS NULL")
    )


async def test_a_first_request_told_again_in_other_words_each_time_leaves_no_line_each_time(
    it: City, nasty: NastyPeer, made: dict[str, Any]
) -> None:
    """>> one negotiation, its request again with other members, past every quota << 200, and bounded lines."""
    asked = nasty.contract_request(await nasty.offer(it, "musterstadt", made["dataset"]))
    assert (await nasty.post(it, "musterstadt", NEGOTIATE, asked)).status == 201
    await nasty.heard("/agreement")
    await eventually_said(lambda: all_booked(it))  # until then the negotiation is one version behind
    it.services.quotas.limits = Quota(peer_hour_starts=1)
    for number in range(4 * TAKEN_KINDS):
        assert (await nasty.post(it, "musterstadt", NEGOTIATE, {**asked, "x": str(number)})).status == 200
    lines = await it.services.infra.db.read("musterstadt", lambda tx: tx.all("SELECT 1 FROM transcript"))
    assert len(lines) <= TAKEN_KINDS + 2


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/town/evidence/reconcile", False),
        ("/town/2025-1/catalog/request", False),
        ("/town/evidence/0b8f/countersignature", True),
        ("/town/evidence/0b8f/termination", True),
        ("/town/2025-1/transfers/request", True),
    ],
)
def test_what_leaves_nothing_uses_up_no_quota(path: str, kept: bool) -> None:
    """A comparison of many agreements is long, and partners compare every day."""
    assert (_KEPT.search(path) is not None) is kept


async def test_an_operator_gives_a_peer_a_larger_quota(
    it: City, nasty: NastyPeer, made: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """>> no room, `hanse doctor` says so; `hanse participant allow` << the peer may go on, nobody is asked any more."""
    it.services.quotas.limits = Quota(peer_hour_starts=1)
    offer = await nasty.offer(it, "musterstadt", made["dataset"])

    async def asks() -> int:
        return (await nasty.post(it, "musterstadt", NEGOTIATE, nasty.contract_request(offer))).status

    assert [await asks(), await asks()] == [201, 429]
    told = await it.api.get("/api/v1/participants/musterstadt/attention")
    assert told["over_quota"] == [{"peer": nasty.did, "quota": "peer-starts"}]
    command = ["participant", "allow", "musterstadt", nasty.did, "--times", "2"]
    assert await asyncio.to_thread(main.main, ["--data", str(it.settings.folder), *command], {}) == 0
    assert nasty.did in capsys.readouterr().out
    assert [await asks(), await asks()] == [201, 429]
    with pytest.raises(Refused):
        await it.api.post("/api/v1/participants/musterstadt/allowances", {"did": nasty.did, "times": 0})


async def size(it: City) -> int:
    def pages(tx: Tx) -> int:
        row = tx.one("SELECT page_count * page_size AS n FROM pragma_page_count(), pragma_page_size()")
        assert row is not None
        return int(row["n"])

    assert (it.settings.folder / Path("hanse.db")).exists()
    return await it.services.infra.db.read("", pages)


def _counted(tx: Tx) -> int:
    row = tx.one("SELECT SUM(bytes) AS n FROM usage WHERE participant = 'musterstadt'")
    assert row is not None
    return int(row["n"])

"""Peers whose clocks differ by minutes: a 401 for time is tried again and explained on both sides (T70)."""

import json
from typing import Any

import pytest

from connector.cli.operate import doctor_clock
from connector.foundation.clock import SystemClock
from connector.foundation.language import say
from tests.testkit.cities import MUNICIPALITY, PURPOSE, City, Space, data_space
from tests.testkit.nasty import NastyPeer, Received, nasty_peer
from tests.testkit.patience import eventually_said

NEGOTIATE = "/2025-1/negotiations/request"
pytestmark = pytest.mark.threat("T70")


class Off(SystemClock):
    """A clock that somebody set wrong by `by` milliseconds."""

    by = 0

    def now(self) -> int:
        return super().now() + self.by


@pytest.mark.parametrize("seconds", [130, -130, 400 * 86_400])
async def test_a_token_of_another_time_is_refused_with_the_reason(it: City, nasty: NastyPeer, seconds: int) -> None:
    """>> a token issued by a clock that is off << 401 that says so to a machine; the operator reads who and how far."""
    now = it.services.infra.clock.now() // 1000 + seconds
    life = 300 if seconds > 0 else 60
    refused = await nasty.post(it, "musterstadt", NEGOTIATE, {}, iat=now, exp=now + life)
    assert refused.status == 401
    assert 'error_description="token-time"' in refused.headers["WWW-Authenticate"]
    assert "NTP" in refused.json["reason"][0]
    (peer,) = (await it.api.get("/api/v1/clock"))["peers"]
    assert peer["did"] == nasty.did
    assert abs(peer["seconds"] + seconds) < 5


async def test_nobody_can_make_up_another_ones_clock(it: City, nasty: NastyPeer) -> None:
    """>> an untimely token that a stranger signed << nothing is noted of the member it names."""
    stranger = type(nasty.signer).generate("peer", nasty.did)
    now = it.services.infra.clock.now() // 1000 + 130
    assert (await nasty.post(it, "musterstadt", NEGOTIATE, {}, signer=stranger, iat=now, exp=now + 300)).status == 401
    assert (await it.api.get("/api/v1/clock"))["peers"] == []


async def test_a_negotiation_goes_on_once_the_clock_is_mended(tmp_path_factory: pytest.TempPathFactory) -> None:
    """>> our clock 130 s ahead, the peer says 401 << the request waits and the operator reads why; mended << taken."""
    clock = Off()
    async with data_space(tmp_path_factory.mktemp("h"), clock) as space, nasty_peer(space) as nasty:
        it = await space.city("it", {"musterstadt": MUNICIPALITY})
        taken = list[str]()

        def answer(got: Received) -> tuple[int, bytes]:
            if clock.by:
                return 401, b"{}"  # as a peer that says nothing more: its Date is what the answer shows
            taken.append(got.path)
            pid = json.loads(got.body)["consumerPid"]
            said = {"@type": "ContractNegotiation", "providerPid": "p", "consumerPid": pid, "state": "REQUESTED"}
            return 201, json.dumps({"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], **said}).encode()

        nasty.answers[NEGOTIATE] = answer
        nasty.answers["/2025-1/catalog/datasets/d"] = lambda got: (200, _dataset())
        asked = {"provider": nasty.did, "dataset": "d", "purpose": PURPOSE}
        clock.by = 130_000
        await it.services.schedule.watch.look()
        begun = await it.api.post("/api/v1/participants/musterstadt/negotiations", asked)

        async def noticed() -> bool:
            return bool((await it.api.get("/api/v1/clock"))["peers"])

        await eventually_said(noticed)
        (line,) = [one for one in doctor_clock.judged(await it.api.get("/api/v1/clock")) if "peer" in one[1]]
        assert line[1] == "clock-peer-ahead"
        assert "NTP" in say(f"cli.doctor.{line[1]}", "de", **line[2])
        shown = await it.api.get(f"/api/v1/participants/musterstadt/negotiations/{begun['id']}")
        assert shown["state"] == "REQUESTED"
        assert taken == []
        clock.by = 0
        await it.services.schedule.watch.look()

        async def went() -> bool:
            return taken == [NEGOTIATE]

        await eventually_said(went)


def _dataset() -> bytes:
    offer = {"@id": "o", "@type": "Offer", "permission": [{"action": "use"}]}
    access = {"@type": "DataService", "@id": "s", "endpointURL": "https://localhost/"}
    distribution = {"@type": "Distribution", "format": "HttpData-PULL", "accessService": access}
    whole: dict[str, Any] = {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@id": "d",
        "@type": "Dataset",
        "hasPolicy": [offer],
        "distribution": [distribution],
    }
    return json.dumps(whole).encode()


async def test_readiness_says_that_the_clock_was_set(space: Space) -> None:
    """>> the clock set by 400 days << not ready, for it names the clock; back << ready again."""
    clock = Off()
    async with data_space(space.folder.parent / "s", clock) as other:
        it = await other.city("it", {"musterstadt": MUNICIPALITY})
        assert (await it.services.schedule.readiness.look())["clock"]
        clock.by = 400 * 86_400_000
        await it.services.schedule.watch.look()
        assert not (await it.services.schedule.readiness.look())["clock"]
        clock.by = 0
        await it.services.schedule.watch.look()
        assert (await it.services.schedule.readiness.look())["clock"]

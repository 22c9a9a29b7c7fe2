"""The ways of Eclipse EDC, as it was heard to speak, hold without Java (spec/protocol.md 6.1).

One test for each: a connector among EDCs, and an EDC that says what 0.15.1 said.
"""

import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from connector.kernel.dialects.policies.edc import echo
from tests.conformance.edc.hanse import Hanse, Refused, Running
from tests.conformance.edc.program import free_ports
from tests.conformance.under_test import edc as kit
from tests.conformance.under_test.recorded import ASKED_CATALOGUE, CONTENT, NAME, NS, RecordedEdc, recorded

LIST = {"kinds": "municipality, county"}


@pytest.fixture
async def edc() -> AsyncIterator[RecordedEdc]:
    async with recorded(free_ports(1)[0], assets=120) as made:
        yield made


@pytest.fixture
async def hanse(edc: RecordedEdc) -> AsyncIterator[Hanse]:
    with tempfile.TemporaryDirectory(prefix="e") as name:
        folder = Path(name)
        async with kit.services(folder, free_ports(1)[0], {NAME: edc.root}, environ={}) as services:
            participant = services.participants.held(kit.SLUG).participant
            at = {kit.SLUG: {"did": participant.did, "base": participant.base}}
            client = Hanse(Running(at, folder / "data/api.sock", 0))
            yield client
            await client.close()


# Hanse as consumer


async def agreed(hanse: Hanse, edc: RecordedEdc, verifications: int = 1) -> dict[str, Any]:
    """>> request << agreement >> verification << FINALIZED: the negotiation as it stands with us then."""
    ours = await hanse.negotiate(NAME, edc.assets[0])
    request = (await edc.heard("/negotiations/request")).body
    process = f"{request['callbackAddress']}/negotiations/{ours}"
    assert (await edc.tell(f"{process}/agreement", edc.agreement(request, hanse.did)))[0] == 200
    await edc.heard("/agreement/verification", verifications)
    pids = {"consumerPid": ours, "providerPid": edc.pids[-1]}
    final = {"@type": "ContractNegotiationEventMessage", **pids, "eventType": "FINALIZED"}
    assert (await edc.tell(f"{process}/events", final))[0] == 200
    return await hanse.negotiation(ours)


async def test_200_instead_of_201_and_no_bodies_after_that(hanse: Hanse, edc: RecordedEdc) -> None:
    """>> request << 200 with its pid << agreement >> verification to that pid, both pids in it << 200, empty."""
    found = await agreed(hanse, edc)
    verification = await edc.heard("/agreement/verification")
    assert (found["state"], found["states"][-2:]) == ("FINALIZED", ["VERIFIED", "FINALIZED"])
    assert verification.path.endswith(f"/negotiations/{edc.pids[-1]}/agreement/verification")
    assert (verification.body["providerPid"], verification.body["consumerPid"]) == (edc.pids[-1], found["id"])


async def test_an_offer_id_goes_back_as_it_came(hanse: Hanse, edc: RecordedEdc) -> None:
    """Three parts in base64 with colons between: nothing that we take apart, resolve or quote."""
    await hanse.negotiate(NAME, edc.assets[0])
    request = await edc.heard("/negotiations/request")
    assert request.body["offer"]["@id"] == edc.offers[-1]
    assert request.body["offer"]["target"] == edc.assets[0]


async def test_an_early_verification_is_refused_with_409_and_said_again(hanse: Hanse, edc: RecordedEdc) -> None:
    """>> verification << 409 without pids >> the same message with the same `@id` << 200 << FINALIZED."""
    edc.answers["/verification"] = [(409, "Cannot process ContractAgreementVerificationMessage")]
    assert (await agreed(hanse, edc, verifications=2))["state"] == "FINALIZED"
    first, second = await edc.heard("/verification"), await edc.heard("/verification", 2)
    assert first == second


async def test_an_agreement_id_need_not_be_ours_to_understand(hanse: Hanse, edc: RecordedEdc) -> None:
    """EDC's is a bare UUID: a transfer under it names it as it is, in the API with and without our prefix."""
    found = await agreed(hanse, edc)
    await hanse.transfer(found["agreement"])
    assert (await edc.heard("/transfers/request")).body["agreementId"] == found["agreement"]
    assert (await hanse.call("GET", f"/agreements/{found['agreement']}"))["agreement"] == found["agreement"]


async def test_pages_end_where_nothing_is_called_next(hanse: Hanse, edc: RecordedEdc) -> None:
    """<< 50 and `next` << 50, `next` and `prev` << 20 and `prev`: each asset once, three requests."""
    found = await hanse.find(NAME)
    assert sorted(one["dataset"] for one in found["results"]) == edc.assets
    assert [one.path.rpartition("/")[2] for one in edc.said] == ["request"] * 3


async def test_a_get_carries_no_media_type(hanse: Hanse, edc: RecordedEdc) -> None:
    """EDC answers 415 to a GET that names another type than JSON; an asset that it has not is a plain no."""
    with pytest.raises(Refused) as refused:
        await hanse.negotiate(NAME, "no-such-asset")
    assert refused.value.problem["code"] == "peer.no-dataset"
    assert "does not show this dataset" in refused.value.problem["reason"]["en"]


async def test_an_error_without_pids_is_its_reason(hanse: Hanse, edc: RecordedEdc) -> None:
    """>> request << 404, no pids, four times: the negotiation is over, with EDC's words."""
    edc.answers["/negotiations/request"] = [(404, "Not found")] * 4
    found = await hanse.negotiation(await hanse.negotiate(NAME, edc.assets[0]))
    assert (found["state"], found["reason"]["en"]) == ("TERMINATED", "Not found")


async def started(hanse: Hanse, edc: RecordedEdc, address: dict[str, Any]) -> tuple[str, int]:
    """>> transfer request << start with that address: our id, and the status of our answer."""
    found = await agreed(hanse, edc)
    ours = await hanse.transfer(found["agreement"])
    await edc.heard("/transfers/request")
    pids = {"providerPid": edc.pids[-1], "consumerPid": ours}
    start = {"@type": "TransferStartMessage", **pids, "dataAddress": address}
    return ours, (await edc.tell(f"{hanse.base}/transfers/{ours}/start", start))[0]


def address_of(**properties: str) -> dict[str, Any]:
    """As EDC writes it: nothing at the top but the type, and its own names for everything."""
    pairs = [{"@type": "EndpointProperty", "name": NS + name, "value": value} for name, value in properties.items()]
    return {"@type": "DataAddress", "endpointType": "https://w3id.org/idsa/v4.1/HTTP", "endpointProperties": pairs}


async def test_a_data_address_in_its_own_names_is_read(hanse: Hanse, edc: RecordedEdc) -> None:
    """<< start; endpoint and secret only under `https://w3id.org/edc/v0.0.1/ns/` >> a pull that arrives there."""
    place = f"{edc.root}/data"
    ours, status = await started(hanse, edc, address_of(endpoint=place, authType="bearer", authorization="geheim"))
    assert status == 200
    shown = await hanse.process(ours)
    assert (shown["state"], shown["bytes"]) == ("COMPLETED", len(CONTENT))
    assert edc.read == ["Bearer geheim"]


async def test_a_second_context_changes_nothing(hanse: Hanse, edc: RecordedEdc) -> None:
    """Every message of EDC carries it; it is never fetched, and an unknown message id is no obstacle."""
    request = {"@type": "CatalogRequestMessage"}
    status, body = await edc.tell(f"{hanse.base}/catalog/request", request)
    assert (status, body["@type"]) == (200, "Catalog")


# EDC as consumer


async def offered(hanse: Hanse, edc: RecordedEdc, rule: str, **slots: str) -> dict[str, Any]:
    """A dataset of ours, as EDC finds it in our catalogue."""
    dataset = await hanse.publish(CONTENT, rule, slots)
    status, listed = await edc.tell(f"{hanse.base}/catalog/request", ASKED_CATALOGUE)
    assert status == 200
    found: dict[str, Any] = next(one for one in listed["dataset"] if one["@id"] == dataset)
    return found


def request_of(edc: RecordedEdc, dataset: dict[str, Any], policy: dict[str, Any], pid: str = "c1") -> dict[str, Any]:
    offer = {**policy, "@id": dataset["hasPolicy"][0]["@id"], "@type": "Offer", "target": dataset["@id"]}
    return {
        "@type": "ContractRequestMessage",
        "consumerPid": pid,
        "callbackAddress": edc.base,
        "offer": {**offer, "assigner": "did:web:localhost"},
    }


RULES = {
    "open-attribution": {"source": "Stadt"},
    "municipalities-only": LIST,
    "municipal-purpose": {"until": "31.12.2099", **LIST},
    "pilot": {"from": "01.01.2026", "until": "31.12.2099"},
}


USUAL = {"municipal-purpose", "pilot"}
"""A list beside a time, and what is there twice; the others are `long`."""


@pytest.mark.parametrize("rule", [one if one in USUAL else pytest.param(one, marks=pytest.mark.long) for one in RULES])
async def test_what_edc_makes_of_an_offer_is_agreed_to_as_it_was_published(
    hanse: Hanse, edc: RecordedEdc, rule: str
) -> None:
    """>> request without profile and conflict, lists as text << the agreement, rule by rule as in the catalogue."""
    dataset = await offered(hanse, edc, rule, **RULES[rule])
    published = dataset["hasPolicy"][0]
    status, body = await edc.tell(f"{hanse.base}/negotiations/request", request_of(edc, dataset, echo(published)))
    assert (status, body["state"]) == (201, "AGREED")
    agreement = (await edc.heard("/c1/agreement")).body["agreement"]
    named = {"@id", "@type", "target", "assigner", "assignee", "timestamp"}
    told = {name: value for name, value in agreement.items() if name not in named}
    assert list(told.items()) == [(name, value) for name, value in published.items() if name not in named]
    assert (agreement["assigner"], agreement["assignee"], agreement["target"]) == (hanse.did, NAME, dataset["@id"])


async def test_an_agreement_repeats_the_order_of_whoever_asked(hanse: Hanse, edc: RecordedEdc) -> None:
    """EDC compares everything but `@type`, `assignee` and `target`, in order: a request that turns rules around is
    answered in its own order."""
    dataset = await offered(hanse, edc, "open-attribution", source="Stadt")
    turned = {**dataset["hasPolicy"][0], "permission": dataset["hasPolicy"][0]["permission"][::-1]}
    assert (await edc.tell(f"{hanse.base}/negotiations/request", request_of(edc, dataset, turned)))[0] == 201
    agreement = (await edc.heard("/c1/agreement")).body["agreement"]
    assert agreement["permission"] == turned["permission"]


@pytest.mark.threat("T22")
@pytest.mark.parametrize("change", ["fewer", "text"])
async def test_less_than_the_echo_is_not_agreed_to(hanse: Hanse, edc: RecordedEdc, change: str) -> None:
    """>> an echo with a shorter list, or with a list that says something else << our offer, not an agreement."""
    dataset = await offered(hanse, edc, "municipalities-only", **LIST)
    asked = echo(dataset["hasPolicy"][0])
    constraint = asked["permission"][0]["constraint"][0]
    kinds = json.loads(constraint["rightOperand"])
    if change == "fewer":
        constraint["rightOperand"] = kinds[0]["@value"]
    else:
        constraint["rightOperand"] = constraint["rightOperand"].replace("county", "company")
    status, body = await edc.tell(f"{hanse.base}/negotiations/request", request_of(edc, dataset, asked))
    assert (status, body["state"]) == (201, "OFFERED")


async def pulling(hanse: Hanse, edc: RecordedEdc) -> tuple[str, dict[str, str]]:
    """>> a request for data that was agreed to << start: our pid, and the address by its names."""
    dataset = await offered(hanse, edc, "open-attribution", source="Stadt")
    asked = request_of(edc, dataset, echo(dataset["hasPolicy"][0]))
    _, begun = await edc.tell(f"{hanse.base}/negotiations/request", asked)
    agreement = (await edc.heard("/c1/agreement")).body["agreement"]["@id"]
    pids = {"providerPid": begun["providerPid"], "consumerPid": "c1"}
    ours = f"{hanse.base}/negotiations/{begun['providerPid']}"
    verified = {"@type": "ContractAgreementVerificationMessage", **pids}
    assert (await edc.tell(f"{ours}/agreement/verification", verified))[0] == 200
    await edc.heard("/c1/events")
    request = {
        "@type": "TransferRequestMessage",
        "agreementId": agreement,
        "format": "HttpData-PULL",
        "callbackAddress": edc.base,
        "consumerPid": "t1",
    }
    status, process = await edc.tell(f"{hanse.base}/transfers/request", request)
    assert status == 201
    _, again = await edc.tell(f"{hanse.base}/transfers/request", request)
    assert again["providerPid"] == process["providerPid"], "asked again under another message id"
    return process["providerPid"], told_by((await edc.heard("/t1/start")).body)


def told_by(start: dict[str, Any]) -> dict[str, str]:
    return {pair["name"]: pair["value"] for pair in start["dataAddress"]["endpointProperties"]}


async def read(address: dict[str, str]) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {address[NS + 'authorization']}"}
    async with aiohttp.ClientSession() as session, session.get(address[NS + "endpoint"], headers=headers) as answer:
        return answer.status, await answer.read()


async def test_a_data_address_has_its_properties_under_both_names(hanse: Hanse, edc: RecordedEdc) -> None:
    """EDC reads only its own names, others only the plain ones."""
    _, address = await pulling(hanse, edc)
    for name in ("endpoint", "authorization", "authType"):
        assert address[name] == address[NS + name]
    assert await read(address) == (200, CONTENT)


async def test_a_start_without_address_resumes_and_is_answered_by_a_start_with_one(
    hanse: Hanse, edc: RecordedEdc
) -> None:
    """>> suspension >> start, bare << 200 << our own start with a fresh secret; the old one is spent."""
    ours, before = await pulling(hanse, edc)
    pids = {"consumerPid": "t1", "providerPid": ours}
    suspension = {"@type": "TransferSuspensionMessage", **pids, "reason": ["weil"]}
    assert (await edc.tell(f"{hanse.base}/transfers/{ours}/suspension", suspension))[0] == 200
    assert (await read(before))[0] // 100 == 4
    status, body = await edc.tell(f"{hanse.base}/transfers/{ours}/start", {"@type": "TransferStartMessage", **pids})
    assert (status, body["state"]) == (200, "STARTED")
    after = told_by((await edc.heard("/t1/start", 2)).body)
    assert after[NS + "authorization"] != before[NS + "authorization"]
    assert await read(after) == (200, CONTENT)


async def test_a_refusal_waits_until_edc_has_saved_that_it_asked(hanse: Hanse, edc: RecordedEdc) -> None:
    """EDC takes a termination at any time, and saves over it what our answer to its request tells it."""
    dataset = await offered(hanse, edc, "municipalities-only", kinds="county")
    asked = request_of(edc, dataset, echo(dataset["hasPolicy"][0]))
    status, body = await edc.tell(f"{hanse.base}/negotiations/request", asked)
    assert (status, body["state"]) == (201, "TERMINATED")
    assert [one for one in edc.said if one.path.endswith("/c1/termination")] == [], "before our answer was read"
    assert (await edc.heard("/c1/termination")).body["code"] == "policy"


async def test_a_message_that_comes_again_is_acknowledged_without_effect(hanse: Hanse, edc: RecordedEdc) -> None:
    """>> the same agreement with the same `@id` twice << 200 both times, one verification."""
    ours = await hanse.negotiate(NAME, edc.assets[0])
    request = (await edc.heard("/negotiations/request")).body
    message = {"@id": "m1", **edc.agreement(request, hanse.did)}
    place = f"{hanse.base}/negotiations/{ours}/agreement"
    assert [(await edc.tell(place, message))[0] for _ in range(2)] == [200, 200]
    await edc.heard("/agreement/verification")
    states = (await hanse.negotiation(ours, wait_s=0))["states"]
    assert states.count("AGREED") == 1

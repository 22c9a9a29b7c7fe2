"""What a consumer asks for is what was published, or nothing (T22); so is what a provider sends back."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from connector.foundation.clock import SystemClock, rfc3339
from connector.foundation.ids import new_id
from connector.foundation.storage.database import Tx
from connector.kernel.protocol.messages import HANSE
from tests.surfaces.peer import one_city
from tests.testkit.cities import City
from tests.testkit.nasty import NastyPeer

pytestmark = pytest.mark.asyncio(loop_scope="module")
it, made, nasty, space = one_city.it, one_city.made, one_city.nasty, one_city.space

NEGOTIATE = "/2025-1/negotiations/request"
Change = Callable[[dict[str, Any]], None]


def mutations(offer: dict[str, Any]) -> dict[str, Change]:
    """A change for every member of the policy, at every depth: removed, replaced, doubled."""
    found: dict[str, Change] = {}

    def walk(value: Any, path: tuple[Any, ...]) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                if path or name not in ("@id", "@type", "target"):
                    found[f"without {'/'.join(map(str, (*path, name)))}"] = _drop((*path, name))
                walk(inner, (*path, name))
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                found[f"without {'/'.join(map(str, (*path, index)))}"] = _drop((*path, index))
                walk(inner, (*path, index))
        elif path not in (("@id",), ("@type",), ("target",)):
            found[f"other {'/'.join(map(str, path))}"] = _put(path, f"{value}x")

    walk(offer, ())
    return found


def _at(offer: dict[str, Any], path: tuple[Any, ...]) -> Any:
    for step in path:
        offer = offer[step]
    return offer


def _drop(path: tuple[Any, ...]) -> Change:
    return lambda offer: _at(offer, path[:-1]).__delitem__(path[-1])


def _put(path: tuple[Any, ...], value: object) -> Change:
    return lambda offer: _at(offer, path[:-1]).__setitem__(path[-1], value)


KINDS = "permission/0/constraint/0/and/0/rightOperand"
NARROWER = {"without odrl:conflict", f"without {KINDS}/1", f"without {KINDS}/2"}
"""Provably no wider: fewer kinds of participants, or a clash voids the policy instead of the prohibition winning."""
WIDER: dict[str, Change] = {
    "a further permission": lambda offer: offer["permission"].append({"action": "use"}),
    "no prohibition": lambda offer: offer.pop("prohibition", None),
    "a profile": lambda offer: offer.update(profile="https://example.org/p"),
    "inherited": lambda offer: offer.update(inheritFrom="urn:x"),
    "conflict": lambda offer: offer.update(conflict="perm"),
    "an unknown member": lambda offer: offer.update({"urn:x:anything": True}),
    "an unknown operand": lambda offer: (
        offer["permission"][0]
        .setdefault("constraint", [])
        .append({"leftOperand": "weather", "operator": "eq", "rightOperand": "fine"})
    ),
}


def agreements(tx: Tx, did: str) -> int:
    """How many agreements with that peer there are."""
    row = tx.one("SELECT count(*) AS n FROM agreement WHERE counterparty = :did", did=did)
    assert row is not None
    return int(row["n"])


@pytest.mark.threat("T22")
async def test_no_change_that_may_widen_an_offer_is_agreed_to(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> the published offer with one member removed, replaced or added, for every member << ours again, or 400."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    changes = {**mutations(offer), **WIDER}
    assert len(changes) > 25
    agreed = set[str]()
    for name, change in changes.items():
        bent = copy.deepcopy(offer)
        change(bent)
        if bent == offer:
            continue
        reply = await nasty.post(it, "musterstadt", NEGOTIATE, nasty.contract_request(bent))
        assert reply.status in (201, 400, 404), (name, reply.body)
        if reply.status == 201:
            agreed |= {name} if reply.json["state"] == "AGREED" else set()
            assert reply.json["state"] in ("AGREED", "OFFERED"), name
    assert agreed == NARROWER
    assert await it.services.infra.db.read("", agreements, nasty.did) == len(NARROWER)


OTHER_NAMES = (
    ({"target": "urn:other"}, 400),
    ({"@id": "urn:other"}, 404),
    ({"@id": ""}, 404),
    ({"@type": "Agreement"}, 400),
    ({"@type": "Set"}, 400),
    ({"target": ""}, 400),
)


@pytest.mark.threat("T22")
async def test_another_name_is_another_offer(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    for changes, status in OTHER_NAMES:
        reply = await nasty.post(it, "musterstadt", NEGOTIATE, nasty.contract_request({**offer, **changes}))
        assert (changes, reply.status) == (changes, status), reply.body


@pytest.mark.threat("T22")
async def test_the_order_of_members_changes_nothing(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> the very offer, written backwards << agreed: the comparison is by meaning, not by bytes."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    backwards = dict(reversed(offer.items()))
    reply = await nasty.post(it, "musterstadt", NEGOTIATE, nasty.contract_request(backwards))
    assert reply.status == 201
    assert (await nasty.heard("/agreement")).json["agreement"]["target"] == made["dataset"]


@pytest.mark.threat("T22")
async def test_the_parties_of_an_agreement_are_not_the_askers_to_name(
    it: City, nasty: NastyPeer, made: dict[str, Any]
) -> None:
    """>> the offer with other parties written into it << the agreement is between us and whoever signed the token."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    bent = {**offer, "assigner": "did:web:evil.example", "assignee": "did:web:evil.example"}
    await nasty.post(it, "musterstadt", NEGOTIATE, nasty.contract_request(bent))
    agreement = (await nasty.heard("/agreement")).json["agreement"]
    assert (agreement["assigner"], agreement["assignee"]) == (it.did("musterstadt"), nasty.did)


@pytest.mark.threat("T22")
@pytest.mark.parametrize("member", [HANSE + "purpose", HANSE + "action"])
async def test_a_purpose_that_the_rule_does_not_allow_is_refused_with_the_reason(
    it: City, nasty: NastyPeer, made: dict[str, Any], member: str
) -> None:
    """>> the right offer for a wrong purpose or an unknown use << TERMINATED, the peer is told why in two languages."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    asked = nasty.contract_request(offer, **{member: "https://w3id.org/hanse/v1#nothingOfTheKind"})
    assert (await nasty.post(it, "musterstadt", NEGOTIATE, asked)).json["state"] == "TERMINATED"
    told = (await nasty.heard("/termination")).json
    assert told["consumerPid"] == asked["consumerPid"]
    assert len(told["reason"]) == 2
    assert all(told["reason"])


async def test_a_request_without_a_member_is_refused(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> each required member missing, null, or of another type << 400 that points at it."""
    right = nasty.contract_request(await nasty.offer(it, "musterstadt", made["dataset"]))
    for member in ("consumerPid", "offer", "callbackAddress", "@type", "@context"):
        spoiled = [{**right, member: value} for value in (None, 7, [], {"x": 1}, True)]
        spoiled.append({name: value for name, value in right.items() if name != member})
        for asked in spoiled:
            reply = await nasty.post(it, "musterstadt", NEGOTIATE, asked)
            assert reply.status == 400, asked
            assert reply.json["@type"] == "ContractNegotiationError"
        both = {**right, "providerPid": new_id()}
        assert (await nasty.post(it, "musterstadt", NEGOTIATE, both)).status == 400


async def test_a_counter_offer_begins_nothing(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> a counter-offer where a first request belongs << 400 in words, nothing begun."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    asked = nasty.contract_request(offer, callbackAddress=None, providerPid=new_id())
    reply = await nasty.post(it, "musterstadt", NEGOTIATE, asked)
    assert reply.status == 400
    assert "callbackAddress" in reply.json["reason"][0]


PROVIDED = "did:web:localhost%3A1:somebody"


@pytest.mark.threat("T22")
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("assigner", PROVIDED),
        ("assignee", PROVIDED),
        ("target", "urn:other"),
        ("permission", [{"action": "use"}]),
        ("prohibition", [{"action": "use"}]),
        ("obligation", [{"action": "odrl:compensate"}]),
        ("@type", "Offer"),
    ],
)
async def test_a_provider_cannot_answer_with_another_agreement(
    it: City, nasty: NastyPeer, made: dict[str, Any], member: str, value: object
) -> None:
    """nachbardorf asks the nasty peer for an offer << an agreement that differs in one member is refused with 400."""
    pid, agreement = await requested(it, nasty, made)
    sent = nasty.message(
        "ContractAgreementMessage", providerPid="urn:uuid:p", consumerPid=pid, agreement={**agreement, member: value}
    )
    reply = await nasty.post(it, "nachbardorf", f"/2025-1/negotiations/{pid}/agreement", sent)
    assert reply.status == 400, reply.body
    state = await nasty.get(it, "nachbardorf", f"/2025-1/negotiations/{pid}")
    assert state.json["state"] == "REQUESTED"
    assert await it.services.infra.db.read("", agreements, nasty.did) == 0


async def requested(it: City, nasty: NastyPeer, made: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """nachbardorf's negotiation with the nasty peer for a copy of the dataset; the agreement that would be right."""
    dataset = f"{nasty.root}/datasets/1"
    entry = (await nasty.get(it, "musterstadt", f"/2025-1/catalog/datasets/{made['dataset'].rpartition('/')[2]}")).json
    shown = json.dumps({**entry, "@id": dataset}).encode()
    nasty.answers["/2025-1/catalog/datasets/1"] = lambda got: (200, shown)
    started = json.dumps(
        nasty.message("ContractNegotiation", providerPid="urn:uuid:p", consumerPid="x", state="REQUESTED")
    )
    nasty.answers["/2025-1/negotiations/request"] = lambda got: (201, started.encode())
    body = {"provider": nasty.did, "dataset": dataset, "purpose": "https://w3id.org/hanse/v1#publicAdministration"}
    await it.api.post("/api/v1/participants/nachbardorf/negotiations", body)
    heard = (await nasty.heard("/negotiations/request")).json
    rules = {name: value for name, value in heard["offer"].items() if name != "@id"}
    parties = {"assigner": nasty.did, "assignee": it.did("nachbardorf"), "timestamp": rfc3339(SystemClock().now())}
    return heard["consumerPid"], {**rules, "@type": "Agreement", "@id": new_id(), **parties}


async def test_the_right_agreement_is_taken_even_without_a_seal(
    it: City, nasty: NastyPeer, made: dict[str, Any]
) -> None:
    """The same message unchanged << 200, and a verification without signature comes back: a one-sided contract."""
    pid, agreement = await requested(it, nasty, made)
    sent = nasty.message("ContractAgreementMessage", providerPid="urn:uuid:p", consumerPid=pid, agreement=agreement)
    reply = await nasty.post(it, "nachbardorf", f"/2025-1/negotiations/{pid}/agreement", sent)
    assert reply.status == 200, reply.body
    verified = (await nasty.heard("/agreement/verification")).json
    assert HANSE + "agreementSignature" not in verified


@pytest.mark.threat("T22")
async def test_a_policy_that_cannot_be_read_is_the_peers_mistake(it: City, nasty: NastyPeer) -> None:
    """>> the same member in two spellings << 400 that names the place, and no negotiation."""
    made = await it.publish("musterstadt")
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    offer["permission"][0]["odrl:action"] = "odrl:use"
    reply = await nasty.post(it, "musterstadt", NEGOTIATE, nasty.contract_request(offer))
    assert (reply.status, reply.json["@type"]) == (400, "ContractNegotiationError")
    assert "/permission/0" in reply.json["reason"][0]
    begun = "SELECT id FROM negotiation WHERE counterparty = :did"
    assert await it.services.infra.db.read("musterstadt", lambda tx: tx.all(begun, did=nasty.did)) == []

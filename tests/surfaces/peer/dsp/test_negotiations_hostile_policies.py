"""A peer's policy that is twisted, huge, deep or full of wrong types: refused with the place named, or not agreed to.

Whatever it is, nothing of it is agreed to and the next good request is answered (issue 5, bad input).
"""

import asyncio
import copy
import json
from typing import Any

import pytest

from connector.foundation.ids import new_id
from connector.foundation.storage.database import Tx
from tests.surfaces.peer import one_city
from tests.testkit.cities import City
from tests.testkit.nasty import NastyPeer

pytestmark = pytest.mark.asyncio(loop_scope="module")
it, made, nasty, space = one_city.it, one_city.made, one_city.nasty, one_city.space

NEGOTIATE = "/2025-1/negotiations/request"
BOUND = {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "3"}


def agreements(tx: Tx, did: str) -> int:
    """How many agreements with that peer there are."""
    row = tx.one("SELECT count(*) AS n FROM agreement WHERE counterparty = :did", did=did)
    return 0 if row is None else int(row["n"])


def nested(depth: int, word: str = "and") -> dict[str, Any]:
    """Clauses within clauses."""
    clause: dict[str, Any] = BOUND
    for _ in range(depth):
        clause = {word: [clause]}
    return clause


def punished(depth: int) -> dict[str, Any]:
    """Consequences of consequences."""
    duty: dict[str, Any] = {"action": "odrl:inform"}
    for _ in range(depth):
        duty = {"action": "odrl:delete", "odrl:consequence": [duty]}
    return duty


def rule(*clauses: Any, **members: Any) -> dict[str, Any]:
    return {"permission": [{"action": "use", "constraint": list(clauses), **members}]}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "deep logic": (rule(nested(60)), "/permission/0/constraint/0"),
    "deep alternation": (rule(nested(60, "or")), "/permission/0/constraint/0"),
    "deep consequences": ({**rule(), "obligation": [punished(60)]}, "/obligation/0"),
    "no action": ({"permission": [{"constraint": [BOUND]}]}, "/permission/0"),
    "an action that is a number": ({"permission": [{"action": 7}]}, "/permission/0/action"),
    "an empty alternation": (rule({"or": []}), "/permission/0/constraint/0"),
    "both kinds of clause at once": (rule({**BOUND, "or": [BOUND]}), "/permission/0/constraint/0"),
    "two logics at once": (rule({"or": [BOUND], "and": [BOUND]}), "/permission/0/constraint/0"),
    "no right operand": (rule({"leftOperand": "odrl:count", "operator": "eq"}), "/permission/0/constraint/0"),
    "no operator": (rule({"leftOperand": "odrl:count", "rightOperand": "3"}), "/permission/0/constraint/0"),
    "a clause that is a text": (rule("always"), "/permission/0/constraint/0"),
    "a clause that is null": (rule(None), "/permission/0/constraint/0"),
    "two spellings of one member": (rule({**BOUND, "odrl:operator": "gteq"}), "/permission/0/constraint/0"),
}
"""What cannot be read -> the place that the answer names (or one below or above it, if a schema says it first)."""

STRANGE: dict[str, dict[str, Any]] = {
    "an unknown operand": rule({**BOUND, "leftOperand": "urn:x:weather"}),
    "an unknown operator": rule({**BOUND, "operator": "urn:x:roughly"}),
    "a value of another type": rule({**BOUND, "rightOperand": "many"}),
    "a value that is an object": rule({**BOUND, "rightOperand": {"@value": "3", "@type": "urn:x:lots"}}),
    "a thousand alternatives": rule({"or": [BOUND] * 1_000}),
    "a thousand permissions": {"permission": [{"action": "use", "constraint": [BOUND]}] * 1_000},
    "a thousand prohibitions": {**rule(), "prohibition": [{"action": "use", "constraint": [BOUND]}] * 1_000},
    "a long list on the right": rule({**BOUND, "operator": "isAnyOf", "rightOperand": ["x"] * 900}),
    "a long text on the right": rule({**BOUND, "rightOperand": "9" * 3_900}),
    "an unknown rule": {**rule(), "urn:x:command": [{"action": "use"}]},
    "a foreign strategy": {**rule(), "odrl:conflict": {"@id": "urn:x:whatever"}},
    "a parent elsewhere": {**rule(), "odrl:inheritFrom": {"@id": "urn:x:parent"}},
    "an unknown duty": rule(duty=[{"action": "urn:x:dance"}]),
}
"""What can be read and means nothing to us, or a great deal: never agreed to."""


def bent(offer: dict[str, Any], policy: dict[str, Any]) -> dict[str, Any]:
    """Their offer under our id, with rules of their own."""
    names = {name: offer[name] for name in ("@id", "@type", "target")}
    return {**names, **copy.deepcopy(policy)}


@pytest.mark.threat("T13")
async def test_what_cannot_be_read_is_refused_and_the_place_named(
    it: City, nasty: NastyPeer, made: dict[str, Any]
) -> None:
    """>> each twisted policy in a request << 400 with the place; nothing is begun; the right request still works."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    for name, (policy, pointer) in REFUSED.items():
        reply = await nasty.post(it, "musterstadt", NEGOTIATE, nasty.contract_request(bent(offer, policy)))
        assert (name, reply.status) == (name, 400), reply.body
        said = " ".join(reply.json["reason"])
        assert pointer in said, (name, said)
        assert "Traceback" not in said
    good = await nasty.post(it, "musterstadt", NEGOTIATE, nasty.contract_request(offer))
    assert good.status == 201


@pytest.mark.threat("T22")
async def test_what_is_strange_or_huge_is_never_agreed_to(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> each strange policy under the id of our offer << our own offer again, or 400; never an agreement."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    for name, policy in STRANGE.items():
        reply = await nasty.post(it, "musterstadt", NEGOTIATE, nasty.contract_request(bent(offer, policy)))
        assert reply.status in (201, 400), (name, reply.body)
        if reply.status == 201:
            assert reply.json["state"] in ("OFFERED", "TERMINATED"), name
    assert await it.services.infra.db.read("", agreements, nasty.did) == 0
    assert (await nasty.post(it, "musterstadt", NEGOTIATE, nasty.contract_request(offer))).status == 201


@pytest.mark.threat("T13")
async def test_more_branches_than_a_message_may_have_stop_at_the_door(
    it: City, nasty: NastyPeer, made: dict[str, Any]
) -> None:
    """>> ten thousand alternatives << 400 or 413 before anything is parsed as a rule."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    huge = json.dumps(nasty.contract_request(bent(offer, rule({"or": [BOUND] * 10_000})))).encode()
    assert (await nasty.post(it, "musterstadt", NEGOTIATE, huge)).status in (400, 413)
    assert (await nasty.post(it, "musterstadt", NEGOTIATE, nasty.contract_request(offer))).status == 201


@pytest.mark.threat("T13")
async def test_an_offer_out_of_the_blue_is_read_as_strictly(it: City, nasty: NastyPeer) -> None:
    """>> a provider offers each twisted or strange policy by itself << 400 with the place, or a case nobody accepts."""
    for name, (policy, pointer) in REFUSED.items():
        reply = await nasty.post(it, "nachbardorf", "/2025-1/negotiations/offers", offered(nasty, policy))
        assert (name, reply.status) == (name, 400), reply.body
        assert pointer in " ".join(reply.json["reason"]), name
    for name, policy in STRANGE.items():
        reply = await nasty.post(it, "nachbardorf", "/2025-1/negotiations/offers", offered(nasty, policy))
        assert reply.status in (201, 400, 404), (name, reply.body)
        if reply.status == 201:
            assert reply.json["state"] == "OFFERED", name
    assert await it.services.infra.db.read("", agreements, nasty.did) == 0


def offered(nasty: NastyPeer, policy: dict[str, Any]) -> dict[str, Any]:
    target = f"{nasty.root}/datasets/1"
    offer = {"@id": "urn:uuid:offer", "@type": "Offer", "target": target, **copy.deepcopy(policy)}
    return nasty.message("ContractOfferMessage", providerPid=new_id(), offer=offer, callbackAddress=nasty.base)


@pytest.mark.threat("T13")
async def test_others_are_served_meanwhile(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> all of these policies at once, catalogue requests between them  << all are answered, the good ones well."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    policies = [*STRANGE.values(), *(policy for policy, _ in REFUSED.values())]
    asked = nasty.message("CatalogRequestMessage")
    calls = []
    for policy in policies:
        calls.append(nasty.post(it, "musterstadt", NEGOTIATE, nasty.contract_request(bent(offer, policy))))
        calls.append(nasty.post(it, "musterstadt", "/2025-1/catalog/request", asked))
    replies = await asyncio.gather(*calls)
    assert {reply.status for reply in replies[1::2]} == {200}
    assert {reply.status for reply in replies[::2]} <= {201, 400}

"""Other terms made by people: the same for a shorter time, however the partner spells what it offers."""

from collections.abc import Callable
from typing import Any

import pytest

from connector.data.approvals.service import TermsBack
from connector.data.catalogue.templates.templates import fill
from connector.exchange.contracts.negotiation import narrowed
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Tx
from tests.kernel.policy.filled import SLOTS
from tests.testkit.towns import Towns

TOWN, VILLAGE = "musterstadt", "nachbardorf"
ODRL = "http://www.w3.org/ns/odrl/2/"
PURPOSE = {"leftOperand": "odrl:purpose", "operator": "eq", "rightOperand": "https://w3id.org/hanse/v1#research"}
UNTIL = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "2091-01-01T00:00:00+01:00"}


async def until(towns: Towns, policy: dict[str, Any], day: str = "31.12.2090") -> dict[str, Any]:
    def unit(tx: Tx) -> dict[str, Any]:
        return narrowed.until(tx, towns.engine, policy, day)

    return await towns.db.read(TOWN, unit)


def offer(**permission: Any) -> dict[str, Any]:
    return {"@id": "urn:uuid:1", "@type": "Offer", "permission": [{"action": "use", **permission}]}


@pytest.mark.parametrize(
    "spelled",
    [
        pytest.param({"constraint": [PURPOSE]}, id="short"),
        pytest.param({"constraint": PURPOSE}, id="one"),
        pytest.param({"odrl:constraint": [PURPOSE]}, id="prefix"),
        pytest.param({ODRL + "constraint": [PURPOSE]}, id="IRI"),
        pytest.param({"constraint": {"@list": [PURPOSE]}}, id="list"),
        pytest.param({"odrl:constraint": {"@set": [PURPOSE]}}, id="set"),
    ],
)
async def test_bug_a_limit_was_put_beside_conditions_of_another_spelling(towns: Towns, spelled: Any) -> None:
    """>> conditions as a partner may spell them << one list of conditions, the limit behind what stood there."""
    found = await until(towns, offer(**spelled))
    assert found["permission"] == [{"action": "use", "constraint": [PURPOSE, UNTIL]}]


@pytest.mark.parametrize("name", ["permission", "odrl:permission", ODRL + "permission"])
async def test_permissions_of_any_spelling_are_limited(towns: Towns, name: str) -> None:
    """>> rules under a prefix or an IRI << one member, under its short name; what is not touched stays as spelled."""
    policy = {"@id": "urn:uuid:1", "@type": "Offer", "odrl:conflict": "odrl:prohibit", name: {"action": "odrl:use"}}
    found = await until(towns, policy)
    assert found == {
        "@id": "urn:uuid:1",
        "@type": "Offer",
        "odrl:conflict": "odrl:prohibit",
        "permission": [{"action": "odrl:use", "constraint": [UNTIL]}],
    }


async def test_bug_the_limit_of_a_counter_offer_was_no_name_to_other_connectors(towns: Towns) -> None:
    """>> terms with an end << the operand has a prefix, since the protocol's context knows no bare one: whoever reads
    JSON-LD would drop it, and the contract would have no end."""
    [rule] = (await until(towns, offer()))["permission"]
    assert rule["constraint"] == [UNTIL]


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param({**offer(), "odrl:permission": []}, id="two spellings of permissions"),
        pytest.param(offer(**{"constraint": [], "odrl:constraint": []}), id="two spellings of conditions"),
        pytest.param({"@id": "urn:uuid:1", "prohibition": [{"action": "use"}]}, id="nothing is permitted"),
        pytest.param({"@id": "urn:uuid:1", "permission": ["urn:uuid:2"]}, id="a rule by its name alone"),
        pytest.param({"@id": "urn:uuid:1", "permission": [[{"action": "use"}]]}, id="a list within a list"),
    ],
)
async def test_what_cannot_be_limited_is_told_and_not_written(towns: Towns, policy: Any) -> None:
    """>> rules in a form to which nothing can be added << Mistake in words: agree or refuse."""
    with pytest.raises(Mistake, match=r"approvals\.counter-form"):
        await until(towns, policy)


@pytest.mark.parametrize("template", SLOTS)
async def test_what_a_template_says_can_be_limited(towns: Towns, template: str) -> None:
    """>> any offer of ours << the same for a shorter time: the limit is proven to make nothing wider."""
    policy = {"@id": "urn:uuid:1", "@type": "Offer", **fill(template, SLOTS[template])}
    found = await until(towns, policy)
    assert all(rule["constraint"][-1] == UNTIL for rule in found["permission"])
    assert {**found, "permission": policy["permission"]} == policy


@pytest.mark.parametrize(("day", "code"), [("morgen", "counter-day"), ("1.1.2001", "counter-past")])
async def test_no_day_and_a_day_that_is_past(towns: Towns, day: str, code: str) -> None:
    """>> words, or a day of the past << Mistake that names it."""
    with pytest.raises(Mistake, match=rf"approvals\.{code}"):
        await until(towns, offer(), day)


def spelled(name: str) -> Callable[[dict[str, Any]], None]:
    def bend(message: dict[str, Any]) -> None:
        [rule] = message["offer"]["permission"]
        rule[name] = rule.pop("constraint")

    return bend


@pytest.mark.parametrize("name", ["odrl:constraint", ODRL + "constraint"])
async def test_bug_a_counter_offer_to_another_spelling_was_an_error_page(towns: Towns, name: str) -> None:
    """<< an offer that spells its conditions otherwise; a person answers with an earlier end >> REQUESTED, for that
    time, and the provider agrees, since that is within what it publishes."""
    towns.wire.bend["ContractOfferMessage"] = spelled(name)
    _, published = await towns.publish(TOWN)
    ours = await towns.db.write(TOWN, towns.contracts.propose, TOWN, towns.partner(VILLAGE), published.id)
    await towns.run()
    theirs = await towns.case(VILLAGE, (await towns.case(TOWN, ours.id)).kernel.peer_pid or "")
    assert name in theirs.policy["permission"][0]
    terms = await until(towns, theirs.policy, "31.12.2089")
    await towns.db.write(VILLAGE, towns.contracts.counter, VILLAGE, theirs.id, terms)
    await towns.run()
    ended = await towns.case(VILLAGE, theirs.id)
    assert ended.shown == "AGREED"  # nobody looked at the description: a person reads before our seal
    assert b"2090-01-01" in (await towns.agreement(TOWN, (await towns.case(TOWN, ours.id)).agreement)).document
    assert TermsBack(terms, towns.engine.digest(terms)).digest == towns.engine.digest(ended.policy)

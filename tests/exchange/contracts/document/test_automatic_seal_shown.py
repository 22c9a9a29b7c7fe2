"""What a person accepted on the screen is what is sealed: a counter-offer or proposal with more in it is read first."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from connector.foundation.errors import Mistake
from tests.exchange.contracts.lying import CONSUMER, HEAD, PRICE, PROVIDER, read
from tests.testkit.shown import as_shown
from tests.testkit.towns import Towns

pytestmark = pytest.mark.threat("T65")
OTHER = {"permission": [{"action": "use"}]}
SAYS: dict[str, Callable[[dict[str, Any]], None]] = {
    "the name of the offer": lambda offer: offer.update({"@id": f"urn:{PRICE}"}),
    "the name of a rule": lambda offer: offer["permission"][0].update({"uid": f"urn:{PRICE}"}),
    "a remark": lambda offer: offer.update({"dct:description": PRICE}),
    "a remark of a rule": lambda offer: offer["permission"][0].update({"rdfs:comment": PRICE}),
    "a profile": lambda offer: offer.update({"profile": f"urn:{PRICE}"}),
    "an assignee": lambda offer: offer["permission"][0].update({"assignee": f"urn:{PRICE}"}),
}
"""Where a provider could hide words in an offer whose sentences stay the same."""
WAITS = [("OFFERED", ["offered"]), ("ACCEPTED", ["offered"]), ("AGREED", ["countersign"])]
"""Where the negotiation rests, and what a person was asked; an agreement that is not what was accepted is refused."""


async def proposed(towns: Towns, made: Any) -> str:
    """The consumer's negotiation of an offer that nobody asked for."""
    ours = await towns.db.write(PROVIDER, towns.contracts.propose, PROVIDER, towns.partner(CONSUMER), made[1].id)
    await towns.run()
    return (await towns.case(PROVIDER, ours.id)).kernel.peer_pid or ""


async def test_a_proposal_whose_data_are_described_otherwise_later_is_read(towns: Towns) -> None:
    """<< proposed, looked at, described otherwise; >> accepted as it was shown << a person is asked."""
    made = await towns.publish(PROVIDER)
    case = await proposed(towns, made)
    await towns.db.write(CONSUMER, towns.contracts.looked_at, CONSUMER, case, as_shown(*made))
    terms = towns.engine.digest((await towns.case(CONSUMER, case)).policy)
    await towns.db.write(PROVIDER, _described, made[0].id)
    await towns.db.write(CONSUMER, towns.contracts.accept, CONSUMER, case, terms, approval=HEAD)
    await towns.run()
    waits = await towns.case(CONSUMER, case)
    assert (waits.shown, f"{CONSUMER}: ContractAgreementVerificationMessage" in towns.wire.sent) == ("AGREED", False)
    assert [one.code for one in (await read(towns, waits)).objections] == ["contracts.other-description"]


@pytest.mark.parametrize("place", SAYS)
async def test_what_no_screen_shows_of_a_counter_offer_is_not_sealed(towns: Towns, place: str) -> None:
    """>> asked for << our terms with words where no sentence shows them; >> accepted << nothing is sealed unread."""
    towns.wire.bend["ContractRequestMessage"] = lambda message: message["offer"].update(OTHER)
    towns.wire.bend["ContractOfferMessage"] = lambda message: SAYS[place](message["offer"])
    begun = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))
    await towns.run()
    case = await towns.case(CONSUMER, begun.id)
    if case.shown == "OFFERED":
        terms = towns.engine.digest(case.policy)
        with suppress(Mistake):  # what cannot be said in sentences is not even taken
            await towns.db.write(CONSUMER, towns.contracts.accept, CONSUMER, case.id, terms, approval=HEAD)
        await towns.run()
        case = await towns.case(CONSUMER, case.id)
    found = await towns.rows(CONSUMER, "SELECT kind FROM question WHERE participant = :participant")
    assert (case.shown, [one["kind"] for one in found]) in WAITS
    assert f"{CONSUMER}: ContractAgreementVerificationMessage" not in towns.wire.sent
    sealed = await towns.rows(CONSUMER, "SELECT consumer_jws FROM agreement WHERE participant = :participant")
    assert [one["consumer_jws"] for one in sealed] in ([], [None])


def _described(tx: Any, dataset: str) -> None:
    row = tx.one("SELECT document FROM dataset WHERE id = :id", id=dataset)
    document = {**json.loads(row["document"]), "description": PRICE}
    tx.run("UPDATE dataset SET document = :document WHERE id = :id", document=json.dumps(document), id=dataset)

"""The time in an agreement is the provider's word; periods of use and deadlines count from it, so it is bounded."""

from typing import Any

import pytest

from connector.exchange.contracts.agreement import agreements
from connector.foundation.clock import rfc3339
from tests.testkit.towns import Towns

DAY = 86_400_000
pytestmark = pytest.mark.threat("T22")


async def agreed(towns: Towns, at: str) -> str:
    """The state of the consumer's negotiation with a provider whose agreement says this time, and seals nothing.

    REQUESTED: it was refused.
    """

    def bend(message: dict[str, Any]) -> None:
        message["agreement"]["timestamp"] = at
        for name in [one for one in message if one.endswith("Signature")]:
            del message[name]

    towns.wire.bend["ContractAgreementMessage"] = bend
    asked = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt"))
    for _ in range(6):  # a refusal is believed after some tries
        await towns.hurry()
    return (await towns.case("nachbardorf", asked.id)).shown


@pytest.mark.on_both
async def test_an_agreement_of_another_age_is_not_taken(towns: Towns) -> None:
    """>> request << an agreement that is long over, or not yet made: refused, nothing is agreed."""
    for at in ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00", "1970-01-01T00:00:00Z"):
        assert await agreed(towns, at) == "REQUESTED", at
    assert await towns.rows("nachbardorf", "SELECT 1 FROM agreement WHERE participant = :participant") == []


async def test_clocks_may_differ_by_a_day(towns: Towns) -> None:
    """A peer that names no zone is up to fourteen hours off, and means no harm."""
    assert agreements.STRAY_MS == DAY
    for days, expected in {-1.1: "REQUESTED", -0.9: "FINALIZED", 0.9: "FINALIZED", 1.1: "REQUESTED"}.items():
        assert await agreed(towns, rfc3339(towns.clock.now() + int(days * DAY))) == expected, days

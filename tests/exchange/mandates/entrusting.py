"""A provider that acts for Musterstadt, for tests of what follows from that."""

from typing import Any

from connector.exchange.mandates.model import Given, Wish
from connector.exchange.mandates.service import SEAL, Mandates
from tests.testkit.towns import Towns

PROVIDER = "did:web:it-verbund.example"
YEAR_MS = 365 * 86_400_000
TOWN = "musterstadt"


def mandates(towns: Towns) -> Mandates:
    """With its errands among those that `towns.run` does."""
    made = Mandates(towns.db, towns.clock, towns.participants)
    towns.handlers = {**towns.handlers, SEAL: made.seal_withdrawal}
    return made


def wish(towns: Towns, **more: Any) -> Wish:
    said: dict[str, Any] = {
        "agent": PROVIDER,
        "name": "IT-Verbund Beispiel",
        "actions": ("negotiate", "publish", "serve"),
        "until": towns.clock.now() + YEAR_MS,
        "contract": "AVV 2026-117",
    }
    return Wish(**{**said, **more})


async def entrusted(towns: Towns, slug: str = TOWN, **more: Any) -> Given:
    return await mandates(towns).give(slug, wish(towns, **more))


async def methods(towns: Towns, relation: str) -> list[str]:
    """Who controls the keys that stand in that relation of the town's document, in their order."""
    document: dict[str, Any] = (await towns.participants.get(TOWN)).document
    controller = {one["id"]: one["controller"] for one in document["verificationMethod"]}
    return [controller[kid] for kid in document[relation]]

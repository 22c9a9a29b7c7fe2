"""An agreement, and the request that asks for another one in its place."""

from typing import Any

from connector.exchange.contracts.model import Agreement, NegotiationRow
from tests.testkit.cities import PURPOSE
from tests.testkit.shown import as_shown
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"


async def first(towns: Towns) -> tuple[Agreement, Any]:
    """An agreement in force and what it is about."""
    made = await towns.publish(PROVIDER)
    asked = await towns.ask(CONSUMER, PROVIDER, made)
    await towns.run()
    return await towns.agreement(CONSUMER, (await towns.case(CONSUMER, asked.id)).agreement), made


async def ask(towns: Towns, made: Any, replaces: str | None) -> NegotiationRow:
    return await towns.db.write(
        CONSUMER,
        towns.contracts.request,
        CONSUMER,
        towns.partner(PROVIDER),
        made[0].id,
        made[1].for_catalogue(),
        PURPOSE,
        None,
        None,
        replaces,
        as_shown(*made),
    )

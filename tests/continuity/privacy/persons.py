"""An agreement that persons have asked for and signed."""

from typing import Any

from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.model import Agreement
from tests.testkit.cities import PURPOSE
from tests.testkit.shown import as_shown
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"
HER = "p-7f3a91"
HEAD = Approval(role="Amtsleitung", pseudonym=HER, mandate="M-12")
WHY = {"de": [f"Auf Wunsch von {HER}."], "en": [f"At the request of {HER}."]}


async def ask_for(towns: Towns, **wish: Any) -> str:
    """The consumer asks in the name of the head of its office."""
    dataset, offer = await towns.publish(PROVIDER, **wish)
    wish = dataset.id, offer.for_catalogue(), PURPOSE, None, HEAD, None, as_shown(dataset, offer)
    case = await towns.db.write(CONSUMER, towns.contracts.request, CONSUMER, towns.partner(PROVIDER), *wish)
    return case.id


async def signed(towns: Towns) -> Agreement:
    case = await ask_for(towns)
    await towns.run()
    return await towns.agreement(CONSUMER, (await towns.case(CONSUMER, case)).agreement)

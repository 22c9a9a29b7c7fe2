"""P1 decides: a partner asked for a contract that waits for one person; yes, no with a reason, or other terms."""

from connector.data.approvals.model import ApprovalRule
from tests.desk.hand import Hand
from tests.desk.journeys.stage import Stage
from tests.desk.journeys.steward import TREES
from tests.desk.towns import NEIGHBOUR, TOWN, Towns


async def approve(stage: Stage) -> None:
    """From the overview to a yes; the contract comes about."""
    title = f"Radwege {stage.tag}"
    asked = await _asked(stage.towns, title)
    async with stage.desk(await stage.towns.person(f"Frieda Freigabe {stage.way}", {TOWN: ("steward",)})) as hand:
        await _look(hand, title)
        await hand.press("Zustimmen")
        await hand.see("freigegeben")
    assert (await _outcome(stage.towns, asked))["state"] == "FINALIZED"


async def refuse(stage: Stage) -> None:
    """From the overview to a no with its reason, which the partner reads."""
    title, words = f"Brunnen {stage.tag}", "Die Daten werden gerade neu erhoben."
    asked = await _asked(stage.towns, title)
    async with stage.desk(await stage.towns.person(f"Nora Nein {stage.way}", {TOWN: ("steward",)})) as hand:
        await _look(hand, title)
        await hand.choose("Warum?", "Diese Daten geben wir so nicht heraus")
        await hand.write("In Ihren Worten", words)
        await hand.press("Ablehnen")
        await hand.see(words)
    ended = await _outcome(stage.towns, asked)
    assert (ended["state"], words in str(ended["reason"])) == ("TERMINATED", True)


async def offer_other_terms(stage: Stage) -> None:
    """From the overview to the same terms until an earlier day; the partner has to answer now."""
    title = f"Laternen {stage.tag}"
    asked = await _asked(stage.towns, title)
    async with stage.desk(await stage.towns.person(f"Gesa Gegenangebot {stage.way}", {TOWN: ("steward",)})) as hand:
        await _look(hand, title)
        await hand.write("Letzter Tag", "31.12.2027")
        await hand.press("Gegenangebot schicken")
        await hand.see("Gegenangebot gemacht")
    assert (await _outcome(stage.towns, asked))["state"] == "OFFERED"


async def _look(hand: Hand, title: str) -> None:
    await hand.open(f"/t/{TOWN}/")
    await hand.follow("Ansehen und entscheiden", within=title)


async def _asked(there: Towns, title: str) -> str:
    """The neighbour's negotiation, which waits at Musterstadt."""
    rule = ApprovalRule(subject="contract", template="municipalities-only", people="one", protection=False, days=14)
    services = there.city.services
    await services.infra.db.write(TOWN, services.approvals.service.rules.put, TOWN, rule, "p-000000")
    made = await there.city.publish(TOWN, TREES, title=title, rule="municipalities-only", slots={})
    asked = await there.city.negotiate(NEIGHBOUR, there.city.did(TOWN), made["dataset"], wait=0)
    return str(asked["id"])


async def _outcome(there: Towns, negotiation: str) -> dict[str, object]:
    """As the neighbour sees it once it rests."""
    found: dict[str, object] = await there.city.api.get(
        f"/api/v1/participants/{NEIGHBOUR}/negotiations/{negotiation}", wait="60"
    )
    return found

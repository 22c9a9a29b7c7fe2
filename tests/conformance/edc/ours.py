"""Hanse as consumer of EDC: pages of its catalogue, negotiations, data pushed to us and pulled by us, and endings."""

from typing import Any

from tests.conformance.edc.hanse import Hanse
from tests.conformance.edc.management import Management
from tests.conformance.edc.scene import PAGES, TREES, Doubled, Otherwise, Scenario, Scene, holds, same
from tests.conformance.edc.site import CONTENT

_OVER = ("FINALIZED", "TERMINATED")
_TRIES = 3
_AGREEMENT = "ContractAgreementMessage"


async def _agreed(hanse: Hanse, edc: Management) -> dict[str, Any]:
    shown = await hanse.negotiation(await hanse.negotiate(edc.edc.name, TREES))
    if shown["state"] == "TERMINATED" and await _agreed_twice(hanse, shown["id"]):
        raise Doubled
    same((shown["state"], shown["reason"]), ("FINALIZED", None))
    return shown


async def _agreed_twice(hanse: Hanse, negotiation: str) -> bool:
    """Whether EDC sent a second agreement under an id of its own after we had taken one, and we refused that."""
    events = (await hanse.call("GET", f"/trace/{negotiation}"))["events"]
    about = [one for one in events if one["text"]["en"].startswith(_AGREEMENT)]
    taken = {one["message_id"] for one in about if one["event"] == "heard"}
    refused = {one["message_id"] for one in about if one["event"].startswith("refused")}
    return bool(taken) and bool(refused - taken)


async def _theirs(edc: Management, consumer_pid: str, states: tuple[str, ...]) -> dict[str, Any]:
    """The negotiation as EDC shows it, by the pid that we gave it."""

    async def look(pid: str) -> dict[str, Any]:
        rows = await edc.found("contractnegotiations", "correlationId", pid)
        return rows[0] if rows else {"state": "–"}

    return await edc.until(look, consumer_pid, states)


async def catalogue(scene: Scene) -> None:
    """All pages: EDC calls the way back `prev` and continues by a token of its own."""
    found = await scene.hanse.find(scene.edc.edc.name)
    same(found["failed"], [])
    same(len({one["dataset"] for one in found["results"]}), PAGES + 1)


async def negotiation(scene: Scene) -> None:
    """To FINALIZED on both sides, under an offer id that is not ours to understand."""
    shown = await _agreed(scene.hanse, scene.edc)
    theirs = await _theirs(scene.edc, shown["id"], _OVER)
    same(theirs["state"], "FINALIZED")


async def early(scene: Scene) -> None:
    """Our verification reaches EDC before it has saved that it agreed: its 409 does not end the negotiation."""
    await _agreed(scene.detour, scene.slow)


async def push(scene: Scene) -> None:
    """EDC's data plane sends to a door of ours."""
    agreed = await _agreed(scene.hanse, scene.edc)
    transfer = await scene.hanse.transfer(agreed["agreement"], mode="push")
    shown = await scene.hanse.process(transfer)
    same((shown["state"], shown["reason"]), ("COMPLETED", None))
    same(await scene.hanse.call("GET", f"/transfers/{transfer}/content"), CONTENT)


async def no_pull(scene: Scene) -> None:
    """EDC offers to be pulled from, but its data plane has no endpoint: we show its reason."""
    agreed = await _agreed(scene.hanse, scene.edc)
    shown = await scene.hanse.process(await scene.hanse.transfer(agreed["agreement"]))
    same(shown["state"], "TERMINATED")
    holds("Endpoint" in str(shown["reason"]), "Endpoint")


async def pull(scene: Scene) -> None:
    """From a data plane beside EDC, with the address as EDC passes it on."""
    agreed = await _agreed(scene.hanse, scene.slow)
    transfer = await scene.hanse.transfer(agreed["agreement"])
    shown = await scene.hanse.process(transfer)
    same((shown["state"], shown["reason"]), ("COMPLETED", None))
    same(await scene.hanse.call("GET", f"/transfers/{transfer}/content"), CONTENT)


async def _asked(scene: Scene) -> tuple[str, dict[str, Any]]:
    """A negotiation that is on its way: the slow EDC takes more than a second for it."""
    ours = await scene.hanse.negotiate(scene.slow.edc.name, TREES)
    theirs = await _theirs(scene.slow, ours, ("REQUESTED", "AGREEING", "AGREED", *_OVER))
    holds("@id" in theirs, ours)
    return ours, theirs


async def we_end(scene: Scene) -> None:
    """We end a negotiation before EDC has finalized it."""
    ours, _ = await _asked(scene)
    await scene.hanse.end_negotiation(ours, "doch nicht")
    same((await scene.hanse.negotiation(ours))["state"], "TERMINATED")
    same((await _theirs(scene.slow, ours, _OVER))["state"], "TERMINATED")


async def they_end(scene: Scene) -> None:
    """EDC ends it, and we show its reason. A busy one may have finalized before it is told; then another one."""
    for _ in range(_TRIES):
        ours, theirs = await _asked(scene)
        await scene.slow.end_negotiation(theirs["@id"], "not today")
        shown = await scene.hanse.negotiation(ours)
        if shown["state"] != "FINALIZED":
            break
    same(shown["state"], "TERMINATED")
    holds("not today" in str(shown["reason"]), "not today")


async def gone(scene: Scene) -> None:
    """An asset that EDC does not have: its 404 becomes a sentence, and nothing is begun."""
    before = len(await scene.hanse.negotiations())
    try:
        await scene.hanse.negotiate(scene.edc.edc.name, "no-such-asset")
    except Exception as refused:
        same(getattr(refused, "status", None), 400)
    else:
        raise Otherwise(400, 201)
    same(len(await scene.hanse.negotiations()), before)


SCENARIOS: dict[str, Scenario] = {
    "our-catalogue": catalogue,
    "our-unknown-dataset": gone,
    "our-negotiation": negotiation,
    "our-early-verification": early,
    "our-termination": we_end,
    "our-negotiation-ended": they_end,
    "our-refused-pull": no_pull,
    "our-pull": pull,
    "our-push": push,
}

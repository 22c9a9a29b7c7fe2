"""EDC as consumer of Hanse: it reads our catalogue, negotiates, is refused, pulls, is pushed to, and ends things."""

from typing import Any

import aiohttp

from tests.conformance.edc.hanse import Hanse
from tests.conformance.edc.management import NS, Management
from tests.conformance.edc.scene import Forgotten, Otherwise, Scenario, Scene, holds, same
from tests.conformance.edc.site import CONTENT

RULES = ("open-attribution", "municipalities-only", "counties-only")
PULL, PUSH = "HttpData-PULL", "HttpData-PUSH"
_OVER = ("FINALIZED", "TERMINATED")
_VERIFICATION = "ContractAgreementVerificationMessage"


async def _dataset(scene: Scene, rule: str) -> dict[str, Any]:
    """Ours, as EDC's catalogue shows it."""
    return await _shown(scene, scene.edc, scene.hanse, rule)


async def _shown(scene: Scene, edc: Management, hanse: Hanse, rule: str) -> dict[str, Any]:
    listed = await edc.catalogue(hanse.peer)
    found = listed["dataset"]
    shown = {one["@id"]: one for one in (found if isinstance(found, list) else [found])}
    holds(scene.datasets[rule] in shown, scene.datasets[rule])
    one: dict[str, Any] = shown[scene.datasets[rule]]
    return {**one, "hasPolicy": one["hasPolicy"] if isinstance(one["hasPolicy"], list) else [one["hasPolicy"]]}


async def _agreed(scene: Scene, rule: str = "open-attribution") -> dict[str, Any]:
    """A finalized negotiation, as EDC shows it.

    Raises Forgotten where EDC stays VERIFIED although it has sent its verification twice, under two ids, and has said
    200 to FINALIZED between them: what EDC 0.15.1 books of the second answer overwrites what it had booked before.
    """
    asked = await scene.edc.negotiate(scene.hanse.peer, await _dataset(scene, rule))
    shown = await scene.edc.until(scene.edc.negotiation, asked, _OVER)
    if shown["state"] == "VERIFIED" and await _finalized_and_verified_twice(scene.hanse):
        raise Forgotten
    same(shown["state"], "FINALIZED")
    return shown


async def _finalized_and_verified_twice(hanse: Hanse) -> bool:
    """Of our newest negotiation: whether it is FINALIZED, EDC knows, and more than one verification came."""
    ours = (await hanse.negotiations())[0]
    events = (await hanse.call("GET", f"/trace/{ours['id']}"))["events"]
    said = [(one["event"], one["text"]["en"], one["message_id"], one["status"]) for one in events]
    came = {id_ for event, text, id_, _ in said if event == "heard" and text.startswith(_VERIFICATION)}
    known = any(event == "answer" and text.startswith("FINALIZE") and status == 200 for event, text, _, status in said)
    return ours["state"] == "FINALIZED" and known and len(came) > 1


async def catalogue(scene: Scene) -> None:
    """Our participant id, our datasets, one offer each."""
    listed = await scene.edc.catalogue(scene.hanse.peer)
    same(listed["participantId"], scene.hanse.did)
    same({one["@id"] for one in listed["dataset"]}, {scene.datasets[rule] for rule in RULES})


async def negotiation(scene: Scene) -> None:
    """Four messages to FINALIZED on both sides."""
    await _agreed(scene)
    ours = (await scene.hanse.negotiations())[0]
    same((ours["state"], ours["counterparty"]), ("FINALIZED", scene.edc.edc.name))


async def lists(scene: Scene) -> None:
    """A rule with a list, which EDC sends back as text, and whose agreement it takes only as it was published."""
    await _agreed(scene, "municipalities-only")


async def refusal(scene: Scene) -> None:
    """An offer for others only: EDC takes our termination with its reason, which it does not show, but we do."""
    asked = await scene.edc.negotiate(scene.hanse.peer, await _dataset(scene, "counties-only"))
    same((await scene.edc.until(scene.edc.negotiation, asked, _OVER))["state"], "TERMINATED")
    ours = await scene.hanse.negotiation((await scene.hanse.negotiations())[0]["id"])
    same((ours["state"], bool(ours["reason"])), ("TERMINATED", True))


async def _offered(scene: Scene) -> str:
    """A negotiation that rests: EDC asked for other terms, and has ours before it."""
    dataset = await _dataset(scene, "open-attribution")
    terms = {**dataset["hasPolicy"][0], "permission": [{"action": "use"}]}
    asked = await scene.edc.negotiate(scene.hanse.peer, {**dataset, "hasPolicy": [terms]})
    same((await scene.edc.until(scene.edc.negotiation, asked, ("OFFERED", *_OVER)))["state"], "OFFERED")
    return asked


async def they_end(scene: Scene) -> None:
    """EDC ends a negotiation that rests with our counter-offer."""
    asked = await _offered(scene)
    ours = (await scene.hanse.negotiations())[0]
    await scene.edc.end_negotiation(asked, "no longer needed")
    same((await scene.edc.until(scene.edc.negotiation, asked, _OVER))["state"], "TERMINATED")
    shown = await scene.hanse.negotiation(ours["id"])
    same(shown["state"], "TERMINATED")
    holds("no longer needed" in str(shown["reason"]), "no longer needed")


async def we_end(scene: Scene) -> None:
    """We end it, and EDC takes note."""
    asked = await _offered(scene)
    ours = (await scene.hanse.negotiations())[0]
    await scene.hanse.end_negotiation(ours["id"], "nicht mehr nötig")
    same((await scene.edc.until(scene.edc.negotiation, asked, _OVER))["state"], "TERMINATED")
    same((await scene.hanse.negotiation(ours["id"]))["state"], "TERMINATED")


async def _pulling(scene: Scene) -> tuple[str, dict[str, str]]:
    """A started pull, and where EDC's events say that the data is."""
    agreed = await _agreed(scene)
    transfer = await scene.edc.transfer(
        scene.hanse.peer, agreed["contractAgreementId"], agreed["assetId"], PULL, f"{scene.site.root}/events"
    )
    return transfer, await _address(scene, transfer)


async def _address(scene: Scene, transfer: str) -> dict[str, str]:
    started = await scene.site.event(transfer, "TransferProcessStarted")
    if started is None:
        raise Otherwise("TransferProcessStarted", (await scene.edc.process(transfer))["state"])
    properties: dict[str, str] = started["dataAddress"]["properties"]
    return {name: properties[NS + name] for name in ("endpoint", "authorization", "authType")}


async def _read(address: dict[str, str]) -> tuple[int, bytes]:
    headers = {"Authorization": f"{address['authType'].title()} {address['authorization']}"}
    async with aiohttp.ClientSession() as session, session.get(address["endpoint"], headers=headers) as answer:
        return answer.status, await answer.read()


async def pull(scene: Scene) -> None:
    """The bytes, with the address and the secret from EDC's own event."""
    _, address = await _pulling(scene)
    same(await _read(address), (200, CONTENT))


async def resume(scene: Scene) -> None:
    """EDC suspends and resumes: the old secret is worth nothing, a new one comes with a new start."""
    transfer, address = await _pulling(scene)
    await scene.edc.suspend(transfer, "a pause")
    same((await scene.edc.until(scene.edc.process, transfer, ("SUSPENDED", "TERMINATED")))["state"], "SUSPENDED")
    same((await _read(address))[0] // 100, 4)
    scene.site.forget(transfer)
    await scene.edc.resume(transfer)
    same(await _read(await _address(scene, transfer)), (200, CONTENT))


async def transfer_they_end(scene: Scene) -> None:
    """EDC terminates a transfer: its secret opens nothing any more."""
    transfer, address = await _pulling(scene)
    await scene.edc.end_transfer(transfer, "enough")
    same((await scene.edc.until(scene.edc.process, transfer, ("TERMINATED",)))["state"], "TERMINATED")
    same((await _read(address))[0] // 100, 4)


async def transfer_we_end(scene: Scene) -> None:
    """We terminate a transfer, and EDC hears of it."""
    transfer, address = await _pulling(scene)
    ours = address["endpoint"].rsplit("/", 1)[-1]
    await scene.hanse.end_transfer(ours, "Schluss")
    same((await scene.edc.until(scene.edc.process, transfer, ("TERMINATED",)))["state"], "TERMINATED")
    same((await _read(address))[0] // 100, 4)


async def push(scene: Scene) -> None:
    """To the destination that EDC names."""
    agreed = await _agreed(scene)
    to = {"type": "HttpData", "baseUrl": scene.site.sink("theirs")}
    transfer = await scene.edc.transfer(
        scene.hanse.peer, agreed["contractAgreementId"], agreed["assetId"], PUSH, f"{scene.site.root}/events", to
    )
    same(await scene.site.received("theirs"), CONTENT)
    same((await scene.edc.until(scene.edc.process, transfer, ("COMPLETED", "TERMINATED")))["state"], "COMPLETED")


async def early(scene: Scene) -> None:
    """Our agreement reaches EDC before it has saved that it asked: its 409 is waited out."""
    dataset = await _shown(scene, scene.slow, scene.detour, "detour")
    asked = await scene.slow.negotiate(scene.detour.peer, dataset)
    same((await scene.slow.until(scene.slow.negotiation, asked, _OVER))["state"], "FINALIZED")


SCENARIOS: dict[str, Scenario] = {
    "their-catalogue": catalogue,
    "their-negotiation": negotiation,
    "their-lists": lists,
    "their-refusal": refusal,
    "their-termination": they_end,
    "their-negotiation-ended": we_end,
    "their-early-agreement": early,
    "their-pull": pull,
    "their-resume": resume,
    "their-transfer-termination": transfer_they_end,
    "their-transfer-ended": transfer_we_end,
    "their-push": push,
}

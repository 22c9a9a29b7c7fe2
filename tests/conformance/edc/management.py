"""EDC's management API, as far as the scenarios drive it: JSON-LD with its own vocabulary, version 3."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from tests.conformance.edc.program import KEY, Edc

PROTOCOL = "dataspace-protocol-http:2025-1"
NS = "https://w3id.org/edc/v0.0.1/ns/"
ODRL = "http://www.w3.org/ns/odrl.jsonld"
USE: Mapping[str, Any] = {"permission": [{"action": "use"}]}
WAIT_S = 20.0
_LOOK_S = 0.05


class Other(Exception):
    """It answered otherwise than with success."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status, self.text = status, text


class Peer:
    """Another connector as EDC addresses it."""

    def __init__(self, did: str, base: str) -> None:
        self.did, self.base = did, base

    def addressed(self) -> dict[str, Any]:
        return {"counterPartyAddress": self.base, "counterPartyId": self.did, "protocol": PROTOCOL}


class Management:
    """Of one running EDC."""

    def __init__(self, session: aiohttp.ClientSession, edc: Edc) -> None:
        self._session, self.edc = session, edc

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, at: str = "") -> Any:
        """The JSON of a successful answer; raises Other."""
        sent = None if method == "GET" else {"@context": {"@vocab": NS}, **(body or {})}
        url = (at or self.edc.management) + path
        async with self._session.request(method, url, json=sent, headers={"X-Api-Key": KEY}) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise Other(answer.status, text)
            return json.loads(text) if text else {}

    # As provider

    async def policy(self, name: str, rules: Mapping[str, Any] = USE) -> None:
        policy = {"@context": ODRL, "@type": "Set", **rules}
        await self.call("POST", "/policydefinitions", {"@id": name, "policy": policy})

    async def offer(self, name: str, policy: str) -> None:
        """All assets under this policy."""
        body = {"@id": name, "accessPolicyId": policy, "contractPolicyId": policy, "assetsSelector": []}
        await self.call("POST", "/contractdefinitions", body)

    async def asset(self, name: str, source: Mapping[str, str]) -> None:
        await self.call("POST", "/assets", {"@id": name, "properties": {"name": name}, "dataAddress": dict(source)})

    async def plane(self, url: str, source: str, transfer: str) -> None:
        """A data plane that is not its own, for assets whose source is of this type."""
        body = {"@id": source, "url": url, "allowedSourceTypes": [source], "allowedTransferTypes": [transfer]}
        await self.call("POST", "/v1/dataplanes", {"@type": "DataPlaneInstance", **body}, at=self.edc.control)

    # As consumer

    async def catalogue(self, peer: Peer) -> dict[str, Any]:
        found: dict[str, Any] = await self.call("POST", "/catalog/request", peer.addressed())
        return found

    async def negotiate(self, peer: Peer, dataset: Mapping[str, Any]) -> str:
        """Asks for the first offer of a dataset, as it stands in the catalogue."""
        policy = {"@context": ODRL, **dataset["hasPolicy"][0], "@type": "Offer", "assigner": peer.did}
        body = {"@type": "ContractRequest", "policy": {**policy, "target": dataset["@id"]}, **peer.addressed()}
        return str((await self.call("POST", "/contractnegotiations", body))["@id"])

    async def transfer(
        self, peer: Peer, agreement: str, dataset: str, kind: str, events: str, to: Mapping[str, str] | None = None
    ) -> str:
        """`events` is an address that hears of the transfer, `to` where the data shall go (push)."""
        heard = [{"transactional": False, "uri": events, "events": ["transfer.process"]}]
        body = {"contractId": agreement, "assetId": dataset, "transferType": kind, "callbackAddresses": heard}
        pushed = {} if to is None else {"dataDestination": dict(to)}
        asked = {"@type": "TransferRequest", **body, **pushed, **peer.addressed()}
        return str((await self.call("POST", "/transferprocesses", asked))["@id"])

    # As either

    async def negotiation(self, negotiation: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.call("GET", f"/contractnegotiations/{negotiation}")
        return found

    async def process(self, transfer: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.call("GET", f"/transferprocesses/{transfer}")
        return found

    async def end_negotiation(self, negotiation: str, reason: str) -> None:
        body = {"@type": "TerminateNegotiation", "@id": negotiation, "reason": reason}
        await self.call("POST", f"/contractnegotiations/{negotiation}/terminate", body)

    async def suspend(self, transfer: str, reason: str) -> None:
        body = {"@type": "SuspendTransfer", "reason": reason}
        await self.call("POST", f"/transferprocesses/{transfer}/suspend", body)

    async def resume(self, transfer: str) -> None:
        await self.call("POST", f"/transferprocesses/{transfer}/resume")

    async def end_transfer(self, transfer: str, reason: str) -> None:
        body = {"@type": "TerminateTransfer", "reason": reason}
        await self.call("POST", f"/transferprocesses/{transfer}/terminate", body)

    async def found(self, noun: str, member: str, value: str) -> list[dict[str, Any]]:
        """The newest negotiations (`contractnegotiations`) or transfers with this value of a member."""
        criterion = {"@type": "Criterion", "operandLeft": member, "operator": "=", "operandRight": value}
        asked = {"@type": "QuerySpec", "filterExpression": [criterion], "sortField": "createdAt", "sortOrder": "DESC"}
        rows: list[dict[str, Any]] = await self.call("POST", f"/{noun}/request", asked)
        return rows

    async def until(self, look: Any, one: str, states: Sequence[str], wait_s: float = WAIT_S) -> dict[str, Any]:
        """What `look` shows of it once it is in one of the states, or when the time is over."""
        end = time.monotonic() + wait_s
        while True:
            shown: dict[str, Any] = await look(one)
            if shown["state"] in states or time.monotonic() > end:
                return shown
            await asyncio.sleep(_LOOK_S)

"""Two towns in the middle of their exchanges, and what either could say next about each of them.

`musterstadt` is on trial. It has a negotiation and a transfer in each role with `nachbardorf`; a third town,
`fernstadt`, has nothing to do with them.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.transfer.model import Mode, TransferRow
from connector.foundation.clock import rfc3339
from connector.foundation.ids import new_id
from connector.foundation.storage.database import WORKER, Database, Tx
from connector.kernel.protocol import codec
from connector.kernel.protocol.messages import CONTEXT, HANSE
from connector.kernel.protocol.process import Role
from tests.testkit.cities import PURPOSE
from tests.testkit.towns import Towns

TOWN, PEER, STRANGER = "musterstadt", "nachbardorf", "fernstadt"
MODES: tuple[Mode, ...] = ("pull", "push")
FAR = 2**50
ADDRESS = {
    "@type": "DataAddress",
    "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
    "endpoint": "https://localhost:18443/nachbardorf/data/1",
    "endpointProperties": [
        {"@type": "EndpointProperty", "name": "authorization", "value": "t" * 43},
        {"@type": "EndpointProperty", "name": "authType", "value": "bearer"},
    ],
}
NEGOTIATION = {
    "REQUEST": "request",
    "OFFER": "offers",
    "AGREE": "agreement",
    "VERIFY": "agreement/verification",
    "ACCEPT": "events",
    "FINALIZE": "events",
    "TERMINATE": "termination",
}
TRANSFER = {"START": "start", "SUSPEND": "suspension", "COMPLETE": "completion", "TERMINATE": "termination"}


class Said(NamedTuple):
    """A message and the path below the root that it is posted to."""

    path: str
    message: dict[str, Any]

    @property
    def body(self) -> bytes:
        return json.dumps(self.message).encode()


class Ground:
    """`cases` and `processes` are by our role in them; data is fetched in some transfers and sent in others."""

    def __init__(self, towns: Towns) -> None:
        self.towns = towns
        self.cases: dict[Role, NegotiationRow] = {}
        self.processes: dict[tuple[Role, Mode], TransferRow] = {}
        self.open: list[NegotiationRow] = []

    async def build(self) -> None:
        """Concluded and running exchanges in both roles, and negotiations that stand at each side's turn."""
        towns = self.towns
        await towns.add(TOWN, PEER, STRANGER)
        self.shown = {slug: await towns.publish(slug) for slug in (TOWN, PEER)}
        for role, provider, consumer in ((Role.PROVIDER, TOWN, PEER), (Role.CONSUMER, PEER, TOWN)):
            agreement = await towns.concluded(consumer, provider)
            self.cases[role] = await towns.case(TOWN, await self._youngest("negotiation", role))
            for mode in MODES:
                await towns.fetch(consumer, provider, agreement, mode)
                await towns.run(2)
                self.processes[role, mode] = await towns.process(TOWN, await self._youngest("transfer", role))
                await self._halt()
            await towns.ask(consumer, provider, self.shown[provider])
            await towns.run(1 if consumer == TOWN else 2)
            self.open.append(await towns.case(TOWN, await self._youngest("negotiation", role)))
            await self._halt()

    async def _youngest(self, table: str, role: Role) -> str:
        sql = f"SELECT id FROM {table} WHERE participant = :participant AND role = :role ORDER BY rowid DESC"
        rows = await self.towns.rows(TOWN, sql, role=str(role))
        return str(rows[0]["id"])

    async def _halt(self) -> None:
        """What has not been sent yet never will be."""
        await self.towns.db.write(WORKER, _never_due)

    # What the peer could say

    def first_request(self, **changes: Any) -> Said:
        dataset, offer = self.shown[TOWN]
        members = {
            "consumerPid": new_id(),
            "callbackAddress": self._base(PEER),
            f"{HANSE}purpose": PURPOSE,
            "offer": {**offer.for_catalogue(), "@type": "Offer", "target": dataset.id},
        }
        return Said("/2025-1/negotiations/request", _message("ContractRequestMessage", members | changes))

    def first_offer(self, **changes: Any) -> Said:
        dataset, offer = self.shown[PEER]
        members = {
            "providerPid": new_id(),
            "callbackAddress": self._base(PEER),
            "offer": {**offer.for_catalogue(), "@type": "Offer", "target": dataset.id},
        }
        return Said("/2025-1/negotiations/offers", _message("ContractOfferMessage", members | changes))

    def transfer_request(self, **changes: Any) -> Said:
        members = {
            "consumerPid": new_id(),
            "agreementId": self.cases[Role.PROVIDER].agreement,
            "format": "HttpData-PULL",
            "callbackAddress": self._base(PEER),
            f"{HANSE}purpose": PURPOSE,
        }
        return Said("/2025-1/transfers/request", _message("TransferRequestMessage", members | changes))

    def about(self, case: NegotiationRow, kind: str, **changes: Any) -> Said:
        """The peer's word in a negotiation, in form and content as it should be."""
        pids = {"providerPid": case.provider_pid or new_id(), "consumerPid": case.consumer_pid or new_id()}
        members: dict[str, Any] = pids | changes
        match kind:
            case "REQUEST" | "OFFER":
                members["offer"] = case.policy
            case "AGREE":
                members["agreement"] = self._agreement(case)
            case "ACCEPT" | "FINALIZE":
                members["eventType"] = {"ACCEPT": "ACCEPTED", "FINALIZE": "FINALIZED"}[kind]
            case "TERMINATE":
                members |= {"code": "enough", "reason": ["Genug.", "Enough."]}
        return Said(
            f"/2025-1/negotiations/{quote(case.id, safe=':')}/{NEGOTIATION[kind]}", _message(_TYPES[kind], members)
        )

    def on(self, process: TransferRow, kind: str, **changes: Any) -> Said:
        """The peer's word about a transfer; START brings an address if it is the peer's to give."""
        pids = {"providerPid": process.provider_pid or new_id(), "consumerPid": process.consumer_pid or new_id()}
        members: dict[str, Any] = pids | changes
        if kind == "START" and not process.owned:
            members.setdefault("dataAddress", ADDRESS)
        return Said(
            f"/2025-1/transfers/{quote(process.id, safe=':')}/{TRANSFER[kind]}", _message(_TRANSFERS[kind], members)
        )

    def everything(self) -> Iterator[Said]:
        """Every kind of message, about every process, and the first ones."""
        yield Said("/2025-1/catalog/request", _message("CatalogRequestMessage", {}))
        yield from (self.first_request(), self.first_offer(), self.transfer_request())
        yield self.transfer_request(format="HttpData-PUSH", dataAddress=ADDRESS)
        for case in (*self.cases.values(), *self.open):
            yield from (self.about(case, kind) for kind in NEGOTIATION)
        for process in self.processes.values():
            yield from (self.on(process, kind) for kind in TRANSFER)

    def _agreement(self, case: NegotiationRow) -> dict[str, Any]:
        parties = {"assigner": case.counterparty, "assignee": self.towns.did(TOWN)}
        kept = {name: value for name, value in case.policy.items() if name not in ("assigner", "assignee")}
        now = rfc3339(self.towns.clock.now())
        named = {"@type": "Agreement", "@id": new_id(), "target": case.dataset, "timestamp": now}
        return {**kept, **named, **parties}

    def _base(self, slug: str) -> str:
        return self.towns.participants.held(slug).participant.base


_TYPES = {
    "REQUEST": "ContractRequestMessage",
    "OFFER": "ContractOfferMessage",
    "AGREE": "ContractAgreementMessage",
    "VERIFY": "ContractAgreementVerificationMessage",
    "ACCEPT": "ContractNegotiationEventMessage",
    "FINALIZE": "ContractNegotiationEventMessage",
    "TERMINATE": "ContractNegotiationTerminationMessage",
}
_TRANSFERS = {
    "START": "TransferStartMessage",
    "SUSPEND": "TransferSuspensionMessage",
    "COMPLETE": "TransferCompletionMessage",
    "TERMINATE": "TransferTerminationMessage",
}


def _message(type_: str, members: dict[str, Any]) -> dict[str, Any]:
    assert type_ in codec.TYPES
    return {"@context": [CONTEXT], "@type": type_, "@id": new_id(), **members}


def _never_due(tx: Tx) -> None:
    tx.run("UPDATE outbox SET due_at = :far WHERE done_at IS NULL", far=FAR)


async def ground_in(database: Database, folder: Path) -> Ground:
    ground = Ground(Towns(database, folder))
    await ground.build()
    return ground

"""What a decent member does at each turn, said by a `NastyPeer`: the straight path, from which a test departs.

`Buying` is the consumer of a city, `Selling` its provider. Both say each message only when they are asked to, so that
a test can say it late, twice, in another order, or not at all. A seller's contracts are one-sided: it seals nothing,
unless it is told to.
"""

import json
from typing import Any

from connector.exchange.contracts.document import sealing
from connector.foundation.clock import SystemClock, rfc3339
from connector.foundation.ids import new_id
from connector.kernel.protocol.messages import HANSE
from tests.testkit.cities import PURPOSE
from tests.testkit.nasty import Addressed, Answer, NastyPeer, Received, Reply

DATA = b"a;b\n1;2\n"


class Buying:
    """`nasty` wants a dataset of the participant `slug` of `city`."""

    def __init__(self, nasty: NastyPeer, city: Addressed, slug: str) -> None:
        self.nasty, self._city, self._slug = nasty, city, slug
        self.pids: dict[str, str] = {}

    async def request(self, dataset: str) -> Reply:
        """The first request for the offer as it is shown."""
        offer = await self.nasty.offer(self._city, self._slug, dataset)
        reply = await self._post("/2025-1/negotiations/request", self.nasty.contract_request(offer))
        if reply.status in (200, 201):
            self.pids = {name: reply.json[name] for name in ("providerPid", "consumerPid")}
        return reply

    def message(self, type_: str, **members: Any) -> dict[str, Any]:
        return self.nasty.message(type_, **self.pids, **members)

    async def say(self, path: str, message: dict[str, Any]) -> Reply:
        """Something about the negotiation; `path` is what follows its pid."""
        return await self._post(f"/2025-1/negotiations/{self.pids['providerPid']}/{path}", message)

    async def verify(self) -> Reply:
        return await self.say("agreement/verification", self.message("ContractAgreementVerificationMessage"))

    async def terminate(self) -> Reply:
        return await self.say("termination", self.message("ContractNegotiationTerminationMessage"))

    async def state(self) -> str:
        path = f"/2025-1/negotiations/{self.pids['providerPid']}"
        return str((await self.nasty.get(self._city, self._slug, path)).json["state"])

    async def fetch(self, agreement: str) -> Reply:
        """The request for the data of an agreement."""
        asked = self.nasty.message(
            "TransferRequestMessage",
            consumerPid=new_id(),
            agreementId=agreement,
            format="HttpData-PULL",
            callbackAddress=self.nasty.base,
            **{f"{HANSE}purpose": PURPOSE},
        )
        return await self._post("/2025-1/transfers/request", asked)

    async def _post(self, path: str, message: dict[str, Any]) -> Reply:
        return await self.nasty.post(self._city, self._slug, path, message)


class Selling:
    """`nasty` shows one dataset; the participant `slug` of `city` asks for it. `pids` are those of the last request."""

    def __init__(self, nasty: NastyPeer, city: Addressed, slug: str) -> None:
        self.nasty, self._city, self._slug = nasty, city, slug
        self.dataset = f"{nasty.root}/datasets/1"
        self.asked: dict[str, Any] = {}
        self.pids: dict[str, str] = {}
        self.transfer: dict[str, str] = {}
        self.objects: list[str] = []
        """Paths of what the seal refers to, once there is one."""

    def show(self, entry: dict[str, Any]) -> None:
        """A dataset as another provider shows it, as one of ours; and decent answers to what is asked about it."""
        shown = {**entry, "@id": self.dataset}
        listed = {name: value for name, value in shown.items() if name != "@context"}
        catalogue = {
            "@context": entry["@context"],
            "@type": "Catalog",
            "@id": f"{self.nasty.base}/catalog",
            "participantId": self.nasty.did,
            "dataset": [listed],
        }
        self.nasty.answers |= {
            "/2025-1/catalog/datasets/1": lambda got: (200, json.dumps(shown).encode()),
            "/2025-1/catalog/request": lambda got: (200, json.dumps(catalogue).encode()),
            "/2025-1/negotiations/request": self._requested,
            "/2025-1/transfers/request": self._wanted,
            "/data/1": lambda got: (200, DATA),
        }

    def agreement(self, **changes: Any) -> dict[str, Any]:
        """What was asked for, as an agreement between the two."""
        rules = {name: value for name, value in self.asked["offer"].items() if name not in ("assigner", "assignee")}
        parties = {"assigner": self.nasty.did, "assignee": self._city.did(self._slug)}
        named = {"@id": new_id(), "@type": "Agreement", "timestamp": rfc3339(SystemClock().now())}
        return {**rules, **named, **parties, **changes}

    async def agree(self, **changes: Any) -> Reply:
        message = self.nasty.message("ContractAgreementMessage", **self.pids, agreement=self.agreement(**changes))
        return await self.say("agreement", message)

    def sealed(self) -> dict[str, Any]:
        """The agreement under a seal whose objects lie where it says: well made, but no contract of ours."""
        plain = self.agreement()
        document = sealing.canonical(plain)
        root = self.nasty.root
        references = sealing.references(
            document,
            plain["@id"],
            provider_root=root,
            signer_root=root,
            text=b"text",
            profile=b"profile",
            dataset=b"dataset",
            approval=b"approval",
        )
        seal = sealing.sign(references, self.nasty.seal, self.nasty.chain(), 1_795_000_000)
        for one in references[1:]:
            self.objects.append(one.par.removeprefix(root))
            self.nasty.answers[self.objects[-1]] = _always(one.body)
        members = {"agreement": plain, f"{HANSE}agreementSignature": seal}
        return self.nasty.message("ContractAgreementMessage", **self.pids, **members)

    async def finalize(self) -> Reply:
        event = self.nasty.message("ContractNegotiationEventMessage", **self.pids, eventType="FINALIZED")
        return await self.say("events", event)

    async def say(self, path: str, message: dict[str, Any]) -> Reply:
        """Something about the negotiation; `path` is what follows its pid."""
        return await self._post(f"/2025-1/negotiations/{self.pids['consumerPid']}/{path}", message)

    async def start(self, endpoint: str | None = None) -> Reply:
        """The transfer may begin: here is the address, and a token for it."""
        pairs = {"authorization": "t" * 43, "authType": "bearer"}
        address = {
            "@type": "DataAddress",
            "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
            "endpoint": endpoint or f"{self.nasty.root}/data/1",
            "endpointProperties": [
                {"@type": "EndpointProperty", "name": name, "value": value} for name, value in pairs.items()
            ],
        }
        message = self.nasty.message("TransferStartMessage", **self.transfer, dataAddress=address)
        return await self.tell("start", message)

    async def tell(self, path: str, message: dict[str, Any]) -> Reply:
        """Something about the transfer; `path` is what follows its pid."""
        return await self._post(f"/2025-1/transfers/{self.transfer['consumerPid']}/{path}", message)

    def _requested(self, got: Received) -> tuple[int, bytes]:
        self.asked = got.json
        if self.pids.get("consumerPid") != got.json["consumerPid"]:
            self.pids = {"providerPid": new_id(), "consumerPid": got.json["consumerPid"]}
        return 201, json.dumps(self.nasty.message("ContractNegotiation", **self.pids, state="REQUESTED")).encode()

    def _wanted(self, got: Received) -> tuple[int, bytes]:
        if self.transfer.get("consumerPid") != got.json["consumerPid"]:
            self.transfer = {"providerPid": new_id(), "consumerPid": got.json["consumerPid"]}
        return 201, json.dumps(self.nasty.message("TransferProcess", **self.transfer, state="REQUESTED")).encode()

    async def _post(self, path: str, message: dict[str, Any]) -> Reply:
        return await self.nasty.post(self._city, self._slug, path, message)


def _always(body: bytes) -> Answer:
    return lambda got: (200, body)

"""One negotiation or transfer as the official kit plays it: what it sends, what it waits for, when it moves.

It takes no message that its own state does not allow, and it moves only after our answer has come, except for its
accept, verification and counter-offer (spec/protocol.md 5.1).
"""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tests.conformance.wire import CONTEXT, Callbacks, Client, HangUp, Reply, Silence, Target

KIT = "TCK_PARTICIPANT"
PATIENCE_S = 8.0
USE = [{"action": "use"}]

# message -> (path below the process, states it is legal in, state it leads to)
NEGOTIATION: Mapping[str, tuple[str, frozenset[str], str]] = {
    "offer": ("offers", frozenset({"REQUESTED"}), "OFFERED"),
    "counter": ("request", frozenset({"OFFERED"}), "REQUESTED"),
    "accept": ("events", frozenset({"OFFERED"}), "ACCEPTED"),
    "agree": ("agreement", frozenset({"REQUESTED", "ACCEPTED"}), "AGREED"),
    "verify": ("agreement/verification", frozenset({"AGREED"}), "VERIFIED"),
    "finalize": ("events", frozenset({"VERIFIED"}), "FINALIZED"),
    "terminate": (
        "termination",
        frozenset({"REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED"}),
        "TERMINATED",
    ),
}
TRANSFER: Mapping[str, tuple[str, frozenset[str], str]] = {
    "start": ("start", frozenset({"REQUESTED", "SUSPENDED"}), "STARTED"),
    "suspend": ("suspension", frozenset({"STARTED"}), "SUSPENDED"),
    "complete": ("completion", frozenset({"STARTED"}), "COMPLETED"),
    "terminate": ("termination", frozenset({"REQUESTED", "STARTED", "SUSPENDED"}), "TERMINATED"),
}
TYPES = {
    "offer": "ContractOfferMessage",
    "counter": "ContractRequestMessage",
    "accept": "ContractNegotiationEventMessage",
    "agree": "ContractAgreementMessage",
    "verify": "ContractAgreementVerificationMessage",
    "finalize": "ContractNegotiationEventMessage",
    "start": "TransferStartMessage",
    "suspend": "TransferSuspensionMessage",
    "complete": "TransferCompletionMessage",
}
ONLY_CONSUMER = {"counter", "accept", "verify"}
EARLY = {"counter", "accept", "verify"}


class Process:
    """`about` is a dataset or an agreement; `role` is the kit's. Each method is one word of a script."""

    noun = ""
    table: Mapping[str, tuple[str, frozenset[str], str]] = {}

    def __init__(self, target: Target, callbacks: Callbacks, client: Client, about: str, role: str) -> None:
        self.target, self.callbacks, self.client = target, callbacks, client
        self.about, self.role = about, role
        self.state = ""
        self.pids = {"consumer": "", "provider": ""}
        self.pids[role] = str(uuid4())
        self.address = target.base
        self.wrong: list[str] = []
        self._changed = asyncio.Event()

    @property
    def other(self) -> str:
        return "provider" if self.role == "consumer" else "consumer"

    # What the kit does first

    async def request(self) -> None:
        """As consumer: the initial request; the answer names the provider's process."""
        message = self.message(f"{self.noun_class}RequestMessage", consumerPid=self.pids["consumer"], **self.asked())
        message["callbackAddress"] = self.callbacks.url
        answer = await self.client.post(f"{self.target.base}/{self.noun}/request", message)
        self.judge_process(answer, "REQUESTED")
        self.pids["provider"] = answer["providerPid"]
        self._move("REQUESTED")

    async def trigger(self) -> None:
        """As provider: asks us by the test-only door to send the initial request."""
        self.callbacks.once(f"/{self.noun}/request", self._requested)
        await self.client.post(self.door, self.wanted())
        await self.reaches("REQUESTED")

    def _requested(self, message: dict[str, Any]) -> Reply:
        self.judge(message, f"{self.noun_class}RequestMessage", pids=("consumerPid",))
        self.need("providerPid" not in message, "an initial request names no providerPid")
        self.pids["consumer"] = message["consumerPid"]
        self.address = message["callbackAddress"]
        self.need(not self.address.endswith("/"), "callbackAddress ends with a slash")
        self.judge_request(message)
        self._move("REQUESTED")
        return Reply(200, self.view())

    # What the kit sends

    async def send(self, move: str) -> None:
        """A message of the kit, tried three times; see `EARLY` for when its own state moves."""
        path, legal, after = self.table[move]
        assert self.state in legal, f"the script wants {move} in {self.state}"
        if move in EARLY:
            self._move(after)
        await self.client.post(f"{self.place}/{path}", self.say(move))
        if move not in EARLY:
            self._move(after)

    async def refused(self, move: str) -> None:
        """A message that we must refuse; nothing moves."""
        answer = await self.client.refused(f"{self.place}/{self.table[move][0]}", self.say(move))
        error = "ContractNegotiationError" if self.noun == "negotiations" else "TransferError"
        assert answer["@type"] == error
        assert CONTEXT in answer["@context"]
        assert (answer["consumerPid"], answer["providerPid"]) == (self.pids["consumer"], self.pids["provider"])

    @property
    def place(self) -> str:
        return f"{self.address}/{self.noun}/{self.pids[self.other]}"

    # What the kit waits for

    async def await_(self, move: str) -> None:
        """Registers the handler only now, after whatever provoked the message, and waits for the state behind it."""
        path, _, after = self.table[move]
        self.callbacks.once(f"/{self.noun}/{self.pids[self.role]}/{path}", lambda message: self._heard(move, message))
        await self.reaches(after)

    def _heard(self, move: str, message: dict[str, Any]) -> Reply:
        _, legal, after = self.table[move]
        self.judge(message, TYPES.get(move, self.termination))
        self.judge_move(move, message)
        if self.state not in legal:
            return self.misplaced(move)
        self._move(after)
        return Reply(200, self.body(move))

    def misplaced(self, move: str) -> Reply:
        raise HangUp

    def body(self, move: str) -> Any:
        return self.view()

    async def reaches(self, state: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while self.state != state and not self.wrong:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(
                f"timeout waiting for {state}; still {self.state}; nobody heard {self.callbacks.unheard}"
            ) from None
        assert not self.wrong, self.wrong

    async def see(self, state: str) -> None:
        """What our own view says."""
        raise NotImplementedError

    def _move(self, state: str) -> None:
        self.state = state
        self._changed.set()

    # Judging what we say; a message that is not valid is never answered

    def need(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.wrong.append(otherwise)
            self._changed.set()
            raise Silence

    def judge(self, message: dict[str, Any], kind: str, pids: tuple[str, ...] = ("consumerPid", "providerPid")) -> None:
        self.need(isinstance(message.get("@context"), list) and CONTEXT in message["@context"], "no official @context")
        self.need(message.get("@type") == kind, f"{message.get('@type')} instead of {kind}")
        for pid in pids:
            said, known = message.get(pid), self.pids[pid.removesuffix("Pid")]
            self.need(isinstance(said, str) and (said == known or not known), f"{pid} is {said}")

    def judge_request(self, message: dict[str, Any]) -> None:
        raise NotImplementedError

    def judge_move(self, move: str, message: dict[str, Any]) -> None:
        return

    def judge_process(self, answer: dict[str, Any], state: str) -> None:
        assert answer["@type"] == self.process_type
        assert CONTEXT in answer["@context"]
        assert answer["state"] == state
        assert answer["consumerPid"] == self.pids["consumer"]

    # Messages

    def message(self, kind: str, **members: Any) -> dict[str, Any]:
        return {"@context": [CONTEXT], "@id": str(uuid4()), "@type": kind, **members}

    def view(self) -> dict[str, Any]:
        """What the kit shows of its own process."""
        said = {f"{role}Pid": pid for role, pid in self.pids.items()}
        return self.message(self.process_type, **said, state=self.state)

    def both(self) -> dict[str, str]:
        return {"consumerPid": self.pids["consumer"], "providerPid": self.pids["provider"]}

    def say(self, move: str) -> dict[str, Any]:
        raise NotImplementedError

    def asked(self) -> dict[str, Any]:
        raise NotImplementedError

    def wanted(self) -> dict[str, str]:
        raise NotImplementedError

    @property
    def door(self) -> str:
        raise NotImplementedError

    @property
    def noun_class(self) -> str:
        return "Contract" if self.noun == "negotiations" else "Transfer"

    @property
    def process_type(self) -> str:
        return "ContractNegotiation" if self.noun == "negotiations" else "TransferProcess"

    @property
    def termination(self) -> str:
        return "ContractNegotiationTerminationMessage" if self.noun == "negotiations" else "TransferTerminationMessage"


class NegotiationPlay(Process):
    """A contract negotiation; its state is looked at once, a moment after the last message."""

    noun = "negotiations"
    table = NEGOTIATION

    @property
    def offer_id(self) -> str:
        return f"CD123:{self.about}:456" if self.role == "consumer" else f"offer{self.about}"

    @property
    def door(self) -> str:
        return self.target.negotiation_trigger

    def asked(self) -> dict[str, Any]:
        return {"offer": {"@id": self.offer_id, "@type": "Offer", "target": self.about, "permission": USE}}

    def wanted(self) -> dict[str, str]:
        return {
            "providerId": KIT,
            "connectorAddress": self.callbacks.url,
            "datasetId": self.about,
            "offerId": self.offer_id,
        }

    def judge_request(self, message: dict[str, Any]) -> None:
        offer = message["offer"]
        self.need(offer["@type"] == "Offer" and offer["@id"] == self.offer_id, f"another offer: {offer}")
        self.need(offer["target"] == self.about and bool(offer["permission"]), f"another target: {offer}")

    def judge_move(self, move: str, message: dict[str, Any]) -> None:
        match move:
            case "offer":
                self.need("callbackAddress" not in message, "both callbackAddress and consumerPid")
                self.need(all(message["offer"].get(key) for key in ("@id", "target", "permission")), "a bare offer")
            case "counter":
                self.need("callbackAddress" not in message, "both callbackAddress and providerPid")
                self.need(message["offer"]["@type"] == "Offer", "no offer")
            case "agree":
                self._judge_agreement(message["agreement"])
            case "accept" | "finalize":
                event = "ACCEPTED" if move == "accept" else "FINALIZED"
                self.need(message.get("eventType") == event, f"{message.get('eventType')} instead of {event}")

    def _judge_agreement(self, agreement: dict[str, Any]) -> None:
        self.need(agreement["@type"] == "Agreement" and agreement["target"] == self.about, f"not it: {agreement}")
        parties = (agreement["assigner"], agreement["assignee"])
        self.need(parties == (self.target.did, KIT), f"parties {parties}")
        self.need(bool(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z?", agreement["timestamp"])), "no timestamp")

    def body(self, move: str) -> Any:
        return self.view() if move in ("offer", "counter") else None

    async def see(self, state: str) -> None:
        await asyncio.sleep(0.1)
        answer = await self.client.get(self.place)
        self.judge_process(answer, state)
        assert answer["providerPid"] == self.pids["provider"]

    def say(self, move: str) -> dict[str, Any]:
        kind = TYPES.get(move, self.termination)
        offer: dict[str, Any] = {"@id": self.offer_id, "@type": "Offer", "target": self.about, "permission": USE}
        mine = {"assigner": KIT, "assignee": self.target.did}
        match move:
            case "offer":
                return self.message(kind, **self.both(), offer={**offer, **mine})
            case "counter":
                return self.message(kind, **self.both(), offer={**offer, "assignee": KIT})
            case "agree":
                said = {
                    **offer,
                    "@id": str(uuid4()),
                    "@type": "Agreement",
                    "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.123456789Z",
                }
                return self.message(kind, **self.both(), agreement={**said, **mine})
            case "accept" | "finalize":
                return self.message(kind, **self.both(), eventType="ACCEPTED" if move == "accept" else "FINALIZED")
            case "terminate":
                return self.message(kind, **self.both(), code="1")
        return self.message(kind, **self.both())


class TransferPlay(Process):
    """A transfer; its state is polled."""

    noun = "transfers"
    table = TRANSFER

    @property
    def door(self) -> str:
        return self.target.transfer_trigger

    def asked(self) -> dict[str, Any]:
        return {"agreementId": self.about, "format": "HttpData-PULL"}

    def wanted(self) -> dict[str, str]:
        return {"providerId": KIT, "connectorAddress": self.callbacks.url, **self.asked()}

    def judge_request(self, message: dict[str, Any]) -> None:
        self.need(message["agreementId"] == self.about, f"another agreement: {message['agreementId']}")
        self.need(message["format"] == "HttpData-PULL", f"another format: {message['format']}")

    def judge_move(self, move: str, message: dict[str, Any]) -> None:
        if "dataAddress" in message:
            address = message["dataAddress"]
            self.need(address["@type"] == "DataAddress" and bool(address["endpointType"]), "no DataAddress")

    def misplaced(self, move: str) -> Reply:
        if move == "terminate":
            raise HangUp
        return Reply(409, self.message("TransferError", **self.both()))

    async def see(self, state: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = await self.client.get(self.place)
                if answer["state"] == state:
                    break
                await asyncio.sleep(0.05)
        self.judge_process(answer, state)

    def say(self, move: str) -> dict[str, Any]:
        message = self.message(TYPES.get(move, self.termination), **self.both())
        if move == "start" and self.role == "provider" and self.state == "REQUESTED":
            message["dataAddress"] = {
                "@type": "DataAddress",
                "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
                "endpoint": "http://example.com",
            }
        if move in ("suspend", "terminate"):
            message["code"] = "1"
        return message

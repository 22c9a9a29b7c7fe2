"""What participants do with each other in `hanse demo --space`: offer, negotiate, fetch, and be refused.

What is said of them is what their own servers answered; whoever waits for something raises where it does not come.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from connector.cli.demo import trees
from connector.cli.demo.place import Place
from connector.cli.demo.steps import Party
from connector.cli.exchange.publish import upload
from connector.cli.exchange.waiting import waited
from connector.cli.frame.client import Api, Problem
from connector.data.catalogue import concepts
from connector.foundation.errors import Unavailable

RULE, UNTIL = "municipal-purpose", "31.12.2027"
PURPOSE = concepts.local("publicAdministration")
_LOOK_S, _PATIENCE_S = 0.2, 90.0
_NEGOTIATION_S, _TRANSFER_S, _SOON_S = 30, 60, 15


class Offered(NamedTuple):
    """A dataset of a participant, and its one offer."""

    provider: str
    title: str
    dataset: str
    offer: str
    sha256: str


class Exchanges:
    """Of the participants in `dids` (short name to DID), each at its server."""

    def __init__(self, place: Place, file: Path | None, lang: str) -> None:
        self.place, self.file, self.lang = place, file, lang
        self.dids: dict[str, str] = {}

    def api(self, party: Party) -> Api:
        return self.place.servers[party.server].api

    def _offered(self, title: str, only: str, party: Party) -> Offered:
        """The file is published for members of that space or group alone."""
        file = self.file
        if file is None:
            file = self.place.base / party.server / trees.NAME
            file.write_bytes(trees.register())
        source = upload(self.api(party), party.slug, file)
        wish = {"source": source["source"], "title": title, "rule": RULE, "visibility": "eligible"}
        body = {**wish, "slots": {"until": UNTIL, "space": only}}
        made = self.api(party).post("participants", party.slug, "datasets", body=body)
        return Offered(self.dids[party.slug], title, made["dataset"], made["offer"], source["sha256"])

    def _negotiation(self, party: Party, wanted: Offered) -> Any:
        wish = {"provider": wanted.provider, "dataset": wanted.dataset, "offer": wanted.offer, "purpose": PURPOSE}
        return self.api(party).post("participants", party.slug, "negotiations", body=wish)

    def _negotiated(self, party: Party, wanted: Offered, seconds: int = _NEGOTIATION_S) -> Mapping[str, Any]:
        place = ("participants", party.slug, "negotiations", self._negotiation(party, wanted)["id"])
        return waited(self.api(party), seconds, *place)

    def _unagreed(self, party: Party, wanted: Offered) -> str:
        """Why there is no contract; empty if there is one."""
        try:
            case = self._negotiated(party, wanted)
        except Problem as problem:
            return problem.sentence(self.lang)
        return "" if case["state"] == "FINALIZED" else self._why(case) or str(case["state"])

    def _made(self, party: Party, wanted: Offered) -> Mapping[str, Any] | None:
        """The negotiation that ended in a contract; None if it did not."""
        try:
            case = self._negotiated(party, wanted)
        except Problem:
            return None
        return case if case["state"] == "FINALIZED" else None

    def _text(self, party: Party, agreement: str) -> str:
        """The contract as the participant keeps it, in German."""
        place = ("participants", party.slug, "agreements", agreement.removeprefix("urn:uuid:"), "text")
        return b"".join(self.api(party).download(*place)).decode("utf-8")

    def _hits(self, party: Party, wanted: Offered) -> int:
        found = self.api(party).get("participants", party.slug, "find", q=wanted.title, live=1)
        ours = [hit for hit in found["results"] if hit["dataset"] == wanted.dataset]
        return len(ours) if ours and any(offer["met"] for offer in ours[0]["offers"]) else 0

    def _transfer(self, party: Party, agreement: str, seconds: int = _TRANSFER_S) -> Mapping[str, Any]:
        api = self.api(party)
        started = api.post("participants", party.slug, "transfers", body={"agreement": agreement})
        return waited(api, seconds, "participants", party.slug, "transfers", started["id"])

    def _refused(self, party: Party, agreement: str) -> str:
        """Why it gets no data; empty while it still does."""
        try:
            now = self._transfer(party, agreement, _SOON_S)
        except Problem as problem:
            return problem.sentence(self.lang)
        return "" if now["file"] else self._why(now) or str(now["state"])

    def _served(self, party: Party, agreement: str) -> int:
        """How many bytes it gets; 0 while it gets none."""
        try:
            now = self._transfer(party, agreement, _SOON_S)
        except Problem:
            return 0
        return int(now["bytes"]) if now["file"] else 0

    def _soon(self, look: Callable[[], Any]) -> Any:
        """What is found once there is something; raises Unavailable if it takes too long."""
        until = time.monotonic() + _PATIENCE_S
        while not (found := look()):
            if time.monotonic() > until:
                raise Unavailable("demo.too-long", seconds=round(_PATIENCE_S))
            time.sleep(_LOOK_S)
        return found

    def _code(self, act: Callable[[], Any]) -> str:
        """By which code something was refused; empty if it was not."""
        try:
            act()
        except Problem as problem:
            return str(problem.body.get("code"))
        return ""

    def _why(self, process: Mapping[str, Any]) -> str:
        return str((process.get("reason") or {}).get(self.lang) or "")

    def _require(self, holds: bool, code: str, **facts: object) -> None:
        if not holds:
            raise Unavailable(code, **facts)

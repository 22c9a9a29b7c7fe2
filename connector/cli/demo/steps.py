"""The ten steps, each an honest use of the two servers; a step that does not end as it must raises.

Three of them succeed by being refused: the firm's request, the access after expiry, the changed bundle.
"""

import time
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from connector.cli.demo import trees
from connector.cli.demo.place import FIRM, PROVIDER, Place
from connector.cli.exchange.get import save
from connector.cli.exchange.publish import upload
from connector.cli.exchange.waiting import waited
from connector.cli.frame.client import Api
from connector.data.catalogue import concepts
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Unavailable
from connector.verify.bundle import verify_bundle
from connector.verify.report import Verdict

RULE, UNTIL, BRIEF = "municipal-purpose", "31.12.2027", "PT5S"
MEMBER = "text-de.html"
PURPOSE = concepts.local("publicAdministration")
_NEGOTIATION_S, _TRANSFER_S = 30, 3600
_GRACE_MS = 300  # after the last moment of the contract, because both processes read the same clock only nearly
Facts = dict[str, Any]


class Party(NamedTuple):
    """A participant of the demonstration and the server that hosts it."""

    slug: str
    name: str
    kind: str
    operator: str
    server: str


TOWN = Party("musterstadt", "Musterstadt", "municipality", "IT-Verbund Beispiel", PROVIDER)
NEIGHBOUR = Party("nachbardorf", "Nachbardorf", "municipality", "IT-Verbund Beispiel", PROVIDER)
COMPANY = Party("stadtwerke", "Stadtwerke Beispiel GmbH", "company", "Stadtwerke Beispiel GmbH", FIRM)
COUNTS = ("published", "agreements", "refusals", "bytes")
"""The figures that are plain counts."""


class Tour:
    """One walk through the steps: what an earlier step found is at hand for the later ones."""

    def __init__(self, place: Place, file: Path | None, lang: str) -> None:
        self.place, self.lang = place, lang
        self.file = file
        self.title = "Baumkataster Musterstadt" if file is None else file.name
        self.over = False
        self.dids: dict[str, str] = {}
        self.dataset = self.offer = self.version = self.agreement = ""

    @property
    def received(self) -> Path:
        return self.place.results / (trees.NAME if self.file is None else self.file.name)

    @property
    def contract(self) -> Path:
        return self.place.results / "contract-de.html"

    @property
    def bundle(self) -> Path:
        return self.place.results / "evidence.zip"

    @property
    def tampered(self) -> Path:
        return self.place.results / "evidence-changed.zip"

    def api(self, party: Party) -> Api:
        return self.place.servers[party.server].api

    def start(self) -> Facts:
        """Both servers are up; the participants are members of the data space, in both servers' eyes."""
        for party in (TOWN, NEIGHBOUR, COMPANY):
            self.dids[party.slug] = hosted(self.api(party), party)
        for server in self.place.servers.values():
            server.api.post("trust", "reload", body={})
        participants = [{"slug": slug, "did": did} for slug, did in self.dids.items()]
        servers = [{"name": name, "pid": server.pid, "url": server.url} for name, server in self.place.servers.items()]
        return {"participants": participants, "servers": servers}

    def publish(self) -> Facts:
        """The town offers the file to municipalities, for administrative purposes."""
        api = self.api(TOWN)
        source = upload(api, TOWN.slug, self._source())
        rule = {"rule": RULE, "slots": {"until": UNTIL}}
        body = {"source": source["source"], "title": self.title, **rule}
        made = api.post("participants", TOWN.slug, "datasets", body=body)
        self.dataset, self.offer, self.version = made["dataset"], made["offer"], source["sha256"]
        objects = trees.COUNT if self.file is None else None
        clauses = [clause["text"][self.lang] for clause in made["clauses"]]
        return {
            "dataset": self.dataset,
            "offer": self.offer,
            "bytes": source["bytes"],
            "sha256": self.version,
            "objects": objects,
            "rule": RULE,
            "until": UNTIL,
            "clauses": clauses,
        }

    def _source(self) -> Path:
        if self.file is not None:
            return self.file
        made = self.place.base / PROVIDER / trees.NAME
        made.write_bytes(trees.register())
        return made

    def find(self) -> Facts:
        """The neighbour searches the whole data space and may use what it finds."""
        found = self.api(NEIGHBOUR).get("participants", NEIGHBOUR.slug, "find", q=self.title)
        ours = [hit for hit in found["results"] if hit["dataset"] == self.dataset]
        if not ours or not any(offer["met"] for offer in ours[0]["offers"]):
            raise Unavailable("demo.not-found", dataset=self.dataset)
        return {"dataset": self.dataset, "hits": len(found["results"]), "catalogues": found["asked"]}

    def negotiate(self) -> Facts:
        """A contract that both have signed."""
        case = self._agreed(self._negotiation(NEIGHBOUR, self.offer))
        self.agreement = case["agreement"]
        signed = self._agreement(TOWN, self.agreement)["signed"]
        if not all(signed.values()):
            raise Unavailable("demo.one-sided", agreement=self.agreement)
        return {
            "agreement": self.agreement,
            "states": case["states"],
            "steps": case["steps"],
            "signatures": len(signed),
        }

    def transfer(self) -> Facts:
        """The neighbour holds the very bytes that the contract pins."""
        api, now = self.api(NEIGHBOUR), self._transfer(self.agreement)
        if not now["file"]:
            raise Unavailable("demo.no-data", state=now["state"], reason=self._reason(now))
        place = ("participants", NEIGHBOUR.slug, "transfers", now["id"], "content")
        if save(self.received, api.download(*place), now["sha256"]) != self.version:
            raise Unavailable("demo.other-bytes", file=self.received)
        return {"bytes": now["bytes"], "sha256": now["sha256"], "file": str(self.received)}

    def refuse(self) -> Facts:
        """The firm asks for the same, in the same way, and hears which clause fails."""
        case = self._negotiation(COMPANY, self.offer)
        if case["state"] != "TERMINATED" or not self._reason(case):
            raise Unavailable("demo.not-refused", state=case["state"])
        return {"reason": self._reason(case), "states": case["states"]}

    def expire(self) -> Facts:
        """A contract of five seconds; the neighbour comes after that."""
        slots = {"until": UNTIL, "valid-for": BRIEF}
        parts = ("participants", TOWN.slug, "datasets", self.dataset.rpartition("/")[2], "offers")
        brief = self.api(TOWN).post(*parts, body={"rule": RULE, "slots": slots})
        agreement = self._agreed(self._negotiation(NEIGHBOUR, brief["offer"]))["agreement"]
        ends = int(self._agreement(NEIGHBOUR, agreement)["expires_at"])
        time.sleep(max(0.0, (ends + _GRACE_MS) / 1000 - time.time()))
        now = self._transfer(agreement)
        if now["file"] or now["state"] != "TERMINATED" or not self._reason(now):
            raise Unavailable("demo.not-refused", state=now["state"])
        return {"reason": self._reason(now), "agreement": agreement, "expired_at": rfc3339(ends)}

    def verify(self) -> Facts:
        """The neighbour's bundle convinces an auditor who has nothing but the roots."""
        uuid = self.agreement.removeprefix("urn:uuid:")
        place = ("participants", NEIGHBOUR.slug, "agreements", uuid)
        save(self.contract, self.api(NEIGHBOUR).download(*place, "text"))
        save(self.bundle, self.api(NEIGHBOUR).download(*place, "evidence"))
        report = verify_bundle(self.bundle.read_bytes(), self.place.roots.read_bytes(), self.lang)
        if report.verdict is not Verdict.PASSED:  # the other operator's witness says when, so nothing may be open
            raise Unavailable("demo.not-verified", reason=report.reason)
        time_said = next(check.sentence for check in report.checks if check.name == "time")
        return {
            "bundle": str(self.bundle),
            "trust": str(self.place.roots),
            "verdict": report.verdict.name,
            "checks": len(report.checks),
            "contract": str(self.contract),
            "witnessed": report.stated["trusted_time"],
            "time": time_said,
        }

    def tamper(self) -> Facts:
        """One byte of the contract text is another, and the check that finds it says so."""
        self.tampered.write_bytes(tampered(self.bundle.read_bytes()))
        report = verify_bundle(self.tampered.read_bytes(), self.place.roots.read_bytes(), self.lang)
        failed = [check for check in report.checks if check.verdict is Verdict.FAILED]
        if not failed:
            raise Unavailable("demo.not-noticed", file=self.tampered)
        return {
            "reason": failed[0].sentence,
            "check": failed[0].name,
            "failed": [check.sentence for check in failed],
            "verdict": report.verdict.name,
            "member": MEMBER,
            "bundle": str(self.tampered),
        }

    def figures(self) -> Facts:
        """Counted from the town's own log."""
        found = self.api(TOWN).get("participants", TOWN.slug, "figures")["figures"]
        return {one["id"]: int(one["value"]) for one in found if one["id"] in COUNTS}

    # What several steps do

    def _negotiation(self, party: Party, offer: str) -> Mapping[str, Any]:
        wish = {"provider": self.dids[TOWN.slug], "dataset": self.dataset, "offer": offer, "purpose": PURPOSE}
        api = self.api(party)
        started = api.post("participants", party.slug, "negotiations", body=wish)
        return waited(api, _NEGOTIATION_S, "participants", party.slug, "negotiations", started["id"])

    def _agreed(self, case: Mapping[str, Any]) -> Mapping[str, Any]:
        if case["state"] != "FINALIZED":
            raise Unavailable("demo.no-contract", state=case["state"], reason=self._reason(case))
        return case

    def _agreement(self, party: Party, agreement: str) -> Mapping[str, Any]:
        uuid = agreement.removeprefix("urn:uuid:")
        found: Mapping[str, Any] = self.api(party).get("participants", party.slug, "agreements", uuid)
        return found

    def _transfer(self, agreement: str) -> Mapping[str, Any]:
        api = self.api(NEIGHBOUR)
        started = api.post("participants", NEIGHBOUR.slug, "transfers", body={"agreement": agreement})
        return waited(api, _TRANSFER_S, "participants", NEIGHBOUR.slug, "transfers", started["id"])

    def _reason(self, process: Mapping[str, Any]) -> str:
        return str((process.get("reason") or {}).get(self.lang) or "")


def hosted(api: Api, party: Party) -> str:
    """The DID of the participant, which is added unless an earlier run left it."""
    for known in api.get("participants")["participants"]:
        if known["slug"] == party.slug:
            return str(known["did"])
    body = {"slug": party.slug, "name": party.name, "kind": concepts.local(party.kind), "operator": party.operator}
    return str(api.post("participants", body=body)["did"])


class Step(NamedTuple):
    """A step by its stable name, and the server whose log explains its failure."""

    name: str
    party: Party
    act: Callable[[Any], Facts]


STEPS = (
    Step("start", TOWN, Tour.start),
    Step("publish", TOWN, Tour.publish),
    Step("find", NEIGHBOUR, Tour.find),
    Step("negotiate", NEIGHBOUR, Tour.negotiate),
    Step("transfer", NEIGHBOUR, Tour.transfer),
    Step("refuse", COMPANY, Tour.refuse),
    Step("expire", NEIGHBOUR, Tour.expire),
    Step("verify", NEIGHBOUR, Tour.verify),
    Step("tamper", NEIGHBOUR, Tour.tamper),
    Step("figures", TOWN, Tour.figures),
)


def tampered(bundle: bytes) -> bytes:
    """What a forger would do: one byte of the contract text is another, and the ZIP itself in order."""
    made = BytesIO()
    with zipfile.ZipFile(BytesIO(bundle)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = bytearray(old.read(info))
            if info.filename == MEMBER:
                content[len(content) // 2] ^= 1
            new.writestr(info, bytes(content))
    return made.getvalue()

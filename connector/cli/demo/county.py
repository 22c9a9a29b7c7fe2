"""The steps of `hanse demo --space`: three operators that share no list, and a county that keeps a space for them.

What a step says was done or refused it has seen at the servers; one that does not end as it must raises.
"""

import base64
import http.client
import json
import ssl
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from connector.cli.demo import people, trees
from connector.cli.demo.exchanges import Exchanges, Offered
from connector.cli.demo.knock import REFUSED, knock
from connector.cli.demo.place import CENTRE, COUNTY, PROVIDER, Place
from connector.cli.demo.steps import Facts, Party, Step, hosted
from connector.cli.exchange.get import save
from connector.cli.operate.space import certificates
from connector.data.catalogue import concepts
from connector.foundation.clock import rfc3339
from connector.identity.trust.keys.jwk import decode
from connector.verify.bundle import verify_bundle
from connector.verify.report import Report, Verdict

KREIS = Party("kreis", "Landkreis Muster", "county", "Kreisverwaltung Muster", COUNTY)
TOWN = Party("musterstadt", "Musterstadt", "municipality", "IT-Verbund Beispiel", PROVIDER)
VILLAGE = Party("nachbardorf", "Nachbardorf", "municipality", "Rechenzentrum Beispiel", CENTRE)
PARTIES = (KREIS, TOWN, VILLAGE)
AGENT = Party("it-verbund", "IT-Verbund Beispiel", "company", "IT-Verbund Beispiel", PROVIDER)
"""The provider itself, which acts for the town."""
ANNA, BERT = "anna", "bert"
PEOPLE: Mapping[Party, tuple[str, str]] = {
    KREIS: (ANNA, "Anna Amt"),
    TOWN: ("petra", "Petra Muster"),
    VILLAGE: ("olaf", "Olaf Nachbar"),
}
"""Who looks at it in a browser."""
NAME, TITLE = "Datenraum Musterkreis", "Baumkataster Landkreis Muster"
TITLE_GROUP, TITLE_TOWN = "Waldkarte Landkreis Muster", "Baumkataster Musterstadt"
GROUP, PROCESSING = "waldgemeinden", "AVV 2026-117"
LETTER, CHECK = "Anschreiben", "Rückruf unter bekannter Nummer"
_NOBODY_S = 5
"""For what takes half a second where somebody acts."""
_WITNESS_S = 60


class County(Exchanges):
    """One walk through the steps: what an earlier step found is at hand for the later ones."""

    def __init__(self, place: Place, file: Path | None, lang: str) -> None:
        super().__init__(place, file, lang)
        self.over = False
        self.space = self.fingerprint = self.link = self.application = self.joined_key = ""
        self.agreement = self.group_iri = ""
        self.offer = self.only = Offered("", "", "", "", "")

    @property
    def received(self) -> Path:
        return self.place.results / (trees.NAME if self.file is None else self.file.name)

    @property
    def bundle(self) -> Path:
        return self.place.results / "evidence.zip"

    @property
    def roots(self) -> Path:
        """What an auditor trusts: the seal CAs, and the key of the space that was compared by voice."""
        return self.place.results / "roots-space.pem"

    # The steps

    def found(self) -> Facts:
        """The servers are up; the county keeps a space, and offers a dataset to its members alone."""
        for party in PARTIES:
            self.dids[party.slug] = hosted(self.api(party), party)
        county = self.api(KREIS)
        for login, name in ((ANNA, "Anna Amt"), (BERT, "Bert Büro")):
            people.known(county, KREIS, login, name)
        rules = {"documents": [LETTER], "checklist": [CHECK], "approvals": 2}
        said = county.post("participants", KREIS.slug, "space", body={"name": NAME, "rules": rules})
        self.space, self.fingerprint = said["space"], said["fingerprint"]
        self._leave_again()
        listed = self._soon(lambda: self._listed().get(self.dids[KREIS.slug]))
        self._require(listed == "active", "demo.no-list")
        self.offer = self._offered(TITLE, self.space, KREIS)
        servers = [{"name": name, "pid": server.pid, "url": server.url} for name, server in self.place.servers.items()]
        return {
            "space": self.space,
            "name": said["name"],
            "fingerprint": self.fingerprint,
            "servers": servers,
            "participants": [{"slug": slug, "did": did} for slug, did in self.dids.items()],
        }

    def _leave_again(self) -> None:
        """What an earlier run in a kept folder has left is ended, so that all steps are taken again."""
        self._code(lambda: self.api(TOWN).post("participants", TOWN.slug, "mandates", "withdraw", body={"own": True}))
        for party in (TOWN, VILLAGE):
            joined = self.api(party).get("participants", party.slug, "spaces")["spaces"]
            if any(one["space"] == self.space and one["state"] not in ("refused", "left") for one in joined):
                self.api(party).post("participants", party.slug, "spaces", "leave", body={"space": self.space})
        for one in self._applications():
            self._space("applications", one["id"], "refuse", reason="Neuer Durchlauf", who=ANNA)
        self._soon(lambda: not {self.dids[party.slug] for party in (TOWN, VILLAGE)} & set(self._listed()))

    def invite(self) -> Facts:
        """A link for one town; what the county keeps of it does not open anything."""
        made = self._space("invitations", name=TOWN.name, kind=concepts.local(TOWN.kind))
        self.link, code = made["link"], made["link"].rpartition("#")[2]
        kept = self.api(KREIS).get("participants", KREIS.slug, "space", "invitations")
        self._require(len(code) == 43 and code not in json.dumps(kept), "demo.code-kept")
        return {"town": made["name"], "until": made["until"], "invitation": made["id"]}

    def apply(self) -> Facts:
        """The town applies; with another fingerprint than the county reads out nothing is sent."""
        look = self.api(TOWN).post("participants", TOWN.slug, "spaces", "look", body={"link": self.link})
        self._require(look["fingerprint"] == self.fingerprint, "demo.other-fingerprint")
        wrong = self._code(lambda: self._apply(TOWN, "0" * 32))
        self._require(wrong == "spaces.fingerprint" and not self._applications(), "demo.not-refused", state=wrong)
        one = self._apply(TOWN, self.fingerprint)
        waiting = self._waiting(one)
        self.application = waiting["id"]
        found = [check["name"] for check in waiting["checks"] if check["good"]]
        return {"application": self.application, "did": waiting["did"], "found": found, "open": waiting["open_checks"]}

    def refuse_pending(self) -> Facts:
        """Until somebody decides the town is a stranger, at each door; and its link is of no use to anybody else."""
        answers = self._knocked()
        self._require(answers.total() > 0 and set(answers) <= REFUSED, "demo.door-open", found=dict(answers))
        asked = self._code(lambda: self._negotiation(TOWN, self.offer))
        offered = self._code(lambda: self._proposed(TOWN))
        self._require(bool(asked) and offered == "trust.not-listed", "demo.not-refused", state=f"{asked}, {offered}")
        self._require(self.dids[TOWN.slug] not in self._listed(), "demo.listed-early")
        thief = self._apply(VILLAGE, self.fingerprint)
        self._require(
            (thief["state"], thief["reason"]) == ("refused", "spaces.code"), "demo.not-refused", state=thief["state"]
        )
        early = self._code(lambda: self._decide("approve", ANNA))
        self._require(early == "spaces.checklist", "demo.not-refused", state=early)
        return {
            "doors": answers.total(),
            "answers": {str(status): count for status, count in answers.items()},
            "asked": asked,
            "offered": offered,
            "stolen": thief["reason"],
            "unchecked": CHECK,
        }

    def approve(self) -> Facts:
        """Two people agree, after one of them has called back; the same one twice is one."""
        self._decide("check", ANNA, name=CHECK, note="AZ 10-2026")
        first = self._decide("approve", ANNA)
        twice = self._code(lambda: self._decide("approve", ANNA))
        self._require(
            (first["state"], first["missing"]) == ("pending", 1), "demo.not-pending", state=first["state"], reason=""
        )
        self._require(twice == "spaces.twice", "demo.not-refused", state=twice)
        self._require(self.dids[TOWN.slug] not in self._listed(), "demo.listed-early")
        last = self._decide("approve", BERT)
        self._require(last["state"] == "approved", "demo.not-pending", state=last["state"], reason=last["reason"])
        return {"people": len(last["approved_by"]), "twice": twice}

    def join(self) -> Facts:
        """The town is on the list, finds what is offered to members, and has a contract and the data.

        The village comes in as well: its operator belongs to neither side of that contract and says when it was made.
        """
        began = time.monotonic()
        one = self._soon(lambda: self._member(TOWN))
        listed = round((time.monotonic() - began) * 1000)
        self.joined_key = one["key"]
        found = self._soon(lambda: self._hits(TOWN, self.offer))
        case = self._negotiated(TOWN, self.offer)
        self._require(case["state"] == "FINALIZED", "demo.no-contract", state=case["state"], reason=self._why(case))
        self.agreement = case["agreement"]
        now = self._transfer(TOWN, self.agreement)
        self._require(bool(now["file"]), "demo.no-data", state=now["state"], reason=self._why(now))
        place = ("participants", TOWN.slug, "transfers", now["id"], "content")
        self._admit(VILLAGE)
        same = save(self.received, self.api(TOWN).download(*place), now["sha256"]) == self.offer.sha256
        self._require(same, "demo.other-bytes", file=self.received)
        return {
            "state": one["state"],
            "listed_ms": listed,
            "hits": found,
            "agreement": self.agreement,
            "bytes": now["bytes"],
            "sha256": now["sha256"],
            "file": str(self.received),
        }

    def group(self) -> Facts:
        """The county begins a group and asks the town, which is in it once it agrees itself."""
        made = self._space("groups", name=GROUP, label={"de": "Waldgemeinden", "en": "Forest towns"}, who=ANNA)
        self.group_iri = made["group"]
        self._grouped(TOWN, "asked")
        self._require(not self._groups(TOWN), "demo.listed-early")
        self._wish(TOWN, "agree")
        began = time.monotonic()
        self._soon(lambda: self.group_iri in self._groups(TOWN))
        self._require(not self._groups(VILLAGE), "demo.listed-early")
        return {"group": self.group_iri, "listed_ms": _since(began)}

    def rule_follows(self) -> Facts:
        """An offer for the group: the village sees and gets nothing before it is in it, nor after it has left."""
        self.only = self._offered(TITLE_GROUP, self.group_iri, KREIS)
        self._soon(lambda: self._hits(TOWN, self.only))
        self._soon(lambda: self._hits(VILLAGE, self.offer))  # a member in its own eyes too: only the group is missing
        before = self._hits(VILLAGE, self.only)
        asked = self._unagreed(VILLAGE, self.only)
        self._require(before == 0 and bool(asked), "demo.not-refused", state=before)
        self._grouped(VILLAGE, "asked")
        self._wish(VILLAGE, "agree")
        began = time.monotonic()
        self._soon(lambda: self._hits(VILLAGE, self.only))
        seen = _since(began)
        case = self._negotiated(VILLAGE, self.only)
        self._require(case["state"] == "FINALIZED", "demo.no-contract", state=case["state"], reason=self._why(case))
        got = self._soon(lambda: self._served(VILLAGE, case["agreement"]))
        self._wish(VILLAGE, "leave")
        began = time.monotonic()
        refused = self._soon(lambda: self._refused(VILLAGE, case["agreement"]))
        return {"before": asked, "seen_ms": seen, "bytes": got, "refused": refused, "after_ms": _since(began)}

    def mandate(self) -> Facts:
        """The town entrusts its provider, which the contract says; withdrawn, nobody agrees to anything in its name."""
        provider = hosted(self.api(TOWN), AGENT)
        offered = self._offered(TITLE_TOWN, self.space, TOWN)
        until = rfc3339(round((time.time() + 365 * 86_400) * 1000))
        wish = {"agent": provider, "name": AGENT.name, "until": until, "contract": PROCESSING}
        made = self.api(TOWN).post("participants", TOWN.slug, "mandates", body=wish)["mandate"]
        self._require(made["state"] == "in-force", "demo.not-pending", state=made["state"], reason="")
        case = self._soon(lambda: self._made(KREIS, offered))
        text = self._text(KREIS, case["agreement"])
        self._require(AGENT.name in text and PROCESSING in text, "demo.no-mandate", agreement=case["agreement"])
        self.api(TOWN).post("participants", TOWN.slug, "mandates", "withdraw", body={})
        while_nobody = self._negotiated(KREIS, offered, _NOBODY_S)["state"]
        self._require(while_nobody != "FINALIZED", "demo.not-refused", state=while_nobody)
        self.api(TOWN).post("participants", TOWN.slug, "mandates", "withdraw", body={"own": True})
        began = time.monotonic()
        self._soon(lambda: self._made(KREIS, offered))
        return {
            "agent": provider,
            "name": AGENT.name,
            "contract": PROCESSING,
            "agreement": case["agreement"],
            "mandate": made["mandate"],
            "withdrawn": while_nobody,
            "own_ms": _since(began),
        }

    def suspend(self) -> Facts:
        """A suspended member gets nothing under its contract, until it is resumed."""
        self._space("members", did=self.dids[TOWN.slug], state="suspended", reason="Schlüssel gestohlen", who=ANNA)
        began = time.monotonic()
        refused = self._soon(lambda: self._refused(TOWN, self.agreement))
        after = round((time.monotonic() - began) * 1000)
        self._require(self._listed()[self.dids[TOWN.slug]] == "suspended", "demo.no-list")
        self._space("members", did=self.dids[TOWN.slug], state="active", reason="Neuer Schlüssel", who=BERT)
        began = time.monotonic()
        again = self._soon(lambda: self._served(TOWN, self.agreement))
        return {"refused": refused, "after_ms": after, "bytes": again, "resumed_ms": _since(began)}

    def move(self) -> Facts:
        """A town with a contract moves to another operator: its DID is another, the contract goes on there alone."""
        known = self.api(TOWN).get("participants")["participants"]
        slug = f"altdorf-{sum(one['slug'].startswith('altdorf') for one in known) + 1}"
        old = Party(slug, slug.title(), "municipality", TOWN.operator, PROVIDER)
        new = old._replace(operator=VILLAGE.operator, server=CENTRE)
        self.dids[slug] = hosted(self.api(old), old)
        self._admit(old)
        case = self._soon(lambda: self._made(old, self.offer))
        self._soon(lambda: self._served(old, case["agreement"]))
        began = time.monotonic()
        begun = self._moved(old, new)
        took = _since(began)
        self._soon(lambda: begun["did"] in self._listed() and self.dids[slug] not in self._listed())
        got = self._soon(lambda: self._served(new, case["agreement"]))
        refused = self._refused(old, case["agreement"])
        self._require(bool(refused), "demo.not-refused", state="")
        return {
            "town": old.name,
            "old": self.dids[slug],
            "new": begun["did"],
            "agreement": case["agreement"],
            "moved_ms": took,
            "bytes": got,
            "refused": refused,
        }

    def _moved(self, old: Party, new: Party) -> Any:
        """What travels between the two operators, as their commands hand it on."""
        there, slug = self.api(new), old.slug
        expected = there.post("arrivals", body={"slug": slug})
        body = {"to": expected["address"], "fingerprint": expected["fingerprint"]}
        self.api(old).post("participants", slug, "move", body=body)
        archive = self.place.results / f"{slug}.archive"
        save(archive, self.api(old).download("participants", slug, "move", "archive"))
        with archive.open("rb") as file:
            taken = there.upload("arrivals", slug, "archive", file=file, size=archive.stat().st_size)
        handed = self.api(old).post("participants", slug, "move", "hand-over", body={"receipt": taken["receipt"]})
        return there.post("arrivals", slug, "begin", body={"statement": handed["statement"]})

    def verify(self) -> Facts:
        """An auditor who has the seal CAs and the key of the space, and nothing else, is convinced."""
        self.roots.write_text("\n".join([*certificates([self.place.roots]), self.joined_key]), encoding="ascii")
        report = self._judged()
        until = time.monotonic() + _WITNESS_S  # the village's operator has known the county's log for seconds only
        while report.verdict is Verdict.INDETERMINATE and time.monotonic() < until:
            time.sleep(1.0)
            report = self._judged()
        self._require(report.verdict is Verdict.PASSED, "demo.not-verified", reason=report.reason)
        foreign = verify_bundle(self.bundle.read_bytes(), self.place.roots.read_bytes(), self.lang)
        self._require(foreign.verdict is not Verdict.PASSED, "demo.not-noticed", file=self.bundle)
        return {
            "bundle": str(self.bundle),
            "trust": str(self.roots),
            "verdict": report.verdict.name,
            "checks": len(report.checks),
            "witnessed": report.stated["trusted_time"],
        }

    def _judged(self) -> Report:
        """What the verifier says of the town's bundle as it is now."""
        uuid = self.agreement.removeprefix("urn:uuid:")
        place = ("participants", TOWN.slug, "agreements", uuid, "evidence")
        save(self.bundle, self.api(TOWN).download(*place))
        return verify_bundle(self.bundle.read_bytes(), self.roots.read_bytes(), self.lang)

    # What several steps do

    def _knocked(self) -> Counter[int]:
        """What the doors of the county say to the town, by status."""
        town, root = self.place.base / PROVIDER, self.space.removesuffix("/space")
        return knock(town, TOWN.slug, self.dids[KREIS.slug], root, self.place.ca)

    def _space(self, *parts: str, **body: Any) -> Any:
        return self.api(KREIS).post("participants", KREIS.slug, "space", *parts, body=body)

    def _decide(self, what: str, who: str, **more: Any) -> Any:
        return self._space("applications", self.application, what, who=who, **more)

    def _applications(self) -> list[Any]:
        found: list[Any] = self.api(KREIS).get("participants", KREIS.slug, "space", "applications")["applications"]
        return [one for one in found if one["state"] == "pending"]

    def _waiting(self, one: Mapping[str, Any]) -> Any:
        """The application of a town, as the county has it; raises Unavailable unless it is the only one that waits."""
        found = self._applications()
        self._require(
            one["state"] == "pending" and len(found) == 1, "demo.not-pending", state=one["state"], reason=one["reason"]
        )
        return found[0]

    def _apply(self, party: Party, fingerprint: str, link: str = "") -> Any:
        content = base64.urlsafe_b64encode(f"{party.name} bittet um Aufnahme.".encode()).decode().rstrip("=")
        letter = {"name": LETTER, "mediaType": "text/plain", "content": content}
        body = {"link": link or self.link, "fingerprint": fingerprint, "documents": [letter]}
        return self.api(party).post("participants", party.slug, "spaces", body=body)

    def _admit(self, party: Party) -> None:
        """All that it takes, as the town has gone it step by step."""
        link = self._space("invitations", name=party.name, kind=concepts.local(party.kind))["link"]
        waiting = self._waiting(self._apply(party, self.fingerprint, link))
        for what, who, more in (
            ("check", BERT, {"name": CHECK, "note": "AZ 11-2026"}),
            ("approve", ANNA, {}),
            ("approve", BERT, {}),
        ):
            self._space("applications", waiting["id"], what, who=who, **more)
        self._soon(lambda: self._member(party))

    def _member(self, party: Party) -> Any:
        """How it stands with the space, once it is a member."""
        one = self.api(party).post("participants", party.slug, "spaces", "progress", body={"space": self.space})
        return one if one["state"] == "member" else None

    def _listed(self) -> Mapping[str, str]:
        """State by DID of the members on the newest list; former ones are left out."""
        return {did: one["state"] for did, one in self._list().items()}

    def _groups(self, party: Party) -> list[str]:
        """The groups that the newest list says the party is in."""
        return list(self._list()[self.dids[party.slug]].get("groups", ()))

    def _list(self) -> Mapping[str, Any]:
        """The members by DID as anybody may read them; empty before there is a list."""
        there = urlsplit(f"{self.space}/list")
        tls = ssl.create_default_context(cafile=str(self.place.ca))
        with closing(http.client.HTTPSConnection(there.netloc, timeout=20, context=tls)) as line:
            line.request("GET", there.path)
            answer = line.getresponse()
            text = answer.read()
        if answer.status != 200:
            return {}
        said = json.loads(decode(text.decode("ascii").split(".")[1]))
        now = time.time()
        return {
            one["did"]: one
            for one in said["participants"]
            if one.get("validUntil") is None or datetime.fromisoformat(one["validUntil"]).timestamp() > now
        }

    def _proposed(self, party: Party) -> Any:
        body = {"consumer": self.dids[party.slug], "offer": self.offer.offer}
        return self.api(KREIS).post("participants", KREIS.slug, "proposals", body=body)

    def _grouped(self, party: Party, state: str) -> None:
        """The county asks it to be in the group."""
        made = self._space("groups", GROUP, "members", did=self.dids[party.slug], who=ANNA)
        states = {one["did"]: one["state"] for one in made["members"]}
        self._require(states[self.dids[party.slug]] == state, "demo.listed-early")

    def _wish(self, party: Party, wish: str) -> None:
        body = {"group": self.group_iri, "wish": wish}
        self.api(party).post("participants", party.slug, "spaces", "groups", body=body)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


STEPS = (
    Step("found", KREIS, County.found),
    Step("invite", KREIS, County.invite),
    Step("apply", TOWN, County.apply),
    Step("refuse-pending", TOWN, County.refuse_pending),
    Step("approve", KREIS, County.approve),
    Step("join", TOWN, County.join),
    Step("group", KREIS, County.group),
    Step("rule-follows", VILLAGE, County.rule_follows),
    Step("mandate", TOWN, County.mandate),
    Step("suspend", KREIS, County.suspend),
    Step("move", TOWN, County.move),
    Step("verify", TOWN, County.verify),
)

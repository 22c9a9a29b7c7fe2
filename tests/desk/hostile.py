"""Whatever a peer, a file or a colleague can bring as text, filled with what must never be more than text."""

from typing import Any, Final
from urllib.parse import quote

from connector.data.approvals.model import ApprovalRule, Voter
from connector.data.catalogue.search import store
from connector.data.catalogue.search.copies import copy_of
from connector.dataspace.spaces.documents import Document
from connector.dataspace.spaces.model import Rules
from connector.identity.trust.keys.jwk import encode
from tests.desk.towns import FIRM, NEIGHBOUR, ROLES, TOWN, Person, Towns
from tests.surfaces.web.browsing import Browser
from tests.testkit.cities import COMPANY, City
from tests.testkit.patience import eventually_said

MARK: Final = "x-planted"
"""In everything that is planted: an element or an attribute that bears it came from a stranger's text."""
MARKUP: Final = (
    f'<{MARK} onclick="x()">Böse</{MARK}>\'"><img src={MARK} onerror=x()><script>{MARK}</script>{{{{1337*1337}}}}'
)
LONG: Final = "Donaudampfschifffahrtsgesellschaft" * 12
TURNED: Final = "Rechnung\u202egpj.exe\u202c \u2066a\u2069"
STEERING: Final = "\x1b[31mrot\x07\x9b"
FORMULA: Final = f'=HYPERLINK("http://{MARK}.example","hier")'
FORMULAS: Final = (FORMULA, "+49", "-2+3", "@SUM(1)", "\tx", "\rx")
NAME: Final = f'Amt <b {MARK}>Nord</b> & "Söhne" \''
"""Of a participant: on one line, without invisible signs."""


REASON: Final = f"{FORMULA} {MARKUP} {LONG}\n{MARKUP}"[:900]
"""Of a refusal or an end: signs that steer are not taken from anybody."""


def texts(prefix: str = "") -> str:
    """All of it in one text that may have several lines."""
    return f"{prefix} {MARKUP} {TURNED} {STEERING} {LONG}\n{FORMULA}"


def entry(uuid: str, provider: str) -> dict[str, Any]:
    """A dataset as a hostile member's catalogue shows it."""
    return {
        "@id": f"https://{MARK}.example/{uuid}",
        "@type": "Dataset",
        "dct:title": f"{FORMULA} {texts('Bäume')}",
        "dct:description": f"<p>{texts()}</p>",
        "dcat:keyword": [MARKUP, LONG],
        "dcat:theme": MARKUP,
        "dct:license": {"@id": f"javascript:{MARK}"},
        "dcat:landingPage": {"@id": f"javascript:{MARK}"},
        "dct:format": MARKUP,
        "dcat:byteSize": MARKUP,
        "dct:publisher": MARKUP,
        "dcat:contactPoint": {"http://www.w3.org/2006/vcard/ns#fn": MARKUP},
        "distribution": [
            {
                "@type": "Distribution",
                "dct:title": MARKUP,
                "dct:format": MARKUP,
                "dcat:downloadURL": f"data:text/html,{MARK}",
            }
        ],
        "hasPolicy": [
            {
                "@id": f"urn:{MARK}:{uuid}",
                "@type": "Offer",
                "permission": [
                    {
                        "action": "use",
                        "constraint": [
                            {
                                "leftOperand": f"https://{MARK}.example/{MARKUP[:40]}",
                                "operator": "eq",
                                "rightOperand": MARKUP,
                            }
                        ],
                    }
                ],
            }
        ],
    }


def csv_file() -> bytes:
    """Column names and values that would be formulas, elements and personal data."""
    head = (
        f'"{MARKUP.replace(chr(34), chr(34) * 2)}";"{FORMULA.replace(chr(34), chr(34) * 2)}";E-Mail;{LONG};"{TURNED}"\n'
    )
    rows = "".join(
        f'"{one.replace(chr(34), chr(34) * 2)}";-1;a{at}@x.example;{LONG};b\n' for at, one in enumerate(FORMULAS)
    )
    return (head + rows).encode()


async def planted(there: Towns) -> Person:
    """A person at Musterstadt with every role, after a day on which all of it came in by every door."""
    await _hostile_member(there)
    await _own_data(there)
    await _contracts(there)
    await _approvals(there)
    await _spaces(there)
    await _copies(there.city, there.firm.did(FIRM))
    return await there.person(f"Anna {NAME}"[:120], {TOWN: ROLES}, operator=True)


async def _hostile_member(there: Towns) -> None:
    """A participant whose name is markup."""
    await there.firm.api.post("/api/v1/participants", {"slug": "boese", "name": NAME, "kind": COMPANY})
    await there.space.reload(there.city, there.firm)


async def _own_data(there: Towns) -> None:
    """Published by a colleague: what a form of ours takes."""
    said = {"title": f"{FORMULA} {MARKUP}"[:250], "description": f"{MARKUP}\n{LONG}\n{FORMULA}"}
    for slug in (TOWN, NEIGHBOUR):
        await there.city.publish(slug, csv_file(), name=quote("böse <b>&"), keywords=[MARKUP[:80]], **said)


async def _contracts(there: Towns) -> None:
    """Concluded, fetched, refused and ended, each with a reason of the peer."""
    city = there.city
    listed = await city.api.get(f"/api/v1/participants/{NEIGHBOUR}/datasets")
    signed = await city.negotiate(TOWN, city.did(NEIGHBOUR), listed["datasets"][0]["dataset"])
    await city.fetch(TOWN, signed["agreement"])
    uuid = signed["agreement"].removeprefix("urn:uuid:")
    await city.api.post(f"/api/v1/participants/{NEIGHBOUR}/agreements/{uuid}/end", {"reason": REASON})
    await city.negotiate(TOWN, city.did(NEIGHBOUR), listed["datasets"][0]["dataset"])  # one that stays in force
    mine = await city.api.get(f"/api/v1/participants/{TOWN}/datasets")
    await there.firm.negotiate("boese", city.did(TOWN), mine["datasets"][0]["dataset"])
    offer = mine["datasets"][0]["offers"][0]
    made = await city.api.post(
        f"/api/v1/participants/{TOWN}/proposals", {"consumer": city.did(NEIGHBOUR), "offer": offer}
    )
    assert made["id"]
    place = f"/api/v1/participants/{NEIGHBOUR}/negotiations"

    async def offers() -> list[str]:
        return [one["id"] for one in (await city.api.get(place))["negotiations"] if one["state"] == "OFFERED"]

    async def offered() -> bool:
        return bool(await offers())

    await eventually_said(offered)
    (waiting,) = await offers()
    await city.api.post(f"{place}/{waiting}/terminate", {"reason": REASON})


async def _approvals(there: Towns) -> None:
    """One that waits for a person, about a hostile member; one that somebody refused with a reason."""
    city, services = there.city, there.city.services
    rule = ApprovalRule(subject="contract", template="open-attribution", people="one", protection=False, days=14)
    put, db = services.approvals.service.rules.put, services.infra.db
    await db.write(TOWN, put, TOWN, rule, "p-000000")
    for at in range(2):
        wish: dict[str, Any] = {
            "title": f"{MARKUP} {at}"[:250],
            "rule": "open-attribution",
            "slots": {"source": MARKUP[:200]},
        }
        made = await city.publish(TOWN, b"a;b\n1;2\n", **wish)
        await there.firm.negotiate("boese", city.did(TOWN), made["dataset"], wait=0)

    async def asked() -> bool:
        return len(await db.read(TOWN, services.approvals.service.waiting, TOWN)) == 2

    await eventually_said(asked)
    waiting = await db.read(TOWN, services.approvals.service.waiting, TOWN)
    voter = Voter("p-000001", frozenset({"steward"}))
    await db.write(TOWN, services.approvals.service.no, TOWN, waiting[0].id, voter, "other", REASON[:400])


async def _spaces(there: Towns) -> None:
    """A hostile applicant waits for Musterstadt's people, and Musterstadt was refused by a hostile authority.

    What steers a screen is refused at the doors of both already.
    """
    ours, theirs = there.city.services.spaces, there.firm.services.spaces
    rules = Rules(checklist=(MARKUP[:200], LONG[:200]), text=f"{MARKUP} {LONG}\n{FORMULA}"[:4_000], approvals=1)
    await ours.authority.create(TOWN, NAME, rules)
    await theirs.authority.create("boese", NAME, rules)
    brought = [Document(name=MARKUP[:200], media_type=MARKUP[:200], content=encode(csv_file()))]
    link, said = (await ours.invitations.invite(TOWN, NAME)).link, await ours.authority.description(TOWN)
    one = await theirs.joining.apply("boese", link, said.fingerprint, brought)
    await there.person("Stefan Freigabe", {TOWN: ("steward",)})
    who = "stefan.freigabe@musterstadt.example"
    await ours.applications.note(TOWN, one.application, LONG[:200], good=True, note=REASON[:500], login=who)
    await ours.invitations.invite(TOWN, NAME, ars=FORMULA[:20])
    link, said = (await theirs.invitations.invite("boese", NAME)).link, await theirs.authority.description("boese")
    asked = await ours.joining.apply(TOWN, link, said.fingerprint)
    (waiting,) = await theirs.applications.all("boese")
    judge = "judge@stadtwerke.example"
    person = await there.firm.services.accounts.people.add(judge, NAME)
    await there.firm.services.accounts.people.decide(person.id, "boese", "steward", take=False)
    await theirs.applications.refuse("boese", waiting.id, REASON[:500], judge)
    await ours.joining.progress(TOWN, asked.space)


async def _copies(city: City, provider: str) -> None:
    """What a crawler kept of a hostile member's catalogue."""
    for at in range(3):
        one = entry(str(at), provider)
        await city.services.infra.db.write(TOWN, store.replace_entry, TOWN, provider, copy_of(one))
    await city.services.infra.db.write(TOWN, store.crawled, TOWN, provider, complete=True)


async def dropped(browser: Browser) -> list[str]:
    """A file with all of it, handed over in the form of the desk and described; the pages of the draft."""
    start = await browser.get(f"/t/{TOWN}/publish")
    page = await browser.send(start, "/publish/file", file=("file", "böse <b> =1+1.csv", csv_file()))
    said: dict[str, Any] = {name: "nobody" for name in page.form("/description").names if name.startswith("hint-")}
    said |= {"title": f"{FORMULA} {MARKUP}"[:250], "description": f"{MARKUP} {LONG}"}
    page = await browser.send(page, "/description", **said)
    page = await browser.send(page, "/rule", rule="municipalities-only")
    page = await browser.send(page, "/terms")
    draft = page.path.rpartition("/")[0]
    return [f"{draft}/{name}" for name in ("description", "rule", "terms", "check", "preview")]

"""Something of everything, for programs that look at every page: data, drafts, contracts, refusals, what waits."""

import asyncio
from urllib.parse import urlencode

from msgspec.structs import replace

from connector.cli.operate.mandate import ACTIONS
from connector.data.approvals.model import ApprovalRule, Voter
from connector.dataspace.spaces.documents import Document
from connector.dataspace.spaces.model import Rules
from connector.foundation.clock import rfc3339
from connector.identity.trust.keys.jwk import encode
from tests.dataspace.spaces.conftest import UNLISTED
from tests.desk.towns import FIRM, NEIGHBOUR, TOWN, Towns
from tests.surfaces.web.browsing import Browser
from tests.testkit.cities import MUNICIPALITY, PURPOSE, City

SEA, OLD, WHO = "seestadt", "altdorf", "stefan.freigabe@musterstadt.example"
RULES = Rules(documents=("Beschluss des Rates",), checklist=("Dort angerufen",), approvals=1, text="Für den Kreis.")
YEAR_MS = 31_536_000_000
BROUGHT = [Document(name=RULES.documents[0], media_type="application/pdf", content=encode(b"%PDF"))]
TREES = (
    "Baum-Nr;Art;Höhe;Ansprechpartner;Ostwert;Nordwert\r\n"
    + "".join(
        f"B{n:03};Linde;12,{n % 10};Sabine Müller;{475000 + 37 * n};{5525000 + 61 * n % 900}\r\n" for n in range(40)
    )
).encode("cp1252")


async def lively(there: Towns) -> list[str]:
    """Something of everything: data of both towns, a contract that was used, a refusal, a request that waits; pages
    that are passed by otherwise, for there are others alike."""
    city, firm, town = there.city, there.firm, there.city.did(TOWN)
    made = await city.publish(TOWN, TREES, title="Baumkataster")
    energy = await city.publish(NEIGHBOUR, b"Ort;kWh\nRathaus;12000\n", title="Energieverbrauch der Gebäude")
    await drafted(there)
    await spaces(there)
    partner = await away(there, energy["dataset"])
    await waiting(there)
    signed = await city.negotiate(NEIGHBOUR, town, made["dataset"])
    await city.fetch(NEIGHBOUR, signed["agreement"])
    await firm.negotiate(FIRM, town, made["dataset"])
    rules = city.services.approvals.service.rules
    asked = ApprovalRule(subject="contract", template="", people="one", protection=True, days=14)
    await city.services.infra.db.write(TOWN, rules.put, TOWN, asked, "p-7f3a91")
    wish = {"provider": town, "dataset": made["dataset"], "purpose": PURPOSE}
    await city.api.post(f"/api/v1/participants/{NEIGHBOUR}/negotiations", wish)
    while not await city.services.infra.db.read(TOWN, city.services.approvals.service.waiting, TOWN):
        await asyncio.sleep(0.05)
    contract = signed["agreement"].removeprefix("urn:uuid:")
    sides = [f"/t/{slug}/contracts/{contract}" for slug in (TOWN, NEIGHBOUR)]
    return [*sides, f"/t/{NEIGHBOUR}/partners/member?{urlencode({'did': partner})}"]


async def spaces(there: Towns) -> None:
    """Musterstadt keeps a space: its neighbour belongs to it and says to be part of it."""
    kept = there.city.services.spaces
    await kept.authority.create(TOWN, "Datenraum Musterkreis", RULES)
    await there.city.services.trust.spaces.catch_up()
    await kept.issuer.work()
    await admitted(there, there.city, NEIGHBOUR)
    await kept.groups.put(TOWN, "it", {"de": "IT-Verbund", "en": "IT group"}, login=WHO)
    await kept.groups.ask(TOWN, "it", there.city.did(NEIGHBOUR), WHO)
    said = await kept.authority.description(TOWN)
    part = {"space": said.space, "member": "", "into": there.city.did(TOWN), "since": "2026-01-01"}
    await there.city.api.post(f"/api/v1/participants/{NEIGHBOUR}/spaces/merge", part)


async def waiting(there: Towns) -> None:
    """The firm waits for two people to let it into the space, and somebody is invited."""
    kept = there.city.services.spaces
    await kept.authority.change_rules(TOWN, replace(RULES, approvals=2))
    said = await kept.authority.description(TOWN)
    link = (await kept.invitations.invite(TOWN, "Stadtwerke Musterstadt")).link
    await there.firm.services.spaces.joining.apply(FIRM, link, said.fingerprint, BROUGHT)
    await kept.invitations.invite(TOWN, "Hinterdorf", ars="053150000000", domain="hinterdorf.example")


async def admitted(there: Towns, city: City, slug: str) -> None:
    """A town is invited to Musterstadt's space, applies, and a person approves."""
    kept, joining = there.city.services.spaces, city.services.spaces.joining
    link = (await kept.invitations.invite(TOWN, slug.title())).link
    one = await joining.apply(slug, link, (await kept.authority.description(TOWN)).fingerprint, BROUGHT)
    (point,) = RULES.checklist
    await kept.applications.note(TOWN, one.application, point, good=True, note="3. März, Frau Muster", login=WHO)
    await kept.applications.approve(TOWN, one.application, WHO)
    await kept.issuer.work()
    await joining.progress(slug, one.space)


async def away(there: Towns, dataset: str) -> str:
    """Seestadt belongs to that space alone. It has said to be part of Altdorf, which has left since. A provider acts
    for it; it has a contract with the neighbour, and hears no more that this ends. Its DID."""
    city = there.city
    async with there.space.running("see", dict.fromkeys((SEA, OLD), MUNICIPALITY), UNLISTED) as sea:
        for slug in (SEA, OLD):
            await admitted(there, sea, slug)
        space = (await city.services.spaces.authority.description(TOWN)).space
        part = {"space": space, "member": "", "into": sea.did(OLD), "since": "2026-01-01"}
        await sea.api.post(f"/api/v1/participants/{SEA}/spaces/merge", part)
        await sea.services.spaces.joining.leave(OLD, space)
        given = {
            "agent": "did:web:it-verbund.example",
            "name": "IT-Verbund",
            "contract": "AVV 2026-117",
            "until": rfc3339(there.space.clock.now() + YEAR_MS),
            "actions": list(ACTIONS),
        }
        await sea.api.post(f"/api/v1/participants/{SEA}/mandates", given)
        await sea.services.spaces.joining.tell_keys(await sea.services.participants.get(SEA))
        await city.services.spaces.issuer.work()
        for one in (city, sea):
            await one.services.trust.listing.reload()
        signed, did = await sea.negotiate(SEA, city.did(NEIGHBOUR), dataset), sea.did(SEA)
    uuid = signed["agreement"].removeprefix("urn:uuid:")
    base = f"/api/v1/participants/{NEIGHBOUR}"
    await city.api.post(f"{base}/agreements/{uuid}/end", {"reason": "Die Zähler sind abgebaut."})
    return did


async def drafted(there: Towns) -> None:
    """What is being prepared: one that is filled in, and one that waits for a steward."""
    db, drafts = there.city.services.infra.db, there.city.services.drafts.service
    await there.person("Stefan Freigabe", {TOWN: ("steward",)})
    for name, who in (("Baumkataster.csv", frozenset({"steward"})), ("Wartend.csv", frozenset({"publisher"}))):
        body = asyncio.StreamReader()
        body.feed_data(TREES)
        body.feed_eof()
        made = await drafts.begin(TOWN, "p-drafts", name, body)
        one = await drafts.read_within(TOWN, made.id, 30)
        said = {"rule": "municipalities-only", "personal": {hint.key: "nobody" for hint in one.hints}}
        one = await db.write(TOWN, drafts.answer, TOWN, one.id, one.version, said, Voter("p-drafts", who))
        if "publisher" in who:
            await db.write(TOWN, drafts.submit, TOWN, one.id, one.version, Voter("p-drafts", who))


async def prepared(browser: Browser) -> list[str]:
    """Pages that only a form leads to: a publication that was taken to its check, and one that was published."""
    places = b'{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"Art": "Linde"},'
    places += b' "geometry": {"type": "Point", "coordinates": [8.65, 49.87]}}]}'
    found = []
    for name, content in (("standorte.geojson", places), ("baeume.csv", b"Art;Jahr\nLinde;1978\nEiche;2001\n")):
        start = await browser.get(f"/t/{TOWN}/publish")
        page = await browser.settled(await browser.send(start, "/file", file=("file", name, content)))
        page = await browser.send(page, "/description", description="Alle Bäume der Stadt.")
        page = await browser.send(page, "/rule", rule="municipalities-only")
        page = await browser.send(page, "/terms")
        found.append(page.path.rpartition("/")[0])
    await browser.send(page, "/publish", "Veröffentlichen")
    steps = ("", "/reading", "/description", "/rule", "/terms", "/preview", "/check", "/map")
    return [*(f"{found[0]}{step}" for step in steps), f"{found[1]}/done"]

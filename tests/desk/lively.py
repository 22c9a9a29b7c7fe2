"""Something of everything, for programs that look at every page: data, drafts, contracts, refusals, what waits."""

import asyncio

from msgspec.structs import replace

from connector.approvals.model import ApprovalRule, Voter
from connector.spaces.documents import Document
from connector.spaces.model import Rules
from connector.trust.keys.jwk import encode
from tests.desk.towns import FIRM, NEIGHBOUR, TOWN, Towns
from tests.testkit.cities import PURPOSE
from tests.web.browsing import Browser

TREES = (
    "Baum-Nr;Art;Höhe;Ansprechpartner;Ostwert;Nordwert\r\n"
    + "".join(
        f"B{n:03};Linde;12,{n % 10};Sabine Müller;{475000 + 37 * n};{5525000 + 61 * n % 900}\r\n" for n in range(40)
    )
).encode("cp1252")


async def lively(there: Towns) -> None:
    """Something of everything: data of both towns, a contract that was used, a refusal, a request that waits."""
    city, firm, town = there.city, there.firm, there.city.did(TOWN)
    made = await city.publish(TOWN, TREES, title="Baumkataster")
    await city.publish(NEIGHBOUR, b"Ort;kWh\nRathaus;12000\n", title="Energieverbrauch der Gebäude")
    await drafted(there)
    await spaces(there)
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


async def spaces(there: Towns) -> None:
    """Musterstadt keeps a space: its neighbour belongs to it and says to be part of it, the firm waits for two people,
    somebody is invited."""
    kept = there.city.services.spaces
    authority, issuer, applications = kept.authority, kept.issuer, kept.applications
    rules = Rules(documents=("Beschluss des Rates",), checklist=("Dort angerufen",), approvals=1, text="Für den Kreis.")
    await authority.create(TOWN, "Datenraum Musterkreis", rules)
    said = await authority.description(TOWN)
    await there.city.services.trust.spaces.catch_up()
    await issuer.work()
    brought = [Document(name=rules.documents[0], media_type="application/pdf", content=encode(b"%PDF"))]
    joining = kept.joining
    link = (await kept.invitations.invite(TOWN, "Nachbardorf")).link
    one = await joining.apply(NEIGHBOUR, link, said.fingerprint, brought)
    who = "stefan.freigabe@musterstadt.example"
    await applications.note(TOWN, one.application, "Dort angerufen", good=True, note="3. März, Frau Muster", login=who)
    await applications.approve(TOWN, one.application, who)
    await issuer.work()
    await joining.progress(NEIGHBOUR, one.space)
    await kept.groups.put(TOWN, "it", {"de": "IT-Verbund", "en": "IT group"}, login=who)
    await kept.groups.ask(TOWN, "it", there.city.did(NEIGHBOUR), who)
    await authority.change_rules(TOWN, replace(rules, approvals=2))
    part = {"space": said.space, "member": "", "into": there.city.did(TOWN), "since": "2026-01-01"}
    await there.city.api.post(f"/api/v1/participants/{NEIGHBOUR}/spaces/merge", part)
    link = (await kept.invitations.invite(TOWN, "Stadtwerke Musterstadt")).link
    await there.firm.services.spaces.joining.apply(FIRM, link, said.fingerprint, brought)
    await kept.invitations.invite(TOWN, "Hinterdorf", ars="053150000000", domain="hinterdorf.example")


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
        one = await db.write(TOWN, drafts.answer, TOWN, one.id, one.version, said)
        if "publisher" in who:
            await db.write(TOWN, drafts.submit, TOWN, one.id, one.version, Voter("p-drafts", who))


async def prepared(browser: Browser) -> list[str]:
    """Pages that only a form leads to: a publication that was taken to its check, and one that was published."""
    places = b'{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"Art": "Linde"},'
    places += b' "geometry": {"type": "Point", "coordinates": [8.65, 49.87]}}]}'
    found = []
    for name, content in (("standorte.geojson", places), ("baeume.csv", b"Art;Jahr\nLinde;1978\nEiche;2001\n")):
        page = await browser.send(await browser.get(f"/t/{TOWN}/publish"), "/file", file=("file", name, content))
        page = await browser.send(page, "/description", description="Alle Bäume der Stadt.")
        page = await browser.send(page, "/rule", rule="municipalities-only")
        page = await browser.send(page, "/terms")
        found.append(page.path.rpartition("/")[0])
    await browser.send(page, "/publish", "Veröffentlichen")
    steps = ("", "/reading", "/description", "/rule", "/terms", "/preview", "/check", "/map")
    return [*(f"{found[0]}{step}" for step in steps), f"{found[1]}/done"]

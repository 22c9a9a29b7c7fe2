"""Each door of the desk by its pages: what a person alone can do by forms, though she has every role.

`test_publications_every_handler` does so at the management surface; here are real pages, forms and handlers.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any

import pytest

from connector.data.approvals.imports import import_draft
from connector.data.approvals.model import ApprovalRule, Voter
from connector.data.approvals.publications import NewDataset
from connector.data.catalogue.life import DatasetChange
from connector.data.catalogue.service import Publication
from connector.foundation.storage.database import acting
from connector.identity.accounts.model import ROLES
from tests.data.approvals.doors import OPENING, RITA, TEMPLATE, TOWN, VILLAGE, seen
from tests.data.harvest.imports import catalogue, taken
from tests.surfaces.web.browsing import Opened, Page, open_desk
from tests.testkit.cities import MUNICIPALITY, City, Space

pytestmark = pytest.mark.threat("T164")
HOME = f"/t/{TOWN}"
KINDS: dict[str, Any] = {"slot-kinds": ["municipality"]}
HER = f"p-{sha256(b'Anna').hexdigest()[:6]}"
LOOSENING = {
    "T/imports/choice",
    "T/imports/again",
    "T/approvals/rules",
    "T/approvals/rules/drop",
    "T/approvals/rules/yes",
}
"""What decides who has to agree, and opens by that."""
PAUL = Voter("p-ffffff", frozenset({"publisher"}))


class Pages:
    """A town at its desk, and Anna, who has every role of it; `pressed` are the addresses to which she sent forms."""

    def __init__(self, city: City, desk: Opened) -> None:
        self.city, self.anna = city, desk.browser({TOWN: ROLES}, name="Anna")
        self.pressed = set[str]()
        self._files = 0

    async def seen(self) -> set[tuple[object, ...]]:
        """By others."""
        it, harvest = self.city.services, await self.city.services.harvest.service()
        hosted = it.participants.held(TOWN)
        return await it.infra.db.read(TOWN, seen, it.catalogue.service, harvest, hosted, self.city.did(VILLAGE))

    def content(self) -> bytes:
        """Each time others, which nobody has to read."""
        self._files += 1
        return f"%PDF-1.7 {self._files}".encode()

    async def dataset(self) -> str:
        """The page of one that was published, and then changed, as those agreed who had to."""
        it, write = self.city.services.catalogue.service, self.city.services.infra.db.write
        one, _ = await write(TOWN, it.publish, TOWN, await self.wish(), released=True)
        await write(TOWN, it.life.change, TOWN, one.id, DatasetChange(title="Anders"), released=True)
        return f"{HOME}/datasets/{one.uuid}"

    async def wish(self) -> Publication:
        """For members that are municipalities or counties."""
        files = f"/api/v1/participants/{TOWN}/files?name=a.pdf"
        made = await self.city.api.post(files, data=self.content())
        return Publication(
            title="Brunnen", rule=TEMPLATE, slots={"until": "31.12.2099"}, visibility="members", source=made["source"]
        )

    async def send(self, page: Page | str, action: str, press: str = "", **filled: Any) -> Page:
        """A form of hers, filled in; of her two parts at a yes, the first."""
        shown = await self.anna.get(page) if isinstance(page, str) else page
        self.pressed.add(shown.form(action).action)
        answer = await self.anna.send(shown, action, press, **filled)
        assert answer.status == 200, (shown.path, action, answer.words)
        return answer

    async def handed_in(self, page: str, action: str) -> Page:
        """A new file, until it was read."""
        return await self.anna.settled(await self.send(page, action, file=("file", "neu.pdf", self.content())))


async def new(it: Pages) -> None:
    page = await it.handed_in(f"{HOME}/publish", "/file")
    page = await it.send(await it.send(page, "/description", "Weiter"), "/rule", "Weiter", rule="municipalities-only")
    await it.send(await it.send(page, "/terms", "Weiter"), "/publish", "Veröffentlichen")


async def of_somebody_else(it: Pages) -> None:
    """Paul prepares, who may not publish; she says yes."""
    publications, write = it.city.services.approvals.publications, it.city.services.infra.db.write
    waits = await write(TOWN, publications.submit, TOWN, PAUL, NewDataset(await it.wish()))
    assert waits.approval is not None
    await it.send(f"{HOME}/approvals/{waits.approval.id}", "/yes")


async def other_bytes(it: Pages, dataset: str) -> None:
    page = await it.handed_in(f"{dataset}/version", "/version")
    await it.send(await it.send(page, "/description", "Weiter"), "/publish", "Veröffentlichen")


STEPS: Mapping[str, Callable[[Pages, str], Awaitable[object]]] = {
    "new, offered": lambda it, _: new(it),
    "of somebody else": lambda it, _: of_somebody_else(it),
    "other words": lambda it, dataset: it.send(f"{dataset}/change", "/change", title="Stadtbäume"),
    "other rule": lambda it, dataset: it.send(f"{dataset}/rule?rule=municipalities-only", "/rule", **KINDS),
    "new bytes": other_bytes,
    "restored": lambda it, dataset: it.send(f"{dataset}/history", "/history/1"),
}
"""Each with the page of a dataset that stands."""


@pytest.fixture
async def pages(space: Space, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pages]:
    monkeypatch.setattr("connector.surfaces.web.routes.PERSON_BURST", 100_000)
    async with space.running("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY}) as city:
        people = city.services.accounts.people
        for name, role in (
            ("berta", "steward"),
            ("dora", "steward"),
            ("carl", "protection"),
            ("rita", "admin"),
            ("bea", "admin"),
        ):
            one = await people.add(f"{name}@stadt.example", name)
            await people.grant(TOWN, "", one.id, role)
        async with open_desk(city.services) as desk:
            yield Pages(city, desk)


async def test_a_person_opens_by_no_page_what_others_have_to_agree_to(pages: Pages) -> None:
    """>> every page that can open something, while no rule asks; then where two people and data protection have to
    agree << each opens something; then each waits, and what others see is just what they saw. Every form of the desk
    that opens was sent."""
    city = pages.city
    for asks in (False, True):
        if asks:
            rule = ApprovalRule(subject="publication", template="", people="two", protection=True, days=14)
            await city.services.infra.db.write(TOWN, city.services.approvals.service.rules.put, TOWN, rule, RITA.who)
        for name, step in STEPS.items():
            dataset = await pages.dataset()
            before = await pages.seen()
            await step(pages, dataset)
            assert (await pages.seen() == before) == asks, name
    await nobody_loosens_alone(pages)
    opening = {one.removeprefix("POST ") for one in OPENING if one.startswith("POST T/")} | LOOSENING
    sent = {one for one in opening if any(re.fullmatch(pattern(one), path) for path in pages.pressed)}
    assert sent == opening


async def nobody_loosens_alone(it: Pages) -> None:
    """Once more, what decides who has to agree: an import of hers, what becomes of its source, and the rules."""
    rules, write = it.city.services.approvals.service.rules, it.city.services.infra.db.write
    with acting({TOWN: HER}):
        assert (await taken(await it.city.services.harvest.service(), catalogue("fresh"))).waiting == 1
    strict = ApprovalRule(subject="publication", template="open-attribution", people="two", protection=True, days=14)
    await write(TOWN, rules.put, TOWN, strict, RITA.who)
    before, at = await it.seen(), f"{HOME}/approvals/rules"
    waiting = await it.city.services.infra.db.read(TOWN, it.city.services.approvals.service.waiting, TOWN)
    (asked,) = [one for one in waiting if import_draft(one)]
    await it.send(f"{HOME}/imports", "/imports/choice")  # all of it waits from now on
    await it.send(f"{HOME}/approvals/{asked.id}", "/no", code="data")
    await it.send(f"{HOME}/imports", "/imports/again")
    await it.send(f"{HOME}/imports", "/imports/choice")  # and no more
    await it.send(at, "/approvals/rules/drop")  # what holds for all asks for the same
    shown = await it.send(at, "/approvals/rules", subject="publication", people="none", protection=None)
    assert "Immer zwei Personen" in shown.words
    assert not [one for one in shown.forms if one.action.endswith("/rules/yes")]
    answer = await it.anna.post(f"{at}/yes", [*shown.form("/rules").fields, ("change", "x")], referer=shown.url)
    it.pressed.add(f"{at}/yes")  # she has no button for a yes to it, and sends it all the same
    assert 400 <= answer.status < 500, answer.words
    assert await it.seen() == before


def pattern(route: str) -> str:
    return re.sub(r"\{\w+\}", "[^/]+", route.replace("T/", f"{HOME}/", 1))

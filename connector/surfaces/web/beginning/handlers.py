"""The first steps of a participant, each with whether it is done by now; nothing is ticked by hand."""

from collections.abc import Mapping
from typing import ClassVar

import msgspec
from aiohttp import web
from cryptography import x509
from msgspec import Struct

from connector.data.catalogue.service import Catalogue
from connector.data.drafts.model import Draft
from connector.data.drafts.sample import Samples
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Database, Tx
from connector.identity.accounts.model import Role
from connector.identity.accounts.people import People
from connector.identity.participants import publisher
from connector.identity.participants.publisher_details import PublisherChange
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.members.trust_list import Anchor
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import TOWN, Route, get, post
from connector.surfaces.web.session import READERS

FIELDS = ("ars", "contact_name", "contact_email", "contact_telephone", "contact_url")
"""What a participant says of itself here; the rest follows from it."""
CHANGES: frozenset[Role] = frozenset(("steward", "admin"))
"""Who says how the town is reached."""


class Step(Struct, frozen=True, kw_only=True):
    """`href` is where it is done, empty for what others do."""

    name: str
    done: bool
    text: str
    href: str = ""


class BeginningPages:
    def __init__(
        self,
        db: Database,
        participants: Participants,
        people: People,
        catalogue: Catalogue,
        samples: Samples,
        anchor: Anchor,
    ) -> None:
        self._db, self._participants, self._people, self._catalogue = db, participants, people, catalogue
        self._samples, self._anchor = samples, anchor

    async def show(self, call: Call) -> web.StreamResponse:
        return await self._page(call)

    async def details(self, call: Call) -> web.StreamResponse:
        """What the participant says of itself; what is wrong comes back with the form."""
        said = {name: call.form.text(name) for name in FIELDS}
        try:
            await self._participants.change(call.slug, msgspec.convert(said, PublisherChange))
        except Mistake as problem:
            return await self._page(call, said, call.explain(problem), 422)
        return to(call.at("beginning"))

    async def practise(self, call: Call) -> web.StreamResponse:
        """A draft with sample data, which is tried like any other and never published."""
        made = await self._samples.begin(call.slug, call.person.pseudonyms.get(call.slug, ""))
        return to(call.at("publish", made.id))

    async def remove(self, call: Call) -> web.StreamResponse:
        await self._samples.remove(call.slug)
        return to(call.at("beginning"))

    async def _page(
        self, call: Call, said: Mapping[str, str] | None = None, problem: str = "", status: int = 200
    ) -> web.StreamResponse:
        hosted = await self._participants.get(call.slug)
        members, _ = await self._people.members(call.slug)

        def look(tx: Tx) -> tuple[int, Draft | None]:
            return self._catalogue.published_count(tx, call.slug), self._samples.one(tx, call.slug)

        published, sample = await self._db.read(call.slug, look)
        stewards = sum("steward" in one.roles for one in members)
        details = hosted.participant.publisher
        values = said or {name: str(getattr(details, name)) for name in FIELDS}
        return await page(
            call,
            "beginning/beginning.html",
            status,
            title=call.say("beginning.title"),
            intro=call.say("beginning.intro"),
            steps=self._steps(call, hosted, stewards, published),
            values=values,
            problem=problem,
            derived=_derived(call, hosted),
            sample=sample,
            may_change=bool(call.roles & CHANGES),
            may_practise=bool(call.roles & {"steward", "publisher"}),
        )

    def _steps(self, call: Call, hosted: Hosted, stewards: int, published: int) -> list[Step]:
        details, did, now = hosted.participant.publisher, hosted.participant.did, call.desk.clock.now()
        entry = self._anchor.entry(did)
        reachable = bool(details.contact_email or details.contact_telephone or details.contact_url)
        listed = entry is not None and entry.admitted(now)
        sealing = bool(hosted.chain) and _ends(hosted) > now
        made = [
            ("details", reachable, "#details" if call.roles & CHANGES else ""),
            ("listed", listed, ""),
            ("seal", sealing, ""),
            ("people", stewards > 1, _opened(call, "people")),
            ("publish", published > 0, _opened(call, "publish")),
        ]
        return [
            Step(
                name=call.say(f"beginning.step.{name}"),
                done=done,
                href=href,
                text=call.say(f"beginning.{_word(name, done, href)}.{name}", count=published),
            )
            for name, done, href in made
        ]

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/beginning", show, *READERS),
        post(f"{TOWN}/beginning/details", details, *CHANGES),
        post(f"{TOWN}/beginning/practise", practise, "steward", "publisher"),
        post(f"{TOWN}/beginning/remove", remove, "steward", "publisher"),
    )


def _opened(call: Call, name: str) -> str:
    """The address of a page if this person may open it."""
    return call.at(name) if call.roles & call.desk.paths.get(f"{TOWN}/{name}", frozenset()) else ""


def _word(name: str, done: bool, href: str) -> str:
    """Whoever cannot do the step herself reads whose it is."""
    return "done" if done else "others" if name in ("people", "publish") and not href else "open"


def _ends(hosted: Hosted) -> int:
    return int(x509.load_der_x509_certificate(hosted.chain[0]).not_valid_after_utc.timestamp() * 1000)


def _derived(call: Call, hosted: Hosted) -> list[tuple[str, str]]:
    """What follows from name and regional key, so that nobody has to be asked for it."""
    one = hosted.participant
    made = publisher.publisher(one.root, one.name, one.kind, one.publisher)
    facts = [
        ("name", one.name),
        ("address", one.root),
        ("municipality", publisher.municipality_key(one.publisher.ars) if one.publisher.ars else ""),
        ("level", made.level.rpartition("/")[2]),
    ]
    return [(call.say(f"beginning.derived.{name}"), text or call.say("beginning.not-yet")) for name, text in facts]

"""Contracts in force between the participants at which a person has a role and everybody else."""

from typing import ClassVar

from aiohttp import web

from connector.foundation.errors import Unknown
from connector.foundation.storage.database import Database
from connector.identity.trust.members.trust_list import Anchor
from connector.oversight.partners.network import MOST, Bond, edges, places
from connector.oversight.partners.service import Partners
from connector.surfaces.views.members import Members
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page
from connector.surfaces.web.routes import TOWN, Route, get
from connector.surfaces.web.session import READERS

MOST_OWN = 100
"""Participants of the person that are looked at, the one of this page first."""
TITLES = 3


class NetworkPages:
    def __init__(self, db: Database, partners: Partners, anchor: Anchor) -> None:
        self._db, self._partners, self._members = db, partners, Members(anchor)

    async def network(self, call: Call) -> web.StreamResponse:
        """`?scope=all`: all participants at which the person has a role; else this one."""
        slugs = [call.slug]
        own = sorted(slug for slug, roles in call.person.roles.items() if roles)
        if call.query("scope") == "all":
            slugs += [slug for slug in own if slug != call.slug][: MOST_OWN - 1]
        bonds, dids = list[Bond](), list[str]()
        for slug in slugs:
            try:
                hosted = await call.desk.participants.get(slug)
            except Unknown:  # it has left since the person signed in
                continue
            dids.append(hosted.participant.did)
            bonds += await self._db.read(slug, self._partners.bonds, slug)
        found = edges(bonds)
        drawn = places(found, dids)
        by_did = {one.did: one for one in drawn}
        lines = [
            (by_did[one.provider], by_did[one.consumer], one)
            for one in found
            if one.provider in by_did and one.consumer in by_did
        ]
        return await page(
            call,
            "network/network.html",
            title=call.say("network.title"),
            intro=call.say("network.intro"),
            nodes=[(one, self._members.called(one.did)) for one in drawn],
            lines=lines,
            edges=[
                (
                    by_did.get(one.provider),
                    self._members.called(one.provider),
                    by_did.get(one.consumer),
                    self._members.called(one.consumer),
                    one,
                    _titles(call, one.titles),
                )
                for one in found
            ],
            more=len({did for one in found for did in (one.provider, one.consumer)} | set(dids)) - len(drawn),
            most=MOST,
            several=len(own) > 1,
            everything=call.query("scope") == "all",
        )

    routes: ClassVar[tuple[Route, ...]] = (get(f"{TOWN}/network", network, *READERS),)


def _titles(call: Call, titles: tuple[str, ...]) -> str:
    shown = ", ".join(titles[:TITLES])
    return shown if len(titles) <= TITLES else call.say("network.more-titles", titles=shown, more=len(titles) - TITLES)

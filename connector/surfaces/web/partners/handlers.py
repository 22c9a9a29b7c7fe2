"""Who belongs, how the connection is, and for one member what each side may with the other's data."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from urllib.parse import quote, unquote

from aiohttp import web
from msgspec import Struct

from connector.foundation.clock import rfc3339
from connector.foundation.language import local_day
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Database
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.policy.engine import PolicyEngine
from connector.oversight.partners.service import Acting, Mine, Partner, Partners
from connector.surfaces.views.dataset import HitView, hit
from connector.surfaces.views.members import LONGEST
from connector.surfaces.views.terms import offered, seeker_of
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page
from connector.surfaces.web.routes import TOWN, Route, get
from connector.surfaces.web.session import READERS

BADGES = {"good": "success", "unread": "info", "suspended": "danger", "keys-changed": "danger"}
"""The kind of the word about a connection; everything else is a warning."""


class Shown(Struct, frozen=True, kw_only=True):
    """A member as a line of the list. `badge` is the kind of the word about the connection."""

    name: str
    href: str
    kind: str
    since: int | None
    health: str
    badge: str
    shows: int
    contracts: int
    groups: str
    spaces: str


class PartnerPages:
    def __init__(self, db: Database, partners: Partners, engine: PolicyEngine, anchor: Anchor) -> None:
        self._db, self._partners, self._engine, self._anchor = db, partners, engine, anchor

    async def members(self, call: Call) -> web.StreamResponse:
        """All members, and the groups that the trust list attests."""
        found = await self._db.read(call.slug, self._partners.all, call.slug)
        groups: dict[str, list[str]] = {}
        for one in found:
            for group in one.common:
                name = group_name(group, self._anchor.named_for(call.town.did), call.lang)
                if name:
                    groups.setdefault(name, []).append(_name(one))
        return await page(
            call,
            "partners/list.html",
            title=call.say("partners.title"),
            intro=call.say("partners.intro"),
            partners=[self._shown(call, one) for one in found],
            groups=sorted(groups.items()),
            named=any(one.spaces for one in found),
            stale=self._anchor.stale(call.desk.clock.now()),
            version=self._anchor.version,
        )

    async def member(self, call: Call) -> web.StreamResponse:
        """One of them; whom the list does not name is not there."""
        found = await self._db.read(call.slug, self._partners.between, call.slug, call.query("did"))
        one, now = found.partner, call.desk.clock.now()
        seeker = seeker_of(self._anchor, call.town.did, now)
        theirs: list[HitView] = []
        for each in found.theirs:
            terms = [offered(self._engine, seeker, policy, now) for policy in _policies(each.entry)]
            theirs.append(hit(one.entry.did, _name(one), each.entry, terms, rfc3339(each.seen_at), "copy"))
        return await page(
            call,
            "partners/member.html",
            title=_name(one),
            crumbs=[(call.say("partners.title"), call.at("partners"))],
            partner=one,
            shown=self._shown(call, one),
            facts=self._facts(call, one, found.acting),
            why=call.say(f"partners.why.{one.health}", name=_name(one)),
            step=call.say(f"partners.next.{one.health}", name=_name(one)),
            mine=[(each, _may(call, each)) for each in found.mine],
            all_mine=found.all_mine,
            theirs=[(each, _wanted(call, each)) for each in theirs],
            all_theirs=found.all_theirs,
        )

    def _shown(self, call: Call, one: Partner) -> Shown:
        return Shown(
            name=_named(call, one),
            href=f"{call.at('partners', 'member')}?did={quote(one.entry.did, safe='')}",
            kind=self._engine.label(one.entry.kind, call.lang),
            since=one.since or None,
            health=call.say(f"partners.health.{one.health}"),
            badge=BADGES.get(one.health, "warning"),
            shows=one.shows,
            contracts=one.gives + one.gets,
            groups=self._groups(call, one.common),
            spaces=spaces_of(one),
        )

    def _facts(self, call: Call, one: Partner, acting: Acting | None) -> list[tuple[str, str]]:
        entry, say = one.entry, call.say
        state = "suspended" if entry.state == "suspended" else "member" if one.signs.admitted else "ended"
        groups = self._groups(call, entry.groups)
        return [
            (say("partners.fact.kind"), self._engine.label(entry.kind, call.lang)),
            (say("partners.fact.state"), say(f"partners.state.{state}")),
            *([(say("partners.fact.part-of"), _whole(call, one))] if one.whole else []),
            (say("partners.fact.operator"), plain(entry.operator, LONGEST)),
            *([(say("partners.fact.acting"), _acting(call, acting))] if acting else []),
            *([(say("partners.fact.spaces"), spaces_of(one))] if one.spaces else []),
            (say("partners.fact.groups"), groups or say("partners.no-groups")),
            (say("partners.fact.contracts"), say("partners.contracts", gives=one.gives, gets=one.gets)),
        ]

    def _groups(self, call: Call, groups: Iterable[str]) -> str:
        named = self._anchor.named_for(call.town.did)
        return ", ".join(sorted(name for one in groups if (name := group_name(one, named, call.lang))))

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/partners", members, *READERS),
        get(f"{TOWN}/partners/member", member, *READERS),
    )


def group_name(iri: str, named: Mapping[str, Mapping[str, str]], lang: str) -> str:
    """What people call a group: by its list, else the last part of its IRI. Empty for a whole space, which is said as
    such."""
    if iri.endswith("/space") and iri in named:
        return ""
    called = named.get(iri, {}).get(lang, "")
    return plain(called or iri.rstrip("/#").rpartition("#")[2].rpartition("/")[2] or iri, LONGEST)


def spaces_of(one: Partner) -> str:
    """Through which spaces we know it."""
    return ", ".join(plain(name, LONGEST) for name in one.spaces)


def _name(one: Partner) -> str:
    return plain(one.entry.name, LONGEST)


def _named(call: Call, one: Partner) -> str:
    """With whom it is part of by law."""
    if one.whole is None:
        return _name(one)
    return call.say("partners.name-part", name=_name(one), whole=plain(one.whole.name, LONGEST))


def _whole(call: Call, one: Partner) -> str:
    assert one.whole is not None
    name = plain(one.whole.name, LONGEST)
    return call.say("partners.part-of", name=name, day=local_day(one.whole.since, call.lang))


def _acting(call: Call, one: Acting) -> str:
    """By name, if there is one, and where it lies: anybody may call itself something."""
    name, host = plain(one.name, LONGEST), plain(unquote(one.did.removeprefix("did:web:").partition(":")[0]), LONGEST)
    if one.at is None and one.name == one.did:
        return call.say("partners.acting-unnamed", host=host)
    if one.at is None:
        return call.say("partners.acting", name=name, host=host)
    return call.say("partners.acting-then", name=name, host=host, day=local_day(one.at, call.lang))


def _policies(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Of an entry that a member showed: whatever has not the form of an offer is passed over."""
    found = entry.get("hasPolicy", ())
    return [one for one in found if isinstance(one, Mapping) and "@id" in one] if isinstance(found, list) else []


def _may(call: Call, one: Mine) -> tuple[str, str]:
    """Word and sentence."""
    return call.say(f"partners.may.{one.may}"), " ".join(one.reason.get(call.lang, []))


def _wanted(call: Call, one: HitView) -> tuple[str, str]:
    if one.open:
        return call.say("partners.may.everybody"), ""
    if any(offer.met for offer in one.offers):
        return call.say("partners.may-we"), ""
    reason = next((offer.reason for offer in one.offers if offer.reason), None)
    return call.say("partners.may-not" if one.offers else "partners.no-offer"), (reason or {}).get(call.lang, "")

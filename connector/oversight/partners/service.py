"""What a participant may know of members, and they of it: by the trust list of now and the rules of now."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from connector.data.catalogue.search import store as copies
from connector.data.catalogue.search.find import Index, SearchRequest
from connector.dataspace.spaces.model import Joined
from connector.exchange.contracts.evidence import approvals
from connector.exchange.contracts.evidence.approvals import Side
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.delivery.circuit import Circuits
from connector.foundation.clock import Clock
from connector.foundation.errors import Unauthenticated, Unknown
from connector.foundation.language.reasons import Reason
from connector.foundation.storage.database import Row, Tx
from connector.identity.participants.service import Participants
from connector.identity.trust.assemble import TrustSlice
from connector.identity.trust.members.claims import requester
from connector.identity.trust.members.trust_list import Entry, millis
from connector.kernel.policy.engine import PolicyEngine, Requester
from connector.oversight.partners import store
from connector.oversight.partners.health import Health, Signs, health
from connector.oversight.partners.network import Bond
from connector.verify.checks import mandate

_OTHER: Final[Mapping[str, Side]] = {"provider": "consumer", "consumer": "provider"}
SHOWN = 50
"""Datasets of a member that are shown with it."""
May = Literal["everybody", "contract", "no", "hidden"]
"""What somebody may with a dataset: have it without a contract, get a contract now, not, or not even see it."""


class Whole(Struct, frozen=True):
    """Of whom a member is part by law (`did`), how that is called, and since when (ms)."""

    did: str
    name: str
    since: int


class Acting(Struct, frozen=True):
    """Who acts for a member by a mandate: its DID, and what it is called. `at`: None if the member's DID document says
    so now; else when (ms) the newest contract in force says so, because that document is not here."""

    did: str
    name: str
    at: int | None = None


class Partner(Struct, frozen=True, kw_only=True):
    """A member, with what there was under its former DIDs. `since` and `until` in ms, 0 and None if the list does not
    say. `groups` are IRIs, `common` those that we are in, too, but for whole spaces; `spaces` are the names of those
    through which we know it. `shows`: how many datasets it shows us; `met_at`: when something last happened in a case
    with it."""

    entry: Entry
    spaces: tuple[str, ...]
    since: int
    until: int | None
    common: frozenset[str]
    signs: Signs
    health: Health
    shows: int
    gives: int
    gets: int
    met_at: int | None
    whole: Whole | None = None


class Mine(Struct, frozen=True, kw_only=True):
    """A dataset of ours and what the member may with it; `reason` of a refusal."""

    dataset: str
    title: str
    may: May
    reason: Reason = {}


class Theirs(Struct, frozen=True, kw_only=True):
    """A dataset that the member showed us, as it showed it (JSON), and when (ms)."""

    entry: Mapping[str, Any]
    seen_at: int


class Between(Struct, frozen=True, kw_only=True):
    """What lies between us and a member. `all_mine` and `all_theirs` are how many datasets there are to look at;
    `acting` says who acts for it, if anybody does and that is known."""

    partner: Partner
    mine: tuple[Mine, ...]
    all_mine: int
    theirs: tuple[Theirs, ...]
    all_theirs: int
    acting: Acting | None = None


class Partners:
    """`circuits`, `index` and `trust` say how the connection with each is."""

    def __init__(
        self,
        clock: Clock,
        participants: Participants,
        contracts: Contracts,
        engine: PolicyEngine,
        index: Index,
        trust: TrustSlice,
        circuits: Circuits,
    ) -> None:
        self._clock, self._participants, self._contracts, self._engine = clock, participants, contracts, engine
        self._index, self._trust, self._circuits = index, trust, circuits

    def all(self, tx: Tx, slug: str) -> list[Partner]:
        """Every member but the participant itself, as it is and was called, by name; who has moved as it is now."""
        own, anchor = self._participants.held(slug).participant, self._trust.anchor
        gone = frozenset(anchor.line_for(own.did).succeeded(tx.now))
        others = (did for did in anchor.entries if not own.is_me(did) and did not in gone)
        known = (anchor.entry_for(own.did, did) for did in others if anchor.knows(own.did, did))
        entries = [one for one in known if one is not None]
        return self._partners(tx, slug, sorted(entries, key=lambda one: (one.name.casefold(), one.did)))

    def between(self, tx: Tx, slug: str, did: str) -> Between:
        """Raises Unknown for who is not on the list, and for ourselves."""
        own = self._participants.held(slug).participant
        entry = self._trust.anchor.entry_for(own.did, did)
        if entry is None or own.is_me(did) or not self._trust.anchor.knows(own.did, did):
            raise Unknown("partners.unknown", did=did[:200])
        mine, all_mine = self._mine(tx, slug, entry)
        answer, _ = self._index.find(tx, slug, SearchRequest(), among=(did,), limit=SHOWN)
        theirs = [Theirs(entry=msgspec.json.decode(hit.entry), seen_at=hit.seen_at) for hit in answer.hits]
        return Between(
            partner=self._partners(tx, slug, [entry])[0],
            mine=tuple(mine),
            all_mine=all_mine,
            theirs=tuple(theirs),
            all_theirs=answer.total,
            acting=self._acting(tx, slug, did),
        )

    def _acting(self, tx: Tx, slug: str, did: str) -> Acting | None:
        """Nothing is fetched to find out. Anybody may name another in its document: of a member whose keys the list
        names that counts for a key that it names, for its authority has seen the mandate, or where a contract says it.
        """
        document = self._trust.resolver.known(did)
        if document is None:
            return self._acted(tx, slug, did)
        listed = self._trust.anchor.pinned(did, self._did(slug))
        for key, agent in mandate.controllers(document.raw).items():
            vouched = not listed or key in listed
            if vouched or ((proven := self._acted(tx, slug, did)) is not None and proven.did == agent):
                return Acting(agent, self._trust.members.name_of(agent, self._did(slug)))
        return None

    def _acted(self, tx: Tx, slug: str, did: str) -> Acting | None:
        """As the newest contract in force says."""
        for row in store.contracts(tx, slug, did)[:1]:
            one, side = self._contracts.agreements.get(tx, slug, row["id"]), _OTHER[row["role"]]
            found = approvals.acted(tx, one, side)
            return None if found is None else Acting(found.did, found.name, one.created_at)
        return None

    def bonds(self, tx: Tx, slug: str) -> list[Bond]:
        """The contracts of a participant that are in force now."""
        did, rows = self._did(slug), store.contracts(tx, slug)
        line = self._trust.anchor.line_for(did)
        titles = self._contracts.titles(tx, slug, {row["id"] for row in rows})
        return [
            Bond(
                agreement=row["id"],
                title=titles.get(row["id"], ""),
                provider=did if row["role"] == "provider" else other,
                consumer=other if row["role"] == "provider" else did,
            )
            for row in rows
            for other in (line.successor(row["counterparty"], tx.now) or row["counterparty"],)
        ]

    def untold(self, tx: Tx, slug: str, one: Joined) -> list[str]:
        """By name, whom the participant knows through that space alone, and who has not taken its word yet
        that a contract has ended: it would stay in force there."""
        anchor, own = self._trust.anchor, self._did(slug)
        line, listed = anchor.line_for(own), anchor.list_of(one.authority)
        found = dict.fromkeys(line.successor(did, tx.now) or did for did in store.untold(tx, slug))
        names = list[str]()
        for did in found:
            shared = {each.via or each.space for each in anchor.belonging(own, did, tx.now)}
            if shared == {one.space} or (not shared and listed is not None and listed.entry(did) is not None):
                names.append(self._trust.members.name_of(did, own))
        return names

    def _did(self, slug: str) -> str:
        return self._participants.held(slug).participant.did

    def _partners(self, tx: Tx, slug: str, entries: Sequence[Entry]) -> list[Partner]:
        ours = self._trust.anchor.entry(self._did(slug))
        groups = frozenset(() if ours is None else ours.groups)
        line = self._trust.anchor.line_for(self._did(slug))
        names = {entry.did: (entry.did, *line.predecessors(entry.did, tx.now)) for entry in entries}
        only = entries[0].did if len(entries) == 1 and len(names[entries[0].did]) == 1 else ""
        held, met = store.contracts(tx, slug, only), store.met(tx, slug)
        states, shown = copies.members(tx, slug), copies.shown_by(tx, slug)
        skews = {one.did: one.ms for one in self._trust.skews.all()}
        return [
            self._partner(
                tx,
                slug,
                entry,
                groups,
                _counted(held, names[entry.did]),
                max((met[did] for did in names[entry.did] if did in met), default=None),
                states.get(entry.did),
                shown.get(entry.did, 0),
                skews.get(entry.did),
            )
            for entry in entries
        ]

    def _partner(
        self,
        tx: Tx,
        slug: str,
        entry: Entry,
        groups: frozenset[str],
        contracts: tuple[int, int],
        met: int | None,
        state: copies.MemberState | None,
        shows: int,
        skew: int | None,
    ) -> Partner:
        paused = self._circuits.next_trial(slug, entry.did, self._clock.steady(), tx.now)
        signs = Signs(
            admitted=entry.admitted(tx.now),
            on_hold=self._trust.resolver.on_hold(entry.did, self._did(slug)),
            paused_until=paused,
            silent_since=None if state is None else state.failing_since,
            read_at=None if state is None else state.complete_at,
            skew_ms=skew,
        )
        return Partner(
            entry=entry,
            spaces=tuple(self._trust.anchor.through(self._did(slug), entry.did)),
            since=millis(entry.valid_from),
            until=None if entry.valid_until is None else millis(entry.valid_until),
            common=groups & frozenset(entry.groups),
            signs=signs,
            health=health(signs),
            shows=shows,
            gives=contracts[0],
            gets=contracts[1],
            met_at=met,
            whole=self._whole(slug, entry.did, tx.now),
        )

    def _whole(self, slug: str, did: str, now: int) -> Whole | None:
        own = self._did(slug)
        found = self._trust.anchor.whole(own, did, now)
        return None if found is None else Whole(found[0], self._trust.members.name_of(found[0], own), found[1])

    def _mine(self, tx: Tx, slug: str, entry: Entry) -> tuple[list[Mine], int]:
        rows, count = store.offers(tx, slug)
        own = self._did(slug)
        with suppress(Unauthenticated):
            entry = self._trust.anchor.between(own, entry.did, tx.now)  # as it is judged when it asks
        decided = _Decided(
            self._engine, requester(entry, self._participants.groups(own)), tx.now, entry.admitted(tx.now)
        )
        grouped = groupby(rows, key=lambda row: (row["id"], row["title"], row["access"]))
        return [decided.of(*key, list(offers)) for key, offers in grouped], count


def _counted(rows: Iterable[Row], names: Collection[str]) -> tuple[int, int]:
    """Contracts under which the member gives, and those under which it gets, by any of the DIDs that it has had."""
    roles = [row["role"] for row in rows if row["counterparty"] in names]
    return roles.count("consumer"), roles.count("provider")


class _Decided:
    """Decisions for one member at one moment; each rule is judged once, however many datasets are under it."""

    def __init__(self, engine: PolicyEngine, who: Requester, now: int, admitted: bool) -> None:
        self._engine, self._who, self._now, self._admitted = engine, who, now, admitted
        self._known: dict[str, tuple[bool, bool, Reason]] = {}

    def of(self, dataset: str, title: str, access: str, rows: list[Row]) -> Mine:
        offers = [row for row in rows if row["policy"] is not None]
        found = [(row["visibility"], *self._decide(row)) for row in offers] if self._admitted else []
        if access == "open":
            return Mine(dataset=dataset, title=title, may="everybody")
        if any(permit for _, permit, _, _ in found):
            return Mine(dataset=dataset, title=title, may="contract")
        seen = [reason for visibility, _, sees, reason in found if visibility == "members" or sees]
        return Mine(dataset=dataset, title=title, may="no" if seen else "hidden", reason=seen[0] if seen else {})

    def _decide(self, row: Row) -> tuple[bool, bool, Reason]:
        if row["digest"] not in self._known:
            policy = msgspec.json.decode(row["policy"])
            permit = self._engine.permits(policy, self._who, "negotiation", self._now)
            sees = self._engine.permits(policy, self._who, "catalog", self._now)
            self._known[row["digest"]] = (permit, sees, {} if permit else self._why(policy))
        return self._known[row["digest"]]

    def _why(self, policy: Mapping[str, Any]) -> Reason:
        return self._engine.reasons(self._engine.decide(policy, self._who, "negotiation", self._now))

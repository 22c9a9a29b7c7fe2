"""The data space's trust list and what follows from it: who belongs, of which kind, until when (spec/trust.md 4).

The list is a JWS by the authority, whose public key is pinned by configuration and never fetched from where the list
lies. Versions only rise; past `nextUpdate` the list still names the members but opens no new negotiations.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct, field
from msgspec.structs import replace

from connector.foundation.errors import PeerError, Unauthenticated
from connector.identity.trust.keys.jose import verify_document
from connector.identity.trust.keys.jwk import Jwk
from connector.identity.trust.members import mergers, successors

TYP: Final = "trust-list+jwt"
LIMIT: Final = 8_388_608
NODES: Final = 400_000

UNTIL: Final = "until"
"""Member of a log key in the list: the RFC 3339 time from which on it signs no new state of the log."""
BEGINS: Final = "validFrom"
RETIRED: Final = "validUntil"
"""Members of a witness's key in the list: the RFC 3339 times of the first and of the last second that count."""
STRUCK: Final = "struckSince"
"""The same of what people of the authority struck off: the one end that may lie before the list that first says it."""
MOST_FORMER: Final = 64
"""Former keys for second seals of one member."""
MOST_LOG_KEYS: Final = 256
"""Keys of the log of one member, former ones too."""
MOST_WITNESS_KEYS: Final = 1_024
"""Keys of all witnesses; whoever judges by the list reads each of them as a key."""
_LATEST_MS: Final = 253_402_300_800_000

Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
"""The SHA-256 of a certificate, in lower-case hex."""
LARGEST = 2**53 - 1
"""The largest number of a list: what every reader of JSON and both databases hold exactly."""


class Issuer(Struct, frozen=True, rename="camel"):
    """An issuer, and the types of its credentials that count; no list names one until credentials come."""

    did: str
    types: tuple[str, ...]
    valid_from: str
    valid_until: str | None = None


class Predecessor(Struct, frozen=True):
    """A DID whose place a participant has taken, and since when."""

    did: str
    since: str = field(name="from")


class MergedInto(Struct, frozen=True):
    """Into whom a participant was merged: part of `did` by law from `since` on; rules go by it from `listed` on, when
    the authority had decided it (RFC 3339)."""

    did: str
    since: str = field(name="from")
    listed: str

    def holds(self, now: int) -> bool:
        """Whether rules go by it at this instant (milliseconds)."""
        return max(millis(self.since), millis(self.listed)) <= now


class Sealing(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A seal certificate and from when until when it counts; a side that is absent has no bound. `struck_since`: people
    of the authority struck it off, and say from when on it counts no more."""

    sha256: Sha256
    valid_from: str | None = None
    valid_until: str | None = None
    struck_since: str | None = None

    def holds(self, now: int) -> bool:
        """Whether it counts at this instant (milliseconds)."""
        return _within(self.valid_from, self.valid_until, now)


class SecondKey(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A former key for second seals (JWK) and from when until when it counts; a side that is absent has no bound."""

    key: dict[str, str]
    valid_from: str | None = None
    valid_until: str | None = None

    def holds(self, now: int) -> bool:
        """Whether it counts at this instant (milliseconds)."""
        return _within(self.valid_from, self.valid_until, now)


class GroupPeriod(Struct, frozen=True, rename="camel", omit_defaults=True):
    """From when until when a participant is in a group (an IRI); without an end it still is."""

    group: str
    valid_from: str
    valid_until: str | None = None

    def holds(self, now: int) -> bool:
        """Whether it is in it at this instant (milliseconds)."""
        return _within(self.valid_from, self.valid_until, now)


class Entry(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One participant as the authority names it; `kind`, `groups` and `admin_level` are IRIs.

    `groups` is what holds on the day of the list; of a group in `group_periods` these say when, ended ones too.

    `keys` are pinned thumbprints, `ars` is the regional key of its seat. `suspended_since` tells auditors which
    contracts are older; a plain digest among `seal_certificates` counts for as long as its certificate. What second
    seals were made with before `seal_key_pq` stays in `former_seal_keys_pq`.
    """

    did: str
    name: str
    operator: str
    kind: str
    groups: tuple[str, ...]
    state: Literal["active", "suspended"]
    valid_from: str
    valid_until: str | None = None
    suspended_since: str | None = None
    ars: str | None = None
    admin_level: str | None = None
    seal_certificates: tuple[Sha256 | Sealing, ...] = field(default=(), name="sealCertificates")
    log_keys: tuple[dict[str, str], ...] = field(default=(), name="logKeys")
    seal_key_pq: dict[str, str] | None = None
    former_seal_keys_pq: tuple[SecondKey, ...] = ()
    keys: tuple[str, ...] = ()
    succeeds: tuple[Predecessor, ...] = ()
    merged_into: MergedInto | None = None
    group_periods: tuple[GroupPeriod, ...] = ()

    def at(self, now: int) -> "Entry":
        """With the groups that hold at this instant (milliseconds), in a past one too as far as the list says so."""
        if not self.group_periods:
            return self
        timed = {one.group for one in self.group_periods}
        then = (one.group for one in self.group_periods if one.holds(now))
        lasting = (one for one in self.groups if one not in timed)
        return replace(self, groups=tuple(dict.fromkeys((*lasting, *then))), group_periods=())

    def logging(self, now: int) -> tuple[dict[str, str], ...]:
        """The log keys that may sign a new state at this instant (milliseconds).

        `until` in a key says when it was retired or withdrawn; what is no time counts as long past.
        """
        return tuple(key for key in self.log_keys if UNTIL not in key or now < _end(key[UNTIL]))

    def admitted(self, now: int) -> bool:
        """Whether the participant belongs at this instant (milliseconds)."""
        return self.state == "active" and _within(self.valid_from, self.valid_until, now)

    def sealing(self, now: int) -> tuple[str, ...]:
        """The SHA-256 of the listed certificates that may seal at this instant (milliseconds)."""
        return tuple(one.sha256 for one in self.listed_seals if one.holds(now))

    def second_keys(self, now: int) -> tuple[dict[str, str], ...]:
        """The keys that may make second seals at this instant (milliseconds)."""
        current = () if self.seal_key_pq is None else (self.seal_key_pq,)
        return (*current, *(one.key for one in self.former_seal_keys_pq if one.holds(now)))

    @property
    def listed_seals(self) -> tuple[Sealing, ...]:
        """All listed seal certificates in one form."""
        return tuple(Sealing(one) if isinstance(one, str) else one for one in self.seal_certificates)


class Witness(Struct, frozen=True):
    """An operator that cosigns others' logs (spec/records.md 3.1)."""

    operator: str
    url: str
    keys: tuple[dict[str, str], ...]


class ListedAuthority(Struct, frozen=True, rename="camel"):
    """Another authority whose members count as members here: `key` is its public JWK, `authority` the URN of that.

    `kinds` (IRIs) says of which kinds they have to be; none: of any (spec/spaces.md 6.2).
    """

    authority: str
    space: str
    name: str
    key: dict[str, str]
    list_url: str
    kinds: tuple[str, ...] = ()


class Group(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A group of a space: its IRI, its name by language, and the DID of the member that says who is in it."""

    group: str
    name: dict[str, str]
    keeper: str
    valid_until: str | None = None


class TrustList(Struct, frozen=True, kw_only=True, rename="camel"):
    """The whole list; `authority` is the authority's identifier, times are RFC 3339.

    `space` is the IRI of the space whose list it is, `name` what that is called; a list of no space has neither.
    """

    version: Annotated[int, Meta(ge=0, le=LARGEST)]
    issued: str
    next_update: str
    authority: str
    issuers: tuple[Issuer, ...] = ()
    participants: tuple[Entry, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    space: str | None = None
    name: str | None = None
    recognised: tuple[ListedAuthority, ...] = ()
    groups: tuple[Group, ...] = ()


def _end(text: str) -> int:
    try:
        return millis(text)
    except ValueError:
        return 0


def millis(text: str | None) -> int:
    """Milliseconds of an RFC 3339 time with a zone; 0 for none; ValueError for anything else.

    What no calendar of ours can show is refused too, as the offline verifier does that reads the same list.
    """
    if text is None:
        return 0
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    found = int(instant.timestamp() * 1000)
    if not 0 <= found < _LATEST_MS:
        raise ValueError(text)
    return found


def _within(begin: str | None, end: str | None, now: int) -> bool:
    return millis(begin) <= now and (end is None or now < millis(end))


def read_list(jws: str, authority_jwk: Jwk) -> TrustList:
    """The list in a JWS by the authority; `Unauthenticated` if it is not theirs, `PeerError` if it is not a list."""
    claims = verify_document(jws, authority_jwk, typ=TYP, limit=LIMIT, nodes=NODES)
    try:
        trust_list = msgspec.convert(claims, TrustList)
    except msgspec.ValidationError as cause:
        raise PeerError("trust.list-form") from cause
    require_form(trust_list)
    require_distinct(trust_list)
    return trust_list


def require_form(trust_list: TrustList) -> None:
    """Raises PeerError unless each member, each issuer and the witnesses make sense by themselves."""
    try:
        for moment in _moments(trust_list):
            millis(moment)
    except ValueError as cause:
        raise PeerError("trust.list-form") from cause
    if any(_doubled(entry) for entry in trust_list.participants) or _many_keys(trust_list):
        raise PeerError("trust.list-form")


def require_distinct(trust_list: TrustList) -> None:
    """Raises PeerError if a member is named twice, or it is not plain who has whose place."""
    if len({entry.did for entry in trust_list.participants}) != len(trust_list.participants):
        raise PeerError("trust.list-form")
    if not successors.unambiguous(succession(trust_list)):
        raise PeerError("trust.list-form")


Read = Callable[[str], TrustList]
"""The list in a JWS, as `read_list` has it."""


def names_in(said: TrustList) -> dict[str, Mapping[str, str]]:
    """The names of a space and of its groups by IRI and language; those of other spaces' groups are not its to give."""
    space = said.space or ""
    own = {one.group: one.name for one in said.groups if not space or one.group.startswith(f"{space}/")}
    return {**own, **({space: {"de": said.name or "", "en": said.name or ""}} if space and said.name else {})}


class Anchor:
    """The current list, held against the pinned key of the authority. Empty until the first `update`."""

    def __init__(self, authority_jwk: Jwk) -> None:
        self.authority_jwk = authority_jwk
        self._jws = ""
        self._signed: TrustList | None = None
        self._list: TrustList | None = None
        """What of that counts."""
        self._narrowed: Callable[[TrustList], TrustList] | None = None
        self._entries: Mapping[str, Entry] = {}
        self._line = successors.Successors(())

    def update(self, jws: str, read: Read | None = None, asked: int | None = None) -> bool:
        """Takes a newer list, says whether it was new. A lower version, or another list of this version, is refused.

        The text that is in force is not verified again. `read` knows members that it has read before. `asked` is the
        version that was in force when this text was asked for (None: the one of now): one that is no older was
        overtaken on its way, and nobody rolled back anything.
        """
        if jws == self._jws and self._list is not None:
            return False
        new = read_list(jws, self.authority_jwk) if read is None else read(jws)
        old = self._signed
        if old is not None and new.version < old.version:
            if asked is not None and new.version >= asked:
                return False
            raise PeerError("trust.list-rollback", version=new.version, current=old.version)
        if old is not None and new.version == old.version:
            if new != old:
                raise PeerError("trust.list-fork", version=new.version)
            return False
        self._jws = jws
        self._take(new)
        return True

    def narrow(self, narrowed: Callable[[TrustList], TrustList] | None) -> None:
        """From now on no more of this list and of later ones counts than that leaves; None: all of them again."""
        self._narrowed = narrowed
        if self._signed is not None:
            self._take(self._signed)

    def _take(self, signed: TrustList) -> None:
        self._signed, self._list = signed, signed if self._narrowed is None else self._narrowed(signed)
        self._entries = {entry.did: entry for entry in self._list.participants}
        self._line = successors.Successors(succession(self._list))

    @property
    def jws(self) -> str:
        """The current list as it was signed; empty before there is one."""
        return self._jws

    @property
    def version(self) -> int:
        """Version of the current list, 0 before there is one."""
        return 0 if self._list is None else self._list.version

    @property
    def current(self) -> TrustList:
        """The current list; `Unauthenticated` before there is one, for then nobody belongs."""
        if self._list is None:
            raise Unauthenticated("trust.no-list")
        return self._list

    @property
    def entries(self) -> Mapping[str, Entry]:
        """All of them by DID; a new mapping with every list."""
        return self._entries

    def entry(self, did: str) -> Entry | None:
        """What the list says of a DID, suspended or expired members included."""
        return self._entries.get(did)

    def member(self, did: str, now: int) -> Entry:
        """The entry of a DID that belongs at this instant; `Unauthenticated` if it does not."""
        entry = self.entry(did)
        if entry is None or not entry.admitted(now):
            raise Unauthenticated("trust.not-listed")
        return self.seen(entry, now)

    def between(self, own: str, did: str, now: int) -> Entry:
        """The entry of a DID as a participant of ours (`own`) may go by it; `Unauthenticated` if they share no space.

        One list alone is everybody's.
        """
        return self.member(did, now)

    def seen(self, entry: Entry, now: int) -> Entry:
        """An entry of this list as rules look at it at this instant."""
        entry = entry.at(now)
        if entry.merged_into is None:
            return entry
        told = mergers.common(entry.did, lambda did: _facts(self._entries.get(did), now), self._line, now)
        return replace(entry, kind=told.kind, admin_level=told.admin_level, ars=told.ars)

    def whole(self, own: str, did: str, now: int) -> tuple[str, int] | None:
        """Of whom a DID is part by law, and since when (ms), as a participant of ours (`own`) may go by it; of both who
        has its place now counts. None for who is part of nobody, shares no space with us, or is part of one by one list
        and of another by another; where only days differ, since the last of them."""
        line = self.line_for(own)
        said = self._merged_between(line.successor(own, now) or own, line.successor(did, now) or did, now)
        wholes = {line.successor(one.did, now) or one.did for one in said}
        return (wholes.pop(), max(millis(one.since) for one in said)) if len(wholes) == 1 else None

    def _merged_between(self, own: str, did: str, now: int) -> Sequence[MergedInto]:
        """What every list that counts between both says of that."""
        try:
            merged = self.between(own, did, now).merged_into
        except Unauthenticated:
            return ()
        return () if merged is None else (merged,)

    def parts(self, dids: Collection[str]) -> frozenset[str]:
        """Who is part of one of these by any list: what is said of those concerns them as well."""
        line = self.line_for()
        return mergers.parts(
            dids,
            [
                (did, whole)
                for entries in self._every()
                for did, one in entries.items()
                if one.merged_into
                for whole in (one.merged_into.did, line.successor(one.merged_into.did, _LATEST_MS))
                if whole
            ],
        )

    def _every(self) -> Iterable[Mapping[str, Entry]]:
        """The entries of each list."""
        return (self._entries,)

    def neighbours(self, own: str, now: int) -> Sequence[Entry]:
        """Who is on a list with a participant of ours, those too that do not belong now."""
        return self.current.participants

    def through(self, own: str, did: str) -> Sequence[str]:
        """Names of the spaces whose lists name a participant of ours (`own`) and a DID; one list alone needs none."""
        return ()

    @property
    def named(self) -> Mapping[str, Mapping[str, str]]:
        """The names of spaces and of their groups by IRI and language, as the lists have them."""
        return {} if self._list is None else names_in(self._list)

    def named_for(self, own: str) -> Mapping[str, Mapping[str, str]]:
        """The same as a participant of ours (`own`) may go by them."""
        return self.named

    def offerable(self, own: str, now: int) -> Mapping[str, Mapping[str, str]]:
        """Spaces to which a participant of ours belongs, and their groups: whom an offer may be for. As `named`."""
        return {}

    def knows(self, own: str, did: str) -> bool:
        """Whether a list that counts for a participant of ours (`own`) names a DID, whatever it says of it."""
        return self.entry(did) is not None

    def entry_for(self, own: str, did: str) -> Entry | None:
        """What the lists say of a DID that count for a participant of ours (`own`), whatever that is: what others of
        this process joined neither adds to it nor takes of it."""
        return self.entry(did)

    def witnesses_for(self, own: str) -> Sequence[Witness]:
        """The witnesses by those lists; none before there is one."""
        return () if self._list is None else self._list.witnesses

    def ends(self, own: str, did: str, now: int) -> int | None:
        """When what a participant of ours (`own`) shares with a DID ends by itself (ms); None if it does not."""
        entry = self.entry(did)
        return None if entry is None else millis(entry.valid_until) or None

    @property
    def edition(self) -> int:
        """Counts what the lists have said so far."""
        return self.version

    def fresh_between(self, own: str, did: str, now: int) -> bool:
        """Whether a list that names both is still before its `nextUpdate`."""
        return self.fresh(now)

    def fresh(self, now: int) -> bool:
        """Whether the list is still before its `nextUpdate`; if not, nothing new is negotiated."""
        return self._list is not None and now < millis(self._list.next_update)

    def stale(self, now: int) -> bool:
        """Whether there is a list, and the newest one has run out; without any there is nothing that could."""
        return bool(self.jws) and not self.fresh(now)

    def line_for(self, own: str = "") -> successors.Successors:
        """Who has taken whose place, as a participant of ours (`own`) may go by it; one list alone is everybody's."""
        return self._line

    def listings(self, did: str) -> Sequence[tuple[str, Entry]]:
        """What each list says of a DID that is known here, by the name of its authority."""
        entry = self.entry(did)
        return [] if entry is None else [("", entry)]

    def pinned(self, did: str, own: str = "") -> frozenset[str]:
        """Key thumbprints that the authority vouches for; one list alone is every participant's (`own`)."""
        entry = self._entries.get(did)
        return frozenset(entry.keys) if entry is not None else frozenset()


def succession(trust_list: TrustList) -> list[successors.Step]:
    """The steps of this list: who has taken whose place."""
    return [
        successors.Step(one.did, entry.did, millis(one.since))
        for entry in trust_list.participants
        for one in entry.succeeds
    ]


def _facts(entry: Entry | None, now: int) -> mergers.Facts | None:
    if entry is None:
        return None
    merged = entry.merged_into
    into = merged.did if merged is not None and merged.holds(now) else ""
    return mergers.Facts(entry.kind, entry.admin_level, entry.ars, into)


def _doubled(entry: Entry) -> bool:
    """One certificate or key twice would have two periods; without `pub` a key for second seals is none."""
    seals = [one.sha256 for one in entry.listed_seals]
    former = [one.key.get("pub") for one in entry.former_seal_keys_pq]
    keys = former + [entry.seal_key_pq[name] for name in ("pub",) if entry.seal_key_pq and name in entry.seal_key_pq]
    twice = len(set(seals)) != len(seals) or len(set(keys)) != len(keys)
    return twice or None in former or len(former) > MOST_FORMER


def _many_keys(trust_list: TrustList) -> bool:
    """More than a verifier reads: its list and ours are the same."""
    logs = max((len(entry.log_keys) for entry in trust_list.participants), default=0)
    return logs > MOST_LOG_KEYS or sum(len(one.keys) for one in trust_list.witnesses) > MOST_WITNESS_KEYS


def _moments(trust_list: TrustList) -> list[str | None]:
    ours: list[str | None] = [trust_list.issued, trust_list.next_update]
    for entry in trust_list.participants:
        ours += [entry.valid_from, entry.valid_until, entry.suspended_since, *(one.since for one in entry.succeeds)]
        if entry.merged_into is not None:
            ours += [entry.merged_into.since, entry.merged_into.listed]
        for group in entry.group_periods:
            ours += [group.valid_from, group.valid_until]
        for seal in entry.listed_seals:
            ours += [seal.valid_from, seal.valid_until, seal.struck_since]
        for key in entry.former_seal_keys_pq:
            ours += [key.valid_from, key.valid_until]
    ours += [group.valid_until for group in trust_list.groups]
    for issuer in trust_list.issuers:
        ours += [issuer.valid_from, issuer.valid_until]
    times = (BEGINS, RETIRED, STRUCK)
    ours += [key.get(name) for witness in trust_list.witnesses for key in witness.keys for name in times]
    return ours

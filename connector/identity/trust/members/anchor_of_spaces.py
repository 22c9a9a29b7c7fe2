"""The lists of several spaces in one process: the configured one, and those of the spaces that participants joined.

Who belongs is asked for two: a member of a space that a participant does not belong to is a stranger to it, whoever
else this process hosts (spec/spaces.md 5; threat T101). What a list of a space says counts for its own matters alone:
groups below its IRI, and of a DID that several lists name only what all of them say of its keys. The configured list
goes before all others.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from connector.foundation.errors import PeerError, Unauthenticated
from connector.identity.trust.keys.jwk import thumbprint
from connector.identity.trust.members import space_names
from connector.identity.trust.members.agreed import agreed, shown
from connector.identity.trust.members.list_reader import ListReader
from connector.identity.trust.members.pin import URN, Pin, Place, counted, pinned_as, recognised
from connector.identity.trust.members.strictest import Disagreement, strictest
from connector.identity.trust.members.successors import Step, Successors, straight
from connector.identity.trust.members.trust_list import (
    Anchor,
    Entry,
    Group,
    ListedAuthority,
    MergedInto,
    Read,
    TrustList,
    Witness,
    millis,
    names_in,
    succession,
)


class Belonging(Struct, frozen=True, kw_only=True):
    """That somebody belongs to a space, by which entry; `via`: the IRI of the space whose authority recognises it."""

    space: str
    name: str
    entry: Entry
    via: str = ""


class AnchorOfSpaces(Anchor):
    """`home` is the configured list; None: nobody belongs who is in no joined space."""

    def __init__(self, home: Anchor | None) -> None:
        super().__init__({} if home is None else home.authority_jwk)
        self.home = home
        self._pins: Sequence[Pin] = []
        self._recognised: Sequence[Pin] = []
        self._trusted: dict[str, frozenset[tuple[str, str]]] = {}
        self._joined: dict[str, Anchor] = {}
        self._doubts: Mapping[str, Disagreement] = {}
        self._readers: dict[str, ListReader] = {}
        self._merged: Mapping[str, Entry] | None = None
        self._steps: dict[tuple[str, ...], Successors] = {}
        self._alike: dict[str, frozenset[str]] = {}
        self._whole: TrustList | None = None
        self._names: Mapping[str, Mapping[str, str]] | None = None
        self._named: dict[str, Mapping[str, Mapping[str, str]]] = {}
        self.joined: Sequence[Pin] = []
        self._edition = 0

    # Which lists

    def pin(self, pins: Iterable[Pin]) -> None:
        """The spaces that participants of this process joined, in the order in which that was."""
        self.joined, own = list(pins), self.own_name
        self._pins = [one for one in self.joined if one.authority != own]
        self._forget()

    def pins(self) -> Sequence[Pin]:
        """Pins of the lists that are wanted: of joined spaces first, then of those that they recognise.

        One authority may be named for several spaces or addresses, since nobody is asked whether that is true: a list
        counts for the space that it says itself.
        """
        return [*self._pins, *self._recognised]

    def list_of(self, authority: str) -> Anchor | None:
        """The list of that authority, if there is one yet."""
        return self._joined.get(authority)

    def version_of(self, authority: str) -> int:
        """The number of the list in force of that authority, the configured one too; 0: there is none."""
        listed = self.home if authority and authority == self.own_name else self._joined.get(authority)
        return 0 if listed is None else listed.version

    def read(self, authority: str, jws: str) -> TrustList | None:
        """The list in this text, which a thread may read; None if nobody wants it any more. Raises PeerError."""
        pin = next(self._pins_of(authority), None)
        return None if pin is None else self._readers.setdefault(authority, ListReader(pin.jwk)).read(jws)

    def _pins_of(self, authority: str) -> Iterator[Pin]:
        return (one for one in self.pins() if one.authority == authority)

    def accept(
        self, authority: str, jws: str, told: TrustList | None = None, asked: int | None = None
    ) -> frozenset[str]:
        """A newer list of a pinned space, `told` if it was read already: of whom it says something else than before.
        `asked` as for `update`.

        Raises PeerError for one that is refused: older, another of the same version, or of another space. Of a space
        that was unpinned, or is recognised no more, while its list was fetched, nothing is taken.
        """
        pins = list(self._pins_of(authority))
        if not pins:
            return frozenset()
        pin = pins[0]
        known = self._joined.get(authority) or self._none_yet(pin)
        if jws == known.jws:
            return frozenset()
        before, known_of, told = known.entries, counted(known), told or self.read(authority, jws)
        assert told is not None
        wanted = {known.current.space} if known.version else {one.space for one in pins}
        if told.space not in wanted or told.authority != authority:
            raise PeerError("trust.list-other-space", space=pin.space)
        if not known.update(jws, lambda _: told, asked):
            return frozenset()
        self._joined[authority] = known
        self._forget()
        itself = (did for did in before.keys() | known.entries.keys() if before.get(did) != known.entries.get(did))
        return frozenset(itself) | self._beside(known_of, counted(known))

    def doubt(self, doubts: Mapping[str, Disagreement]) -> frozenset[str]:
        """Of authorities (URN) that have signed two lists of one number the strictest of both counts, of all others
        their list again: of whom something else counts than before."""
        changed, before = set[str](), self._doubts
        self._doubts = doubts
        for name in before.keys() | doubts.keys():
            listed = self.home if name == self.own_name else self._joined.get(name)
            if listed is not None and before.get(name) is not doubts.get(name):
                entries, known_of = listed.entries, counted(listed)
                listed.narrow(_narrowing(doubts.get(name)))
                after = listed.entries
                changed |= {did for did in entries.keys() | after.keys() if entries.get(did) != after.get(did)}
                changed |= self._beside(known_of, counted(listed))
                self._forget()
        return frozenset(changed)

    def _none_yet(self, pin: Pin) -> Anchor:
        made = Anchor(pin.jwk)
        made.narrow(_narrowing(self._doubts.get(pin.authority)))
        return made

    def _beside(self, before: Mapping[str, ListedAuthority], after: Mapping[str, ListedAuthority]) -> frozenset[str]:
        """Members of spaces that are recognised from now on, or no more, or of other kinds; those too of a space of
        that IRI which counted with another key."""
        others = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        named = {one.space for said in (before, after) for name, one in said.items() if name in others}
        concerned = (one for name, one in self._joined.items() if name in others or one.current.space in named)
        return frozenset(did for one in concerned for did in one.entries)

    def update(self, jws: str, read: Read | None = None, asked: int | None = None) -> bool:
        if self.home is None:
            raise Unauthenticated("trust.no-list")
        fresh = self.home.update(jws, read, asked)
        if fresh:
            self._forget()
        return fresh

    @property
    def own_name(self) -> str:
        """The URN of the authority of the configured list; empty if none is configured."""
        return URN + thumbprint(self.home.authority_jwk) if self.home is not None and self.home.authority_jwk else ""

    def _forget(self) -> None:
        self._edition += 1
        self._recognised = list(self._recognising())
        self._merged = self._whole = self._names = None
        self._steps, self._alike, self._trusted, self._named = {}, {}, {}, {}

    def _recognising(self) -> Iterable[Pin]:
        """Whatever any list that is believed here recognises is looked at; for whom it counts is asked later."""
        known = {(one.authority, one.space) for one in self._pins}
        found: dict[Place, Pin] = {}
        for one in (one for _, listed in self._direct() for one in recognised(listed)):
            pin = pinned_as(one)
            if pin is not None and (pin.authority, pin.space) not in known and pin.authority != self.own_name:
                found.setdefault(pin.place, pin)
        return found.values()

    def _trusts(self, own: str) -> frozenset[tuple[str, str]]:
        """Authority and space of those that the lists of a participant recognise. One that is named with two keys is
        believed with neither, and one that it joined itself only as it did; what others joined or recognise is nothing
        to it (threat T146)."""
        if own not in self._trusted:
            pairs = [pinned_as(one) for _, listed in self._direct(own) for one in recognised(listed)]
            said = {(one.authority, one.space) for one in pairs if one is not None}
            known = {(one.authority, one.space) for one in self._pins if own in one.members}
            keys = [space for _, space in said | known]
            self._trusted[own] = frozenset(one for one in said if keys.count(one[1]) == 1 or one in known)
        return self._trusted[own]

    def _recognised_for(self, own: str, listed: Anchor) -> Iterator[tuple[ListedAuthority, Anchor]]:
        """What a list recognises as far as a participant may go by it, each with the list of that space."""
        for one in recognised(listed):
            beyond = self._joined.get(one.authority)
            if (
                beyond is not None
                and beyond.current.space == one.space
                and (one.authority, one.space) in self._trusts(own)
            ):
                yield one, beyond

    def pin_of(self, authority: str) -> Pin | None:
        """Whose list that is, the configured one too, of which everybody is that it names; None for a stranger. Of
        several spaces for which a key was named the one that its list says."""
        if authority and authority == self.own_name and self.home is not None:
            said = self.home.current if self.home.version else None
            space, name = ("", "") if said is None else (said.space or "", said.name or "")
            return Pin(
                authority=authority,
                space=space or authority,
                name=name or authority,
                jwk={key: str(value) for key, value in self.home.authority_jwk.items()},
                list_url="",
                members=frozenset(self.home.entries),
            )
        named = list(self._pins_of(authority))
        listed = self._joined.get(authority)
        told = listed.current.space if listed is not None and listed.version else None
        return next((one for one in named if one.space == told), named[0] if named else None)

    def shared_lists(self, own: str, did: str, now: int) -> Iterator[str]:
        """The authorities (URN) of the lists in which a participant of ours (`own`) and a DID both are members at that
        instant; what others recognise is not among them."""
        for joined, listed in self._direct(own):
            if all(_admitted(listed, one, now) is not None for one in (own, did)):
                yield joined or self.own_name

    # Who belongs, for whom

    def belonging(self, own: str, did: str, now: int) -> Sequence[Belonging]:
        """The spaces that a participant (`own`) shares with a DID at that instant, each with what its list says.

        The configured list is for all participants of the process; that of another space for its members alone.
        """
        found: dict[str, Belonging] = {}
        for joined, listed in self._direct(own):
            if joined and _admitted(listed, own, now) is None:
                continue
            space, name = listed.current.space or "", listed.current.name or ""
            if (entry := _admitted(listed, did, now)) is not None:
                found[space] = Belonging(space=space, name=name, entry=_within(entry, space, whole=not joined))
            for beyond, other in self._beyond(own, listed, did, now):
                label = beyond.name or ""
                known = Belonging(
                    space=beyond.space or "", name=label, entry=other, via=space or listed.current.authority
                )
                found.setdefault(known.space, known)
        return list(found.values())

    def _beyond(self, own: str, listed: Anchor, did: str, now: int) -> Iterable[tuple[TrustList, Entry]]:
        """Members of authorities that this list recognises, of the kinds that it says."""
        for one, beyond in self._recognised_for(own, listed):
            entry = _admitted(beyond, did, now)
            if entry is not None and (not one.kinds or entry.kind in one.kinds):
                yield beyond.current, _within(entry, beyond.current.space or "")

    def between(self, own: str, did: str, now: int) -> Entry:
        if not self._joined and self.home is not None:
            return self.home.member(did, now)
        found = [one.entry for one in self.belonging(own, did, now)]
        if not found:
            raise Unauthenticated("trust.not-listed")
        return agreed(found)

    def _merged_between(self, own: str, did: str, now: int) -> Sequence[MergedInto]:
        if not self._joined:
            return super()._merged_between(own, did, now)
        said = (one.entry.merged_into for one in self.belonging(own, did, now))
        return [one for one in said if one is not None]

    def fresh_between(self, own: str, did: str, now: int) -> bool:
        if not self._joined:
            return self.home is not None and self.home.fresh(now)
        shared = {one.via or one.space for one in self.belonging(own, did, now)}
        if not shared:  # then nothing is said of it here, and who has to belong is asked elsewhere
            return self.fresh(now)
        return any(
            listed.fresh(now)
            for _, listed in self._direct(own)
            if (listed.current.space or "") in shared or listed.current.authority in shared
        )

    def neighbours(self, own: str, now: int) -> Sequence[Entry]:
        if not self._joined and self.home is not None:
            return self.home.neighbours(own, now)
        shared = (self.belonging(own, did, now) for did in self.entries)
        return [agreed([one.entry for one in found]) for found in shared if found]

    def through(self, own: str, did: str) -> Sequence[str]:
        """By name, those too in which either is suspended or over, and those that are recognised. Where `own` knows
        two that people would take for one, each with where it is kept."""
        if not self._joined:
            return []
        named = {_iri(listed): listed.current.name for listed in self._naming(own, did) if listed.current.name}
        alike = self._alike_for(own)
        return [
            space_names.with_place(name, iri) if space_names.seen(name) in alike else name
            for iri, name in named.items()
        ]

    def _alike_for(self, own: str) -> frozenset[str]:
        if own not in self._alike:
            counting = {_iri(listed): listed.current.name or "" for listed in self._counting(own)}
            self._alike[own] = space_names.alike(counting.values())
        return self._alike[own]

    @property
    def named(self) -> Mapping[str, Mapping[str, str]]:
        if self._names is None:
            found: dict[str, Mapping[str, str]] = {}
            for listed in self._lists():
                found = {**names_in(listed.current), **found}
            self._names = found
        return self._names

    def named_for(self, own: str) -> Mapping[str, Mapping[str, str]]:
        if not self._joined and self.home is not None:
            return self.home.named
        if own not in self._named:
            found: dict[str, Mapping[str, str]] = {}
            for listed in self._counting(own):
                found = {**names_in(listed.current), **found}
            self._named[own] = found
        return self._named[own]

    def offerable(self, own: str, now: int) -> Mapping[str, Mapping[str, str]]:
        found: dict[str, Mapping[str, str]] = {}
        for _, listed in self._direct(own):
            if _admitted(listed, own, now) is not None:
                ended = {one.group for one in listed.current.groups if one.valid_until is not None}
                found |= {iri: name for iri, name in names_in(listed.current).items() if iri not in ended}
        return found

    def knows(self, own: str, did: str) -> bool:
        return self.entry(did) is not None and (not self._joined or next(self._naming(own, did), None) is not None)

    def _naming(self, own: str, did: str) -> Iterator[Anchor]:
        """The lists that count for a participant of ours and name a DID, whatever they say of it."""
        for joined, listed in self._direct(own):
            if joined and own not in listed.entries:
                continue
            if did in listed.entries:
                yield listed
            for one, beyond in self._recognised_for(own, listed):
                entry = beyond.entry(did)
                if entry is not None and (not one.kinds or entry.kind in one.kinds):
                    yield beyond

    def entry_for(self, own: str, did: str) -> Entry | None:
        if not self._joined:
            return self.entry(did)
        said = [
            (listed, _within(listed.entries[did], listed.current.space or "", whole=listed is self.home))
            for listed in dict.fromkeys(self._naming(own, did))
        ]
        present = [entry for listed, entry in said if not _over(listed, entry)] or [entry for _, entry in said]
        return shown(present) if present else None

    def witnesses_for(self, own: str) -> Sequence[Witness]:
        if not self._joined and self.home is not None:
            return self.home.witnesses_for(own)
        lists = list(dict.fromkeys(self._counting(own)))
        return _witnesses([listed.current for listed in lists])

    def member(self, did: str, now: int) -> Entry:
        """Of any space: what is shown or counted, and nobody's right rests on."""
        if not self._joined and self.home is not None:
            return self.home.member(did, now)
        found = [entry for listed in self._lists() if (entry := _admitted(listed, did, now)) is not None]
        if not found:
            raise Unauthenticated("trust.not-listed")
        return agreed(found)

    # All of them together

    @property
    def jws(self) -> str:
        """The configured list; of a process without one, the first that it has."""
        if self.home is not None and self.home.jws:
            return self.home.jws
        return next((one.jws for one in self._joined.values()), "")

    def jws_for(self, own: str, dids: Sequence[str]) -> str:
        """Of the lists that count for a participant of ours the one that names all of these, the configured one first;
        else the first of them, and of nobody's lists the one that everybody here goes by."""
        lists = list(dict.fromkeys(self._counting(own)))
        found = next((one for one in lists if all(one.entry(did) for did in dids)), next(iter(lists), None))
        return self.jws if found is None else found.jws

    @property
    def version(self) -> int:
        return 0 if self.home is None else self.home.version

    @property
    def edition(self) -> int:
        return self._edition

    @property
    def current(self) -> TrustList:
        if not self._joined and self.home is not None:
            return self.home.current
        if self._whole is None:
            lists = [one.current for one in self._lists()]
            if not lists:
                raise Unauthenticated("trust.no-list")
            self._whole = replace(
                lists[0],
                participants=tuple(self.entries.values()),
                witnesses=_witnesses(lists),
                recognised=(),
                groups=tuple(group for one in lists for group in one.groups if _own(one, group)),
            )
        return self._whole

    @property
    def entries(self) -> Mapping[str, Entry]:
        if not self._joined and self.home is not None:
            return self.home.entries
        if self._merged is None:
            found: dict[str, list[Entry]] = {}
            gone: dict[str, list[Entry]] = {}
            for listed in self._lists():
                space = listed.current.space or ""
                for did, entry in listed.entries.items():
                    said = gone if _over(listed, entry) else found
                    said.setdefault(did, []).append(_within(entry, space, whole=listed is self.home))
            self._merged = {did: shown(said) for did, said in (gone | found).items()}
        return self._merged

    def entry(self, did: str) -> Entry | None:
        return self.home.entry(did) if not self._joined and self.home is not None else self.entries.get(did)

    def listings(self, did: str) -> Sequence[tuple[str, Entry]]:
        """By the configured list alone if that names it."""
        if self.home is not None and (not self._joined or self.home.entry(did) is not None):
            return self.home.listings(did)
        found = ((one.current.authority, one.entry(did)) for one in self._lists())
        return [(name, entry) for name, entry in found if entry is not None]

    def ends(self, own: str, did: str, now: int) -> int | None:
        """The first end of all that they share now: what runs is judged anew then, and goes on by another list."""
        if not self._joined:
            return super().ends(own, did, now)
        mine = self.belonging(own, own, now) if own else ()
        found = [*self.belonging(own, did, now), *mine]
        return min((end for one in found if (end := millis(one.entry.valid_until))), default=None)

    def fresh(self, now: int) -> bool:
        if not self._joined:
            return self.home is not None and self.home.fresh(now)
        return any(one.fresh(now) for one in self._lists())

    def pinned(self, did: str, own: str = "") -> frozenset[str]:
        """By the configured list if that names it; else what all lists vouch for of which it is a member: of `own`,
        those that count for it."""
        if self.home is not None and (not self._joined or self.home.entry(did) is not None):
            return self.home.pinned(did)
        if own:
            found = self.entry_for(own, did)
            return frozenset() if found is None else frozenset(found.keys)
        said = [(one, entry) for one in self._joined.values() if (entry := one.entry(did)) is not None]
        present = [entry for one, entry in said if not _over(one, entry)] or [entry for _, entry in said]
        return frozenset.intersection(*(frozenset(entry.keys) for entry in present)) if present else frozenset()

    def line_for(self, own: str = "") -> Successors:
        """By the configured list if that names who is asked for; else what all lists say that count for `own` and of
        which that one is a member. Without `own`, by all lists: what is looked at again, and nobody's right rests on.
        """
        if not self._joined and self.home is not None:
            return self.home.line_for(own)
        lists = [*self._lists()] if not own else list(dict.fromkeys(self._counting(own)))
        names = tuple(one.current.authority for one in lists)
        if names not in self._steps:
            self._steps[names] = self._succession(lists)
        return self._steps[names]

    def _succession(self, lists: Sequence[Anchor]) -> Successors:
        said: dict[str, set[Step | None]] = {}
        for listed in lists:
            steps = {one.before: one for one in succession(listed.current)}
            present = (did for did, entry in listed.entries.items() if not _over(listed, entry))
            for did in steps.keys() | set(present):
                if listed is self.home or self.home is None or self.home.entry(did) is None:
                    said.setdefault(did, set()).add(steps.get(did))
        one_voice = [step for steps in said.values() if len(steps) == 1 and (step := next(iter(steps))) is not None]
        return Successors(straight(one_voice))

    def _counting(self, own: str) -> Iterator[Anchor]:
        """The lists that count for a participant of ours: the configured one, and of the spaces that name it, with
        those whose authorities they recognise."""
        for joined, listed in self._direct(own):
            if joined and own not in listed.entries:
                continue
            yield listed
            yield from (beyond for _, beyond in self._recognised_for(own, listed))

    def _direct(self, own: str = "") -> Iterator[tuple[str, Anchor]]:
        """The configured list (under no name) and those of joined spaces, as far as there is one; of `own` only spaces
        that it joined itself: a list that names it all the same says nothing to it."""
        if self.home is not None and self.home.version:
            yield "", self.home
        for name, space in dict.fromkeys((one.authority, one.space) for one in self._pins_for(own)):
            listed = self._joined.get(name)
            if listed is not None and listed.current.space == space:
                yield name, listed

    def _pins_for(self, own: str) -> Iterator[Pin]:
        return (one for one in self._pins if not own or own in one.members)

    def _every(self) -> Iterable[Mapping[str, Entry]]:
        return (listed.entries for listed in self._lists())

    def _lists(self) -> Iterator[Anchor]:
        yield from (listed for _, listed in self._direct())
        known = {name for name, _ in self._direct()}
        beyond = dict.fromkeys(one.authority for one in self._recognised if one.authority not in known)
        yield from (self._joined[name] for name in beyond if name in self._joined)


def _narrowing(doubt: Disagreement | None) -> Callable[[TrustList], TrustList] | None:
    return None if doubt is None else partial(strictest, doubt)


def _iri(listed: Anchor) -> str:
    return listed.current.space or listed.current.authority


def _witnesses(lists: Sequence[TrustList]) -> tuple[Witness, ...]:
    """Of one at an address for an operator the first list counts; where it was another's before, that is a second."""
    return tuple({(one.operator, one.url): one for listed in reversed(lists) for one in listed.witnesses}.values())


def _within(entry: Entry, space: str, *, whole: bool = False) -> Entry:
    """With the space as a group; of a joined space only groups below its IRI count, those of others are not its to
    give."""
    if not space:
        return entry
    groups = (one for one in entry.groups if whole or one.startswith(f"{space}/"))
    periods = tuple(one for one in entry.group_periods if whole or one.group.startswith(f"{space}/"))
    return replace(entry, groups=(*groups, space), group_periods=periods)


def _own(listed: TrustList, group: Group) -> bool:
    return listed.space is None or group.group.startswith(f"{listed.space}/")


def _over(listed: Anchor, entry: Entry) -> bool:
    """Whether the membership had ended when the list was made: nobody has kept its keys up to date since."""
    return entry.valid_until is not None and millis(entry.valid_until) <= millis(listed.current.issued)


def _admitted(listed: Anchor, did: str, now: int) -> Entry | None:
    entry = listed.entry(did)
    return listed.seen(entry, now) if entry is not None and entry.admitted(now) else None

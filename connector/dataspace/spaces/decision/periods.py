"""From when until when the list lets a key count: the authority's word, never a member's (spec/spaces.md 4.2; T150).

What a member says of its keys is that it has them. A certificate and a key of a witness begin when the authority lists
them first, and nothing ends before the authority heard of it: what was sealed or vouched for until then is the
partners' evidence. Only what people of the authority struck off ends earlier, at the time that they state.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain
from typing import Final

import msgspec
from msgspec.structs import replace

from connector.dataspace.spaces.decision.member_keys import MOST_BYTES, key_print
from connector.dataspace.spaces.model import MOST_KEYS, Member
from connector.foundation.clock import rfc3339
from connector.identity.trust.members.entries import continued
from connector.identity.trust.members.trust_list import (
    BEGINS,
    MOST_LOG_KEYS,
    MOST_WITNESS_KEYS,
    RETIRED,
    STRUCK,
    UNTIL,
    Entry,
    Sealing,
    SecondKey,
    Witness,
    millis,
)
from connector.verify.formats.names import seen

Key = dict[str, str]
_SAID: Final = (UNTIL, BEGINS, RETIRED, STRUCK)
MOST_LOG_BYTES: Final = 2 * MOST_BYTES
"""Bytes of the log keys of one member, former ones too."""


MOST_OF_WITNESS: Final = 4 * MOST_KEYS
"""Keys of one witness, former ones too: who makes new ones all the time pushes nobody else's off the list."""


def of_member(before: Entry | None, said: Entry, member: Member, now: int) -> Entry:
    """The entry that follows `before` at this instant (ms), with the authority's times in place of the member's."""
    known = {one.sha256: one for one in before.listed_seals} if before else {}
    second = {str(one.key.get("pub")) for one in before.former_seal_keys_pq} if before else set[str]()
    if before is not None and before.seal_key_pq is not None:
        second.add(str(before.seal_key_pq.get("pub")))
    fresh = replace(
        said,
        seal_certificates=tuple(_sealing(one, known, now) for one in said.listed_seals),
        former_seal_keys_pq=tuple(_second(one, second, now) for one in said.former_seal_keys_pq),
        log_keys=_log_keys(before.log_keys if before else (), said.log_keys, now),
    )
    after = continued(before, fresh, "", now)
    strikes = {one.name: one.since for one in member.keys.strikes}
    return replace(after, seal_certificates=tuple(_struck_seal(one, strikes) for one in after.seal_certificates))


def _sealing(one: Sealing, known: Mapping[str, Sealing], now: int) -> Sealing:
    """A new one counts from now on; an end that is said ends nothing that was sealed before it was said."""
    begin = known[one.sha256].valid_from if one.sha256 in known else rfc3339(now)
    return Sealing(one.sha256, begin, _heard(one.valid_until, now))


def _second(one: SecondKey, known: Iterable[str], now: int) -> SecondKey:
    """Of a key that the list never named nobody has relied on its word."""
    return replace(one, valid_until=_heard(one.valid_until, now)) if str(one.key.get("pub")) in known else one


def _heard(end: str | None, now: int) -> str | None:
    """An end that is said, no earlier than it was heard."""
    return None if end is None else _end(max(millis(end), now))


def _end(at: int) -> str:
    """No part of a second is cut off what counted."""
    return rfc3339(at + 999)


def _struck_seal(one: str | Sealing, strikes: Mapping[str, str]) -> str | Sealing:
    name = one if isinstance(one, str) else one.sha256
    if name not in strikes:
        return one
    whole = Sealing(one) if isinstance(one, str) else one
    ends = [end for end in (whole.valid_until, strikes[name]) if end is not None]
    return replace(whole, valid_until=min(ends, key=millis), struck_since=strikes[name])


def _log_keys(before: Sequence[Key], said: Sequence[Key], now: int) -> tuple[Key, ...]:
    """Those listed before, for what they signed still binds the member, and the new ones for which there is room."""
    told = {key_print(key): key for key in said}
    listed = {key_print(key): key for key in before}
    kept = [_log_key(key, told.get(name), now) for name, key in listed.items()]
    found = [*kept, *(key for name, key in told.items() if name not in listed)]
    sizes = accumulate(len(msgspec.json.encode(key)) for key in found)
    return tuple(key for key, size in zip(found[:MOST_LOG_KEYS], sizes, strict=False) if size <= MOST_LOG_BYTES)


def _log_key(before: Key, said: Key | None, now: int) -> Key:
    """A key that was retired stays so unless it is said to sign again; one that is said no more signs no new state."""
    if said is not None and UNTIL not in said:
        return said
    if UNTIL in before:
        return before
    end = now if said is None else max(_time(said[UNTIL]), now)
    return {**(before if said is None else said), UNTIL: _end(end)}


def _time(text: str) -> int:
    """What is no time counts as long past."""
    try:
        return millis(text)
    except ValueError:
        return 0


def of_witnesses(
    before: Sequence[Witness], present: Sequence[Witness], members: Sequence[Member], now: int
) -> tuple[Witness, ...]:
    """The witnesses of the list: those that are, and behind them those that were, whose keys have an end.

    What stood in the list goes before what is new, where there is no room for both.
    """
    strikes = {one.name: one.since for member in members for one in member.keys.strikes}
    known = {(one.url, key_print(key)): key for one in reversed(before) for key in one.keys}
    keys = [(one, name, key) for one in present for key in one.keys for name in ((one.url, key_print(key)),)]
    there = {(seen(one.operator), name) for one, name, _ in keys}
    gone = [
        (one, _ended(key, now))
        for one in before
        for key in one.keys
        if (seen(one.operator), (one.url, key_print(key))) not in there
    ]
    foreign = _foreign(members)
    gone = [(one, key) for one, key in gone if (one.url, key_print(key)) not in foreign]
    new = [name for _, name, _ in keys if name not in known]
    late = _left_out(new, [*((one.url, "") for one, _ in gone), *(name for _, name, _ in keys if name in known)])
    now_listed = ((one, _witness_key(key, known.get(name), now)) for one, name, key in keys if name not in late)
    places: dict[tuple[str, str], list[Key]] = {(one.operator, one.url): [] for one in present}
    for one, key in chain(now_listed, gone):
        places.setdefault((one.operator, one.url), []).append(_struck_key(key, strikes))
    return tuple(Witness(operator, url, tuple(listed)) for (operator, url), listed in places.items())


def _foreign(members: Sequence[Member]) -> frozenset[tuple[str, str]]:
    """Address and key where a member names what another one has shown to hold: it never was that one's."""
    shown, named = set[tuple[str, str]](), set[tuple[str, str]]()
    for one in members:
        if one.keys.witness is not None:
            there = {(one.keys.witness.url, key_print(key)) for key in one.keys.witness.keys}
            named |= there
            shown |= {place for place in there if place[1] in one.keys.proven}
    held = {name for _, name in shown}
    return frozenset(place for place in named - shown if place[1] in held)


def _left_out(new: Sequence[tuple[str, str]], kept: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """New keys, each with its address, for which there is no room: in the list, or with that one witness."""
    each, out = Counter(url for url, _ in kept), set[tuple[str, str]]()
    for name in new:
        if each.total() >= MOST_WITNESS_KEYS or each[name[0]] >= MOST_OF_WITNESS:
            out.add(name)
        else:
            each[name[0]] += 1
    return frozenset(out)


def _witness_key(said: Key, before: Key | None, now: int) -> Key:
    """A key that the list has named keeps its beginning, and its end unless it is said to be in use again."""
    bare = {name: text for name, text in said.items() if name not in _SAID}
    begin = {BEGINS: rfc3339(now)} if before is None else {n: before[n] for n in (BEGINS,) if n in before}
    if RETIRED not in said:
        return bare | begin
    end = max(_time(said[RETIRED]), now)
    if before is not None and RETIRED in before:
        end = min(end, _time(before[RETIRED]))
    return bare | begin | {RETIRED: _end(end)}


def _ended(key: Key, now: int) -> Key:
    """Vouches for nothing later than now; an end that is over already stays."""
    return {**key, RETIRED: _end(min(_time(key[RETIRED]), now) if RETIRED in key else now)}


def _struck_key(key: Key, strikes: Mapping[str, str]) -> Key:
    since = strikes.get(key_print(key))
    if since is None:
        return key
    end = since if RETIRED not in key else min(since, key[RETIRED], key=_time)
    return {**key, RETIRED: end, STRUCK: since}

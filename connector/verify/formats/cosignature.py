"""Whose cosignatures count, and the time that they prove: a policy in the form of tlog-policy (spec/records.md 3.3).

A witness vouches that a log only grew, and when it saw this state. The keys of one witness form a group of which any
is enough, so it counts once. The operator of a log never vouches for it, nor for a contract the operator of either
party; operators whose names look alike are one. A key that the trust list calls retired (`validUntil`) still vouches
for what it signed before, and for nothing later.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from connector.verify.formats import base64url
from connector.verify.formats.checkpoint import ED25519, ML_DSA_44, TIMED_ED25519, Checkpoint, NoteKey, checked, key_of
from connector.verify.formats.faults import Fault
from connector.verify.formats.names import seen
from connector.verify.formats.trustlist import earlier, seconds

LIMIT = 262_144
"""Characters of a policy file: 32 ML-DSA keys and much comment."""
MOST = 256
"""Lines that define something."""
FEW = 4
"""With fewer foreign operators one cosignature is enough, from here on two are asked for."""
NONE = "none"
_GAP = re.compile(r"[ \t]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")
_HEX = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Group:
    """Vouches once `least` of its members (names of witnesses or groups) do."""

    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """`logs` empty: any log. `witnesses` None for a key that this installation cannot check. `quorum` is a name.

    `until`: the last second (POSIX) that counts of a key that was retired.
    """

    logs: tuple[NoteKey, ...]
    witnesses: Mapping[str, NoteKey | None]
    groups: Mapping[str, Group]
    quorum: str
    until: Mapping[NoteKey, int] = field(default_factory=dict)
    since: Mapping[NoteKey, int] = field(default_factory=dict)
    """The first second that counts of a key that the authority listed later."""

    @property
    def fewest(self) -> int:
        """So many witnesses are asked for at least."""
        group = self.groups.get(self.quorum)
        return 1 if group is None else group.least


def vkey_of(key: NoteKey) -> str:
    """The verifier key of C2SP signed-note: `<name>+<key id in hex>+<base64 of type and key>`."""
    return f"{key.name}+{key.id.hex()}+{base64url.encode_padded(bytes([key.kind]) + key.public)}"


def parse(text: str) -> Policy:
    """The policy in this file; Fault `witness-policy` with the number of the line that is wrong (0: the whole)."""
    if len(text) > LIMIT:
        raise Fault("witness-policy", line=0)
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), 1):
        try:
            reader.take(line)
        except ValueError as fault:
            raise Fault("witness-policy", line=number) from fault
    return reader.policy()


def derived(witnesses: object, *operators: str) -> Policy | None:
    """The policy that holds without a file: `witnesses` of the trust list but for those of `operators`; None: nobody.

    `operators` are those of the log's owner and, where a contract is judged, of the other party: neither vouches for
    its own contract. With fewer than four others that are witnesses now any one is enough, then two; who was one, and
    of whom every key has an end, still vouches for what it signed before. A key that its operator has in the list twice
    retires at the earlier end. Fault `trust-list-form`.
    """
    listed, theirs = _entries(witnesses), _named(operators)
    used = _owned(listed, theirs)
    keys: dict[str, NoteKey | None] = {}
    members: dict[str, list[str]] = {}
    until: dict[NoteKey, int] = {}
    ends: dict[tuple[str, bytes], int] = {}
    since: dict[NoteKey, int] = {}
    for name, found in listed:
        for key, last, first in found:
            if last is not None:
                ends[name, key.public] = min(last, ends.get((name, key.public), last))
            since[key] = min(first, since.get(key, first))
    for name, found in listed:
        for key, *_ in found:
            if name not in theirs and key.public not in used:  # one key, one voice, whoever else it is listed for
                used.add(key.public)
                keys[label := f"key-{len(keys)}"] = key
                until |= {key: ends[name, key.public]} if (name, key.public) in ends else {}
                members.setdefault(name, []).append(label)
    if not members:
        return None
    groups = {f"operator-{at}": Group(1, tuple(labels)) for at, labels in enumerate(members.values())}
    present = {name for name, found in listed if name in members and any(last is None for _, last, _ in found)}
    groups["quorum"] = Group(1 if len(present) < FEW else 2, tuple(groups))
    return Policy((), keys, groups, "quorum", until, since)


def apart(policy: Policy, witnesses: object, *operators: str) -> Policy:
    """The same without the keys that the trust list names for `operators`: whoever wrote it may not know of them."""
    owned = _owned(_entries(witnesses), _named(operators))
    left = {name: None if key is None or key.public in owned else key for name, key in policy.witnesses.items()}
    return replace(policy, witnesses=left)


def seen_by(checkpoint: Checkpoint, witnesses: object, *operators: str) -> bool:
    """Whether the note bears a line of a witness of theirs, whether or not it holds."""
    owners = _named(operators)
    theirs = {(key.name, key.id) for name, keys in _entries(witnesses) if name in owners for key, *_ in keys}
    return any((name, identity) in theirs for name, identity, _ in checkpoint.lines)


def _named(operators: Iterable[str]) -> frozenset[str]:
    return frozenset(map(seen, operators))


def _entries(witnesses: object) -> list[tuple[str, list[tuple[NoteKey, int | None, int]]]]:
    if not isinstance(witnesses, list):
        raise Fault("trust-list-form")
    return [_listed(one) for one in witnesses]


def _owned(
    listed: Iterable[tuple[str, list[tuple[NoteKey, int | None, int]]]], operators: Collection[str]
) -> set[bytes]:
    return {key.public for name, keys in listed if name in operators for key, *_ in keys}


def time_of(checkpoint: Checkpoint, policy: Policy) -> int | None:
    """When the quorum had vouched for this state, in milliseconds; None if it has not, or for a log not meant.

    Fault `cosignature` if a line of a known witness does not hold, `checkpoint-signature` if one of a listed log.
    """
    known = _by_id(key for key in policy.witnesses.values() if key is not None)
    when: dict[NoteKey, int] = {}
    for name, identity, signature in checkpoint.lines:
        key = known.get((name, identity))
        if key is not None:
            moment = _cosigned(checkpoint, key, signature)
            if policy.since.get(key, 0) <= moment <= policy.until.get(key, moment):
                when[key] = min(moment, when.get(key, moment))
    if not _meant(checkpoint, policy):
        return None
    times: dict[str, int | None] = {
        name: None if key is None else when.get(key) or None for name, key in policy.witnesses.items()
    }
    for name, group in policy.groups.items():  # a group only names what stands before it
        there = sorted(found for member in group.members if (found := times[member]) is not None)
        times[name] = there[group.least - 1] if len(there) >= group.least else None
    whole = times.get(policy.quorum)
    return None if whole is None else whole * 1000


def _cosigned(checkpoint: Checkpoint, key: NoteKey, signature: bytes) -> int:
    try:
        return key.seconds(checkpoint, signature)
    except Fault as fault:
        raise Fault("cosignature", name=key.name) from fault


def _meant(checkpoint: Checkpoint, policy: Policy) -> bool:
    if not policy.logs:
        return True
    logs, signed = _by_id(policy.logs), False
    for name, identity, signature in checkpoint.lines:
        key = logs.get((name, identity))
        if key is not None and name == checkpoint.origin:
            key.seconds(checkpoint, signature)
            signed = True
    return signed


def _by_id(keys: Iterable[NoteKey]) -> Mapping[tuple[str, bytes], NoteKey]:
    return {(key.name, key.id): key for key in keys}


def name_of(url: str) -> str:
    """The key name of the witness at this address: the address without scheme and closing slash."""
    return url.removeprefix("https://").rstrip("/")


def _listed(entry: object) -> tuple[str, list[tuple[NoteKey, int | None, int]]]:
    """The operator as people see its name, and its keys with the last and the first second that count."""
    match entry:
        case {"operator": str(operator), "url": str(url), "keys": list(keys)}:
            name = name_of(url)
            found = [
                (key_of(name, key, TIMED_ED25519), until(key), _since(key)) for key in keys if isinstance(key, dict)
            ]
            return seen(operator), [(key, last, first) for key, last, first in found if key is not None]
        case _:
            raise Fault("trust-list-form")


def until(jwk: Mapping[str, object]) -> int | None:
    """The last second (POSIX) that counts of this key of a witness; None for one in use. Fault `trust-list-form`."""
    return earlier(seconds(jwk.get("validUntil")), seconds(jwk.get("struckSince")))


def _since(jwk: Mapping[str, object]) -> int:
    return seconds(jwk.get("validFrom")) or 0


class _Reader:
    """Takes a policy line by line; ValueError for one that does not belong there."""

    def __init__(self) -> None:
        self._logs: list[NoteKey] = []
        self._witnesses: dict[str, NoteKey | None] = {}
        self._groups: dict[str, Group] = {}
        self._keys: set[tuple[str, bytes]] = set()
        self._members: set[str] = set()
        self._quorum: str | None = None
        self._taken = 0

    def take(self, line: str) -> None:
        if _CONTROL.search(line):
            raise ValueError(line[:40])
        words = _GAP.split(line.strip(" \t"))
        if words == [""] or words[0].startswith("#"):
            return
        self._taken += 1
        if self._taken > MOST:
            raise ValueError("lines")
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                key = self._new("log", vkey, (ED25519, ML_DSA_44))
                self._logs += [] if key is None else [key]
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                self._name(name)
                self._witnesses[name] = self._new("witness", vkey, (TIMED_ED25519, ML_DSA_44))
            case ["group", name, least, *members] if members:
                self._group(name, least, members)
            case ["quorum", name] if self._quorum is None and (name == NONE or self._defined(name)):
                self._quorum = name
            case _:
                raise ValueError(line[:40])

    def policy(self) -> Policy:
        if self._quorum is None:
            raise Fault("witness-policy", line=0)
        return Policy(tuple(self._logs), self._witnesses, self._groups, self._quorum)

    def _group(self, name: str, least: str, members: Sequence[str]) -> None:
        self._name(name)
        count = {"any": 1, "all": len(members)}.get(least) or (int(least) if _NUMBER.fullmatch(least) else 0)
        if not 1 <= count <= len(members):
            raise ValueError(least)
        for member in members:
            if not self._defined(member) or member in self._members:
                raise ValueError(member)
            self._members.add(member)
        self._groups[name] = Group(count, tuple(members))

    def _name(self, name: str) -> None:
        if name == NONE or self._defined(name):
            raise ValueError(name)

    def _defined(self, name: str) -> bool:
        return name in self._witnesses or name in self._groups

    def _new(self, use: str, vkey: str, kinds: tuple[int, int]) -> NoteKey | None:
        key = _key(vkey, kinds)
        if (use, key.public) in self._keys:
            raise ValueError(vkey)
        self._keys.add((use, key.public))
        return checked(key)


def _key(vkey: str, kinds: tuple[int, int]) -> NoteKey:
    name, identity, text = vkey.split("+", 2)  # base64 may hold a plus, a name and hex may not
    data = base64url.decode_padded(text)
    key = NoteKey(name, data[0] if data else 0, data[1:])
    if not name or key.kind not in kinds or not _HEX.fullmatch(identity) or bytes.fromhex(identity) != key.id:
        raise ValueError(vkey)
    return key

"""Reads a trust list member by member: of a newer version only what no earlier one said is parsed and judged.

A list of a thousand members changes by one. Its signature covers all of it and is checked first; then each member whose
bytes were read before is taken as it was. `read_list` stays the definition: whatever does not fit here goes there, and
only its word refuses a list (spec/trust.md 4, decision 0091).
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from connector.foundation.errors import HanseError
from connector.foundation.http.strict import loads
from connector.identity.trust.keys.jose import signed_text
from connector.identity.trust.keys.jwk import Jwk
from connector.identity.trust.members.trust_list import (
    LIMIT,
    NODES,
    TYP,
    Entry,
    TrustList,
    read_list,
    require_distinct,
    require_form,
)

_DEEP = 32
"""Brackets in one member; what has more of them is read by the long way, which counts depth."""


class _Frame(Struct):
    participants: Raw = Raw(b"[]")


class _Unusual(Exception):
    """Nothing is wrong yet: the long way says so."""


class ListReader:
    """For lists of one authority."""

    def __init__(self, authority_jwk: Jwk) -> None:
        self._jwk = authority_jwk
        self._entries: Mapping[bytes, Entry] = {}
        """By the SHA-256 of their bytes, those of the list that was read last."""

    def read(self, jws: str) -> TrustList:
        """The list, as `read_list` gives it; members that stand there as before are the same objects."""
        try:
            return self._quickly(jws)
        except (HanseError, ValueError, _Unusual):
            return read_list(jws, self._jwk)

    def _quickly(self, jws: str) -> TrustList:
        text = signed_text(jws, self._jwk, typ=TYP, limit=LIMIT)
        if text.count(b"{") + text.count(b"[") + text.count(b",") + text.count(b":") >= NODES:
            raise _Unusual
        members = bytes(msgspec.json.decode(text, type=_Frame).participants)
        if text.count(members) != 1:
            raise _Unusual
        frame = _strict(text.replace(members, b"[]"))
        if frame.get("participants") != []:
            raise _Unusual
        bare = msgspec.convert(frame, TrustList)
        require_form(bare)
        texts = [bytes(one) for one in msgspec.json.decode(members, type=list[Raw])]
        found = {sha256(one).digest(): one for one in texts}
        if len(found) != len(texts):
            raise _Unusual
        entries = {name: self._entries.get(name) or _entry(one, bare) for name, one in found.items()}
        listed = replace(bare, participants=tuple(entries.values()))
        require_distinct(listed)
        self._entries = entries
        return listed


def _entry(text: bytes, bare: TrustList) -> Entry:
    """One member, judged as if it were the only one."""
    if text.count(b"{") + text.count(b"[") > _DEEP:
        raise _Unusual
    entry = msgspec.convert(_strict(text), Entry)
    require_form(replace(bare, participants=(entry,)))
    return entry


def _strict(text: bytes) -> dict[str, Any]:
    value = loads(text, limit=LIMIT, nodes=NODES, string=LIMIT)
    if not isinstance(value, dict):
        raise _Unusual
    return value

"""A bounded copy of a stranger's message without its secrets: what an operator needs, and nothing that opens a door.

Data addresses, tokens and the like are hidden by name and by shape, before anything is cut; numbers of members,
lengths and the whole are limited, so that a copy costs the same for every message. Where a context may give a secret
any name, nothing is copied but the type and the ids.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from connector.foundation.errors import PeerError
from connector.foundation.http import strict
from connector.foundation.language.reasons import plain
from connector.foundation.telemetry import without_secrets

HIDDEN = "[hidden]"
CUT = "…"
MOST_MEMBERS = 150
MOST_CHARACTERS = 2000
LONGEST = 300
LONGEST_NAME = 80
DEEPEST = 8
_SECRET = re.compile(
    r"dataaddress|endpoint|token|secret|passw|authori[sz]|auth_?(?:key|code)|cookie|credential|api_?-?key|private",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(https?://[^\s?#\"]++)(\?[^\s\"]*+)?", re.IGNORECASE)
"""With its query, if it has one: what has none is passed over, or a text of nothing but beginnings costs its square."""
_NAMES = frozenset({"name", "key"})
_HEAD: Final = ("@type", "@id", "providerPid", "consumerPid")
_CONTEXTS: Final = frozenset(
    {
        "https://w3id.org/dspace/2025/1/context.jsonld",
        "https://w3id.org/dspace/2025/1/odrl-profile.jsonld",
        "https://w3id.org/hanse/v1/dsp-policy.jsonld",
        "https://w3id.org/dspace/2024/1/context.json",
        "https://w3id.org/edc/dspace/v0.0.1",
        "https://w3id.org/edc/connector/management/v0.0.1",
        "https://w3id.org/edc/connector/management/v2",
    }
)
"""Contexts that name nothing secret but by a name that we would see."""


def of_value(value: object) -> str:
    """The copy as JSON text."""
    return msgspec.json.encode(_Copy().of(_head(value) if _renames(value) else value, 0)).decode()


def of_bytes(body: bytes) -> str:
    """The copy of a body that may be anything: JSON as JSON, else the beginning of its text."""
    try:
        return of_value(strict.loads(body, steering=True)) if body else ""
    except PeerError:
        return plain(safe(_legible(body[: 8 * LONGEST].decode("utf-8", "replace"))), LONGEST)


def value_of(text: str) -> Mapping[str, Any]:
    """The object that a message of our own is; empty for none."""
    value = msgspec.json.decode(text) if text else {}
    return value if isinstance(value, dict) else {}


def named(value: object, *names: str) -> str:
    """The first of these members that is a text, as people may see it; "" if there is none."""
    found = value if isinstance(value, Mapping) else {}
    return next((safe(found[name])[:LONGEST] for name in names if isinstance(found.get(name), str)), "")


def _renames(value: object) -> bool:
    """Whether a context in it may give members names of its own; level by level, so that depth costs no stack."""
    level: list[object] = [value]
    while level:
        below: list[object] = []
        for item in level:
            if isinstance(item, Mapping):
                if not _known(item.get("@context")):
                    return True
                below += item.values()
            elif isinstance(item, list | tuple):
                below += item
        level = below
    return False


def _known(context: object) -> bool:
    entries = context if isinstance(context, list | tuple) else [] if context is None else [context]
    return all(isinstance(entry, str) and entry in _CONTEXTS for entry in entries)


def _head(value: object) -> dict[str, object]:
    """The type and the ids, as far as they are texts, and that there was more."""
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    found: Mapping[Any, Any] = value if isinstance(value, Mapping) else {}
    texts = {name: found[name] for name in _HEAD if isinstance(found.get(name), str)}
    kinds = found.get("@type")
    if isinstance(kinds, list | tuple):
        texts["@type"] = [kind for kind in kinds if isinstance(kind, str)]
    return {**texts, CUT: HIDDEN}


def _legible(text: str) -> str:
    """What is meant to be JSON and is none: its members cannot be told apart, so it ends where a secret may begin."""
    if not text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        return text
    secret = re.search(rf"{_SECRET.pattern}|@context|\\u", text, re.IGNORECASE)
    return text if secret is None else text[: secret.start()] + HIDDEN


class _Copy:
    """One copy; it gets shorter the more has been copied."""

    def __init__(self) -> None:
        self._members, self._characters = MOST_MEMBERS, MOST_CHARACTERS

    def of(self, value: object, depth: int) -> object:
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth >= DEEPEST:
            return CUT
        if isinstance(value, Mapping):
            return self._object(value, depth)
        return self._items(value, depth) if isinstance(value, list | tuple) else CUT

    def _object(self, value: Mapping[Any, Any], depth: int) -> dict[str, object]:
        secret = _is_secret_pair(value)
        copied: dict[str, object] = {}
        for name, inner in value.items():
            if not self._room():
                copied[CUT] = CUT
                break
            shown = safe(str(name)[:LONGEST_NAME])
            self._characters -= len(shown)
            hidden = _SECRET.search(str(name)) is not None or (secret and name not in _NAMES)
            copied[shown] = HIDDEN if hidden else self.of(inner, depth + 1)
        return copied

    def _items(self, value: list[Any] | tuple[Any, ...], depth: int) -> list[object]:
        copied: list[object] = []
        for inner in value:
            if not self._room():
                copied.append(CUT)
                break
            copied.append(self.of(inner, depth + 1))
        return copied

    def _text(self, text: str) -> str:
        most = min(LONGEST, max(self._characters, 0))
        shown = safe(text)
        self._characters -= min(len(shown), most)
        return shown if len(shown) <= most else shown[:most] + CUT

    def _room(self) -> bool:
        self._members -= 1
        return self._members >= 0 and self._characters > 0


def _is_secret_pair(value: Mapping[Any, Any]) -> bool:
    """`{"name": "authorization", "value": …}`, the way in which properties are listed."""
    return any(isinstance(value.get(name), str) and _SECRET.search(value[name]) for name in _NAMES)


def safe(text: str) -> str:
    """Hides what looks like a token, and queries of addresses (they may be signatures); nothing steers a terminal."""
    shown = text if text.isprintable() else plain(text, 16 * LONGEST)
    if len(shown) > 20 or "Bearer" in shown:
        shown = without_secrets(shown)
    return _ADDRESS.sub(_without_query, shown) if "://" in shown else shown


def _without_query(found: re.Match[str]) -> str:
    return found[0] if found[2] is None else f"{found[1]}?{HIDDEN}"

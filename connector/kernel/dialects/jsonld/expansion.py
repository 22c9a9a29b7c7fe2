"""Foreign JSON-LD beyond names and prefixes: expanded by PyLD with our own pinned contexts, within written bounds.

A processor can be made to work without end, so it gets only what it can do quickly: few nodes, few terms, no feature
that multiplies (scoped or imported contexts, reverse and nested members, graphs). Nothing is ever fetched (T03, T13).
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from connector.foundation.resources import folder
from connector.kernel.dialects.jsonld.contexts import POLICY_CONTEXTS, context
from connector.kernel.dialects.jsonld.names import otherwise
from connector.kernel.protocol.messages import CONTEXT
from connector.kernel.protocol.shape import Malformed, point

NODES = 1_000
DEPTH = 40
CONTEXTS = 4
TYPES = 2
"""Each type of a node brings terms of its own."""
TERMS = 128
POLICY_CONTEXT = "https://w3id.org/hanse/v1/dsp-policy.jsonld"
FILES = {CONTEXT: "dsp-2025-1.jsonld", POLICY_CONTEXT: "dsp-2025-1-policy.jsonld"}
"""The contexts we hold, by the address under which documents name them; `vocab/README.md` says where they are from."""

_ALIASES = frozenset({"@id", "@type", "@value", "@language", "@list", "@set"})
_KEYWORDS = _ALIASES | {"@context"}
_IN_CONTEXTS = frozenset({"@version", "@vocab", "@protected", "@language"})
_IN_TERMS = frozenset({"@id", "@type", "@container", "@language", "@protected", "@prefix"})
_CONTAINERS = ("@set", "@list", ["@set"], ["@list"], None)
_LIKE_KEYWORD = re.compile("@[A-Za-z]+")


@cache
def pinned(url: str) -> str:
    """The text of a context that we hold; raises KeyError for any other."""
    return (folder("vocab") / FILES[url]).read_text(encoding="utf-8")


def expand(value: Any, known: frozenset[str] = frozenset({CONTEXT}), nodes: int = NODES) -> Any:
    """The expanded form (JSON-LD 1.1, no base); raises Malformed within bounded work, whatever the document is.

    `known` are the addresses of contexts that count, `nodes` how many values may be worked on.
    """
    local = _Budget(known, nodes).value(value, "", 0)
    from pyld import jsonld  # type: ignore[import-untyped]
    from pyld.context_resolver import ContextResolver  # type: ignore[import-untyped]

    resolver = ContextResolver({}, _load)
    options = {"base": None, "documentLoader": _load, "contextResolver": resolver, "processingMode": "json-ld-1.1"}
    try:
        return jsonld.expand(local, options, on_property_dropped=_meaningless)
    except Malformed:
        raise
    except jsonld.JsonLdError as fault:
        code = "redefined" if getattr(fault, "code", "") == "protected term redefinition" else "json-ld"
        raise Malformed("/@context", code) from fault
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as fault:
        # The processor does not check every document before it works on it.
        raise Malformed("", "json-ld") from fault


def _meaningless(name: str | None) -> None:
    """A processor drops what the context does not explain; a rule could lose its condition that way."""
    raise Malformed(point("/@context", name or ""), "meaningless")


def _load(url: str, _options: object) -> dict[str, Any]:
    """PyLD's loader: what we hold. A copy each time, because the processor changes what it gets."""
    document = context(url) if url in POLICY_CONTEXTS else json.loads(pinned(url))
    return {"contextUrl": None, "documentUrl": url, "document": document, "contentType": "application/ld+json"}


class _Budget:
    """Counts while it copies the document with the contexts that we hold; raises Malformed for what could take long.

    A context that we do not know is left out: it cannot change what the known one says.
    """

    def __init__(self, known: frozenset[str], nodes: int) -> None:
        self._known, self._most = known, nodes
        self._nodes = self._contexts = self._terms = 0
        self._prefixes: dict[str, str] = {}

    def value(self, value: Any, at: str, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > self._most:
            raise Malformed("", "too-much")
        if depth > DEPTH:
            raise Malformed(at, "depth")
        if isinstance(value, list):
            return [self.value(item, point(at, index), depth + 1) for index, item in enumerate(value)]
        if isinstance(value, dict):
            return {key: self._member(key, item, point(at, key), depth) for key, item in value.items()}
        if value is None:
            # A processor drops it, and a rule could lose its condition that way.
            raise Malformed(at, "null")
        if isinstance(value, str) and _LIKE_KEYWORD.fullmatch(value):
            raise Malformed(at, "keyword")
        return value

    def _member(self, key: str, item: Any, at: str, depth: int) -> Any:
        if key == "@context":
            return [self._context(entry, at) for entry in self._kept(item, at)]
        if key == "@type" and isinstance(item, list) and len(item) > TYPES:
            raise Malformed(at, "types")
        if key.startswith("@") and key not in _KEYWORDS:
            raise Malformed(at, "keyword")
        return self.value(item, at, depth + 1)

    def _kept(self, context: Any, at: str) -> Iterator[Any]:
        for entry in context if isinstance(context, list) else [context]:
            if isinstance(entry, str) and entry not in self._known:
                continue
            self._contexts += 1
            if self._contexts > CONTEXTS:
                raise Malformed(at, "contexts")
            yield entry

    def _context(self, entry: Any, at: str) -> Any:
        if isinstance(entry, str):
            return entry
        if not isinstance(entry, dict):
            raise Malformed(at, "context")
        self._terms += len(entry)
        if self._terms > TERMS:
            raise Malformed(at, "contexts")
        self._prefixes |= {name: meaning for name, meaning in entry.items() if isinstance(meaning, str)}
        for name, meaning in entry.items():
            if not _harmless(name, meaning):
                raise Malformed(point(at, name), "context-feature")
            if otherwise(name, meaning, self._prefixes):
                raise Malformed(point(at, name), "redefined")
        return entry


def _harmless(name: str, meaning: Any) -> bool:
    """Whether a definition only says what a name means and of which type its values are."""
    if name.startswith("@"):
        return name in _IN_CONTEXTS and (meaning is not None or name == "@protected")
    if isinstance(meaning, dict):
        known = meaning.keys() <= _IN_TERMS and meaning.get("@container") in _CONTAINERS
        return known and _names_something(meaning.get("@id")) and _names_something(meaning.get("@type"))
    return _names_something(meaning)


def _names_something(meaning: Any) -> bool:
    if not isinstance(meaning, str):
        return meaning is None
    return not meaning.startswith("@") or meaning in _ALIASES | {"@vocab"}

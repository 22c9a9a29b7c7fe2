"""What the names in a foreign document mean: the rule on `@context`, prefixes and full IRIs (decision 0013).

The one context that we know gives the protocol's bare names their meaning. Its terms are protected, so a context that
we do not know can add names beside them but change none. Contexts are never fetched: what they add stays unknown.
"""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from connector.kernel.policy.odrl import names as odrl
from connector.kernel.protocol.messages import CONTEXT, HANSE
from connector.kernel.protocol.shape import Malformed, point

DSPACE = "https://w3id.org/dspace/2025/1/"
DCAT = "http://www.w3.org/ns/dcat#"
DCT = "http://purl.org/dc/terms/"
WRITTEN: Mapping[str, str] = {
    "dspace": DSPACE,
    "odrl": odrl.ODRL,
    "dcat": DCAT,
    "dct": DCT,
    "xsd": odrl.XSD,
}
"""The prefixes of the protocol's own context: they mean the same in a document that we have made plain."""
WELL_KNOWN: Mapping[str, str] = {
    **WRITTEN,
    "dcterms": DCT,
    "edc": "https://w3id.org/edc/v0.0.1/ns/",
    "hanse": HANSE,
}
"""Read as names of members even where the document forgets to declare them."""

FAMILIAR: Mapping[str, str] = {
    **odrl.PREFIXES,
    "dcterms": DCT,
    "hanse": HANSE,
    "skos": "http://www.w3.org/2004/02/skos/core#",
}
"""Prefixes that everybody reads alike in a policy, us and people. A context that declares one for something else hides
what the policy says, and is refused, whether it stands beside the protocol's or alone (decision 0149)."""

CONTEXTS = 16
TERMS = 128
_PREFIX = re.compile(r"[A-Za-z][\w.-]*")
_SPACE = re.compile(r"(?:https?://|urn:).*[:/?#\[\]@]", re.DOTALL)


class Names(Struct, frozen=True, kw_only=True):
    """`bare`: the protocol's context is named, so bare names have its meaning. `declared` are the document's own."""

    bare: bool
    declared: Mapping[str, str]

    @property
    def tame(self) -> bool:
        """Nothing in the document means anything else than it would under the protocol's context alone."""
        return self.bare and not self.declared

    def member(self, key: str) -> str:
        """The IRI of a member's name; a bare name and an unknown prefix stay as they are."""
        prefix, colon, local = key.partition(":")
        space = self.declared.get(prefix, WELL_KNOWN.get(prefix)) if colon and not local.startswith("//") else None
        return key if space is None else space + local

    def value(self, text: str) -> str:
        """A term or reference as it was written, unless its prefix would mean nothing outside of its document."""
        prefix, colon, local = text.partition(":")
        space = self.declared.get(prefix) if colon and not local.startswith("//") else None
        return text if space in (None, WRITTEN.get(prefix)) else str(space) + local


def short(iri: str) -> str:
    """The IRI with a prefix of the protocol's context, if it has one."""
    for prefix, space in WRITTEN.items():
        if iri.startswith(space):
            return f"{prefix}:{iri[len(space) :]}"
    return iri


def names_of(context: Any, terms: frozenset[str]) -> Names | None:
    """What `@context` declares; None if it does more than name contexts and prefixes. `terms` are the bare names.

    Raises Malformed for what no reader may accept: too much of it, or another meaning for a protected prefix.
    """
    entries = context if isinstance(context, list) else [] if context is None else [context]
    if len(entries) > CONTEXTS:
        raise Malformed("/@context", "contexts")
    bare = CONTEXT in entries
    declared: dict[str, str] = {}
    for index, entry in enumerate(entries):
        if isinstance(entry, str):
            continue
        if not isinstance(entry, dict):
            raise Malformed(point("/@context", index), "context")
        if len(declared) + len(entry) > TERMS:
            raise Malformed("/@context", "contexts")
        if not all(_is_prefix(name, value, terms) for name, value in entry.items()):
            return None
        declared |= {name: value for name, value in entry.items() if not name.startswith("@")}
    for name, value in declared.items():
        if otherwise(name, value):
            raise Malformed("/@context", "redefined")
    own = {name: value for name, value in declared.items() if WRITTEN.get(name) != value}
    return Names(bare=bare, declared=own)


def otherwise(name: str, meaning: Any, prefixes: Mapping[str, str] = {}) -> bool:
    """Whether a context gives a familiar prefix, or the name of a member that policies are built of, another meaning.

    `prefixes` are those of the same document. What gives it no meaning of its own (a type, a container) leaves it one.
    """
    meaning = meaning.get("@id", "") if isinstance(meaning, dict) else meaning
    if not isinstance(meaning, str) or not meaning:
        return False
    if name in FAMILIAR:
        return meaning != FAMILIAR[name]
    if odrl.member(name) not in odrl.STRUCTURE:
        return False
    prefix, colon, local = meaning.partition(":")
    iri = prefixes[prefix] + local if colon and prefix in prefixes else meaning
    return odrl.expand(iri) != odrl.ODRL + odrl.member(name)


def _is_prefix(name: str, value: Any, terms: frozenset[str]) -> bool:
    """A word that anybody would read as a bare term is more than a prefix, though it is written like one."""
    if name.startswith("@"):
        return (name == "@version" and value == 1.1) or (name == "@protected" and isinstance(value, bool))
    word = name in terms or odrl.expand(name) != name
    return not word and isinstance(value, str) and bool(_PREFIX.fullmatch(name) and _SPACE.fullmatch(value))

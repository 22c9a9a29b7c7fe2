"""The official examples in all the ways that JSON-LD has, made by a processor with the official contexts."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from pyld import jsonld
from pyld.context_resolver import ContextResolver

from connector.kernel.dialects.jsonld.grammar import NODES, TYPE_IRIS
from connector.kernel.dialects.jsonld.names import WRITTEN, short
from connector.kernel.protocol import codec
from connector.kernel.protocol.messages import CONTEXT
from tests.testkit.places import DSP

ABSENT = "official DSP artefacts absent: put them at ../shared/data/dsp"
EXAMPLES = [
    path for folder in ("catalog", "negotiation", "transfer") for path in sorted(DSP.glob(f"{folder}/example/*.json"))
]
_FILES = {CONTEXT: "dspace.jsonld", "https://w3id.org/dspace/2025/1/odrl-profile.jsonld": "odrl.jsonld"}
ALIASES = {"id": "@id", "type": "@type", "literal": "@value", "d": WRITTEN["dspace"], "who": "d:consumerPid"}


def official(url: str, _options: object) -> dict[str, Any]:
    """The loader with the official contexts. The DID context is not among them; what it adds is not compared."""
    document = json.loads((DSP / "context" / _FILES[url]).read_text("utf-8")) if url in _FILES else {"@context": {}}
    return {"contextUrl": None, "documentUrl": url, "document": document, "contentType": "application/ld+json"}


def options(loader: Callable[[str, object], dict[str, Any]] = official) -> dict[str, Any]:
    """With a memory of its own: the processor would carry terms from one document over to the next."""
    return {"base": None, "documentLoader": loader, "contextResolver": ContextResolver({}, loader)}


@cache
def _expanded(text: str) -> str:
    return json.dumps(jsonld.expand(json.loads(text), options()))


def example(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return value


def message_type(value: dict[str, Any]) -> str:
    return str(value.get("@type", "Dataset"))


def expanded(value: dict[str, Any]) -> Any:
    """Most forms are made from this one, so it is kept."""
    return json.loads(_expanded(json.dumps(value)))


def expanded_object(value: dict[str, Any]) -> Any:
    return expanded(value)[0]


def compacted(value: dict[str, Any]) -> Any:
    """A processor's own short form: one context as a string, lists of one without brackets."""
    return jsonld.compact(expanded(value), CONTEXT, options())


def prefixed(value: dict[str, Any]) -> Any:
    """No context but prefixes; references are objects, lists of one are not lists."""
    return jsonld.compact(expanded(value), dict(WRITTEN), options())


def undeclared(value: dict[str, Any]) -> Any:
    """The same, and the prefixes are declared nowhere."""
    return {name: item for name, item in prefixed(value).items() if name != "@context"}


def aliased(value: dict[str, Any]) -> Any:
    """Keywords and a member under names of the sender's own: that takes a processor."""
    return jsonld.compact(expanded(value), ALIASES, options())


def types_in_lists(value: Any) -> Any:
    if isinstance(value, list):
        return [types_in_lists(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: [item] if name == "@type" else types_in_lists(item) for name, item in value.items()}


def context_as_string(value: dict[str, Any]) -> Any:
    return {**value, "@context": CONTEXT}


def context_as_object(value: dict[str, Any]) -> Any:
    return {**value, "@context": [{"ex": "https://example.org/ns#"}, CONTEXT, "https://w3id.org/edc/dspace/v0.0.1"]}


def prefixes_beside_the_context(value: dict[str, Any]) -> Any:
    """As the plain form, but each member and each type with its prefix."""
    return _qualified(value, message_type(value))


def _qualified(value: Any, node: str) -> Any:
    if isinstance(value, list):
        return [_qualified(item, node) for item in value]
    if not isinstance(value, dict) or node not in NODES:
        return value
    members, plain = NODES[node].members, dict[str, Any]()
    for name, item in value.items():
        if name == "@type":
            plain[name] = short(TYPE_IRIS[item])
        elif name in members:
            plain[short(members[name].iri)] = _qualified(item, members[name].node)
        else:
            plain[name] = item
    return plain


SPELLINGS: dict[str, Callable[[dict[str, Any]], Any]] = {
    form.__name__: form
    for form in (
        expanded,
        expanded_object,
        compacted,
        prefixed,
        undeclared,
        aliased,
        types_in_lists,
        context_as_string,
        context_as_object,
        prefixes_beside_the_context,
    )
}


def canonical(path: Path) -> Any:
    """The message that every spelling has to become."""
    value = example(path)
    return codec.decode(codec.TYPES[message_type(value)], value)

"""One policy in plain JSON, and the same as JSON-LD and RDF, written by processors that are not ours."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pyoxigraph
from pyld import jsonld

from connector.kernel.dialects.jsonld.contexts import context
from connector.kernel.dialects.policies.foreign import read_json, read_rdf
from connector.kernel.dialects.policies.translate import Foreign
from connector.kernel.policy.odrl.names import DSP_CONTEXT, ODRL, PREFIXES, expand, member
from connector.kernel.policy.odrl.reader import entries
from tests.kernel.dialects.outsiders import ODRL_CONTEXT, H
from tests.kernel.dialects.spellings import options

EX = "https://example.org/"
_NODES = frozenset(
    {"permission", "prohibition", "obligation", "duty", "consequence", "remedy", "constraint", "refinement"}
    | {"and", "or", "xone", "andSequence", "target", "assigner", "assignee", "partOf", "hasPolicy"}
)
_TERMS = frozenset({"action", "leftOperand", "operator", "conflict", "profile", "unit", "dataType", "value"})
_TERMS |= {"inheritFrom", "source"}
_OTHERS = {"timestamp": PREFIXES["dspace"] + "timestamp", "value": PREFIXES["rdf"] + "value"}


def expanded(document: Mapping[str, Any]) -> dict[str, Any]:
    """The plain JSON of a policy as expanded JSON-LD."""
    made: dict[str, Any] = {}
    for key, value in document.items():
        name = member(key)
        if name == "@id":
            made["@id"] = value
        elif name == "@type":
            made["@type"] = [one if ":" in one else ODRL + one for one in entries(value)]
        else:
            made[_OTHERS.get(name, ODRL + name if name.isalnum() else name)] = _values(name, value)
    return made


def _values(name: str, value: Any) -> list[Any]:
    found = [_value(name, one) for one in entries(value)]
    # Only as a list can RDF say that there is nothing.
    return found if found and not _ordered(value) else [{"@list": found}]


def _ordered(value: Any) -> bool:
    return isinstance(value, Mapping) and value.keys() == {"@list"}


def _value(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value) if "@value" in value else expanded(value)
    if name in _TERMS:
        return {"@id": expand(value)}
    if name in _NODES:
        return {"@id": value}
    return {"@value": value}


def _loaded(url: str, _options: object) -> dict[str, Any]:
    return {"contextUrl": None, "documentUrl": url, "document": context(url), "contentType": "application/ld+json"}


def _compacted(value: Any, names: Any) -> Any:
    return jsonld.compact(value, names, options(_loaded))


OWN = {
    "o": ODRL,
    "id": "@id",
    "art": "@type",
    "wert": "@value",
    "darf": {"@id": ODRL + "permission", "@type": "@id"},
    "darfNicht": "o:prohibition",
    "muss": {"@id": ODRL + "obligation", "@container": "@set"},
    "tut": {"@id": ODRL + "action", "@type": "@id"},
    "wer": {"@id": ODRL + "assignee", "@type": "@id"},
    "wenn": "o:constraint",
    "und": {"@id": ODRL + "and", "@container": "@list"},
    "schwelle": "o:rightOperand",
}
CONTEXTS: Mapping[str, Any] = {
    "odrl": [ODRL_CONTEXT, {"h": H, "ex": EX}],
    "prefixes": {**{name: PREFIXES[name] for name in ("odrl", "dct", "rdf", "xsd", "dspace")}, "hanse": H},
    "own": OWN,
}


def _json_ld(names: Any) -> Callable[[Mapping[str, Any]], tuple[Foreign, ...]]:
    return lambda document: read_json(_compacted(expanded(document), names))


def turtle(document: Mapping[str, Any]) -> bytes:
    return _rdf(document, pyoxigraph.RdfFormat.TURTLE)


def _rdf(document: Mapping[str, Any], form: pyoxigraph.RdfFormat) -> bytes:
    quads = jsonld.to_rdf(expanded(document), {**options(_loaded), "format": "application/n-quads"})
    store = pyoxigraph.parse(quads.encode(), format=pyoxigraph.RdfFormat.N_QUADS)
    triples = [quad.triple for quad in store]
    prefixes = None if form == pyoxigraph.RdfFormat.N_TRIPLES else {"odrl": ODRL}
    return bytes(pyoxigraph.serialize(triples, format=form, prefixes=prefixes) or b"")


READERS: Mapping[str, Callable[[Mapping[str, Any]], tuple[Foreign, ...]]] = {
    "wire": lambda document: read_json({"@context": [DSP_CONTEXT], **json.loads(json.dumps(document))}),
    "expanded": lambda document: read_json([expanded(document)]),
    **{f"json-ld {name}": _json_ld(names) for name, names in CONTEXTS.items()},
    "turtle": lambda document: read_rdf(turtle(document)),
}
"""Each notation of a policy, written and read."""
EIGHT: Mapping[str, Callable[[Mapping[str, Any]], tuple[Foreign, ...]]] = {
    **READERS,
    "n-triples": lambda document: read_rdf(_rdf(document, pyoxigraph.RdfFormat.N_TRIPLES), "N_TRIPLES"),
    "rdf/xml": lambda document: read_rdf(_rdf(document, pyoxigraph.RdfFormat.RDF_XML), "RDF_XML"),
}
"""The same and two more spellings of RDF, for what compares all of them at random."""

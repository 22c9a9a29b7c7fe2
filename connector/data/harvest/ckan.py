"""CKAN's API (`package_search`) as DCAT triples, by the names that ckanext-dcat gives them.

What CKAN says in words stays in words: the repairs know formats and languages, and ask about licences.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from msgspec import Struct
from pyoxigraph import Literal, NamedNode, Triple

from connector.foundation.canonical_json import deep
from connector.foundation.errors import PeerError
from connector.kernel.metadata.rdf.graph import Node
from connector.kernel.metadata.rdf.names import DCAT, DCATDE, DCT, FOAF, LOCN, RDF, VCARD, XSD

ROWS = 100
MOST_VALUES = 4_000_000
"""JSON values of all pages of a delivery, as many as triples of another catalogue: `[],` is three bytes and takes
seventy in memory (threat T76)."""
_SEARCHES = re.compile(r"/api/(?:3/)?action/(?:package_search|current_package_list_with_resources|package_show)")
_HEAD = re.compile(rb"\s*\{\s*\"(?:help|success|result)\"")


class Packages(Struct, frozen=True):
    """By id. `count`: how many there are in all; `searched`: whether further pages can be asked for."""

    packages: Mapping[str, Mapping[str, Any]]
    count: int
    searched: bool


def is_answer(content: bytes) -> bool:
    """Whether this is an answer of the API."""
    return _HEAD.match(content[:200]) is not None


def values(content: bytes) -> int:
    """At most how many values a JSON text has; signs in its strings only overcount."""
    return sum(map(content.count, (b"{", b"[", b",", b":")))


def page(url: str, start: int) -> str:
    """The same search from the package `start` on."""
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query)), "start": str(start)}
    query.setdefault("rows", str(ROWS))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), ""))


def portal(url: str) -> str:
    """The address below which the portal has its pages."""
    return _SEARCHES.split(url.partition("?")[0])[0].rstrip("/")


def packages(content: bytes, most: int = MOST_VALUES) -> Packages:
    """Raises PeerError for what is no answer of CKAN, or has more values than `most`."""
    if values(content) > most:
        raise PeerError("http.json-nodes", limit=most)
    try:
        answer = json.loads(content)
        if deep(answer):
            raise PeerError("harvest.no-ckan")
        if b"\\ud" in content.lower():
            answer = _whole(answer)
    except (ValueError, RecursionError):
        raise PeerError("harvest.no-ckan") from None
    result = answer.get("result") if isinstance(answer, dict) and answer.get("success") is True else None
    if isinstance(result, dict) and isinstance(result.get("results"), list):
        found, count, searched = result["results"], result.get("count"), True
    elif isinstance(result, dict) and "resources" in result:
        found, count, searched = [result], 1, False
    elif isinstance(result, list):
        found, count, searched = result, len(result), False
    else:
        raise PeerError("harvest.no-ckan")
    named = {str(each["id"]): each for each in found if isinstance(each, dict) and isinstance(each.get("id"), str)}
    return Packages(named, count if isinstance(count, int) else len(named), searched)


def _whole(value: Any) -> Any:
    """Halves of characters, which JSON can escape and no other form can write, are replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return {_whole(key): _whole(each) for key, each in value.items()} if isinstance(value, dict) else value


def dataset(package: Mapping[str, Any], at: str) -> Iterator[Triple]:
    """One package; `at` is the address of the portal."""
    extras = {
        each["key"]: each["value"]
        for each in _dicts(package.get("extras"))
        if isinstance(each.get("key"), str) and isinstance(each.get("value"), str)
    }
    said = {**package, **extras}
    node = NamedNode(f"{at}/dataset/{quote(str(package['id']), safe='')}")
    yield Triple(node, RDF.type, DCAT.Dataset)
    yield from _texts(node, said, _OF_DATASET)
    yield Triple(node, DCT.identifier, Literal(str(said.get("identifier") or package["id"])))
    for tag in _dicts(package.get("tags")):
        yield from _text(node, DCAT.keyword, tag.get("display_name") or tag.get("name"))
    for theme in [*_dicts(package.get("groups")), *_many(said.get("theme"))]:
        yield from _text(node, DCAT.theme, theme.get("name") if isinstance(theme, dict) else theme)
    for language in _many(said.get("language")):
        yield from _text(node, DCT.language, language)
    yield from _publisher(node, package.get("organization"), at)
    yield from _contact(node, said)
    yield from _period(node, said)
    yield from _place(node, said.get("spatial"))
    for number, resource in enumerate(_dicts(package.get("resources"))):
        file = NamedNode(f"{node.value}/resource/{quote(str(resource.get('id') or number), safe='')}")
        yield Triple(node, DCAT.distribution, file)
        yield Triple(file, RDF.type, DCAT.Distribution)
        yield from _texts(file, resource, _OF_RESOURCE)
        if resource.get("url_type") == "upload":
            yield from _text(file, DCAT.downloadURL, resource.get("url"))
        licence = (
            resource.get("license") or said.get("license_url") or said.get("license_id") or said.get("license_title")
        )
        yield from _text(file, DCT.license, licence)
        yield from _text(file, DCATDE.licenseAttributionByText, resource.get("licenseAttributionByText"))
        size = str(resource.get("size") or "")
        if size.isdecimal() and len(size) < 19:
            yield Triple(file, DCAT.byteSize, Literal(size, datatype=XSD.nonNegativeInteger))


_OF_DATASET = {
    DCT.title: "title",
    DCT.description: "notes",
    DCAT.landingPage: "url",
    DCT.issued: "metadata_created",
    DCT.modified: "metadata_modified",
    DCT.accrualPeriodicity: "frequency",
    DCAT.version: "version",
    DCATDE.contributorID: "contributorID",
    DCATDE.politicalGeocodingLevelURI: "politicalGeocodingLevelURI",
    DCATDE.politicalGeocodingURI: "politicalGeocodingURI",
    DCT.accessRights: "access_rights",
}
_OF_RESOURCE = {
    DCT.title: "name",
    DCT.description: "description",
    DCAT.accessURL: "url",
    DCT.format: "format",
    DCAT.mediaType: "mimetype",
    DCT.issued: "created",
    DCT.modified: "last_modified",
}


def _texts(node: Node, said: Mapping[str, Any], names: Mapping[NamedNode, str]) -> Iterator[Triple]:
    for name, key in names.items():
        yield from _text(node, name, said.get(key))


def _text(node: Node, name: NamedNode, value: object) -> Iterator[Triple]:
    if isinstance(value, str) and value.strip():
        yield Triple(node, name, Literal(value))


def _publisher(node: Node, organization: object, at: str) -> Iterator[Triple]:
    if isinstance(organization, dict) and isinstance(organization.get("id"), str) and organization.get("title"):
        agent = NamedNode(f"{at}/organization/{quote(organization['id'], safe='')}")
        yield Triple(node, DCT.publisher, agent)
        yield Triple(agent, RDF.type, FOAF.Organization)
        yield from _text(agent, FOAF.name, organization["title"])


def _contact(node: NamedNode, said: Mapping[str, Any]) -> Iterator[Triple]:
    name = said.get("contact_name") or said.get("maintainer") or said.get("author")
    mail = said.get("contact_email") or said.get("maintainer_email") or said.get("author_email")
    if isinstance(mail, str) and mail.strip():
        contact = NamedNode(node.value + "#contact")
        yield Triple(node, DCAT.contactPoint, contact)
        yield Triple(contact, RDF.type, VCARD.Kind)
        yield from _text(contact, VCARD.fn, name)
        yield from _text(contact, VCARD.hasEmail, mail)


def _period(node: NamedNode, said: Mapping[str, Any]) -> Iterator[Triple]:
    if said.get("temporal_start") or said.get("temporal_end"):
        period = NamedNode(node.value + "#period")
        yield Triple(node, DCT.temporal, period)
        yield Triple(period, RDF.type, DCT.PeriodOfTime)
        yield from _text(period, DCAT.startDate, said.get("temporal_start"))
        yield from _text(period, DCAT.endDate, said.get("temporal_end"))


def _place(node: NamedNode, spatial: object) -> Iterator[Triple]:
    if isinstance(spatial, str) and spatial.lstrip().startswith("{"):
        place = NamedNode(node.value + "#area")
        yield Triple(node, DCT.spatial, place)
        yield Triple(place, RDF.type, DCT.Location)
        yield Triple(place, LOCN.geometry, Literal(spatial))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _many(value: object) -> list[Any]:
    """One text, a list, or a list written as JSON, as extras have it."""
    if isinstance(value, str) and value.startswith("["):
        try:
            found = json.loads(value)
            value = [] if deep(found) else _whole(found)
        except (ValueError, RecursionError):
            return []
    if isinstance(value, str):
        return [value] if value.strip() else []
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []

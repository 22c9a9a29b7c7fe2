"""Datasets: our own with their offers, and those that members of the data space show us."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from connector.data.catalogue.model import Dataset, Offer
from connector.data.catalogue.search import copies
from connector.data.catalogue.templates import templates
from connector.data.sources.model import Source
from connector.exchange.contracts.document.described_data import LONGEST_TITLE
from connector.foundation.clock import rfc3339
from connector.foundation.errors import HanseError
from connector.foundation.language.markup import readable
from connector.foundation.language.reasons import plain
from connector.kernel.metadata.lists.code_lists import code_lists
from connector.kernel.metadata.rdf.names import VCARD
from connector.kernel.policy.engine import LANGUAGES, PolicyEngine
from connector.surfaces.views import status
from connector.surfaces.views.fields import Policy, Sentences, Time, explanation
from connector.surfaces.views.status import StatusView
from connector.surfaces.views.terms import ClauseView, OfferView, clauses

_BYTES = re.compile(r"[0-9]{1,19}")
"""What a size can be: more digits are nobody's file, and thousands would not even be read as a number."""
MOST_ADDRESSES, LONGEST_ADDRESS = 10, 2_000


class OfferTermsView(msgspec.Struct, frozen=True, kw_only=True):
    """What a list shows of an offer of ours: `rule` is the template it was made from, `title` that of the template."""

    offer: str
    visibility: str
    state: str
    rule: str
    title: Sentences


class DatasetView(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset of ours. `offers` are ids, `policies` the ODRL of each by its id, `terms` the same in words.

    `access` says who may see it; a withdrawn one has no offers.
    """

    dataset: str
    title: str
    version: str
    revision: int
    state: Literal["published", "withdrawn"]
    status: StatusView
    access: Literal["open", "announced", "contract"]
    created: Time
    changed: Time
    offers: list[str]
    policies: dict[str, Policy]
    terms: list[OfferTermsView]


class DatasetsView(msgspec.Struct, frozen=True):
    datasets: list[DatasetView]


class PublishedView(msgspec.Struct, frozen=True, kw_only=True):
    """What was made by publishing: the dataset, its first offer (null without one), and the clauses of that.

    `page` and `download` are addresses; empty if nobody but members sees it, or nobody gets it without a contract.
    `audience` says how many members of which kind could use it today.
    """

    dataset: str
    offer: str | None
    version: str
    clauses: list[ClauseView]
    audience: Sentences | None
    page: str
    download: str


class OfferMadeView(msgspec.Struct, frozen=True, kw_only=True):
    """A further offer on a dataset of ours."""

    offer: str
    clauses: list[ClauseView]


class FileView(msgspec.Struct, frozen=True, kw_only=True):
    """An uploaded file; `source` is what publishing names."""

    source: str
    sha256: str | None
    bytes: int | None
    media_type: str


class LicenceView(msgspec.Struct, frozen=True, kw_only=True):
    """`label` is what the list calls it, its IRI if it is on none."""

    iri: str
    label: Sentences


class HitView(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset in a member's catalogue; `provider_name` is what the trust list calls the `provider` (a DID).

    `format`: what files of its `media_type` are called. `seen`: when the provider last showed it to us; `source`:
    whether that was just now (`live`) or is kept (`copy`). `open`: everybody may have it without a contract. `download`
    are addresses of files, `access` of pages and interfaces where it is had, `landing_page` (may be empty) is about it,
    `contact` whom to ask. `box`: west, south, east, north of what it is about, in degrees. `spaces`: names of the data
    spaces through which the provider is known.
    """

    provider: str
    provider_name: str
    dataset: str
    title: str
    description: str
    media_type: str | None
    format: str | None
    bytes: int | None
    offers: list[OfferView]
    licence: LicenceView | None
    open: bool
    download: list[str]
    access: list[str]
    landing_page: str
    contact: str
    box: tuple[float, float, float, float] | None
    seen: Time
    source: Literal["copy", "live"]
    spaces: list[str]


class SilentView(msgspec.Struct, frozen=True, kw_only=True):
    """A member that gave no catalogue, and why; `pointer` (JSON) is where its answer is wrong."""

    provider: str
    provider_name: str
    reason: Sentences
    pointer: str | UnsetType = UNSET


class CountView(msgspec.Struct, frozen=True, kw_only=True):
    """How many of all that was found have this `value`; `name` is how people read it."""

    value: str
    count: int
    name: Sentences


class UnreachableView(msgspec.Struct, frozen=True, kw_only=True):
    """A member that does not answer: since when, and the code of its last error; what it showed before is still found.

    `last`: when all of its catalogue was last read.
    """

    provider: str
    provider_name: str
    since: Time
    code: str
    last: Time | None


class IncompleteView(msgspec.Struct, frozen=True):
    """A member that has more than was read."""

    provider: str
    provider_name: str


class FindView(msgspec.Struct, frozen=True, kw_only=True):
    """`asked`: how many members; `incomplete`: those that have more than was read.

    Of what is kept: `total` datasets in all, `facets` counted over them if asked for, `next` names the next page, and
    `mended` says which word was searched instead of one that nobody knows. What members answer just now stands on the
    first page.
    """

    results: list[HitView]
    asked: int
    failed: list[SilentView]
    incomplete: list[IncompleteView]
    total: int
    mended: dict[str, str]
    facets: dict[str, list[CountView]]
    next: str | None
    unreachable: list[UnreachableView]


def dataset(one: Dataset, offers: list[Offer]) -> DatasetView:
    return DatasetView(
        dataset=one.id,
        title=one.title,
        version=one.version,
        revision=one.revision,
        state=one.state,
        status=status.dataset(one.state),
        access=one.access,
        created=rfc3339(one.created_at),
        changed=rfc3339(one.changed_at),
        offers=[offer.id for offer in offers],
        policies={offer.id: offer.policy for offer in offers},
        terms=[terms_of(offer) for offer in offers],
    )


def published(
    engine: PolicyEngine, one: Dataset, offer: Offer | None, addresses: tuple[str, str], audience: Sentences | None
) -> PublishedView:
    return PublishedView(
        dataset=one.id,
        offer=None if offer is None else offer.id,
        version=one.version,
        clauses=[] if offer is None else clauses(engine, offer.policy),
        page=addresses[0],
        download=addresses[1],
        audience=audience,
    )


def file(source: Source) -> FileView:
    return FileView(source=source.id, sha256=source.sha256, bytes=source.bytes, media_type=source.media_type)


def hit(
    provider: str,
    name: str,
    entry: Mapping[str, Any],
    offers: list[OfferView],
    seen: str,
    source: Literal["copy", "live"],
    spaces: Sequence[str] = (),
) -> HitView:
    """Of an entry in a peer's catalogue; what has not the form of a size or media type is left out."""
    size, media = entry.get("dcat:byteSize"), entry.get("dcat:mediaType")
    return HitView(
        provider=provider,
        provider_name=name,
        dataset=str(entry["@id"]),
        title=title_of(entry),
        description=plain(readable(_literal(entry.get("dct:description")))),
        media_type=media if isinstance(media, str) else None,
        format=format_name(media),
        bytes=int(size) if isinstance(size, str) and _BYTES.fullmatch(size) else None,
        offers=offers,
        licence=_licence(entry),
        box=_box(entry),
        seen=seen,
        source=source,
        spaces=list(spaces),
        **msgspec.structs.asdict(whereabouts(entry)),
    )


def _box(entry: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    found = copies.box_in(entry)
    if found is None:
        return None
    west, south, east, north = (one / copies.MILLIONTHS for one in (found.west, found.south, found.east, found.north))
    return west, south, east, north


def format_name(media_type: object) -> str | None:
    """What people call files of this media type: `GeoJSON`; None for what is on no list."""
    found = code_lists().file_type_by_media(media_type) if isinstance(media_type, str) else None
    if found is None:
        return None
    code, label = found.code.replace("_", "-"), found.label("de")
    return label if label.casefold() == code.casefold() else code  # most labels are English, and no shorter


class Whereabouts(msgspec.Struct, frozen=True, kw_only=True):
    """Where an entry says that the data are, and whom to ask; as in `HitView`."""

    open: bool
    download: list[str]
    access: list[str]
    landing_page: str
    contact: str


def whereabouts(entry: Mapping[str, Any]) -> Whereabouts:
    """What has not the form of an address is left out: it is a stranger's, and people follow it.

    Open is what has a file for everybody, or an open licence and a place where it is had.
    """
    files = [one for one in _listed(entry.get("distribution")) if isinstance(one, Mapping)]
    download = _addresses(entry.get("dcat:downloadURL"), *(one.get("dcat:downloadURL") for one in files))
    page = next(iter(_addresses(entry.get("dcat:landingPage"))), "")
    every = _addresses(*(one.get("dcat:accessURL") for one in files))
    access, licence = [one for one in every if one not in download and one != page], _licence(entry)
    is_open = bool(download) or (bool(every) and licence is not None and code_lists().is_open(licence.iri) is True)
    return Whereabouts(
        open=is_open,
        download=download,
        access=access,
        landing_page=page,
        contact=_contact(entry.get("dcat:contactPoint")),
    )


def _addresses(*values: object) -> list[str]:
    """Each once, the first few."""
    said = [one.get("@id") if isinstance(one, Mapping) else one for value in values for one in _listed(value)]
    return [*dict.fromkeys(one for one in said if isinstance(one, str) and _is_address(one))][:MOST_ADDRESSES]


def _is_address(text: str) -> bool:
    """On the web, without a name before the host that looks like another host."""
    if len(text) > LONGEST_ADDRESS or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and parts.username is None
    except ValueError:
        return False


def _contact(value: object) -> str:
    """The first that says something: name, mail, page, telephone."""
    for one in _listed(value):
        if isinstance(one, Mapping):
            said = [_reached(one.get(f"{VCARD.iri}{name}")) for name in ("fn", "hasEmail", "hasURL", "hasTelephone")]
            if found := ", ".join(text for text in said if text):
                return found
    return ""


def _reached(value: object) -> str:
    text = value.get("@id") if isinstance(value, Mapping) else value
    return plain(text.removeprefix("mailto:").removeprefix("tel:"), 200) if isinstance(text, str) else ""


def _licence(entry: Mapping[str, Any]) -> LicenceView | None:
    """Of the dataset, else the first of a distribution."""
    files = [one for one in _listed(entry.get("distribution")) if isinstance(one, Mapping)]
    said = [*_listed(entry.get("dct:license")), *(one.get("dct:license") for one in files)]
    iris = [one.get("@id") if isinstance(one, Mapping) else one for one in said]
    iri = next((plain(one, LONGEST_ADDRESS) for one in iris if isinstance(one, str)), "")
    known = code_lists().value(iri)
    label = {lang: iri if known is None else known.label(lang) for lang in LANGUAGES}
    return LicenceView(iri=iri, label=label) if iri else None


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def silent(provider: str, name: str, error: HanseError) -> SilentView:
    pointer = str(error.facts["pointer"]) if "pointer" in error.facts else UNSET
    return SilentView(provider=provider, provider_name=name, reason=explanation(error), pointer=pointer)


def title_of(entry: Mapping[str, Any]) -> str:
    """Of a dataset in a peer's catalogue, made plain; its IRI if it has none."""
    return plain(_literal(entry.get("dct:title")) or str(entry["@id"]), LONGEST_TITLE)


def _literal(value: object) -> str:
    """As JSON-LD writes one; of several the first in German, else the first."""
    if isinstance(value, list):
        german = [one for one in value if isinstance(one, dict) and one.get("@language") == "de"]
        return _literal(next(iter(german or value), None)) if not any(isinstance(one, list) for one in value) else ""
    found = value.get("@value") if isinstance(value, dict) else value
    return found if isinstance(found, str) else ""


def terms_of(offer: Offer) -> OfferTermsView:
    """An offer of ours in a list."""
    return OfferTermsView(
        offer=offer.id,
        visibility=offer.visibility,
        state=offer.state,
        rule=str(offer.template.get("id", "")),
        title=_rule_title(offer),
    )


def _rule_title(offer: Offer) -> Sentences:
    """The title of the template that the offer was made from; its name if this release has it no more."""
    name = str(offer.template.get("id", ""))
    known = {template.id: dict(template.title) for template in templates.templates()}
    return known.get(name) or dict.fromkeys(LANGUAGES, name)

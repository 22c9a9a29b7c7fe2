"""What pages for people show of a record: texts in the reader's language where there are any, values by their labels.

Everything here may have been written by strangers: texts lose what steers a screen, only web addresses become links.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import msgspec

from connector.foundation.language import local_text, say
from connector.foundation.language.markup import readable
from connector.foundation.language.sorting import alphabetical
from connector.identity.participants import succession
from connector.identity.participants.model import Participant
from connector.kernel.metadata.lists import code_lists as lists
from connector.kernel.metadata.project.dcat_ap import access_right
from connector.kernel.metadata.rdf import oxigraph
from connector.kernel.metadata.rdf.graph import Graph, Term
from connector.kernel.metadata.rdf.names import AUTHORITY, DCAT, DCT
from connector.kernel.metadata.record.model import DatasetRecord, Distribution, Period, Place, Series, Texts

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_WEB = re.compile(r"https?://[^\s<>\"]+\Z")
_MAIL = re.compile(r"[^\s@<>\"?&]+@[^\s@<>\"?&]+\Z")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T[0-9:.]+)?\Z")
SHORT: Final = 300
"""Characters of a description in a list."""


class ShownText(msgspec.Struct, frozen=True):
    """A text; `lang` where it is in another language than the page, `href` where it leads somewhere."""

    text: str
    lang: str = ""
    href: str = ""


class Fact(msgspec.Struct, frozen=True):
    """A name with its values, as a row of a list of terms."""

    name: str
    values: Sequence[ShownText]


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset in a list."""

    iri: str
    title: ShownText
    description: ShownText
    open: bool
    about: str


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A way to have the data."""

    link: ShownText
    facts: Sequence[Fact]


class DatasetView(msgspec.Struct, frozen=True, kw_only=True):
    """`command` asks for the data where they are given under a contract."""

    title: ShownText
    description: Sequence[ShownText]
    open: bool
    files: Sequence[File]
    facts: Sequence[Fact]
    command: str


class SeriesView(msgspec.Struct, frozen=True, kw_only=True):
    title: ShownText
    description: Sequence[ShownText]
    facts: Sequence[Fact]
    members: Sequence[ShownText]


def plain(text: str) -> str:
    """Without control characters and those that turn the direction of what follows."""
    return _STEERING.sub("", text)


def text(texts: Texts, lang: str) -> ShownText:
    """The text in this language, else in German, else in whatever there is."""
    for tag in (lang, "", "de", *texts):
        if tag in texts:
            return ShownText(readable(plain(texts[tag])), "" if tag in (lang, "") else tag)
    return ShownText("")


def items(participant: Participant, graph: Graph, iris: Sequence[str], lang: str) -> list[Item]:
    """Datasets as a page of a snapshot lists them: the same as in its other forms, for people by title."""
    found = [_item(page_of(participant, iri), graph, oxigraph.NamedNode(iri), lang) for iri in iris]
    return sorted(found, key=lambda one: alphabetical(one.title.text))


def page_of(participant: Participant, iri: str) -> str:
    """Where a dataset is shown here: at its own IRI, also if it was named where the participant was before, or, if that
    lies elsewhere, below ours under its whole name."""
    own, page = f"{participant.root}/datasets/", succession.here(participant, iri)
    return page if page.startswith(own) else own + quote(iri, safe="")


def _item(page: str, graph: Graph, node: oxigraph.NamedNode, lang: str) -> Item:
    title, description = _literals(graph, node, DCT.title, lang), _literals(graph, node, DCT.description, lang)
    files = graph.values(node, DCAT.distribution)
    formats = sorted({_label(iri, lang) for file in files for iri in _iris(graph, file, DCT.format)})
    moments = [one.value for one in graph.values(node, DCT.modified) if isinstance(one, oxigraph.Literal)]
    changed = [f"{say('public.page.modified', lang)}: {day(moments[0], lang)}"] if moments else []
    return Item(
        iri=node.value,
        title=ShownText(title.text or plain(node.value), title.lang, page if page == node.value else f"{page}.html"),
        description=ShownText(_short(description.text), description.lang),
        open=not (rights := _iris(graph, node, DCT.accessRights)) or any(iri.endswith("/PUBLIC") for iri in rights),
        about=" · ".join([*([", ".join(formats)] if formats else []), *changed]),
    )


def _literals(graph: Graph, node: oxigraph.NamedNode, name: oxigraph.NamedNode, lang: str) -> ShownText:
    values = [one for one in graph.values(node, name) if isinstance(one, oxigraph.Literal)]
    return text({one.language or "": one.value for one in values}, lang)


def _iris(graph: Graph, node: Term, name: oxigraph.NamedNode) -> list[str]:
    return [one.value for one in graph.values(node, name) if isinstance(one, oxigraph.NamedNode)]


def _short(words: str) -> str:
    return words if len(words) <= SHORT else words[:SHORT].rsplit(" ", 1)[0] + " …"


def dataset(record: DatasetRecord, participant: Participant, lang: str) -> DatasetView:
    is_open = access_right(record).endswith("/PUBLIC")
    return DatasetView(
        title=text(record.title, lang),
        description=_paragraphs(record.description, lang),
        open=is_open,
        files=[_file(one, record, lang) for one in record.distributions if _leads_somewhere(one, record)],
        facts=_facts(record, lang),
        command=_command(record, participant, lang) if not is_open and _is_offered(record, participant) else "",
    )


def _is_offered(record: DatasetRecord, participant: Participant) -> bool:
    """Neither a bare announcement nor what was imported has an offer that could be asked for."""
    return bool(record.distributions) and record.iri.startswith(succession.named(participant, "datasets/"))


def series(one: Series, members: Iterable[tuple[str, Texts]], lang: str) -> SeriesView:
    rows: list[tuple[str, Sequence[ShownText]]] = [
        ("publisher", [] if one.publisher is None else [text(one.publisher.name, lang)]),
        ("frequency", _values([one.frequency], lang)),
        ("places", _places(one.places, lang)),
        ("iri", [_address(one.iri)]),
    ]
    named = sorted(((iri, text(title, lang)) for iri, title in members), key=lambda one: alphabetical(one[1].text))
    return SeriesView(
        title=text(one.title, lang),
        description=_paragraphs(one.description, lang),
        facts=_known_facts(rows, lang),
        members=[ShownText(said.text or iri, said.lang, link(iri)) for iri, said in named],
    )


def _leads_somewhere(one: Distribution, record: DatasetRecord) -> bool:
    """Not back to this page, as the access under a contract does."""
    service = one.service is not None and not one.policies
    return bool(one.download_url) or service or one.access_url not in ("", record.landing_page)


def _file(one: Distribution, record: DatasetRecord, lang: str) -> File:
    address = one.download_url or one.access_url
    if one.service is not None and address == record.landing_page:
        address = one.service.endpoint  # an interface of which there is no other page than this
    host = _host(address)
    name = text(one.title, lang)
    label = name.text or plain(unquote(address.rpartition("/")[2])) or plain(host)
    elsewhere = one.service is not None or not one.checksum
    said = say("public.page.elsewhere", lang, host=plain(host), name=label)
    link_text = said if elsewhere else say("public.page.download", lang, name=label)
    rows: list[tuple[str, Sequence[ShownText]]] = [
        ("format", _values([one.format], lang) or _words([one.media_type])),
        ("size", [] if one.bytes is None else [ShownText(_size(one.bytes, lang))]),
        ("licence", _values([one.licence], lang, linked=True)),
        ("attribution", _texts(one.attribution, lang)),
        ("checksum", [] if one.checksum is None else [ShownText(plain(one.checksum.value))]),
        ("standards", [_address(each) for each in one.conforms_to]),
        ("rights", _texts(one.rights, lang)),
    ]
    if one.service is not None:
        rows += [
            ("endpoint", [_address(one.service.endpoint)]),
            ("endpoint-description", _addresses([one.service.description])),
            ("documentation", _addresses([one.service.page])),
        ]
    return File(link=ShownText(link_text, "", link(address)), facts=_known_facts(rows, lang))


def _host(address: str) -> str:
    """Empty for what has none: some IRIs are no addresses that Python takes apart (`http://℀.example/`)."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _facts(record: DatasetRecord, lang: str) -> list[Fact]:
    categories = () if record.hvd is None else record.hvd.categories
    rows: list[tuple[str, Sequence[ShownText]]] = [
        ("publisher", [] if record.publisher is None else [text(record.publisher.name, lang)]),
        ("contact", list(_contacts(record))),
        ("licence", _values([record.licence], lang, linked=True)),
        ("attribution", _texts(record.attribution, lang)),
        ("access-right", _values([access_right(record)], lang)),
        ("themes", _values(record.themes, lang)),
        ("keywords", _keywords(record, lang)),
        ("hvd", _values(categories, lang)),
        ("frequency", _values([record.frequency], lang)),
        ("availability", _values([record.availability], lang)),
        ("periods", [_period(one, lang) for one in record.periods if one.start or one.end]),
        ("places", _places(record.places, lang)),
        ("languages", _values(record.languages, lang)),
        ("series", [_series_link(one, lang) for one in record.series]),
        ("issued", [ShownText(day(record.issued, lang))] if record.issued else []),
        ("modified", [ShownText(day(record.modified, lang))] if record.modified else []),
        ("version", _words([record.version])),
        ("version-notes", _texts(record.version_notes, lang)),
        ("legislation", _addresses(record.legislation)),
        ("standards", _addresses(record.conforms_to)),
        ("identifiers", _words(record.identifiers)),
        ("iri", [_address(record.iri)]),
    ]
    return _known_facts(rows, lang)


def _known_facts(rows: Iterable[tuple[str, Sequence[ShownText]]], lang: str) -> list[Fact]:
    """What is known, under its name in the reader's language."""
    return [Fact(say(f"public.page.{name}", lang), values) for name, values in rows if values]


def _series_link(one: Series, lang: str) -> ShownText:
    said = text(one.title, lang)
    return ShownText(said.text, said.lang, link(one.iri))


def _command(record: DatasetRecord, participant: Participant, lang: str) -> str:
    """To paste: names in it cannot end their quotes, and the member is the name that the trust list has."""
    name = participant.name.replace('"', "").replace("\\", "").replace("$", "").replace("`", "")
    slug, purpose = say("public.page.ask-slug", lang), say("public.page.ask-purpose", lang)
    return f'hanse request {record.iri} --as {slug} --from "{plain(name)}" --purpose {purpose}'


def _contacts(record: DatasetRecord) -> Iterator[ShownText]:
    for one in record.contacts:
        if one.name:
            yield ShownText(plain(one.name))
        if one.email:
            yield ShownText(plain(one.email), "", f"mailto:{one.email}" if _MAIL.match(one.email) else "")
        if one.url:
            yield _address(one.url)
        if one.telephone:
            yield ShownText(plain(one.telephone))


def _period(one: Period, lang: str) -> ShownText:
    start, end = day(one.start, lang), day(one.end, lang)
    if start and end:
        return ShownText(say("public.page.until", lang, start=start, end=end))
    return ShownText(say("public.page.from", lang, start=start) if start else say("public.page.up-to", lang, end=end))


def _places(places: Sequence[Place], lang: str) -> list[ShownText]:
    found = []
    for one in places:
        label = text(one.label, lang)
        key = one.iri if "#" not in one.iri else ""
        if label.text or key:
            found.append(ShownText(label.text or plain(key), label.lang, link(key)))
        elif one.box is not None:
            box = one.box
            found.append(ShownText(f"{box.south}–{box.north} °N, {box.west}–{box.east} °E"))
    return found


def _keywords(record: DatasetRecord, lang: str) -> list[ShownText]:
    words = next((record.keywords[tag] for tag in (lang, "", "de", *record.keywords) if tag in record.keywords), ())
    return _words(words)


def _values(iris: Iterable[str], lang: str, *, linked: bool = False) -> list[ShownText]:
    return [ShownText(_label(iri, lang), "", link(iri) if linked else "") for iri in iris if iri]


def _label(iri: str, lang: str) -> str:
    """The label of a value on a list; of file types the code, which says more than their name."""
    found = lists.code_lists().value(iri)
    if found is None:
        return plain(iri.removeprefix(AUTHORITY))
    return plain(found.code if found.scheme == lists.FILE_TYPE else found.label(lang))


def _texts(texts: Texts, lang: str) -> list[ShownText]:
    said = text(texts, lang)
    return [said] if said.text else []


def _words(words: Iterable[str]) -> list[ShownText]:
    return [ShownText(plain(word)) for word in words if word]


def _addresses(iris: Iterable[str]) -> list[ShownText]:
    return [_address(iri) for iri in iris if iri]


def _address(iri: str) -> ShownText:
    return ShownText(plain(iri), "", link(iri))


def _paragraphs(texts: Texts, lang: str) -> list[ShownText]:
    said = text(texts, lang)
    return [ShownText(line.strip(), said.lang) for line in said.text.splitlines() if line.strip()]


def link(iri: str) -> str:
    """Only what a browser fetches: nothing that runs."""
    return iri if _WEB.match(iri) else ""


def day(moment: str, lang: str) -> str:
    """An instant or a day as people read it; of an instant without a zone the day; a month or a year as it is."""
    found = _DAY.match(moment)
    if found is None:
        return plain(local_text(moment, lang))
    return f"{found[3]}.{found[2]}.{found[1]}" if lang == "de" else moment[:10]


def _size(count: int, lang: str) -> str:
    digits = f"{count:,}"
    return say("public.page.size-bytes", lang, count=digits.replace(",", ".") if lang == "de" else digits)

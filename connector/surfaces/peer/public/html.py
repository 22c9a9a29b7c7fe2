"""Pages for people behind the addresses that machines read: no script, nothing from elsewhere, German and English
(spec/metadata-harvest.md 2).

What strangers wrote is text and never markup: templates escape all of it, JSON-LD stands in a data block that ends
where we end it, and the policy of the page runs nothing (threat T83).
"""

import base64
import zlib
from collections.abc import Awaitable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp import web
from msgspec.structs import replace

from connector.data.catalogue.public import Withdrawn, catalogue_node
from connector.data.catalogue.snapshots.model import Leaf, PageAsked, Snapshot
from connector.data.catalogue.snapshots.pages import Gone, Pages, gzipped
from connector.foundation.clock import rfc3339
from connector.foundation.errors import HanseError, Unknown
from connector.foundation.language import catalogue as messages
from connector.foundation.language import say
from connector.foundation.language.reasons import explained
from connector.identity.participants.model import Participant
from connector.kernel.metadata.project import schema_org
from connector.kernel.metadata.rdf import fragments
from connector.kernel.metadata.rdf.fragments import MEDIA
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.record.model import DatasetRecord, Series, Texts
from connector.surfaces.peer.public import answers, forms, view
from connector.surfaces.peer.public.answers import Answers, Document
from connector.surfaces.peer.public.forms import PAGES, Shown
from connector.surfaces.peer.routes import Call

if TYPE_CHECKING:
    from jinja2 import Environment

_PREFIX: Final = "public.page."
_FOLDER: Final = Path(__file__).parent / "templates"
CLOTHES: Final = Path(__file__).parents[2] / "web" / "frame" / "static"
"""The desk's own style sheets: public pages wear them without what comes from npm."""
_DATA_BLOCK: Final = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


class Html:
    """Renders; holds nothing of a participant."""

    async def guarded(self, call: Call, form: Shown, answer: Awaitable[web.StreamResponse]) -> web.StreamResponse:
        """The answer; what is not there is said to a browser on a page."""
        try:
            return await answer
        except Unknown as error:
            if form != "html":
                raise
            return self._problem(call, error)

    async def catalogue(
        self, call: Call, about: Document, sending: Answers, pages: Pages, asked: PageAsked
    ) -> web.StreamResponse:
        """A page of a snapshot: the same datasets as on that page of the other forms."""
        lang, snapshot, number = _lang(call), asked.snapshot, asked.number

        async def make(zipped: bool) -> bytes:
            async def render() -> bytes:
                leaf = await pages.leaf(asked)
                return await pages.aside(_listed, call.participant, snapshot, number, leaf, lang, zipped)

            key = (asked.slug, snapshot.digest, number, asked.without, lang, _edition(), zipped)
            return await pages.once(key, render)

        return await sending.send(call.request, _page(about, lang), make)

    async def dataset(self, call: Call, about: Document, sending: Answers, record: DatasetRecord) -> web.StreamResponse:
        lang = _lang(call)

        async def make(zipped: bool) -> bytes:
            return _coded(_dataset(call.participant, record, lang), zipped)

        return await sending.send(call.request, _page(about, lang), make)

    async def series(
        self, call: Call, about: Document, sending: Answers, one: Series, members: Sequence[tuple[str, Texts]]
    ) -> web.StreamResponse:
        lang = _lang(call)

        async def make(zipped: bool) -> bytes:
            return _coded(_series(call.participant, one, members, lang), zipped)

        return await sending.send(call.request, _page(about, lang), make)

    def text(self, call: Call, page: str, own: Mapping[str, str]) -> web.Response:
        """One of `PAGES`; `own` are the operator's texts."""
        lang = _lang(call)
        body = _text(call.participant, page, own.get(PAGES[page], "").strip(), lang)
        headers = {**_headers(), "Cache-Control": answers.CURRENT, "Vary": "Accept-Language"}
        response = web.Response(body=body, headers=headers)
        response.headers["Content-Type"] = forms.content_type("html")
        return response

    def _problem(self, call: Call, error: HanseError) -> web.Response:
        lang = _lang(call)
        match error:
            case Withdrawn():
                title, sentence = _say("withdrawn-title", lang), _say("withdrawn-text", lang)
            case Gone():
                title, sentence = _say("gone-title", lang), explained(error)[lang][0]
            case _:
                title, sentence = _say("unknown-title", lang), _say("unknown-text", lang)
        body = _rendered("problem.html", call.participant, lang, title=title, sentence=sentence)
        headers = {**_headers(), "Cache-Control": answers.CURRENT, "Vary": "Accept, Accept-Language"}
        response = web.Response(status=error.status, body=body, headers=headers)
        response.headers["Content-Type"] = forms.content_type("html")
        return response


def _listed(participant: Participant, snapshot: Snapshot, number: int, leaf: Leaf, lang: str, zipped: bool) -> bytes:
    graph = Graph(fragments.read(b"".join(map(zlib.decompress, leaf.own))))
    items = view.items(participant, graph, leaf.iris, lang)
    return _coded(_catalogue(participant, snapshot, number, items, lang), zipped)


def _catalogue(
    participant: Participant, snapshot: Snapshot, number: int, items: Sequence[view.Item], lang: str
) -> bytes:
    here, page = f"{participant.root}/catalog", f"snap={snapshot.digest}&page="
    node = catalogue_node(participant, rfc3339(snapshot.issued_at), rfc3339(snapshot.changed_at))
    around = [("first", 1), ("previous", number - 1), ("next", number + 1), ("last", snapshot.pages)]
    count = _say("count-one", lang) if snapshot.total == 1 else _say("count-many", lang, count=snapshot.total)
    return _rendered(
        "catalogue.html",
        participant,
        lang,
        address=here,
        title=_say("catalogue-of", lang, name=participant.name),
        description=view.text(node.description, lang),
        count=count,
        pages=snapshot.pages,
        items=items,
        linked=data_block(schema_org.catalogue(node, [one.iri for one in items])),
        other=f"{here}.html?{page}{number}&lang={'en' if lang == 'de' else 'de'}",
        page_of=_say("page-of", lang, page=number, pages=snapshot.pages),
        around=[
            (_say(name, lang), f"{here}.html?{page}{there}&lang={lang}")
            for name, there in around
            if there != number and 1 <= there <= snapshot.pages
        ],
    )


def _dataset(participant: Participant, record: DatasetRecord, lang: str) -> bytes:
    shown = view.dataset(record, participant, lang)
    return _rendered(
        "dataset.html",
        participant,
        lang,
        address=view.page_of(participant, record.iri),
        title=shown.title.text,
        view=shown,
        linked=data_block(schema_org.dataset(record, f"{participant.root}/catalog")),
        did=participant.did,
        ask_text=_say("ask-text", lang, name=participant.name),
        ask_slug_text=_say("ask-slug-text", lang, slug=_say("ask-slug", lang), purpose=_say("ask-purpose", lang)),
    )


def _series(participant: Participant, one: Series, members: Sequence[tuple[str, Texts]], lang: str) -> bytes:
    shown = view.series(one, members, lang)
    linked = data_block(schema_org.series(one, [iri for iri, _ in members]))
    return _rendered(
        "series.html", participant, lang, address=one.iri, title=shown.title.text, view=shown, linked=linked
    )


def _text(participant: Participant, page: str, own: str, lang: str) -> bytes:
    said: list[tuple[str, list[str]]] = []
    if page == "accessibility":
        said = [
            (say(f"web.accessibility.{part}", lang), [say(f"web.accessibility.{part}-text", lang)])
            for part in ("state", "tested", "gaps")
        ]
    instead = say("web.easy.text", lang) if page == "easy-language" else "" if said else say("web.frame.no-text", lang)
    words = own or instead
    return _rendered(
        "text.html",
        participant,
        lang,
        title=say(f"web.frame.{PAGES[page]}", lang),
        other=f"{participant.root}/{page}?lang={'en' if lang == 'de' else 'de'}",
        parts=[*said, *([("", words.split("\n\n"))] if words else [])],
    )


def data_block(value: Mapping[str, object]) -> str:
    """JSON that can stand in a script element: nothing in it ends the element or begins a comment."""
    return msgspec.json.encode(value).decode().translate(_DATA_BLOCK)


def _rendered(template: str, participant: Participant, lang: str, *, address: str = "", **values: object) -> bytes:
    other = "en" if lang == "de" else "de"
    here = f"{address}.html" if address else f"{participant.root}/catalog.html"
    known: dict[str, Any] = {
        "lang": lang,
        "t": _labels(lang),
        "media": MEDIA,
        "style": _style(),
        "root": participant.root,
        "name": view.plain(participant.name),
        "address": address,
        "other": f"{here}?lang={other}",
        "linked": "",
        "slots": [(page, say(f"web.frame.{name}", lang)) for page, name in PAGES.items()],
    }
    return _environment().get_template(template).render(known | values).encode()


def _page(about: Document, lang: str) -> Document:
    """Another language, style or release is another page."""
    tag = f"{about.tag}-{lang}-{_edition()}"
    return replace(about, tag=tag, vary=(*about.vary, "Accept-Language"), headers=_headers())


def _headers() -> dict[str, str]:
    digest = base64.b64encode(sha256(_style().encode()).digest()).decode()
    nothing = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return {"Content-Security-Policy": f"{nothing}; style-src 'sha256-{digest}'"}


def _lang(call: Call) -> str:
    return forms.language(call.request.query.get("lang"), call.request.headers.get("Accept-Language", ""))


def _coded(body: bytes, zipped: bool) -> bytes:
    return gzipped(body) if zipped else body


def _say(key: str, lang: str, /, **facts: object) -> str:
    return say(_PREFIX + key, lang, **facts)


@cache
def _labels(lang: str) -> dict[str, str]:
    texts = {key.removeprefix(_PREFIX): words for key, words in messages(lang).items() if key.startswith(_PREFIX)}
    return {name.replace("-", "_"): words for name, words in texts.items()}


@cache
def _style() -> str:
    sheets = (CLOTHES / "fallback.css", CLOTHES / "desk.css", _FOLDER / "public.css")
    return "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets)


@cache
def _edition() -> str:
    """The digest of templates and texts."""
    parts = [path.read_bytes() for path in sorted(_FOLDER.iterdir())]
    parts += [_style().encode(), *(msgspec.json.encode(_labels(lang)) for lang in ("de", "en"))]
    return sha256(b"".join(parts)).hexdigest()[:12]


def _shown(value: object) -> object:
    """Whatever a template shows, whoever wrote it: nothing that steers a screen."""
    return view.plain(value) if type(value) is str else value


@cache
def _environment() -> "Environment":
    """Loaded with the first page: an idle server has none."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )

"""The harvest endpoint: catalogue, datasets and series below a participant's root, in four forms and as pages.

Every address in them is made of the participant's root, never of the request's `Host` (spec/metadata-harvest.md 1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

import msgspec
from aiohttp import web

from connector.data.catalogue.public import PublicDataset, PublicRecords, Withdrawn, dataset_iris
from connector.data.catalogue.snapshots.making import Snapshots
from connector.data.catalogue.snapshots.model import PageAsked, Snapshot
from connector.data.catalogue.snapshots.pages import Gone, Pages, gzipped
from connector.foundation.clock import Clock
from connector.foundation.errors import PeerError, Unknown
from connector.foundation.http.pace import Pace, place
from connector.foundation.storage.database import Database
from connector.identity.participants import succession
from connector.kernel.metadata.project import dcat_ap
from connector.kernel.metadata.rdf import fragments, oxigraph
from connector.kernel.metadata.rdf.fragments import Form
from connector.kernel.metadata.rdf.names import ADMS, AUTHORITY
from connector.kernel.metadata.rdf.writing import in_order
from connector.surfaces.peer.public import answers, forms
from connector.surfaces.peer.public.answers import Answers, Document
from connector.surfaces.peer.public.forms import Shown
from connector.surfaces.peer.public.html import Html
from connector.surfaces.peer.routes import Call

BURST: Final = 1_000
PER_S: Final = 50
SERIES_BURST: Final = 60
SERIES_PER_S: Final = 5
"""A series is found by a look at every dataset; no harvester asks for one."""
MOST_FULL: Final = 20_000
"""Datasets of one document; beyond that there are pages."""
MOST_MEMBERS: Final = 500
"""Datasets that the page of a series names."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
WITHDRAWN: Final = AUTHORITY + "distribution-status/WITHDRAWN"


class PublicHandlers:
    """From one address 1 000 requests at once, then 50 a second: harvesters ask twice for each page, and some for each
    dataset."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        snapshots: Snapshots,
        records: PublicRecords,
        sending: Answers,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        """`texts` are the operator's own (`settings.own_texts`)."""
        self._texts = texts or {}
        self._db, self._snapshots, self._records, self._answers = db, snapshots, records, sending
        self._pages, self._html = Pages(db), Html()
        self._pace = Pace(clock, burst=BURST, per_s=PER_S)
        self._series_pace = Pace(clock, burst=SERIES_BURST, per_s=SERIES_PER_S)

    async def home(self, call: Call) -> web.StreamResponse:
        """A participant's root is where its catalogue is."""
        self._pace.spend(place(call.request.remote))
        return web.Response(status=303, headers={"Location": f"{call.participant.root}/catalog.html"})

    async def text(self, page: str, call: Call) -> web.StreamResponse:
        """Imprint, privacy, accessibility, easy language."""
        self._pace.spend(place(call.request.remote))
        return self._html.text(call, page, self._texts)

    async def catalogue(self, ending: Shown | None, call: Call) -> web.StreamResponse:
        self._pace.spend(place(call.request.remote))
        form = ending or forms.accepted(call.request.headers.get("Accept", ""))
        return await self._html.guarded(call, form, self._catalogue(call, form, () if ending else ("Accept",)))

    async def _catalogue(self, call: Call, form: Shown, vary: tuple[str, ...]) -> web.StreamResponse:
        query, slug = call.request.query, call.participant.id
        snapshot, named = await self._snapshot(call), "snap" in query
        number = _number(query.get("page", "1"), snapshot)
        if number > 1 and not named:
            raise Gone("public.page-of-none")
        whole = query.get("full") == "1" and form != "html"
        if whole and snapshot.total > MOST_FULL:
            raise PeerError("public.full-too-large", most=MOST_FULL)
        without = await self._snapshots.taken_back(slug, snapshot, None if whole else number) if named else frozenset()
        part = "full" if whole else str(number)
        about = Document(
            form=form,
            tag=f"{_tag(snapshot, without)}-{part}-{form}",
            vary=vary,
            changed_at=0 if without else snapshot.changed_at,
            headers=_headers(form),
        )
        iri = f"{call.participant.root}/catalog"
        if form == "html":
            asked = PageAsked(slug, snapshot, number, "nt", without)
            return await self._html.catalogue(call, about, self._answers, self._pages, asked)
        asked = PageAsked(slug, snapshot, number, form, without)
        if whole:
            return await self._answers.stream(call.request, about, self._pages.full(iri, asked))
        return await self._answers.send(call.request, about, lambda zipped: self._pages.page(iri, asked, packed=zipped))

    async def _snapshot(self, call: Call) -> Snapshot:
        wanted = call.request.query.get("snap")
        if wanted is None:
            return await self._snapshots.newest(call.participant.id)
        found = await self._snapshots.named(call.participant.id, wanted) if _DIGEST.fullmatch(wanted) else None
        if found is None:
            raise Gone("public.no-snapshot")
        return found

    async def dataset(self, call: Call) -> web.StreamResponse:
        self._pace.spend(place(call.request.remote))
        uuid, ending = forms.ending(call.params["name"])
        form = ending or forms.accepted(call.request.headers.get("Accept", ""))
        return await self._html.guarded(call, form, self._dataset(call, uuid, form, () if ending else ("Accept",)))

    async def _dataset(self, call: Call, uuid: str, form: Shown, vary: tuple[str, ...]) -> web.StreamResponse:
        """Of a participant's own by its UUID; of one with an IRI elsewhere by the whole IRI."""
        slug, iri = call.participant.id, dataset_iris(call.participant, uuid)[0]
        try:
            if iri == uuid and not iri.startswith(succession.named(call.participant, "")):
                return await self._imported(call, iri, form, vary)
            found = await self._db.read(slug, self._records.dataset, slug, uuid)
        except Withdrawn as gone:
            if form == "html":
                raise
            return await self._tombstone(call, str(gone.facts.get("iri", iri)), form, vary)
        about = _of_dataset(found, form, vary)
        if form == "html":
            return await self._html.dataset(call, about, self._answers, found.record)
        return await self._triples(call, about, form, dcat_ap.dataset(found.record))

    async def _imported(self, call: Call, iri: str, form: Shown, vary: tuple[str, ...]) -> web.StreamResponse:
        found = await self._snapshots.supplied(call.participant.id, iri)
        if found is None:
            raise Unknown("catalogue.unknown", id=iri[:200])
        record, described = found
        about = Document(
            form=form,
            tag=f"{sha256(described.listed.mark.encode()).hexdigest()}-{form}",
            vary=vary,
            changed_at=0,
            cache=answers.CURRENT,
            headers=_headers(form),
        )
        if form == "html":
            return await self._html.dataset(call, about, self._answers, record)
        triples = [one for one in described.triples if fragments.writable(one)]
        return await self._triples(call, about, form, triples)

    async def _tombstone(self, call: Call, iri: str, form: Form, vary: tuple[str, ...]) -> web.StreamResponse:
        """410: the dataset was here, and nothing else is said of it any more."""
        about = Document(form=form, tag=f"withdrawn-{form}", changed_at=0, status=410, vary=vary, cache=answers.CURRENT)
        return await self._triples(
            call, about, form, [oxigraph.Triple(oxigraph.NamedNode(iri), ADMS.status, oxigraph.NamedNode(WITHDRAWN))]
        )

    async def series(self, call: Call) -> web.StreamResponse:
        self._series_pace.spend(place(call.request.remote))
        uuid, ending = forms.ending(call.params["name"])
        form = ending or forms.accepted(call.request.headers.get("Accept", ""))
        return await self._html.guarded(call, form, self._series(call, uuid, form, () if ending else ("Accept",)))

    async def _series(self, call: Call, uuid: str, form: Shown, vary: tuple[str, ...]) -> web.StreamResponse:
        slug = call.participant.id
        found = await self._db.read(slug, self._records.series, slug, uuid)
        members = found.members[:MOST_MEMBERS]
        tag = sha256(msgspec.json.encode((found.series, members))).hexdigest()
        about = Document(
            form=form, tag=f"{tag}-{form}", changed_at=0, vary=vary, cache=answers.CURRENT, headers=_headers(form)
        )
        if form == "html":
            return await self._html.series(call, about, self._answers, found.series, members)
        return await self._triples(call, about, form, dcat_ap.series(found.series))

    async def _triples(
        self, call: Call, about: Document, form: Form, triples: Sequence[oxigraph.Triple]
    ) -> web.StreamResponse:
        async def make(zipped: bool) -> bytes:
            body = fragments.whole(form, [fragments.part(form, in_order(triples))])
            return gzipped(body) if zipped else body

        return await self._answers.send(call.request, about, make)


def _tag(snapshot: Snapshot, without: frozenset[str]) -> str:
    """Of a snapshot, and of what is left of it."""
    left_out = sha256("\n".join(sorted(without)).encode()).hexdigest()[:16]
    return f"{snapshot.digest}-{left_out}" if without else snapshot.digest


def _of_dataset(found: PublicDataset, form: Shown, vary: tuple[str, ...]) -> Document:
    return Document(
        form=form,
        tag=f"{found.digest}-{form}",
        changed_at=0,
        vary=vary,
        cache=answers.CURRENT,
        headers=_headers(form),
    )


def _headers(form: Shown) -> dict[str, str]:
    return {} if form == "html" else {"Link": answers.PROFILE}


def _number(text: str, snapshot: Snapshot) -> int:
    """Whatever names no page is a page that is not there."""
    if not text.isascii() or not text.isdigit() or len(text) > 6 or not 1 <= int(text) <= snapshot.pages:
        raise Gone("public.no-page", page=text[:20], pages=snapshot.pages)
    return int(text)

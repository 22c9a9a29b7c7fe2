"""Open files: `<dataset>/<file name>` gives the bytes without contract or account, of open datasets alone (threat T83).

The ETag of a file is its SHA-256. What is not open leads to the page of its dataset, if that is public, else nowhere.
"""

from urllib.parse import quote

from aiohttp import web

from connector.data.catalogue.public import PublicRecords, Withdrawn
from connector.data.sources import ranges
from connector.data.sources.kinds import Sources
from connector.data.sources.model import Source
from connector.foundation.clock import Clock
from connector.foundation.errors import Unknown
from connector.foundation.http.pace import Pace, place
from connector.foundation.storage.database import Database, Tx
from connector.surfaces.peer.public import answers
from connector.surfaces.peer.public.answers import Answers
from connector.surfaces.peer.public.catalogue import BURST, PER_S
from connector.surfaces.peer.routes import Call


class Downloads:
    """Paced as the catalogue is: portals ask for the head of every file that it names."""

    def __init__(self, db: Database, clock: Clock, records: PublicRecords, sources: Sources, sending: Answers) -> None:
        self._db, self._records, self._sources, self._answers = db, records, sources, sending
        self._pace = Pace(clock, burst=BURST, per_s=PER_S)

    async def download(self, call: Call) -> web.StreamResponse:
        self._pace.spend(place(call.request.remote))
        slug = call.participant.id
        found = await self._db.read(slug, _open, self._records, slug, call.params["uuid"], call.params["file"])
        wanted = ranges.wanted(call.request.method, call.request.headers)
        source = self._sources.readable(slug, found)
        with self._answers.turn(call.request):  # before it is opened: a live source is asked each time, for HEAD too
            async with source.open(wanted) as reading:
                headers = {**_headers(found), **reading.headers}
                response = web.StreamResponse(status=reading.status, headers=headers)
                response.content_length = None if reading.status == 304 else reading.length
                return await self._answers.deliver(call.request, response, reading.chunks)


def _open(tx: Tx, records: PublicRecords, slug: str, uuid: str, file: str) -> Source:
    try:
        return records.download(tx, slug, uuid, file)
    except Withdrawn:
        raise
    except Unknown:
        record = records.dataset(tx, slug, uuid).record  # raises Unknown for what is not public
        raise Unknown("public.no-download", page=record.landing_page or record.iri) from None


def _headers(found: Source) -> dict[str, str]:
    return {
        "Content-Type": found.media_type,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name, safe='')}",
        "Cache-Control": answers.CURRENT,
    }

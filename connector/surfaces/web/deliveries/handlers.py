"""Deliveries: what came and went, in words; the file that came, and links to it for programs."""

import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import quote

from aiohttp import web

from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.transfer.model import TransferRow
from connector.exchange.transfer.plane.pull_errand import LocalPlane
from connector.exchange.transfer.service import Transfers
from connector.foundation.errors import HanseError, Mistake, Unknown
from connector.foundation.language.reasons import because, plain
from connector.foundation.storage.database import Database, Tx
from connector.surfaces.requests.links import DAYS, Links
from connector.surfaces.requests.peers import Peers
from connector.surfaces.views.members import Members
from connector.surfaces.views.transfer import transfer
from connector.surfaces.web.call import Call
from connector.surfaces.web.deliveries.programs import ways
from connector.surfaces.web.render import STOP_POLLING, page, to
from connector.surfaces.web.routes import TOWN, Route, get, post
from connector.surfaces.web.session import READERS

PER_PAGE: Final = 50
OVER: Final = frozenset({"COMPLETED", "TERMINATED"})
PLAIN: Final = frozenset({"text/csv", "application/json", "application/geo+json", "text/plain", "application/pdf"})
"""Types that a link may say: programs read them, and no browser runs them."""
ANYTHING: Final = "application/octet-stream"


class DeliveryPages:
    def __init__(
        self,
        db: Database,
        contracts: Contracts,
        transfers: Transfers,
        links: Links,
        plane: LocalPlane,
        peers: Peers,
        members: Members,
    ) -> None:
        self._db, self._contracts, self._transfers, self._links = db, contracts, transfers, links
        self._plane, self._peers, self._members = plane, peers, members

    async def all(self, call: Call) -> web.StreamResponse:
        """The youngest first, in both directions."""
        before = call.query("before") or None
        rows, titles = await self._db.read(call.slug, self._listed, call.slug, before and _iri(before))
        shown = [transfer(self._members, call.town.did, one, titles, None) for one in rows[:PER_PAGE]]
        later = f"{call.at('deliveries')}?before={_uuid(shown[-1].id)}" if len(rows) > PER_PAGE else ""
        return await page(
            call, "deliveries/list.html", title=call.say("web.deliveries.title"), found=shown, later=later, uuid=_uuid
        )

    async def one(self, call: Call, made: str = "") -> web.StreamResponse:
        """How it stands, and what can be done with what came."""
        view = await self._view(call)
        crumbs = [(call.say("web.deliveries.title"), call.at("deliveries"))]
        title = view["one"].title or call.say("web.deliveries.one")
        view |= {"made": made, "ways": ways(call, made, view["file_name"])}
        return await page(call, "deliveries/one.html", title=title, crumbs=crumbs, **view)

    async def progress(self, call: Call) -> web.StreamResponse:
        """The part of the page that changes."""
        view = await self._view(call)
        return await page(call, "deliveries/progress.html", 200 if view["poll"] else STOP_POLLING, **view)

    async def file(self, call: Call) -> web.StreamResponse:
        """What came, to be saved."""
        row = await self._row(call)
        return _attached(self._file(row))

    async def again(self, call: Call) -> web.StreamResponse:
        """Asks for the data once more under the same contract."""
        row = await self._row(call)
        agreement, acting, purpose = await self._db.read(call.slug, self._agreed, row)
        partner = await self._peers.partner(call.slug, acting)
        made = await self._db.write(
            call.slug, self._transfers.request, call.slug, partner, agreement.id, purpose, row.action
        )
        return to(call.at("deliveries", _uuid(made.id)))

    async def resume(self, call: Call) -> web.StreamResponse:
        """Goes on with one that was halted."""
        await self._db.write(call.slug, self._transfers.resume, call.slug, _iri(call.param("id")))
        return to(call.at("deliveries", call.param("id")))

    async def stop(self, call: Call) -> web.StreamResponse:
        """Ends it for good."""
        said = plain(call.form.text("reason"), 500)
        reason = {"de": [said], "en": [said]} if said else because("transfer.ended-by-operator")
        await self._db.write(
            call.slug, self._transfers.terminate, call.slug, _iri(call.param("id")), "operator", reason
        )
        return to(call.at("deliveries", call.param("id")))

    async def link(self, call: Call) -> web.StreamResponse:
        """A new link, shown this once."""
        days = call.form.text("days")
        row = await self._row(call)
        made = await self._links.make(call.slug, row.id, int(days) if days in map(str, DAYS) else 0)
        name = quote(self._file(row).name, safe="")
        return await self.one(call, f"{call.desk.origin}/links/{call.slug}/{made.key}/{name}")

    async def revoke(self, call: Call) -> web.StreamResponse:
        """Takes a link back."""
        found = await self._links.revoke(call.slug, call.param("link"))
        return to(call.at("deliveries", _uuid(found.transfer)))

    async def open(self, call: Call) -> web.StreamResponse:
        """What a link leads to, for whoever has it (threat T91)."""
        request = call.request
        try:
            found = await self._links.open(call.param("p"), call.param("key"), request.remote or "")
        except HanseError as error:
            # The address holds a secret: nothing of it goes on, neither into a page nor into our log.
            return web.Response(status=error.status, text=call.say(f"error.{_error_code(error)}"))
        return _attached(found.file)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/deliveries", all, *READERS),
        get(f"{TOWN}/deliveries/{{id}}", one, *READERS),
        get(f"{TOWN}/deliveries/{{id}}/progress", progress, *READERS),
        get(f"{TOWN}/deliveries/{{id}}/file", file, "steward", sends_file=True),
        post(f"{TOWN}/deliveries/{{id}}/again", again, "steward"),
        post(f"{TOWN}/deliveries/{{id}}/resume", resume, "steward"),
        post(f"{TOWN}/deliveries/{{id}}/stop", stop, "steward"),
        post(f"{TOWN}/deliveries/{{id}}/links", link, "steward"),
        post(f"{TOWN}/deliveries/{{id}}/links/{{link}}/revoke", revoke, "steward"),
        get("/links/{p}/{key}/{name}", open, "unasked", sends_file=True),
    )

    async def _view(self, call: Call) -> dict[str, Any]:
        row = await self._row(call)
        shown, size, agreed, links, valid = await self._db.read(call.slug, self._shown, call.town.did, row)
        steward, ours = "steward" in call.roles, shown.role == "consumer"
        has_file = shown.outcome == "received" and shown.file is not None
        running = shown.state not in OVER
        return {
            "one": shown,
            "id": _uuid(shown.id),
            "size_agreed": size,
            "links": links,
            "days": [(str(one), call.say(f"web.deliveries.days-{one}")) for one in DAYS],
            "now": call.desk.clock.now(),
            "arrived": row.bytes or (self._plane.arrived(call.slug, row.id) if ours else 0),
            "checked": bool(agreed) and agreed == shown.sha256,
            "has_file": has_file,
            "poll": call.at("deliveries", _uuid(shown.id), "progress") if running else "",
            "may": steward,
            "may_again": steward and ours and valid and not running,
            "may_stop": steward and running,
            "may_resume": steward and shown.state == "SUSPENDED" and shown.held is None,
            "file_name": Path(shown.file).name if has_file and shown.file else "",
        }

    async def _row(self, call: Call) -> TransferRow:
        return await self._db.read(call.slug, self._transfers.get, call.slug, _iri(call.param("id")))

    def _shown(self, tx: Tx, own: str, row: TransferRow) -> tuple[Any, int | None, str | None, list[Any], bool]:
        agreement = self._contracts.agreements.named(tx, row.participant, row.agreement)
        terms = self._contracts.agreements.terms(tx, row.participant, agreement)
        received = self._plane.file(row.participant, row.id) if row.outcome == "received" else None
        titles = self._contracts.titles(tx, row.participant, [row.agreement])
        links = self._links.all(tx, row.participant, row.id)
        valid = agreement.in_force and (agreement.expires_at is None or agreement.expires_at > tx.now)
        return transfer(self._members, own, row, titles, received), terms.bytes, terms.sha256, links, valid

    def _listed(self, tx: Tx, slug: str, before: str | None) -> tuple[list[TransferRow], Mapping[str, str]]:
        found = self._transfers.all(tx, slug, None, before)[: PER_PAGE + 1]
        return found, self._contracts.titles(tx, slug, {row.agreement for row in found})

    def _agreed(self, tx: Tx, row: TransferRow) -> tuple[Agreement, str, str | None]:
        agreement = self._contracts.agreements.named(tx, row.participant, row.agreement)
        purpose = row.purpose or self._contracts.get(tx, row.participant, agreement.negotiation).purpose
        return agreement, self._contracts.agreements.acting(tx, agreement), purpose

    def _file(self, row: TransferRow) -> Path:
        found = self._plane.file(row.participant, row.id) if row.outcome == "received" else None
        if found is None:
            raise Unknown("api.no-content")
        return found


def _attached(file: Path) -> web.FileResponse:
    """To be saved, never to be shown: the bytes are a stranger's."""
    media, packed = mimetypes.guess_type(file.name)
    headers = {
        "Content-Type": media if media in PLAIN and packed is None else ANYTHING,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "Cache-Control": "no-store",
    }
    return web.FileResponse(file, chunk_size=1 << 20, headers=headers)


def _error_code(error: HanseError) -> str:
    return error.code if not error.facts and not isinstance(error, Mistake) else "requests.no-link"


def _uuid(name: str) -> str:
    return name.removeprefix("urn:uuid:")


def _iri(name: str) -> str:
    return name if ":" in name else f"urn:uuid:{name}"

"""A participant leaves, over the management surface: how it stands, close it, take its evidence along, delete it."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.api import body
from connector.clock import rfc3339
from connector.offboarding.close import Closing, Outlook
from connector.offboarding.delete import Deletion


class CloseWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the participant leaves; its partners read it."""

    reason: Annotated[str, Meta(max_length=2_000)]


class DeleteWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`abandon`: also if partners have not been told everything; `despite_retention`: also while periods run."""

    abandon: bool = False
    despite_retention: bool = False


class Handed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The evidence of this agreement is on the caller's disk, as a file with this SHA-256 (hex).

    `records`: as the list said before the evidence was fetched. If there are more by the time of the deletion, it has
    to be fetched again.
    """

    agreement: Annotated[str, Meta(max_length=2_000)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    records: Annotated[int, Meta(ge=0, le=2**53)]


class OffboardingHandlers:
    def __init__(self, leaving: Closing, deleting: Deletion) -> None:
        self._leaving, self._deleting = leaving, deleting

    def routes(self) -> list[web.RouteDef]:
        base = "/api/v1/participants/{p}"
        return [
            web.get(f"{base}/leaving", self.look),
            web.post(f"{base}/close", self.close),
            web.get(f"{base}/leaving/evidence", self.evidence),
            web.post(f"{base}/leaving/evidence", self.handed),
            web.get(f"{base}/leaving/agreements/{{id}}", self.bare),
            web.post(f"{base}/delete", self.delete),
        ]

    async def look(self, request: web.Request) -> web.StreamResponse:
        """What is open, who has not been told, what forbids deletion."""
        return body.answer(_shown(await self._leaving.look(request.match_info["p"])))

    async def close(self, request: web.Request) -> web.StreamResponse:
        """Begins, or goes on; `state` is `closing` while something is still open."""
        wish = await body.read(request, CloseWish)
        return body.answer(_shown(await self._leaving.close(request.match_info["p"], wish.reason)))

    async def evidence(self, request: web.Request) -> web.StreamResponse:
        """A page of agreements by id beyond `?after=`, with the SHA-256 of what was taken along already."""
        found = await self._deleting.evidence(request.match_info["p"], request.query.get("after", ""))
        return body.answer({"agreements": [one._asdict() for one in found]})

    async def handed(self, request: web.Request) -> web.StreamResponse:
        wish = await body.read(request, Handed)
        await self._deleting.handed(request.match_info["p"], wish.agreement, wish.sha256, wish.records)
        return body.answer({"agreement": wish.agreement})

    async def bare(self, request: web.Request) -> web.StreamResponse:
        """What there is of an agreement of which no bundle can be made."""
        return body.answer(await self._deleting.bare(request.match_info["p"], request.match_info["id"]))

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """`state` is `deleting` while rows are left: another process, or this one, goes on by itself."""
        wish = await body.read(request, DeleteWish)
        slug, despite = request.match_info["p"], wish.despite_retention
        return body.answer(_shown(await self._deleting.delete(slug, abandon=wish.abandon, despite=despite)))


def _shown(found: Outlook) -> Mapping[str, object]:
    told = msgspec.structs.asdict(found)
    times = {name: told[name] for name in ("closed_at", "deleted_at")}
    return {
        **told, **{name: _time(at) for name, at in times.items()},
        "retained": [{**msgspec.structs.asdict(one), "until": _time(one.until)} for one in found.retained],
        "problem": None if found.problem is None else {lang: " ".join(said) for lang, said in found.problem.items()},
    }  # fmt: skip


def _time(at: int | None) -> str | None:
    return None if at is None else rfc3339(at)

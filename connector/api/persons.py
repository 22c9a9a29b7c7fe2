"""Access and erasure for a person over the management surface (Art. 15 and 17 GDPR): `connector/docs/records.md`.

What a person asks for is weighed first and erased only when asked again with `sure`; the answer says what stays, why
and until when. Names never come here: a person is a pseudonym, whoever decides a role.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.api import body
from connector.privacy import column_rules, holds, log_entries
from connector.privacy.erasure import Order
from connector.privacy.retention import Kept, Stay
from connector.privacy.subject_access import LONGEST_SPOT, MOST_ROW, OBJECT, Answer, Persons, Signed, shown
from connector.privacy.table_mentions import Mention

FIRST = "0"


class ErasureWish(msgspec.Struct, frozen=True, kw_only=True):
    """`sure`: erase what may go; else only say what would. `after`: the `next` of the answer before."""

    role: str
    ground: str
    sure: bool = False
    after: Annotated[int, Meta(ge=0, lt=MOST_ROW)] | Annotated[str, Meta(max_length=LONGEST_SPOT)] = 0


class PersonHandlers:
    """`slug` finds the participant of a request, `did` its DID."""

    def __init__(
        self, service: Persons, slug: Callable[[web.Request], Awaitable[str]], did: Callable[[str], str]
    ) -> None:  # fmt: skip
        self._service, self._slug, self._did = service, slug, did

    def routes(self) -> list[web.RouteDef]:
        base = "/api/v1/participants/{p}/persons/{pseudonym}"
        return [web.get(base, self.person), web.post(f"{base}/erase", self.erase)]

    async def person(self, request: web.Request) -> web.StreamResponse:
        """All that says the pseudonym, one portion; the next one from `?after=` its `next`."""
        slug, pseudonym = await self._slug(request), log_entries.checked(request.match_info["pseudonym"])
        found = await self._service.copy(slug, pseudonym, request.query.get("after", FIRST))
        told = {
            "participant": self._did(slug), "pseudonym": pseudonym,
            "next": found.following, "complete": found.following is None,
            "records": [{**_kept(record), "record": value} for record, value in found.records],
            "objects": [{**_signed(one), "object": shown(one.item)} for one in found.objects],
            "places": [{**_place(one), "value": column_rules.shown(one.text)} for one in found.places],
        }  # fmt: skip
        return body.answer(told)

    async def erase(self, request: web.Request) -> web.StreamResponse:
        """What goes and what stays of one portion; 200 in either case, `erased` and `cleared` are 0 without `sure`."""
        slug, pseudonym = await self._slug(request), log_entries.checked(request.match_info["pseudonym"])
        wish = await body.read(request, ErasureWish)
        order = Order(
            holds.checked(wish.role, holds.LONGEST_ROLE), holds.checked(wish.ground, holds.LONGEST_GROUND)
        )  # fmt: skip
        if wish.sure:
            found = await self._service.erase(slug, pseudonym, str(wish.after), order)
        else:
            found = await self._service.weigh(slug, pseudonym, str(wish.after))
        return body.answer(_outcome(found, wish.sure))


def _outcome(found: Answer, sure: bool) -> dict[str, object]:
    clears = [_as_place(one) for one, stay in found.objects if stay is None]
    clears += [_place(one) for one in found.places.cleared]
    return {
        "may": [_kept(record) for record in found.records.erased],
        "erased": len(found.records.erased) if sure else 0,
        "stays": [{**_kept(record), **_why(stay)} for record, stay in found.records.stays],
        "objects": [{**_signed(one), **_why(stay)} for one, stay in found.objects if stay is not None],
        "clears": clears,
        "cleared": len(clears) if sure else 0,
        "places": [{**_place(one), **_why(stay)} for one, stay in found.places.stays],
        "next": found.following,
        "complete": found.following is None,
    }


def _kept(record: Kept) -> dict[str, object]:
    return {
        "index": record.place, "type": record.type, "seq": record.seq, "at": record.at, "agreement": record.agreement,
    }  # fmt: skip


def _signed(one: Signed) -> dict[str, object]:
    use = one.use
    return {
        "agreement": None if use is None else use.agreement, "name": "" if use is None else use.name,
        "sha256": one.item.sha256,
    }  # fmt: skip


def _as_place(one: Signed) -> dict[str, object]:
    told = _signed(one)
    return {
        "table": OBJECT, "column": "body", "key": {"sha256": told["sha256"], "name": told["name"]},
        "agreement": told["agreement"],
    }  # fmt: skip


def _place(one: Mention) -> dict[str, object]:
    return {
        "table": one.table, "column": one.column, "key": dict(zip(one.names, one.key, strict=True)),
        "agreement": one.agreement,
    }  # fmt: skip


def _why(stay: Stay) -> dict[str, object]:
    return {"why": stay.why, "until": stay.until, "days": stay.days}

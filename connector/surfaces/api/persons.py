"""Access and erasure for a person over the management surface (Art. 15 and 17 GDPR): `connector/docs/records.md`.

What a person asks for is weighed first and erased only when asked again with `sure`; the answer says what stays, why
and until when. Names never come here: a person is a pseudonym, whoever decides a role.
"""

from typing import Annotated, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.continuity.privacy import holds, log_entries
from connector.continuity.privacy.erasure import Order
from connector.continuity.privacy.subject_access import LONGEST_SPOT, MOST_ROW, Persons
from connector.identity.participants.model import Participant
from connector.identity.participants.service import Participants
from connector.surfaces.api.routes import PARTICIPANT, Query, Route, get, post, problem_codes
from connector.surfaces.views.person import PersonErasureView, PersonView, erasure, person

FIRST = "0"


class ErasureRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`sure`: erase what may go; else only say what would. `after`: the `next` of the answer before."""

    role: str
    ground: str
    sure: bool = False
    after: Annotated[int, Meta(ge=0, lt=MOST_ROW)] | Annotated[str, Meta(max_length=LONGEST_SPOT)] = 0


class PersonHandlers:
    def __init__(self, service: Persons, participants: Participants) -> None:
        self._service, self._participants = service, participants

    @problem_codes({400: ("records.after", "records.pseudonym")})
    async def person(self, request: web.Request) -> PersonView:
        """All that says the pseudonym, one portion."""
        one, pseudonym = await self._asked(request)
        found = await self._service.copy(one.id, pseudonym, request.query.get("after", FIRST))
        return person(one.did, pseudonym, found)

    @problem_codes({400: ("records.after", "records.names", "records.pseudonym", "records.text")})
    async def erase(self, request: web.Request, wish: ErasureRequest) -> PersonErasureView:
        """What goes and what stays of one portion; 200 in either case, nothing goes without `sure`."""
        one, pseudonym = await self._asked(request)
        order = Order(holds.checked(wish.role, holds.LONGEST_ROLE), holds.checked(wish.ground, holds.LONGEST_GROUND))
        if wish.sure:
            found = await self._service.erase(one.id, pseudonym, str(wish.after), order)
        else:
            found = await self._service.weigh(one.id, pseudonym, str(wish.after))
        return erasure(found, sure=wish.sure)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/persons/{{pseudonym}}", person, Query("after", "The `next` of the answer before.")),
        post(f"{PARTICIPANT}/persons/{{pseudonym}}/erase", erase),
    )

    async def _asked(self, request: web.Request) -> tuple[Participant, str]:
        hosted = await self._participants.get(request.match_info["p"])
        return hosted.participant, log_entries.checked(request.match_info["pseudonym"])

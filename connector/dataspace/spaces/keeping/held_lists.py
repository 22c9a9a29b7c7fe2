"""Asks members whether they hold a newer list of an authority than its own database does (spec/spaces.md 4.8; T151).

What comes back is hostile until the key of the authority itself proves it: bounded in size, in time and in how many
are asked at once, judged on a thread, and thrown away unless it is a newer list of this very space.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Final

import structlog
from msgspec import Struct

from connector.dataspace.spaces.model import Space
from connector.foundation.errors import HanseError
from connector.foundation.http.outbound import SafeClient
from connector.identity.participants.service import Participants
from connector.identity.trust.did import did as dids
from connector.identity.trust.members.trust_list import LIMIT, TrustList, millis, read_list

log = structlog.get_logger("spaces")
AT_ONCE: Final = 8
"""Each may bring a list of `LIMIT`."""
ASK_S: Final = 4.0
"""How long one host has to answer."""
TOTAL_S: Final = 20.0
"""How long all of them have; who did not answer by then is asked again in the next round."""
ROUNDS: Final = 5
"""A list that was found names members whom the one before did not, and these may hold a newer one."""


class Answers(Struct, kw_only=True):
    """The newest list that somebody showed (`version` is that of the database, and `jws` empty, if nobody has a newer
    one); who was asked, and who of them (DIDs) has not answered."""

    version: int
    jws: str = ""
    asked: set[str] = set()
    away: tuple[str, ...] = ()

    def take(self, listed: TrustList, jws: str) -> None:
        if listed.version > self.version:
            self.version, self.jws = listed.version, jws
        self.asked |= there(listed)


def there(listed: TrustList) -> set[str]:
    """Whom a list names as members on its day, suspended ones too: they hold lists."""
    issued = millis(listed.issued)
    return {one.did for one in listed.participants if one.valid_until is None or millis(one.valid_until) > issued}


class HeldLists:
    """Asks one member at each host; participants of this process share its database, so there is nobody to ask."""

    def __init__(self, http: SafeClient, participants: Participants) -> None:
        self._http, self._participants = http, participants

    async def ask(self, space: Space, members: Iterable[str], beyond: int) -> Answers:
        """Never longer than `TOTAL_S`, whatever the members do."""
        found, heard, gate = Answers(version=beyond, asked=set(members)), dict[str, bool](), asyncio.Semaphore(AT_ONCE)

        async def one(host: str, did: str) -> None:
            async with gate:
                heard[host] = False
                heard[host] = await self._answered(space, did, beyond, found)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TOTAL_S):
                for _ in range(ROUNDS):
                    hosts = {host: did for host, did in self._hosts(found.asked).items() if host not in heard}
                    if not hosts:
                        break
                    await asyncio.gather(*(one(host, did) for host, did in hosts.items()))
        silent = {did for did in found.asked if not self._here(did) and not heard.get(_host(did), False)}
        found.asked = {did for did in found.asked if not self._here(did)}
        found.away = tuple(sorted(silent))
        return found

    async def _answered(self, space: Space, did: str, beyond: int, found: Answers) -> bool:
        """Whether it said that there is none, or showed one; what is no newer list of ours is no answer."""
        key = space.authority.rpartition(":")[2]
        try:
            url = f"{dids.root_of(dids.Did(did))}/space/held/{key}/{beyond}"
            answer = await self._http.get(url, limit=LIMIT, total_s=ASK_S)
            if answer.status != 200:
                return answer.status == 204
            jws = answer.body.decode("ascii", "replace").strip()
            listed = await asyncio.to_thread(read_list, jws, dict(space.jwk))
        except HanseError as error:
            log.info("spaces.held", member=did, why=str(error))
            return False
        if (listed.space, listed.authority) != (space.space, space.authority) or listed.version <= beyond:
            return False
        found.take(listed, jws)
        return True

    def _hosts(self, members: Iterable[str]) -> dict[str, str]:
        return {_host(one): one for one in sorted(members) if not self._here(one)}

    def _here(self, did: str) -> bool:
        return self._participants.document(dids.Did(did)) is not None


def _host(did: str) -> str:
    return dids.host_of(dids.Did(did))

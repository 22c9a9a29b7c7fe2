"""Asks the timestamp authority about the newest checkpoint of each log, once per period (spec/contracts.md 4.3).

Rounds run beside the jobs, never in their way: an authority that is slow, away or wrong delays nothing and is asked
again. One replica asks, because the job that begins a round is leased; two that do keep one token.
"""

import asyncio
import base64
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import structlog
from cryptography import x509

from connector.dataspace.witness import timestamps
from connector.dataspace.witness.timestamps import Unstamped
from connector.foundation.errors import HanseError, Mistake, PeerError, Unavailable
from connector.foundation.http.address import target
from connector.foundation.http.outbound import SafeClient
from connector.foundation.settings.load import Settings
from connector.foundation.settings.sections import Timestamps
from connector.foundation.storage.database import Database
from connector.identity.jobs.background import Background
from connector.identity.participants.service import Participants

log = structlog.get_logger("timestamps")
LOOK_S = 30.0
"""Seconds between two rounds; one that takes longer is cut off, because then another replica may begin one."""
_HEADERS = {"Content-Type": timestamps.QUERY, "Accept": timestamps.REPLY}


class Authority(NamedTuple):
    """Where tokens come from, the certificates that they have to lead to, and what it is told of who asks."""

    url: str
    roots: tuple[x509.Certificate, ...]
    login: Mapping[str, str] = MappingProxyType({})

    def __repr__(self) -> str:
        return f"Authority({self.url})"


def authority(settings: Settings) -> Authority | None:
    """As the settings say, None if they name none; Mistake `timestamps.*` if a start with them would be in vain."""
    place = settings.timestamps
    if not place.url:
        return None
    if not timestamps.installed():
        raise Mistake("timestamps.not-installed")
    if target(place.url, insecure=True) is None:
        raise Mistake("timestamps.url")
    roots = tuple(one for path in place.ca_files for one in _certificates(path))
    if not roots:
        raise Mistake("timestamps.no-roots")
    return Authority(place.url, roots, _login(place))


def _login(place: Timestamps) -> Mapping[str, str]:
    """HTTP Basic (RFC 7617); Mistake `timestamps.login` for what cannot be one, or would be read on its way."""
    password = place.password.reveal()
    if not (place.user or password):
        return {}
    whole = f"{place.user}:{password}"
    complete = place.user and password and ":" not in place.user and whole.isprintable()
    if not complete or not place.url.lower().startswith("https://"):
        raise Mistake("timestamps.login")
    return {"Authorization": f"Basic {base64.b64encode(whole.encode()).decode('ascii')}"}


class TimestampJob:
    """`http` is our way to the authority."""

    def __init__(
        self, db: Database, participants: Participants, http: SafeClient, authority: Authority, every_s: float
    ) -> None:
        self._db, self._participants, self._http, self._authority = db, participants, http, authority
        self._every_ms = int(every_s * 1000)
        self._aside = Background("timestamps", self._bounded)

    @classmethod
    def of(cls, settings: Settings, db: Database, participants: Participants) -> "TimestampJob | None":
        """None if the settings name no authority; Mistake as `authority`."""
        named, out = authority(settings), settings.outbound
        if named is None:
            return None
        # Alone this client may speak plain HTTP, as most authorities do: it sends a hash and a random number to the one
        # address that the operator named, and an answer counts only with the authority's signature over both.
        http = SafeClient(
            allow=out.allow,
            ca_files=settings.trust.ca_files,
            total_s=out.total_s,
            proxy=out.proxy or None,
            insecure=named.url.lower().startswith("http://"),
        )
        return cls(db, participants, http, named, settings.timestamps.every_s)

    async def begin(self) -> None:
        """Starts a round unless one is running."""
        await self._aside.begin()

    async def stop(self) -> None:
        """What is on its way is given up; the next start asks again."""
        await self._aside.stop()
        await self._http.close()

    async def round(self) -> None:
        """Every log that is due. An authority that cannot be reached is not asked again in this round."""
        for hosted in await self._participants.all():
            slug = hosted.participant.id
            try:
                await self.stamp(slug)
            except Unavailable as error:
                log.warning("timestamps.away", participant=slug, why=str(error))
                return
            except HanseError as error:
                log.warning("timestamps.failed", participant=slug, why=str(error))

    async def stamp(self, slug: str) -> bool:
        """One token for the newest checkpoint of this log; False if none is due.

        Raises Unavailable or PeerError (`timestamps.*`) if there is no token that an auditor would accept.
        """
        due = await self._db.read(slug, timestamps.wanted, slug, self._every_ms)
        if due is None:
            return False
        await self._asked(slug, due)
        return True

    async def _asked(self, slug: str, due: Unstamped) -> None:
        asked = timestamps.request(due.note)
        headers = {**_HEADERS, **self._authority.login}
        answer = await self._http.post(self._authority.url, asked.body, headers=headers, limit=timestamps.LONGEST)
        if answer.status in (401, 403):
            raise Unavailable("timestamps.not-let-in", status=answer.status)
        if answer.status >= 500 or answer.status == 429:
            raise Unavailable("timestamps.status", status=answer.status)
        if answer.status != 200:
            raise PeerError("timestamps.status", status=answer.status)
        token, said = timestamps.accepted(answer.body, asked, due.note, self._authority.roots)
        await self._db.write(slug, timestamps.keep, slug, due.size, token, said.time_ms)
        log.info("timestamps.stamped", participant=slug, size=due.size, time=said.time_ms, authority=said.authority)

    async def _bounded(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self.round()
        except TimeoutError:
            log.warning("timestamps.away", why=f"no end within {LOOK_S:g} s")


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as cause:
        raise Mistake("timestamps.ca-file", path=path) from cause

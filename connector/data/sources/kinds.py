"""The kinds of source that this connector knows: what is asked for each, and how a registered one is looked at again
and opened."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, json

from connector.data.sources.files import FILE
from connector.data.sources.http import HTTP
from connector.data.sources.kind import Form, Found, Kind, Parameters, Ways, read, split
from connector.data.sources.model import Readable, Source, media_type
from connector.foundation.errors import Defect, Mistake
from connector.foundation.http.outbound import SafeClient
from connector.foundation.ids import new_uuid
from connector.identity.trust.keys.vault import Vault

STANDARD: Final[tuple[Kind[Any], ...]] = (FILE, HTTP)


class NewSource(Struct, frozen=True, kw_only=True):
    """A source that a steward or a program registers. `parameters` are what its kind asks for; `name` ends like a
    file's, from which the media type follows if none is given."""

    kind: str
    parameters: dict[str, str]
    name: str
    media_type: str | None = None


class Sources:
    """`folder` names a participant's folder, `vault` keeps what is secret of a source."""

    def __init__(
        self,
        folder: Callable[[str], Path],
        client: SafeClient,
        vault: Vault,
        kinds: Sequence[Kind[Any]] = STANDARD,
    ) -> None:
        self._ways, self._vault = Ways(folder, client), vault
        self._kinds = {kind.name: kind for kind in kinds}

    def asked(self) -> list[Kind[Any]]:
        """The kinds that somebody can register."""
        return [kind for kind in self._kinds.values() if kind.form is not None]

    def made(self, participant: str, wish: NewSource) -> Source:
        """Its row, not written yet; the bytes are not pinned. Raises Mistake for what can never be a source."""
        form, values = self._read(wish.kind, wish.parameters)
        name = wish.name.strip()
        if not name:
            raise Mistake("sources.missing", name="name")
        parts, source_id = split(form, values), new_uuid()
        secrets = self._vault.seal(sealed_as(participant, source_id), json.encode(parts.secret))
        return Source(
            id=source_id,
            kind=wish.kind,
            location=parts.location,
            name=name,
            media_type=wish.media_type or media_type(name),
            bytes=None,
            sha256=None,
            parameters=parts.shown,
            secrets=secrets if parts.secret else None,
        )

    @asynccontextmanager
    async def look(self, kind: str, given: Mapping[str, str]) -> AsyncIterator[Found]:
        """What lies there now. Raises Mistake for what can never be a source or has no file, Unavailable if nobody
        answers."""
        form, values = self._read(kind, given)
        async with form.look(self._ways, values) as found:
            yield found

    @asynccontextmanager
    async def look_again(self, participant: str, source: Source) -> AsyncIterator[Found]:
        """The same for one that is registered."""
        form = self._form(source.kind)
        given = {**source.parameters, **self._secrets(participant, source), form.location: source.location}
        async with self.look(source.kind, given) as found:
            yield found

    def readable(self, participant: str, source: Source) -> Readable:
        """Defect for a kind that nothing is read of."""
        kind = self._kinds.get(source.kind)
        if kind is None:
            raise Defect("dataplane.source-kind", kind=source.kind)
        return kind.open(self._ways, participant, source, self._secrets(participant, source))

    def _secrets(self, participant: str, source: Source) -> Mapping[str, str]:
        if source.secrets is None:
            return {}
        return json.decode(self._vault.open(sealed_as(participant, source.id), source.secrets), type=dict[str, str])

    def _form(self, name: str) -> Form[Any]:
        kind = self._kinds.get(name)
        if kind is None or kind.form is None:
            raise Mistake("sources.kind", kind=name[:80], known=", ".join(one.name for one in self.asked()))
        return kind.form

    def _read(self, name: str, given: Mapping[str, str]) -> tuple[Form[Any], Parameters]:
        form = self._form(name)
        values: Parameters = read(form, given)
        form.check(self._ways, values)
        return form, values


def sealed_as(participant: str, source_id: str) -> str:
    """What the secrets of a source are bound to in the vault."""
    return f"source|{participant}|{source_id}"

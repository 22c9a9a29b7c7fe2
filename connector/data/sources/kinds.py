"""How a registered source becomes one that can be opened: its kind says what its location means."""

from collections.abc import Callable, Mapping
from pathlib import Path

from connector.data.sources.files import FileSource
from connector.data.sources.http import HttpSource
from connector.data.sources.model import Readable, Source
from connector.foundation.errors import Defect
from connector.foundation.http.outbound import SafeClient


class Sources:
    """Opens registered sources: `folder` names a participant's folder, `secrets` the headers for an http source."""

    def __init__(
        self,
        folder: Callable[[str], Path],
        client: SafeClient,
        secrets: Callable[[str, str], Mapping[str, str]] = lambda participant, source: {},
    ) -> None:
        self._folder, self._client, self._secrets = folder, client, secrets

    def readable(self, participant: str, source: Source, *, pinned: bool = False) -> Readable:
        """`pinned`: the ETag of a file is its digest (`FileSource`). Defect for a kind that nothing is read of."""
        match source.kind:
            case "file":
                return FileSource(self._folder(participant), source.location, source.description, pinned=pinned)
            case "http":
                secrets = self._secrets(participant, source.id)
                return HttpSource(self._client, source.location, source.description, secrets)
            case other:
                raise Defect("dataplane.source-kind", kind=other)

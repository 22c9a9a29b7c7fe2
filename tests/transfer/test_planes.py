"""The consumer's plane: whatever becomes of the download is booked once, and never where a peer could steer it."""

from pathlib import Path
from typing import Any

import pytest

from connector.dataplane.pull import Address, Received
from connector.dataplane.sinks.files import FileSink
from connector.errors import HanseError, PeerError, Refusal, Unauthenticated, Unavailable
from connector.http.outbound import SafeClient
from connector.storage import outbox
from connector.testing.towns import Towns
from connector.transfer import planes
from connector.transfer.model import Process
from connector.transfer.planes import LocalPlane


class Download:
    """Stands for `pull`: remembers what it was asked, gives the bytes or fails as told."""

    def __init__(self, outcome: HanseError | None = None) -> None:
        self.outcome, self.asked = outcome, list[tuple[Address, str | None]]()

    async def __call__(self, client: object, address: Address, sink: FileSink, expected: str | None) -> Received:
        self.asked.append((address, expected))
        if self.outcome is not None:
            raise self.outcome
        sink.folder.mkdir(parents=True)
        (sink.folder / "data").write_bytes(b"a;b\n1;2\n")
        return Received(8, "0" * 64, sink.folder / "data")


async def pulled(towns: Towns, folder: Path, download: Download, patch: pytest.MonkeyPatch) -> tuple[Process, LocalPlane]:
    """A transfer that has started, and the errand `pull` handled with this download."""
    patch.setattr(planes, "pull", download)
    async with_client() as client:
        pass

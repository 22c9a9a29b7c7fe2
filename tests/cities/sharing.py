"""What two replicas of one provider share: a database, a port, their files and the master key."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from connector.foundation.settings import load
from tests.postgres import Cluster, Urls
from tests.testkit.cities import City, Space


def free_port() -> int:
    return load.free_port("127.0.0.1")


def shared(space: Path, urls: Urls, port: int) -> dict[str, str]:
    """The environment of each replica; its files lie beside the folder of the data space."""
    folder = space.parent / "shared"
    folder.mkdir()
    (folder / "master.key").write_text(secrets.token_hex(32))
    return {
        "HANSE_DATABASE__URL": urls.app,
        "HANSE_DATABASE__WORKER_URL": urls.worker,
        "HANSE_DATABASE__OWNER_URL": urls.owner,
        "HANSE_PEER__PORT": str(port),
        "HANSE_PEER__REUSE_PORT": "true",
        "HANSE_PEER__PUBLIC_URL": f"https://localhost:{port}",
        "HANSE_DATA__FILES": str(folder / "files"),
        "HANSE_DATA__RECEIVED": str(folder / "received"),
        "HANSE_TRUST__MASTER_KEY_FILE": str(folder / "master.key"),
    }


@asynccontextmanager
async def replicas(
    cluster: Cluster, space: Space, participants: Mapping[str, str], environ: Mapping[str, str]
) -> AsyncIterator[tuple[City, City]]:
    """Two processes of one provider on one PostgreSQL; the first enters the participants (short name: kind)."""
    with cluster.database() as urls:
        both = {**shared(space.folder, urls, free_port()), **environ}
        async with space.running("one", participants, both) as one, space.running("two", {}, both) as two:
            yield one, two

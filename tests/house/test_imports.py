"""A server on SQLite loads only what it uses: every town pays for start and idle memory (spec/architecture.md 4.4)."""

import json
import subprocess
import sys
from pathlib import Path

FOREIGN = {
    "pyoxigraph",
    "jinja2",
    "rdflib",
    "pyld",
    "jsonschema",
    "psycopg",
    "psycopg_pool",
    "joserfc",
    "rfc8785",
    "hypothesis",
    "pytest",
    "difflib",
    "importlib.metadata",
    "zipfile",
}
SERVE = """
import asyncio, json, sys
from pathlib import Path
import aiohttp
from connector.cli.operate.dev import prepare
from connector.foundation.clock import SystemClock

async def serve(folder):
    from connector.app.process import running
    settings = prepare(folder, {}, SystemClock())
    async with running(settings) as house:
        added = await house.participants.add("musterstadt", "Musterstadt", "municipality", "", None)
        assert added
        connector = aiohttp.UnixConnector(str(settings.folder / "api.sock"))
        async with aiohttp.ClientSession("http://localhost", connector=connector) as session:
            for paths in sys.argv[2:]:
                for path in paths.split():
                    async with session.get(path) as answer:
                        assert answer.status == 200, (path, answer.status)
                print(json.dumps(sorted(sys.modules)))

asyncio.run(serve(Path(sys.argv[1])))
"""


LATE = {
    "connector.app.desk",
    "connector.data.harvest.service",
    "connector.kernel.metadata.check.engine",
    "connector.kernel.metadata.repair.rules",
    "connector.surfaces.web.routes",
    "connector.surfaces.peer.public.catalogue",
    "connector.surfaces.peer.public.html",
    "connector.exchange.contracts.document.pdf",
    "smtplib",
    "connector.kernel.policy.conflict.conflict",
    "connector.kernel.policy.containment.encode",
    "connector.kernel.policy.advice.advice",
}
"""Rooms of our own that come with the first who asks for them."""
NOBODY_ASKED = {
    "connector.app.management",
    "connector.surfaces.api.contracts",
    "connector.surfaces.views.space",
    "connector.exchange.trace.service",
    "connector.continuity.privacy.subject_access",
    "connector.app.on_demand",
    "connector.oversight.figures.service",
    "connector.continuity.moving.assemble",
    "connector.oversight.partners.service",
    "connector.surfaces.requests.service",
    "connector.oversight.tasks.service",
    "statistics",
}
"""Beside them what a server does without as long as machines only ask whether it is well."""
PROBED = "/health/live /health/ready /health/started /metrics"


def loaded(program: str, *arguments: str) -> list[set[str]]:
    """The modules of a fresh interpreter, and the packages that they are in, each time that the program tells them."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [set(json.loads(line)) for line in done.stdout.splitlines() if line.startswith("[")]


def test_a_server_does_without_what_nobody_asked_for(tmp_path: Path) -> None:
    """On SQLite; the more so as long as only machines ask whether it is well."""
    asked = "/api/v1/participants /api/v1/participants/musterstadt"
    probed, serving = loaded(SERVE, str(tmp_path), PROBED, asked)
    assert "connector.app.process" in probed
    assert probed & (FOREIGN | LATE | NOBODY_ASKED) == set()
    assert serving & (FOREIGN | LATE) == set()
    assert serving >= NOBODY_ASKED, "where they are asked for, they come"


def test_a_command_that_only_asks_loads_no_server() -> None:
    """What only asks the server must answer before one notices that it started (decision 0010)."""
    (modules,) = loaded(
        "import json, sys, connector.cli.main; connector.cli.main.parser('en'); print(json.dumps(sorted(sys.modules)))"
    )
    assert not modules & {"aiohttp", "cryptography", "jinja2", "pyoxigraph", "structlog", "uvloop"}

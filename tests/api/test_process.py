"""What a process says of itself to a key that reads metrics."""

from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from connector.api.process import ProcessHandlers
from connector.cli.operate.doctor import settings_table
from connector.settings.load import load
from connector.storage import Database


@pytest.mark.threat("T27")
async def test_bug_the_password_of_a_proxy_was_told(sqlite_db: Database, tmp_path: Path) -> None:
    """>> a proxy with a password in its URL, as proxies of town halls have one << its address, without; to the command
    `doctor`, too."""
    settings = load(tmp_path, {"HANSE_OUTBOUND__PROXY": "http://hanse:ge@heim@proxy.example:3128/"})
    said = await ProcessHandlers(sqlite_db, settings).process(make_mocked_request("GET", "/api/v1/process"))
    assert said.settings["outbound.proxy"].value == "http://***@proxy.example:3128/"
    assert not [row for row in settings_table(settings, "de") if "heim" in str(row["value"])]

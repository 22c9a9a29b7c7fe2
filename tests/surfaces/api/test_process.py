"""What a process says of itself to a key that reads metrics."""

from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from connector.cli.operate.doctor import settings_table
from connector.foundation.settings.load import load, told
from connector.foundation.storage import Database
from connector.surfaces.api.process import ProcessHandlers


@pytest.mark.threat("T27")
async def test_bug_the_password_of_a_proxy_was_told(sqlite_db: Database, tmp_path: Path) -> None:
    """>> a proxy with a password in its URL, as proxies of town halls have one, also one that should have been encoded,
    or without `http://` << its address, without; to the command `doctor`, too."""
    for scheme, password in (("http://", "ge@heim"), ("http://", "12/heim"), ("http://", "ge#h?heim"), ("", "geheim")):
        settings = load(tmp_path, {"HANSE_OUTBOUND__PROXY": f"{scheme}hanse:{password}@proxy.example:3128/"})
        said = await ProcessHandlers(sqlite_db, settings).process(make_mocked_request("GET", "/api/v1/process"))
        assert said.settings["outbound.proxy"].value == f"{scheme}***@proxy.example:3128/"
        assert not [row for row in settings_table(settings, "de") if "heim" in str(row["value"])]


@pytest.mark.parametrize("value", ["amt@musterstadt.de", "https://x.example/a", "127.0.0.1:80", ("10.0.0.0/8", "a@b")])
def test_what_is_no_password_is_told(value: object) -> None:
    assert told(value) == str(value)

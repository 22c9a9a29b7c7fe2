"""Access tokens end: what their file says now counts, and nothing of it shows (T60)."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from connector.foundation.errors import Unavailable
from connector.foundation.settings.sections import Secret, Signers
from connector.identity.trust.signers import access, csc, vault_transit
from connector.identity.trust.signers.port import Place
from tests.identity.trust.signers.keepers import kept, service, serving, transit

pytestmark = pytest.mark.threat("T60")


async def test_a_token_that_was_renewed_is_used_without_a_restart(tmp_path: Path) -> None:
    """>> seal, the agent writes the next token, seal << each call carried the token of its time; both keepers."""
    file = tmp_path / "token"
    file.write_text("at-start\n")
    for answer, name, header, prefix in (
        (service("ES256"), "csc", "Authorization", "Bearer "),
        (transit("ES256"), "vault", "X-Vault-Token", ""),
    ):
        async with serving(answer) as (url, client, asked):
            settings = Signers(
                csc_url=url,
                csc_token=Secret("at-start"),
                csc_token_file=file,
                vault_url=f"{url}/v1/transit",
                vault_token=Secret("at-start"),
                vault_token_file=file,
            )
            keeper = csc.SigningService(settings, client) if name == "csc" else vault_transit.Transit(settings, client)
            key = kept("ES256", Place(signer="csc", key="siegel"), keeper.sign)
            await key.seal(b"header.")
            file.write_text("renewed\n")
            await key.seal(b"header.")
            file.write_text("at-start\n")
        said = [one.headers[header].removeprefix(prefix) for one in asked]
        assert list(dict.fromkeys(said)) == ["at-start", "renewed"]


def test_while_the_file_is_being_replaced_the_token_of_the_start_is_used(tmp_path: Path) -> None:
    file = tmp_path / "token"
    for broken in (None, b"", b"\n \n", b"\xff\xfe", b"x" * 20_000):
        if broken is not None:
            file.write_bytes(broken)
        assert access.token(Secret("at-start"), file) == "at-start"


@pytest.mark.parametrize("text", ["", "two words", "line\r\nX-Evil: 1", "umläut"])
def test_what_cannot_stand_in_a_header_is_no_token(text: str, tmp_path: Path) -> None:
    """It is neither sent nor shown; the sentence names the file."""
    file = tmp_path / "token"
    file.write_text(text, encoding="utf-8")
    for given in (None, file):
        with pytest.raises(Unavailable, match=r"signers\.token") as found:
            access.token(Secret(text), given)
        assert text == "" or text not in str(found.value)
        assert found.value.facts["file"] == ("" if given is None else "token")


async def test_a_seal_needs_no_thread(tmp_path: Path) -> None:
    """Past bug: bundles wait for their seal in threads; once all did, the token was never read and no seal was made."""
    file = tmp_path / "token"
    file.write_text("renewed")
    end, pool = Event(), ThreadPoolExecutor(max_workers=1)
    asyncio.get_running_loop().set_default_executor(pool)
    waits = asyncio.get_running_loop().run_in_executor(None, end.wait)
    async with serving(transit("ES256")) as (url, client, _):
        settings = Signers(vault_url=f"{url}/v1/transit", vault_token_file=file)
        key = kept("ES256", Place(signer="vault", key="siegel"), vault_transit.Transit(settings, client).sign)
        assert await key.seal(b"header.")
    end.set()
    await waits

"""A town whose seal key lies in Vault: command line, trust list, negotiation, restart, and no token anywhere (T48)."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from connector.cli.main import main
from connector.foundation.http.server import tls_server
from connector.identity.trust.development import dev_ca
from connector.verify.formats import jades
from tests.identity.trust.signers.keepers import KEYS, digest_signature
from tests.testkit.cities import MUNICIPALITY, City, Refused, Space

TOKEN = "hvs.never-shown-anywhere"
pytestmark = pytest.mark.threat("T48")


class Vault:
    """The transit engine over TLS; `down` answers as a sealed Vault does."""

    def __init__(self) -> None:
        self.down, self.asked, self.url = False, 0, ""

    async def sign(self, request: web.Request) -> web.StreamResponse:
        body: dict[str, Any] = await request.json()
        if self.down or request.headers["X-Vault-Token"] != TOKEN:
            return web.json_response({"errors": ["Vault is sealed"]}, status=503)
        self.asked += 1
        der = digest_signature(KEYS["PS256"], base64.b64decode(body["input"]))
        return web.json_response({"data": {"signature": f"vault:v1:{base64.b64encode(der).decode()}"}})


@asynccontextmanager
async def vault_of(space: Space) -> AsyncIterator[Vault]:
    vault = Vault()
    application = web.Application()
    application.router.add_post("/v1/transit/sign/siegel", vault.sign)
    runner = web.AppRunner(application)
    await runner.setup()
    certs = space.folder / "certs"
    tls = tls_server(certs / "server.pem", certs / "server.key")
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    vault.url = f"https://localhost:{runner.addresses[0][1]}/v1/transit"
    try:
        yield vault
    finally:
        await runner.cleanup()


def environ(space: Space, vault: Vault) -> dict[str, str]:
    place = space.folder.parent / "token"
    place.write_text(TOKEN + "\n", encoding="ascii")
    return {"HANSE_SIGNERS__VAULT_URL": vault.url, "HANSE_SIGNERS__VAULT_TOKEN_FILE": str(place)}


def certificate(space: Space, did: str) -> Path:
    """A chain of the space's seal CA for the key in Vault, in a file."""
    certs = space.folder / "certs"
    ca = dev_ca.load(certs / "seal-ca.pem", certs / "seal-ca.key")
    key: Any = KEYS["PS256"].public_key()
    place = space.folder.parent / "siegel.pem"
    place.write_text(dev_ca.issue_seal_certificate(ca, did, key, "Musterstadt", space.clock), encoding="ascii")
    return place


async def hanse(city: City, *argv: str, code: int = 0) -> None:
    """The command line against this city."""
    line = ["--data", str(city.settings.folder), *argv]
    assert await asyncio.to_thread(main, line, {"LANG": "de_DE.UTF-8"}) == code


async def test_from_the_certificate_to_the_bundle(space: Space, capfd: pytest.CaptureFixture[str]) -> None:
    """>> hanse participant seal, list, negotiate, restart, bundle << PS256 at L2, sealed by Vault, nothing leaks."""
    async with vault_of(space) as vault:
        buyer = await space.city("nb", {"nachbardorf": MUNICIPALITY})
        async with space.running("ms", {"musterstadt": MUNICIPALITY}, environ(space, vault)) as seller:
            did = seller.did("musterstadt")
            place = str(certificate(space, did))
            await hanse(seller, "participant", "seal", "musterstadt", place, "--signer", "vault", "--key", "siegel")
            assert "siegelt von nun an" in capfd.readouterr().out
            await space.reload(buyer, seller)
            await hanse(seller, "participant", "list")
            shown = capfd.readouterr().out
            assert "L2 (vault, PS256)" in shown, shown
            made = await seller.publish("musterstadt")
            done = await buyer.negotiate("nachbardorf", did, made["dataset"])
            assert done["state"] == "FINALIZED", done
        vault.down = True
        async with space.running("ms", {"musterstadt": MUNICIPALITY}, environ(space, vault)) as again:
            with pytest.raises(Refused) as found:
                await again.api.get(f"/api/v1/participants/musterstadt/agreements/{done['agreement']}/evidence")
            assert found.value.status == 503
            vault.down = False
            agreement = await again.services.infra.db.read(
                "musterstadt", again.services.contracts.service.agreements.get, "musterstadt", done["agreement"]
            )
            assert jades.read(agreement.provider_jws or "").alg == "PS256"
            folder = again.settings.folder
    assert vault.asked == 2
    assert not [path for path in folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert TOKEN not in json.dumps(capfd.readouterr())


async def test_wrong_calls_are_answered_in_words(space: Space, capfd: pytest.CaptureFixture[str]) -> None:
    """>> no such file, not a certificate, no access set up, an impossible name << each a sentence; nothing changes."""
    city = await space.city("ms", {"musterstadt": MUNICIPALITY})
    place, before = certificate(space, city.did("musterstadt")), await city.api.get("/api/v1/participants/musterstadt")
    seal = ("participant", "seal", "musterstadt")
    await hanse(city, *seal, "/nowhere.pem", code=2)
    await hanse(city, *seal, str(space.folder / "certs" / "seal-ca.key"), code=1)
    assert "taugt nicht für ein Siegel" in capfd.readouterr().err
    await hanse(city, *seal, str(place), code=1)
    assert "gehört nicht zum Siegelschlüssel" in capfd.readouterr().err
    await hanse(city, *seal, str(place), "--signer", "vault", "--key", "../siegel", code=1)
    assert "So kann dort nichts heißen" in capfd.readouterr().err
    await hanse(city, *seal, str(place), "--signer", "vault", "--key", "siegel", code=4)
    assert "signers.vault_url" in capfd.readouterr().err
    with pytest.raises(Refused) as found:
        await city.api.post(f"/api/v1/participants/{seal[2]}/seal", {"certificate": "x" * 40_000})
    assert found.value.status == 400
    assert await city.api.get("/api/v1/participants/musterstadt") == before

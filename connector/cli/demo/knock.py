"""What somebody who is no member yet can try by hand: with its own true key, every door that wants a member.

The doors are those of the program itself, so one that is added later is knocked at too.
"""

import http.client
import sqlite3
import ssl
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from connector.dataspace.spaces import documents
from connector.foundation.clock import SystemClock
from connector.foundation.settings.load import load, master_key
from connector.identity.trust.keys.jose import sign_jwt
from connector.identity.trust.keys.signing import KeyRecord, SoftwareKey
from connector.identity.trust.keys.vault import Vault

REFUSED = frozenset({401, 403})
_PATIENCE_S = 20.0
_KEY = "SELECT kid, secret FROM key WHERE participant = ? AND purpose = 'peer' AND state = 'active'"


def knock(folder: Path, slug: str, did: str, root: str, ca: Path) -> Counter[int]:
    """How often each status was the answer when the participant of that data folder tried all doors below `root`."""
    found, there = Counter[int](), urlsplit(root)
    tls = ssl.create_default_context(cafile=str(ca))
    with closing(http.client.HTTPSConnection(there.netloc, timeout=_PATIENCE_S, context=tls)) as line:
        for method, path in doors(folder):
            headers = {"Authorization": f"Bearer {_token(folder, slug, did)}", "Content-Type": "application/json"}
            line.request(method, there.path + path, None if method == "GET" else b"{}", headers)
            answer = line.getresponse()
            answer.read()
            found[answer.status] += 1
    return found


def doors(folder: Path) -> list[tuple[str, str]]:
    """Method and path below a root of each route that is not public, with a word for each parameter."""
    from connector.app.services import build  # the whole program, opened nowhere: only this step needs it
    from connector.app.surfaces import peer_routes

    unused: Any = None  # what would answer; here nobody calls
    routes = peer_routes(build(load(folder, {}), SystemClock()), unused)
    return [(one.method, one.path.translate(_NAMED)) for one in routes if not one.public]


_NAMED = str.maketrans("", "", "{}+")


def _token(folder: Path, slug: str, audience: str) -> str:
    """As the participant's server makes one for each request."""
    key = _key(folder, slug)
    claims = documents.claims(key.kid.partition("#")[0], audience, SystemClock().now(), documents.Nothing())
    return sign_jwt({**claims, "exp": claims["iat"] + 300}, key)


def _key(folder: Path, slug: str) -> SoftwareKey:
    settings = load(folder, {})
    with closing(sqlite3.connect(f"file:{folder / 'hanse.db'}?mode=ro", uri=True)) as database:
        kid, secret = database.execute(_KEY, (slug,)).fetchone()
    record = KeyRecord(kid=kid, purpose="peer", state="active", public_jwk={})
    return SoftwareKey.load(Vault(master_key(settings)), slug, record, bytes(secret))

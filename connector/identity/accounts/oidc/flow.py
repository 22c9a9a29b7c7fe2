"""A sign-in at the identity provider from its first redirect to the session (spec/accounts.md 5, threat T88).

Until a true answer comes nothing is stored: what belongs to a sign-in under way lies sealed in a cookie of the browser
that began it, so an answer that another browser brings is nobody's. Each `state` counts once, over all replicas.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
import structlog
from msgspec import Struct

from connector.foundation.clock import Clock
from connector.foundation.errors import Defect, HanseError, Mistake, Refusal, Unauthenticated
from connector.foundation.settings.sections import Oidc
from connector.foundation.storage.database import PROCESS, Database, Tx
from connector.identity.accounts import secret, session_store, store
from connector.identity.accounts.model import LOGIN_MOST, NAME_MOST
from connector.identity.accounts.oidc import id_token
from connector.identity.accounts.oidc.groups import Groups, Meaning
from connector.identity.accounts.oidc.id_token import ExpectedToken, wrong
from connector.identity.accounts.oidc.provider import Provider, Tokens
from connector.identity.accounts.people import People
from connector.identity.accounts.signing_in import Browser, OpenedSession, folded, opened_in, shown
from connector.identity.trust.keys.vault import Vault

LASTS_MS = 10 * 60_000
LONGEST_BACK = 500
_CONTEXT = "oidc/under-way"
log = structlog.get_logger("accounts")


class UnderWay(Struct, frozen=True, kw_only=True):
    """What the browser keeps, sealed."""

    state: str
    nonce: str
    verifier: str
    back: str
    at: int


class Begun(Struct, frozen=True, kw_only=True):
    """Where the browser goes, and the cookie that it keeps for so long."""

    url: str
    cookie: str
    seconds: int


class ExternalSignIn:
    """`redirect` is the one address to which the provider answers."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        clock: Clock,
        provider: Provider,
        people: People,
        settings: Oidc,
        redirect: str,
    ) -> None:
        self._db, self._vault, self._clock, self._provider, self._people = db, vault, clock, provider, people
        self._settings, self._redirect, self._groups = settings, redirect, Groups(settings)

    @property
    def name(self) -> str:
        """What the button says: of the settings, else the provider's host."""
        return self._settings.name or urlsplit(self._settings.issuer).hostname or ""

    async def begin(self, back: str) -> Begun:
        """Raises Unavailable if the provider is away."""
        there = await self._provider.discovery()
        way = UnderWay(
            state=secret.fresh(),
            nonce=secret.fresh(),
            verifier=secrets.token_urlsafe(48),
            back=back if len(back) <= LONGEST_BACK else "/",
            at=self._clock.now(),
        )
        challenge = urlsafe_b64encode(sha256(way.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._redirect,
            "scope": " ".join(dict.fromkeys(("openid", *self._settings.scopes))),
            "state": way.state,
            "nonce": way.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if self._settings.acr:
            asked["acr_values"] = " ".join(self._settings.acr)
        joint = "&" if urlsplit(there.authorization_endpoint).query else "?"
        sealed = urlsafe_b64encode(self._vault.seal(_CONTEXT, msgspec.json.encode(way))).decode()
        return Begun(
            url=f"{there.authorization_endpoint}{joint}{urlencode(asked)}", cookie=sealed, seconds=LASTS_MS // 1000
        )

    async def finish(self, answer: Mapping[str, str], cookie: str, browser: Browser) -> tuple[OpenedSession, str]:
        """The session, and where she wanted to go; raises Unauthenticated, Refusal if nobody expects her here."""
        way = self._opened(cookie)
        if not hmac.compare_digest(answer.get("state", "").encode(), way.state.encode()):
            raise wrong("state")
        there = await self._provider.discovery()
        said = answer.get("iss")
        if said != there.issuer and (said is not None or there.authorization_response_iss_parameter_supported):
            raise wrong("iss")
        await self._db.write(PROCESS, _once, secret.digest(way.state))
        if "error" in answer or "code" not in answer:
            raise Unauthenticated("accounts.oidc-refused")
        tokens = await self._provider.exchange(answer["code"][:4096], way.verifier, self._redirect)
        claims = await self._claims(tokens, way)
        person = await self._person(claims, way.back)
        strong = self._groups.strong(claims)
        opened = await self._db.write(PROCESS, lambda tx: opened_in(tx, person, browser, strong=strong))
        log.info("accounts.external", person=person, strong=strong)
        return opened, way.back

    def _opened(self, cookie: str) -> UnderWay:
        try:
            way = msgspec.json.decode(self._vault.open(_CONTEXT, urlsafe_b64decode(cookie)), type=UnderWay)
        except (Defect, ValueError) as cause:
            raise wrong("state") from cause
        if not 0 <= self._clock.now() - way.at < LASTS_MS:
            raise Unauthenticated("accounts.second-over")
        return way

    async def _claims(self, tokens: Tokens, way: UnderWay) -> Mapping[str, Any]:
        keys = await self._provider.keys()
        if not id_token.knows(tokens.id_token, keys):
            keys = await self._provider.keys(fresh=True)
        expected = ExpectedToken(
            issuer=self._settings.issuer,
            client=self._settings.client_id,
            nonce=way.nonce,
            access_token=tokens.access_token,
        )
        return id_token.claims(tokens.id_token, keys, expected, self._clock.now() // 1000)

    async def _person(self, claims: Mapping[str, Any], back: str) -> str:
        """Known by issuer and subject alone; somebody new only with a role of a group, or with an invitation."""
        meant = self._groups.meaning(claims)
        issuer, subject = self._settings.issuer, str(claims["sub"])
        known = await self._db.read(PROCESS, store.by_subject, issuer, subject)
        if known is None and not meant.roles and not meant.operator and not await self._invited(back):
            raise Refusal("accounts.oidc-unknown")
        person = known.id if known is not None else await self._added(claims, issuer, subject)
        await self._settled(person, meant)
        return person

    async def _invited(self, back: str) -> bool:
        path, _, code = back.partition("?code=")
        if path != "/invitation":
            return False
        try:
            await self._people.invitation(code)
        except HanseError:
            return False
        return True

    async def _added(self, claims: Mapping[str, Any], issuer: str, subject: str) -> str:
        host = urlsplit(issuer).hostname or ""
        fallback = f"{sha256(subject.encode()).hexdigest()[:16]}@{host}"[:LOGIN_MOST]
        name = _text(claims, "name") or _text(claims, "preferred_username") or fallback
        login = _login(_text(claims, "preferred_username") or _text(claims, "email"))

        def unit(tx: Tx) -> str:
            free = bool(login) and store.by_login(tx, login) is None
            return store.add(tx, login if free else fallback, name, issuer=issuer, subject=subject)

        return await self._db.write(PROCESS, unit)

    async def _settled(self, person: str, meant: Meaning) -> None:
        await self._people.by_groups(person, meant.roles)
        if meant.operator is not None:
            await self._db.write(PROCESS, store.set_operator, person, meant.operator)


def _once(tx: Tx, digest: str) -> None:
    if not session_store.mark(tx, digest, "external", tx.now + 2 * LASTS_MS):
        raise wrong("state")


def _text(claims: Mapping[str, Any], name: str) -> str:
    """A claim as a name that can be shown; empty if it is none."""
    given = claims.get(name)
    try:
        return shown(given[:NAME_MOST]) if isinstance(given, str) else ""
    except Mistake:
        return ""


def _login(text: str) -> str:
    try:
        return folded(text)
    except Mistake:
        return ""

"""Seals by an HSM over PKCS#11 (extra `hsm`): the digest is made here, the HSM signs it (spec/trust.md 2.5).

One session per token. All calls are made by one thread, because the package starts libraries as single-threaded ones
(`C_Initialize` without locks); it gives up the interpreter while a call runs, so a hanging HSM holds up nothing but the
seals of that library, not even the end of the process. A broken session is opened anew once per signature. A PIN that
was refused is not tried again before the process starts anew: most tokens lock themselves after a few attempts. A key
that the token would show in plain is no key of an HSM and seals nothing. The library is loaded on first use, and only
the one that the settings name.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from connector.foundation.errors import Unavailable
from connector.foundation.settings.sections import Signers
from connector.identity.trust.signers.port import Asked, Place, Scheme

if TYPE_CHECKING:
    import pkcs11

_SALT: Final = 32


class _OneThread:
    """Does one thing after the other. What is given up before its turn is not done; the end of the process waits for
    nothing, as it would for the threads of an executor."""

    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[Future[bytes], Callable[[Asked], bytes], Asked]] = SimpleQueue()
        self._thread: Thread | None = None

    async def do(self, work: Callable[[Asked], bytes], asked: Asked) -> bytes:
        if self._thread is None:
            self._thread = Thread(target=self._run, name="hsm", daemon=True)
            self._thread.start()
        future: Future[bytes] = Future()
        self._work.put((future, work, asked))
        return await asyncio.wrap_future(future)

    def _run(self) -> None:
        while True:
            future, work, asked = self._work.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                done = work(asked)
            except BaseException as failure:
                # Whoever waits hears of it; the thread has more to do.
                future.set_exception(failure)
            else:
                future.set_result(done)


class Hsm:
    """The HSM behind the library that the settings name."""

    def __init__(self, settings: Signers) -> None:
        self._settings = settings
        self._thread = _OneThread()
        self._sessions: dict[str, pkcs11.Session] = {}
        self._refused: set[str] = set()
        self._library: Any = None
        """Kept by the thread that calls it: the end of the process must not unload it under a call that hangs."""

    async def sign(self, asked: Asked) -> Sequence[bytes]:
        """R||S, or the RSA signature."""
        return [await self._thread.do(self._signed, asked)]

    def _signed(self, asked: Asked) -> bytes:
        if self._settings.pkcs11_module is None or not self._settings.pkcs11_pin:
            raise Unavailable("signers.not-set", settings="signers.pkcs11_module, signers.pkcs11_pin_file")
        try:
            import pkcs11
        except ImportError as cause:
            raise Unavailable("signers.no-pkcs11") from cause
        try:
            return self._with_session(asked)
        except (
            pkcs11.PinIncorrect,
            pkcs11.PinLocked,
            pkcs11.PinExpired,
            pkcs11.PinInvalid,
            pkcs11.PinLenRange,
            pkcs11.PinTooWeak,
            pkcs11.UserPinNotInitialized,
        ) as cause:
            self._refused.add(asked.place.token)
            raise Unavailable("signers.pin", token=asked.place.token) from cause
        except (
            pkcs11.NoSuchKey,
            pkcs11.NoSuchToken,
            pkcs11.MultipleObjectsReturned,
            pkcs11.MultipleTokensReturned,
        ) as cause:
            raise Unavailable(
                "signers.no-key", key=asked.place.key, token=asked.place.token, why=type(cause).__name__
            ) from cause
        except (pkcs11.PKCS11Error, RuntimeError, OSError) as cause:
            raise Unavailable("signers.hsm", why=type(cause).__name__) from cause

    def _with_session(self, asked: Asked) -> bytes:
        import pkcs11

        known = asked.place.token in self._sessions
        try:
            return _signature(self._session(asked.place), asked.place, asked.digest, asked.scheme)
        except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned):
            raise
        except pkcs11.PKCS11Error:
            self._forget(asked.place.token)
            if not known:
                raise
        return _signature(self._session(asked.place), asked.place, asked.digest, asked.scheme)

    def _session(self, place: Place) -> "pkcs11.Session":
        import pkcs11

        if place.token in self._refused:
            raise Unavailable("signers.pin", token=place.token)
        if place.token not in self._sessions:
            self._library = pkcs11.lib(str(self._settings.pkcs11_module))
            token = self._library.get_token(token_label=place.token)
            pin = self._settings.pkcs11_pin.reveal()
            try:
                self._sessions[place.token] = token.open(user_pin=pin)
            except pkcs11.UserAlreadyLoggedIn:
                # A login belongs to the process and outlives a session that broke without being closed.
                self._sessions[place.token] = token.open()
        return self._sessions[place.token]

    def _forget(self, token: str) -> None:
        import pkcs11

        session = self._sessions.pop(token, None)
        if session is not None:
            with suppress(pkcs11.PKCS11Error):
                session.close()


def _signature(session: "pkcs11.Session", place: Place, digest: bytes, scheme: Scheme) -> bytes:
    import pkcs11
    from pkcs11 import MGF, Attribute, Mechanism, ObjectClass

    key: Any = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=place.key)
    if not isinstance(key, pkcs11.SignMixin):
        raise pkcs11.FunctionNotSupported
    if not key[Attribute.SENSITIVE]:
        raise Unavailable("signers.readable-key", key=place.key, token=place.token)
    if scheme.half:
        # Over the digest: not every HSM offers ECDSA with a hash of its own (SoftHSM does not).
        return bytes(key.sign(digest, mechanism=Mechanism.ECDSA))
    parameters = (Mechanism.SHA256, MGF.SHA256, _SALT)
    return bytes(key.sign(digest, mechanism=Mechanism.RSA_PKCS_PSS, mechanism_param=parameters))

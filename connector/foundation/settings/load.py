"""Settings: defaults < `<data>/hanse.toml` < environment `HANSE_SECTION__FIELD` < secret files (`*_file`).

Read once where the process starts and passed on as sections, never global. Every field has a working default and a
description, which is its documentation; unknown keys are a mistake that names the nearest key. Relative paths are
relative to the data folder. An environment variable that is set but empty counts as not set; lists are separated by
commas there. Source: spec/architecture.md 4.1.
"""

import base64
import binascii
import errno
import os
import re
import socket
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import SystemRandom
from typing import Any, NamedTuple, TypeVar, get_args, get_origin
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from connector.foundation.errors import Mistake
from connector.foundation.language.system_words import system_words
from connector.foundation.settings.sections import Api as Api
from connector.foundation.settings.sections import Contracts as Contracts
from connector.foundation.settings.sections import Data as Data
from connector.foundation.settings.sections import Database as Database
from connector.foundation.settings.sections import Development as Development
from connector.foundation.settings.sections import Federation as Federation
from connector.foundation.settings.sections import Log as Log
from connector.foundation.settings.sections import Mail as Mail
from connector.foundation.settings.sections import Oidc as Oidc
from connector.foundation.settings.sections import Outbound as Outbound
from connector.foundation.settings.sections import Peer as Peer
from connector.foundation.settings.sections import Plugins as Plugins
from connector.foundation.settings.sections import Port as Port
from connector.foundation.settings.sections import Quota as Quota
from connector.foundation.settings.sections import Retention as Retention
from connector.foundation.settings.sections import Seconds as Seconds
from connector.foundation.settings.sections import Secret as Secret
from connector.foundation.settings.sections import Signers as Signers
from connector.foundation.settings.sections import Timestamps as Timestamps
from connector.foundation.settings.sections import Trust as Trust
from connector.foundation.settings.sections import Web as Web
from connector.foundation.settings.sections import Witness as Witness
from connector.foundation.settings.sections import Worker as Worker
from connector.foundation.small_files import created

FILE = "hanse.toml"
DEFAULT_FOLDER = "hanse-data"
MOST_TEXT = 1 << 20
"""Bytes of a settings file or a secret."""
_HERE = ("localhost", "127.0.0.1", "::1")
_LISTENING = range(20_000, 32_768)
"""Below the ports that Linux, macOS and Windows give to connections that go out."""
_TRIES = 100
SOCKET_LIMIT = 100  # bytes; the kernel allows 108 including the final NUL


T = TypeVar("T")


class Settings(Struct, frozen=True, kw_only=True):
    """All sections; `origins` says for each key where its value came from."""

    folder: Path
    origins: Mapping[str, str]
    data: Data
    peer: Peer
    api: Api
    web: Web
    oidc: Oidc
    database: Database
    trust: Trust
    outbound: Outbound
    worker: Worker
    quota: Quota
    log: Log
    plugins: Plugins
    retention: Retention
    development: Development
    signers: Signers
    witness: Witness
    contracts: Contracts
    timestamps: Timestamps
    federation: Federation
    mail: Mail


SECTIONS: Mapping[str, type[Struct]] = {
    "data": Data,
    "peer": Peer,
    "api": Api,
    "web": Web,
    "oidc": Oidc,
    "database": Database,
    "trust": Trust,
    "outbound": Outbound,
    "worker": Worker,
    "quota": Quota,
    "log": Log,
    "plugins": Plugins,
    "retention": Retention,
    "development": Development,
    "signers": Signers,
    "witness": Witness,
    "contracts": Contracts,
    "timestamps": Timestamps,
    "federation": Federation,
    "mail": Mail,
}


class Setting(NamedTuple):
    """One documented key."""

    key: str
    variable: str
    type: Any
    default: object
    text: str


def documented() -> Iterator[Setting]:
    """Every setting with its environment variable, default and description."""
    for section, cls in SECTIONS.items():
        for field in msgspec.structs.fields(cls):
            text = "".join(m.description or "" for m in get_args(field.type)[1:] if isinstance(m, Meta))
            variable = f"HANSE_{section}__{field.name}".upper()
            yield Setting(f"{section}.{field.name}", variable, field.type, field.default, text)


def secret_files() -> tuple[str, ...]:
    """The settings that name a file with a secret; the key of the TLS certificate is one too."""
    secrets = {setting.key for setting in documented() if get_args(setting.type)[0] is Secret}
    return (*(f"{key}_file" for key in sorted(secrets)), "peer.tls_key_file", "web.tls_key_file")


def value_of(settings: Settings, key: str) -> object:
    """The value of `section.name`."""
    section, _, name = key.partition(".")
    return getattr(getattr(settings, section), name)


def told(value: object) -> str:
    """A value as anybody may read it who may see the settings: a password in a URL, as of a proxy, is hidden."""
    return _USERINFO.sub("***@", str(value))


RETIRED = frozenset({"api.token", "api.token_file"})
"""Settings of before: to pass over them would leave a program with a token that opens nothing (decision 0071)."""
_USERINFO = re.compile(r"(?<=://)\S*@|(?<![^\s'\"(])[^\s@:/]+:(?!//)\S*@")
"""Whatever stands before the last `@`, also of a password that nobody encoded, or without a scheme."""
_KNOWN: Mapping[str, Setting] = {setting.key: setting for setting in documented()}
_OF_SECTION: Mapping[str, Mapping[str, Setting]] = {
    section: {key.partition(".")[2]: one for key, one in _KNOWN.items() if key.startswith(f"{section}.")}
    for section in SECTIONS
}


class _Given(NamedTuple):
    value: object
    origin: str
    lenient: bool  # text from the environment or a file: "5" may become 5


def load(folder: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of the data folder; raises Mistake (`settings.*`) and creates nothing."""
    folder = folder.absolute()
    given = {**_from_file(folder / FILE), **_from_environment(environ)}
    given |= _from_secret_files(folder, given)
    sections: dict[str, Any] = {name: _section(cls, name, given, folder) for name, cls in SECTIONS.items()}
    settings = Settings(
        folder=folder,
        origins={key: given[key].origin if key in given else "default" for key in _KNOWN},
        **sections,
    )
    if len(os.fsencode(settings.api.socket)) > SOCKET_LIMIT:
        raise Mistake("settings.socket-too-long", path=settings.api.socket, limit=SOCKET_LIMIT)
    return settings


def _known(key: str, origin: str) -> str:
    if key in RETIRED:
        raise Mistake("settings.retired-token", key=key, origin=origin)
    if key not in _KNOWN:
        import difflib

        nearest = difflib.get_close_matches(key, [*_KNOWN, *SECTIONS], n=1, cutoff=0.0)[0]
        raise Mistake("settings.unknown-key", key=key, nearest=nearest, origin=origin)
    return key


def _from_file(path: Path) -> dict[str, _Given]:
    try:
        document = tomllib.loads(_text(path))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as problem:
        raise Mistake("settings.bad-file", path=path, problem=system_words(problem)) from problem
    given: dict[str, _Given] = {}
    for section, table in document.items():
        if section not in SECTIONS:
            _known(section, str(path))
        if not isinstance(table, dict):
            raise Mistake("settings.bad-value", key=section, origin=path, problem="[table]")
        for name, value in table.items():
            given[_known(f"{section}.{name}", str(path))] = _Given(value, str(path), lenient=False)
    return given


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    given: dict[str, _Given] = {}
    for variable, text in environ.items():
        if variable.startswith("HANSE_") and "__" in variable and text:
            key = variable.removeprefix("HANSE_").lower().replace("__", ".", 1)
            given[_known(key, variable)] = _Given(text, variable, lenient=True)
    return given


def _from_secret_files(folder: Path, given: Mapping[str, _Given]) -> dict[str, _Given]:
    """A secret file wins over the value beside it; only one that was named has to exist."""
    found: dict[str, _Given] = {}
    for key, setting in _KNOWN.items():
        beside = _KNOWN.get(f"{key}_file")
        if beside is None or get_args(setting.type)[0] is not Secret:
            continue
        named = given.get(beside.key)
        path = named.value if named else beside.default
        if path is None or (named is None and key in given):
            continue
        try:
            text = _text(folder / Path(str(path)).expanduser()).strip()
        except (OSError, UnicodeDecodeError) as problem:
            if named is None:
                continue
            raise Mistake(
                "settings.secret-unreadable", key=beside.key, path=path, problem=system_words(problem)
            ) from problem
        found[key] = _Given(text, str(folder / str(path)), lenient=True)
    return found


def _secret(key: str, path: Path) -> str:
    try:
        return _text(path).strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise Mistake("settings.secret-unreadable", key=key, path=path, problem=system_words(problem)) from problem


def _text(path: Path) -> str:
    """Of a regular file; a pipe, in which nobody may ever write, is an OSError."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO), str(path))
        return file.read(MOST_TEXT).decode("utf-8")


def _section(cls: type[T], section: str, given: Mapping[str, _Given], folder: Path) -> T:
    values: dict[str, object] = {}
    for name, setting in _OF_SECTION[section].items():
        value = _parse(setting, given[setting.key]) if setting.key in given else setting.default
        values[name] = _anchored(value, folder)
    return cls(**values)


def _parse(setting: Setting, given: _Given) -> object:
    value = given.value
    if given.lenient and get_origin(get_args(setting.type)[0]) is tuple:
        value = [part.strip() for part in str(value).split(",") if part.strip()]
    try:
        return msgspec.convert(value, setting.type, strict=not given.lenient, dec_hook=_custom)
    except msgspec.ValidationError as problem:
        raise Mistake("settings.bad-value", key=setting.key, origin=given.origin, problem=problem) from problem


def _custom(cls: type, value: object) -> object:
    if not isinstance(value, str):
        raise TypeError(f"Expected `str`, got `{type(value).__name__}`")
    return Path(value).expanduser() if cls is Path else Secret(value)


def _anchored(value: object, folder: Path) -> object:
    if isinstance(value, Path):
        return folder / value
    return tuple(_anchored(part, folder) for part in value) if isinstance(value, tuple) else value


def database_url(settings: Settings) -> str:
    """The database in use; SQLite in the data folder unless another is named."""
    return settings.database.url.reveal() or f"sqlite://{settings.folder / 'hanse.db'}"


def database_place(url: str) -> str:
    """Where the database is, without user and password."""
    if url.startswith("sqlite:"):
        return url.removeprefix("sqlite://")
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"postgresql://{parts.hostname or ''}{port}{parts.path}"


def peer_port(settings: Settings) -> int:
    """The public port; a free one is chosen once and kept in `<data>/port`, because DIDs depend on it."""
    return settings.peer.port or _kept_port(settings.folder / "port", settings.peer.host)


def web_port(settings: Settings) -> int:
    """The desk's port; a free one is chosen once and kept in `<data>/web-port`, because bookmarks name it."""
    return settings.web.port or _kept_port(settings.folder / "web-port", settings.web.host)


def free_port(host: str) -> int:
    """One that nobody listens on, and that no system takes for a connection that goes out: such a connection of another
    program could have it when it is to be used, at this start or a later one. Raises Mistake."""
    for port in SystemRandom().sample(_LISTENING, _TRIES):
        try:
            with socket.create_server((host, port)):
                return port
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise Mistake("http.no-address", host=host, port=port, problem=system_words(problem)) from problem
    raise Mistake("settings.no-port", first=_LISTENING.start, last=_LISTENING.stop - 1)


def _kept_port(place: Path, host: str) -> int:
    if not place.exists():
        created(place, f"{free_port(host)}\n".encode("ascii"))
    try:
        return int(place.read_text(encoding="ascii"))
    except ValueError as problem:
        raise Mistake("settings.bad-file", path=place, problem=problem) from problem


def public_url(settings: Settings) -> str:
    """The URL that new participants' roots begin with, without a final slash."""
    return settings.peer.public_url.rstrip("/") or f"https://localhost:{peer_port(settings)}"


def web_origin(settings: Settings) -> str:
    """Scheme and authority under which people open the desk; raises Mistake where passwords could be read on the way.

    Plain HTTP is for this computer alone: whoever listens further has TLS, or a proxy whose URL begins with https.
    """
    web = settings.web
    scheme = "https" if web.tls_cert_file else "http"
    url = urlsplit(web.public_url or f"{scheme}://localhost:{web_port(settings)}")
    if url.scheme not in ("http", "https") or not url.netloc or url.path.strip("/") or url.query or url.username:
        raise Mistake("settings.web-url", url=web.public_url[:200])
    if url.scheme == "http" and not (url.hostname in _HERE and web.host in _HERE):
        raise Mistake("settings.web-open", host=web.host)
    usual = ":443" if url.scheme == "https" else ":80"  # browsers leave it out of `Origin` (RFC 6454, 6.2)
    return f"{url.scheme}://{url.netloc.lower().removesuffix(usual)}"


def master_key(settings: Settings) -> bytes:
    """The 32 bytes that encrypt private keys at rest; made once if its file is named but not there."""
    text = settings.trust.master_key.reveal()
    if not text and settings.trust.master_key_file is not None:
        place = settings.trust.master_key_file
        if not place.exists():
            created(place, f"{os.urandom(32).hex()}\n".encode("ascii"))
        text = _secret("trust.master_key_file", place)
    try:
        key = bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text.replace("-", "+").replace("_", "/"))
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != 32:
        raise Mistake("settings.bad-master-key", origin=settings.origins["trust.master_key"])
    return key

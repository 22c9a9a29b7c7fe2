"""Settings: defaults < `<data>/hanse.toml` < environment `HANSE_SECTION__FIELD` < secret files (`*_file`).

Read once where the process starts and passed on as sections, never global. Every field has a working default and a
description, which is its documentation; unknown keys are a mistake that names the nearest key. Relative paths are
relative to the data folder. An environment variable that is set but empty counts as not set; lists are separated by
commas there. Source: architecture.md 7.
"""

import base64
import binascii
import difflib
import os
import socket
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from connector.errors import Mistake

FILE = "hanse.toml"
DEFAULT_FOLDER = "hanse-data"
SOCKET_LIMIT = 100  # bytes; the kernel allows 108 including the final NUL


class Secret:
    """A value that shows itself only when asked: its repr, and so any log line, hides it."""

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(***)" if self._value else "Secret()"


Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(gt=0)]
T = TypeVar("T")


def _doc(text: str) -> Meta:
    return Meta(description=text)


class Data(Struct, frozen=True, kw_only=True):
    """Folders for content; small state (database, keys, port) lies in the data folder itself."""

    files: Annotated[Path, _doc("Folder of the files that were published.")] = Path("files")
    received: Annotated[Path, _doc("Folder of the data that was received from peers.")] = Path("received")
    largest: Annotated[int, Meta(ge=1), _doc("Most bytes that a peer may send us at once.")] = 1 << 40
    destinations: Annotated[
        tuple[str, ...], _doc("URLs below which all peers may have data sent, besides where their DID points.")
    ] = ()


class Peer(Struct, frozen=True, kw_only=True):
    """The public surface for other connectors."""

    host: Annotated[str, _doc("Address to listen on; `0.0.0.0` or `::` for all.")] = "127.0.0.1"
    port: Annotated[Port, _doc("TCP port; 0 chooses a free one once and keeps it in `<data>/port`.")] = 0
    public_url: Annotated[
        str, _doc("URL under which peers reach this surface, without final slash; empty: `https://localhost:PORT`.")
    ] = ""
    tls_cert_file: Annotated[Path, _doc("PEM chain of the TLS certificate.")] = Path("certs/server.pem")
    tls_key_file: Annotated[Path, _doc("PEM private key of the TLS certificate.")] = Path("certs/server.key")
    reuse_port: Annotated[bool, _doc("Let several processes listen on the same port (PostgreSQL only).")] = False


class Api(Struct, frozen=True, kw_only=True):
    """The management surface for the operator's own machines and the command line."""

    socket: Annotated[Path, _doc("Unix socket, mode 0600; at most 100 bytes long.")] = Path("api.sock")
    port: Annotated[Port, _doc("Also listen on this loopback port, with a token; 0: only the socket.")] = 0
    token: Annotated[Secret, _doc("Bearer token for the loopback port.")] = Secret()
    token_file: Annotated[Path | None, _doc("File that holds the token.")] = None


class Database(Struct, frozen=True, kw_only=True):
    """Where rows live; SQLite for one process, PostgreSQL for any number."""

    url: Annotated[Secret, _doc("`sqlite:///PATH` or `postgresql://…` (role hanse); empty: `<data>/hanse.db`.")] = (
        Secret()
    )
    url_file: Annotated[Path | None, _doc("File that holds the URL.")] = None
    worker_url: Annotated[Secret, _doc("PostgreSQL URL of the role hanse_worker; empty: as `url`.")] = Secret()
    worker_url_file: Annotated[Path | None, _doc("File that holds the worker's URL.")] = None
    owner_url: Annotated[Secret, _doc("PostgreSQL URL of the role that migrates; empty: no migration at start.")] = (
        Secret()
    )
    owner_url_file: Annotated[Path | None, _doc("File that holds the owner's URL.")] = None


class Trust(Struct, frozen=True, kw_only=True):
    """Whom this connector believes, and the key that encrypts its own keys at rest."""

    list_file: Annotated[Path, _doc("Signed trust list; with `list_url` the last good copy.")] = Path("trust/list.jws")
    list_url: Annotated[str, _doc("HTTPS URL of the signed trust list; empty: only the file.")] = ""
    authority_key_file: Annotated[Path, _doc("PEM file with the authority's pinned public key.")] = Path(
        "trust/roots.pem"
    )
    list_reload_s: Annotated[Seconds, _doc("Seconds between two looks at the trust list.")] = 45.0
    seal_ca_files: Annotated[tuple[Path, ...], _doc("PEM files with the roots of seal certificates.")] = (
        Path("trust/roots.pem"),
    )
    ca_files: Annotated[tuple[Path, ...], _doc("PEM files with TLS roots trusted besides the system's.")] = ()
    master_key: Annotated[Secret, _doc("Key that encrypts private keys at rest: 32 bytes, hex or base64.")] = Secret()
    master_key_file: Annotated[Path | None, _doc("File that holds the master key; made on first start.")] = Path(
        "trust/master.key"
    )


class Outbound(Struct, frozen=True, kw_only=True):
    """Requests that we send to peers and sources."""

    allow: Annotated[tuple[str, ...], _doc("Private networks that may be reached all the same, as CIDR.")] = ()
    proxy: Annotated[str, _doc("URL of an HTTP proxy; empty: direct.")] = ""
    total_s: Annotated[Seconds, _doc("Seconds that a request may take, answer included.")] = 10.0
    stall_s: Annotated[Seconds, _doc("Seconds without a byte after which a data transfer counts as cut.")] = 30.0


class Worker(Struct, frozen=True, kw_only=True):
    """Delivery, timers and sealing."""

    parallel: Annotated[int, Meta(ge=1), _doc("Messages on their way at the same time.")] = 128
    lease_s: Annotated[Seconds, _doc("Seconds a claimed row stays with its process (PostgreSQL).")] = 10.0
    sweep_s: Annotated[Seconds, _doc("Seconds between two looks for due rows that nobody announced.")] = 1.0
    retry_max_s: Annotated[Seconds, _doc("Longest pause between two attempts.")] = 300.0
    stop_s: Annotated[Seconds, _doc("Seconds to finish what has begun when the process is asked to stop.")] = 10.0
    seal_every_s: Annotated[Seconds, _doc("Seconds between two seals of the audit log.")] = 10.0
    transcript_days: Annotated[
        int, Meta(ge=1), _doc("Days that the transcript keeps what peers said and answered.")
    ] = 90


class Log(Struct, frozen=True, kw_only=True):
    """Log lines on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], _doc("Least severe level that is written.")] = "info"
    format: Annotated[Literal["json", "text"], _doc("`json`: one object a line; `text`: for people.")] = "json"


class Plugins(Struct, frozen=True, kw_only=True):
    """Code of others that runs inside this process; an installed package alone changes nothing."""

    allow: Annotated[tuple[str, ...], _doc("Names of the entry points of group `hanse.left_operands` to load.")] = ()


class Development(Struct, frozen=True, kw_only=True):
    """Only for laptops and tests: certificates from a CA of one's own."""

    folder: Annotated[
        Path | None, _doc("Folder of the development CAs; if set, `participant add` issues seal certificates.")
    ] = None


class Settings(Struct, frozen=True, kw_only=True):
    """All sections; `origins` says for each key where its value came from."""

    folder: Path
    origins: Mapping[str, str]
    data: Data
    peer: Peer
    api: Api
    database: Database
    trust: Trust
    outbound: Outbound
    worker: Worker
    log: Log
    plugins: Plugins
    development: Development


SECTIONS: Mapping[str, type[Struct]] = {
    "data": Data,
    "peer": Peer,
    "api": Api,
    "database": Database,
    "trust": Trust,
    "outbound": Outbound,
    "worker": Worker,
    "log": Log,
    "plugins": Plugins,
    "development": Development,
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


_KNOWN: Mapping[str, Setting] = {setting.key: setting for setting in documented()}


class _Given(NamedTuple):
    value: object
    origin: str
    lenient: bool  # text from the environment or a file: "5" may become 5


def load(folder: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of the data folder; raises Mistake (`settings.*`) and creates nothing."""
    folder = folder.absolute()
    given = {**_from_file(folder / FILE), **_from_environment(environ)}
    given |= _from_secret_files(folder, given)
    settings = Settings(
        folder=folder,
        origins={key: given[key].origin if key in given else "default" for key in _KNOWN},
        data=_section(Data, "data", given, folder),
        peer=_section(Peer, "peer", given, folder),
        api=_section(Api, "api", given, folder),
        database=_section(Database, "database", given, folder),
        trust=_section(Trust, "trust", given, folder),
        outbound=_section(Outbound, "outbound", given, folder),
        worker=_section(Worker, "worker", given, folder),
        log=_section(Log, "log", given, folder),
        plugins=_section(Plugins, "plugins", given, folder),
        development=_section(Development, "development", given, folder),
    )
    if len(os.fsencode(settings.api.socket)) > SOCKET_LIMIT:
        raise Mistake("settings.socket-too-long", path=settings.api.socket, limit=SOCKET_LIMIT)
    return settings


def _known(key: str, origin: str) -> str:
    if key not in _KNOWN:
        nearest = difflib.get_close_matches(key, [*_KNOWN, *SECTIONS], n=1, cutoff=0.0)[0]
        raise Mistake("settings.unknown-key", key=key, nearest=nearest, origin=origin)
    return key


def _from_file(path: Path) -> dict[str, _Given]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as problem:
        raise Mistake("settings.bad-file", path=path, problem=problem) from problem
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
            text = (folder / Path(str(path)).expanduser()).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as problem:
            if named is None:
                continue
            raise Mistake("settings.secret-unreadable", key=beside.key, path=path, problem=problem) from problem
        found[key] = _Given(text, str(folder / str(path)), lenient=True)
    return found


def _section(cls: type[T], section: str, given: Mapping[str, _Given], folder: Path) -> T:
    values: dict[str, object] = {}
    for key, setting in _KNOWN.items():
        if key.startswith(f"{section}."):
            value = _parse(setting, given[key]) if key in given else setting.default
            values[key.removeprefix(f"{section}.")] = _anchored(value, folder)
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


def peer_port(settings: Settings) -> int:
    """The public port; a free one is chosen once and kept in `<data>/port`, because DIDs depend on it."""
    if settings.peer.port:
        return settings.peer.port
    place = settings.folder / "port"
    if not place.exists():
        with socket.create_server((settings.peer.host, 0)) as probe:
            _create(place, f"{probe.getsockname()[1]}\n")
    try:
        return int(place.read_text(encoding="ascii"))
    except ValueError as problem:
        raise Mistake("settings.bad-file", path=place, problem=problem) from problem


def public_url(settings: Settings) -> str:
    """The URL that new participants' roots begin with, without a final slash."""
    return settings.peer.public_url.rstrip("/") or f"https://localhost:{peer_port(settings)}"


def master_key(settings: Settings) -> bytes:
    """The 32 bytes that encrypt private keys at rest; made once if its file is named but not there."""
    text = settings.trust.master_key.reveal()
    if not text and settings.trust.master_key_file is not None:
        place = settings.trust.master_key_file
        _create(place, os.urandom(32).hex() + "\n")
        text = place.read_text(encoding="ascii").strip()
    try:
        key = bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text.replace("-", "+").replace("_", "/"))
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != 32:
        raise Mistake("settings.bad-master-key", origin=settings.origins["trust.master_key"])
    return key


def _create(place: Path, text: str) -> None:
    """Create the file whole, mode 0600, unless another process was first."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=place.parent)  # mode 0600
    with open(handle, "w", encoding="ascii") as draft:
        draft.write(text)
    try:
        os.link(name, place)
    except FileExistsError:
        pass
    finally:
        os.unlink(name)

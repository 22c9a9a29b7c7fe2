"""What of a data folder belongs into a backup, and into which half: what nobody else may know goes with the keys.

Secret is what a setting names as a secret, and in `trust/`, `certs/` and the folder of the development CAs whatever
others on the machine may not read or that holds a private key. Files that no setting and no part of ours knows stay
where they are.
"""

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import NamedTuple, get_args

from connector.continuity.backup import copies
from connector.continuity.backup.keys import SecretKeys
from connector.foundation.errors import Mistake
from connector.foundation.language.system_words import system_words
from connector.foundation.settings.load import FILE, Settings, documented, master_key, secret_files, value_of
from connector.foundation.settings.sections import Secret
from connector.foundation.small_files import content

LARGEST = 16 << 20
"""Bytes of one such file: settings, certificates, lists of members, checkpoints."""
BESIDE = ("log", "witness")
"""Marks of logs, which a restore compares."""
_OPEN = (*BESIDE, "vocab")
"""Folders of ours that hold no secret; in `vocab` are code lists that an operator added."""
_PRIVATE = b"PRIVATE KEY-----"


class Content(NamedTuple):
    """`shown` are files by their path below the data folder (`outside/<setting>`: they lay elsewhere)."""

    shown: dict[str, bytes]
    held: SecretKeys


def gathered(settings: Settings) -> Content:
    """Everything but database and data; raises Mistake if there is no master key or a file cannot be read."""
    key = master(settings)
    named = {path: setting for setting, path in _paths(settings) if path.is_file()}
    secret = {path for path, setting in named.items() if setting in secret_files()}
    shown: dict[str, bytes] = {}
    kept: dict[str, bytes] = {}
    elsewhere: dict[str, bytes] = {}
    for path in sorted({*_folder(settings), *named}):
        data = _read(path)
        below = _below(settings, path)
        hidden = path in secret or _hidden(settings, path, data)
        if below is None and hidden:
            elsewhere[named[path]] = data
        elif hidden and below is not None:
            kept[below.as_posix()] = data
        else:
            shown[_outside(shown, named[path], path.name) if below is None else below.as_posix()] = data
    return Content(shown, SecretKeys(master=key, files=kept, elsewhere=elsewhere))


def master(settings: Settings) -> bytes:
    """The master key; none is made here. Raises Mistake."""
    if not settings.trust.master_key:
        raise Mistake("backup.no-master-key", file=settings.trust.master_key_file or "-")
    return master_key(settings)


def _paths(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Files that settings name; the data folders, the socket and the database are no such files."""
    for setting in documented():
        value = value_of(settings, setting.key)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Path) and setting.key not in ("api.socket", "signers.pkcs11_module"):
                yield setting.key, one


def _folder(settings: Settings) -> Iterator[Path]:
    folders = {settings.folder / name for name in ("trust", "certs", *_OPEN)}
    if settings.development.folder is not None and _below(settings, settings.development.folder) is not None:
        folders.add(settings.development.folder)
    for place in folders:
        yield from (place / path for path in copies.files(place) if not path.name.startswith("."))
    yield from (path for name in (FILE, "port", "web-port") if (path := settings.folder / name).is_file())


def _below(settings: Settings, path: Path) -> PurePath | None:
    """Its place in the data folder; None if it lies elsewhere, as whatever may that is named with `..` on the way."""
    if not path.is_relative_to(settings.folder):
        return None
    place = path.relative_to(settings.folder)
    return None if ".." in place.parts else place


def _outside(shown: Mapping[str, bytes], setting: str, name: str) -> str:
    """A place of its own, also where a setting lists two files of one name."""
    numbered = (f"outside/{setting}/{number}/{name}" for number in range(2, len(shown) + 3))
    return next(place for place in (f"outside/{setting}/{name}", *numbered) if place not in shown)


def _hidden(settings: Settings, path: Path, data: bytes) -> bool:
    if path == settings.folder / FILE:
        return any(
            get_args(setting.type)[0] is Secret and settings.origins[setting.key] == str(path)
            for setting in documented()
        )
    below = _below(settings, path)
    if (below is not None and below.parts[0] in _OPEN) or path.name in ("port", "web-port"):
        return False
    return _PRIVATE in data or not stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO)


def _read(path: Path) -> bytes:
    try:
        data = content(path.resolve(), LARGEST + 1)
    except (OSError, ValueError) as problem:
        raise Mistake("backup.unreadable", file=path, why=system_words(problem)) from problem
    if len(data) > LARGEST:
        raise Mistake("backup.unreadable", file=path, why=f"> {LARGEST} bytes")
    return data

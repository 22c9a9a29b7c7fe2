"""Packs the verifier into one file, `hanse-verify.pyz`: this folder, nothing else, so that an auditor can read it.

It runs on Python 3.11 with `cryptography`. The same release gives the same bytes, so two parties can compare theirs.
"""

from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO

_START = b"#!/usr/bin/env python3\n"
_MAIN = """\
import sys
from importlib.util import find_spec

if find_spec("cryptography") is None:
    from connector.verify.words import LANGUAGES, say

    # Python would end with 1, and that is the verdict of a bundle that failed.
    sys.exit([print(say("line", "no-cryptography", lang), file=sys.stderr) for lang in LANGUAGES] and 2)

from connector.verify.__main__ import main

sys.exit(main())
"""
_PARENT = '"""The offline verifier alone; the connector itself is not in this file."""\n'
_EPOCH = (1980, 1, 1, 0, 0, 0)


def packed() -> bytes:
    """The program: a first line for Unix, then a ZIP that Python runs (the form of the standard library's `zipapp`)."""
    import zipfile

    sources = {"__main__.py": _MAIN.encode(), "connector/__init__.py": _PARENT.encode()}
    sources |= dict(_below(files("connector.verify"), "connector/verify"))
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(sources):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system, info.external_attr, info.compress_type = 3, 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, sources[name])
    return _START + buffer.getvalue()


def fingerprint(program: bytes) -> str:
    """Lower-case hex SHA-256, to compare with what somebody else packed."""
    return sha256(program).hexdigest()


def _below(folder: Traversable, name: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for item in folder.iterdir():
        if item.is_dir() and item.name != "__pycache__":
            found += _below(item, f"{name}/{item.name}")
        elif item.name.endswith((".py", ".toml")):
            found.append((f"{name}/{item.name}", item.read_bytes()))
    return found

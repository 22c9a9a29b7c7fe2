"""`hanse dev init`: a data folder for laptops and tests (spec/trust.md 6.1).

It gets a development CA that can speak for localhost only, a seal CA, and an authority of its own with a first, empty
trust list. `--beside DIR` makes a second operator on the same machine instead: it shares the CAs of that folder, as two
operators trust the same public ones, and no list of members; who belongs, spaces say. Repeating either makes only what
is missing.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, Call, unusable
from connector.cli.frame.parser import Words
from connector.foundation.clock import Clock, SystemClock
from connector.foundation.errors import Mistake
from connector.foundation.settings.load import FILE, Settings, load, master_key

LIST_LIFE_MS = 365 * 86_400_000

IGNORED = ".gitignore"
"""In a checkout nothing of the folder is committed by mistake, keys least of all; elsewhere it does nothing."""

# What a folder with a CA of its own has to say to the defaults.
SETTINGS = """\
[trust]
ca_files = ["certs/dev-ca.pem"]

[outbound]
allow = ["127.0.0.0/8", "::1/128"]

[development]
folder = "certs"
"""

BESIDE = """\
[trust]
ca_files = [{certs}/dev-ca.pem"]
seal_ca_files = [{trust}/roots.pem"]

[peer]
tls_cert_file = {certs}/server.pem"
tls_key_file = {certs}/server.key"

[outbound]
allow = ["127.0.0.0/8", "::1/128"]

[development]
folder = {certs}"
"""


def register(top: Words, places: Any) -> None:
    group = top.command(places, "dev")
    init = group.command(group.commands("subcommand"), "init")
    init.word("folder", metavar="DIR", type=Path)
    init.word("--beside", metavar="DIR", type=Path)
    init.set_defaults(run=run_init)


def run_init(call: Call) -> int:
    folder = call.args.folder.absolute()
    try:
        if call.args.beside is None:
            settings = prepare(folder, call.environ, SystemClock())
        else:
            settings = beside(folder, call.args.beside.absolute(), call.environ)
    except OSError as problem:
        raise unusable(folder, problem) from problem
    call.result({"folder": str(settings.folder), "settings": str(settings.folder / FILE)})
    call.tell("dev.made", folder=settings.folder)
    return OK


def prepare(folder: Path, environ: Mapping[str, str], clock: Clock) -> Settings:
    """Make the folder ready to be served; returns its settings."""
    from connector.foundation.small_files import replaced
    from connector.identity.trust.development import dev_ca

    certs = dev_ca.create(folder, clock)
    if not (folder / IGNORED).exists():
        replaced(folder / IGNORED, b"*\n", 0o644)
    if not (folder / FILE).exists():
        replaced(folder / FILE, SETTINGS.encode(), 0o644)
    settings = load(folder, environ)
    if not settings.trust.list_file.exists():
        _found(settings, certs.seal_ca.read_text(encoding="ascii"), clock)
    return settings


def beside(folder: Path, other: Path, environ: Mapping[str, str]) -> Settings:
    """Make the folder ready to be served by a second operator that shares the CAs of `other`; returns its settings.

    Raises Mistake where `other` has none, or where the folder has settings already that share those of another.
    """
    from connector.foundation.small_files import replaced

    if folder == other or not (other / "certs" / "server.key").exists():
        raise Mistake("cli.dev-beside", path=other)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / IGNORED).exists():
        replaced(folder / IGNORED, b"*\n", 0o644)
    places = {name: json.dumps(os.path.relpath(other / name, folder), ensure_ascii=False)[:-1] for name in _SHARED}
    wanted = BESIDE.format(**places)
    if not (folder / FILE).exists():
        replaced(folder / FILE, wanted.encode(), 0o644)
    settings = load(folder, environ)
    if settings.development.folder is None or settings.development.folder.resolve() != (other / "certs").resolve():
        raise Mistake("cli.dev-other", path=folder)
    master_key(settings)  # made now, so that no later start differs from the first
    return settings


_SHARED = ("certs", "trust")


def _found(settings: Settings, seal_ca: str, clock: Clock) -> None:
    """The authority, its pinned key and its first list; the list last, because it says that all is there."""
    from connector.foundation.small_files import replaced
    from connector.identity.trust.keys.vault import Vault
    from connector.identity.trust.members.authority import Authority
    from connector.identity.trust.members.list_writer import next_list
    from connector.identity.trust.members.roots import roots_pem

    authority = Authority.create(authority_file(settings), Vault(master_key(settings)))
    replaced(settings.trust.authority_key_file, roots_pem([seal_ca], authority.public_jwk).encode("ascii"), 0o644)
    first = next_list(None, authority=authority.id, now=clock.now(), life_ms=LIST_LIFE_MS, participants=())
    replaced(settings.trust.list_file, authority.issue(first).encode("ascii"), 0o644)


def authority_file(settings: Settings) -> Path:
    """Where the development authority keeps its sealed key."""
    return settings.folder / "trust" / "authority.jwk.enc"

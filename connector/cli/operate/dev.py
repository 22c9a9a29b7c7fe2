"""`hanse dev init`: a data folder for laptops and tests (spec/trust.md 6.1).

It gets a development CA that can speak for localhost only, a seal CA, and an authority of its own with a first, empty
trust list. Repeating it makes only what is missing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, Call, unusable
from connector.cli.frame.parser import Words
from connector.clock import Clock, SystemClock
from connector.settings.load import FILE, Settings, load, master_key

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


def register(top: Words, places: Any) -> None:
    group = top.command(places, "dev")
    init = group.command(group.commands("subcommand"), "init")
    init.word("folder", metavar="DIR", type=Path)
    init.set_defaults(run=run_init)


def run_init(call: Call) -> int:
    folder = call.args.folder.absolute()
    try:
        settings = prepare(folder, call.environ, SystemClock())
    except OSError as problem:
        raise unusable(folder, problem) from problem
    call.result({"folder": str(settings.folder), "settings": str(settings.folder / FILE)})
    call.tell("dev.made", folder=settings.folder)
    return OK


def prepare(folder: Path, environ: Mapping[str, str], clock: Clock) -> Settings:
    """Make the folder ready to be served; returns its settings."""
    from connector.small_files import replaced
    from connector.trust.development import dev_ca

    certs = dev_ca.create(folder, clock)
    if not (folder / IGNORED).exists():
        replaced(folder / IGNORED, b"*\n", 0o644)
    if not (folder / FILE).exists():
        replaced(folder / FILE, SETTINGS.encode(), 0o644)
    settings = load(folder, environ)
    if not settings.trust.list_file.exists():
        _found(settings, certs.seal_ca.read_text(encoding="ascii"), clock)
    return settings


def _found(settings: Settings, seal_ca: str, clock: Clock) -> None:
    """The authority, its pinned key and its first list; the list last, because it says that all is there."""
    from connector.small_files import replaced
    from connector.trust.keys.vault import Vault
    from connector.trust.members.authority import Authority
    from connector.trust.members.roots import roots_pem
    from connector.trust.members.trust_list import next_list

    authority = Authority.create(authority_file(settings), Vault(master_key(settings)))
    replaced(settings.trust.authority_key_file, roots_pem([seal_ca], authority.public_jwk).encode("ascii"), 0o644)
    first = next_list(None, authority=authority.id, now=clock.now(), life_ms=LIST_LIFE_MS, participants=())
    replaced(settings.trust.list_file, authority.issue(first).encode("ascii"), 0o644)


def authority_file(settings: Settings) -> Path:
    """Where the development authority keeps its sealed key."""
    return settings.folder / "trust" / "authority.jwk.enc"

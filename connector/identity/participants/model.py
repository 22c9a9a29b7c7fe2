"""A participant is a legal person hosted by the process; its root fixes its DID for good (spec/protocol.md 1.1)."""

import re
from collections.abc import Container, Iterable, Mapping
from unicodedata import category
from urllib.parse import urlsplit

import msgspec

from connector.foundation.errors import Mistake
from connector.foundation.normal_form import normal_form
from connector.identity.participants.publisher_details import PublisherDetails
from connector.verify.formats import names

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
"""No user, no escapes, no dots that lead elsewhere: a root is compared as text and becomes a DID."""


class Moved(msgspec.Struct, frozen=True):
    """Where a participant has gone: `did` acts in its place since `at`; it is answered here until `until` (ms)."""

    did: str
    at: int
    until: int


class Participant(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `participant`. `root` has no trailing slash; `host` is its authority, `path` its path."""

    id: str
    did: str
    root: str
    host: str
    path: str
    name: str
    kind: str
    operator: str
    state: str
    publisher: PublisherDetails = PublisherDetails()
    """What its datasets say of it."""
    former: tuple[str, ...] = ()
    """The DIDs that it had at other providers, the newest first: agreements of that time name it by them."""
    moved: Moved | None = None
    """Where it has gone; from then on nothing is done here in its name."""

    @property
    def own_dids(self) -> tuple[str, ...]:
        """All DIDs that mean this participant, the present one first."""
        return (self.did, *self.former)

    def is_me(self, did: str) -> bool:
        """Whether a DID in a document means this participant. The one place that says so."""
        return did in self.own_dids

    @property
    def base(self) -> str:
        """Where the Dataspace Protocol is served, without trailing slash: also our `callbackAddress`."""
        return f"{self.root}/2025-1"


def checked_slug(slug: str) -> str:
    """The slug itself; raises Mistake if it could not stand in a path, a key and a log line."""
    if not _SLUG.fullmatch(slug):
        raise Mistake("participants.slug", slug=slug[:80])
    return slug


LONGEST_NAME = 200
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


_SPELT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def proposed_slug(name: str, taken: Container[str]) -> str:
    """A short name made of what somebody is called, with a number if another has it; empty if nothing is left."""
    plain = normal_form("NFKD", name.casefold().translate(_SPELT)).encode("ascii", "ignore").decode()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
    numbered = (f"{base}-{number}" for number in range(2, 1_000))
    return next((one for one in (base, *numbered) if one and one not in taken), "") if base else ""


def checked_name(name: str) -> str:
    """The name itself; raises Mistake unless it is one line of visible text: lists and contracts show it as it is."""
    if len(name) > LONGEST_NAME or any(category(sign) in _UNSEEN for sign in name) or names.hides(name):
        raise Mistake("participants.name", most=LONGEST_NAME)
    return name


def by_look(everyone: Iterable[Participant]) -> Mapping[str, list[Participant]]:
    """Those who work here, rest here or have not arrived yet, by their names as people see them (`names.seen`)."""
    found: dict[str, list[Participant]] = {}
    for one in everyone:
        if one.moved is None:
            found.setdefault(names.seen(one.name), []).append(one)
    return found


def split_root(root: str) -> tuple[str, str, str]:
    """(root, host, path) in the one form in which they are compared; raises Mistake."""
    try:
        parts = urlsplit(root.rstrip("/"))
        usable = parts.scheme == "https" and parts.port != 0  # reading it raises ValueError beyond 65535
    except ValueError:
        usable = False
    if not usable or not _HOST.fullmatch(parts.netloc) or not _PATH.fullmatch(parts.path) or "?" in root or "#" in root:
        raise Mistake("participants.root", root=root[:200])
    host = parts.netloc.lower()
    return f"https://{host}{parts.path}", host, parts.path

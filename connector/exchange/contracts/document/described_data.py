"""A dataset as a catalogue describes it: what a contract says of the data, known to both before either asks.

The consumer keeps what it was shown when it asked. The signed snapshot is written from that and nothing else, so that
a provider can put no word into it that nobody has read (threat T65).
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from connector.data.catalogue.model import Countersignature, Dataset
from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.model import EvidenceObject
from connector.foundation.errors import PeerError
from connector.foundation.language.reasons import plain
from connector.foundation.normal_form import normal_form
from connector.kernel.protocol.messages import HANSE

NAME = "requested.json"
"""Under this name a negotiation keeps what the consumer was shown; no bundle has it."""
LONGEST = 65_536
LONGEST_TITLE = 300
"""So much of a title is shown to whoever asks; one of which a word is not shown is in no contract that nobody reads."""
LONGEST_DESCRIPTION = 2_000
"""The same of a description."""
SETTINGS: tuple[Countersignature, ...] = ("none", "preferred", "required")
"""From the mildest to the strictest."""
ENDING = re.compile(r"\.[a-z0-9]{1,8}")
"""How a file's name may end: the one thing in a snapshot that the provider alone knows, and too short for words."""
_SPELT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_OTHER = re.compile(r"[^a-z0-9]+")
_TITLE = 60
_VERSION = re.compile(r"[0-9a-f]{64}")
_TYPE = re.compile(r"([A-Za-z0-9.+-]{1,60}/[A-Za-z0-9.+-]{1,60})?")
_SIZE = re.compile(r"[0-9]{1,15}")


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """`bytes` is None for a live source; `ending` that of the file's name, as far as it is known.

    `countersignature` is the strictest setting of the offers that were shown.
    """

    title: str
    description: str = ""
    media_type: str = ""
    bytes: int | None = None
    version: str
    ending: str = ""
    countersignature: Countersignature = "required"

    @property
    def file_name(self) -> str:
        """What the file is called in the contract: after its title, since the name in the house is told to nobody."""
        plain = normal_form("NFKD", self.title.lower().translate(_SPELT)).encode("ascii", "ignore").decode()
        return (_OTHER.sub("-", plain)[:_TITLE].strip("-") or "data") + self.ending


def of_dataset(dataset: Dataset, setting: Countersignature) -> Described:
    """As provider: a dataset of ours."""
    about = dataset.document
    return Described(
        title=dataset.title,
        description=about.get("description", ""),
        media_type=about.get("media_type", ""),
        bytes=None if about.get("sha256") is None else int(about.get("bytes") or 0),
        version=dataset.version,
        ending=_ending(str(about.get("name", ""))),
        countersignature=setting,
    )


def of_entry(entry: Mapping[str, Any]) -> Described | None:
    """As consumer: an entry of a peer's catalogue; None if it does not say what a contract of ours would, or has a
    title or description that is not shown as it stands.

    The ending of the file's name is not told there.
    """
    found = _read(entry)
    if found is None:
        return None
    shown = _shown(found.title, LONGEST_TITLE) and _shown(found.description, LONGEST_DESCRIPTION)
    return found if shown else None


def _shown(text: str, most: int) -> bool:
    return plain(text, most) == " ".join(text.split())


def _read(entry: Mapping[str, Any]) -> Described | None:
    size = entry.get("dcat:byteSize")
    members = {
        "title": entry.get("dct:title"),
        "description": entry.get("dct:description", ""),
        "media_type": entry.get("dcat:mediaType", ""),
        "bytes": int(size) if isinstance(size, str) and _SIZE.fullmatch(size) else size,
        "version": entry.get(f"{HANSE}version"),
        "countersignature": entry.get(f"{HANSE}countersignature"),
    }
    try:
        found = msgspec.convert(members, Described)
    except msgspec.ValidationError:
        return None
    return found if _VERSION.fullmatch(found.version) and _TYPE.fullmatch(found.media_type) else None


def of_snapshot(snapshot: Mapping[str, Any]) -> Described | None:
    """What a signed snapshot says; None if it is none."""
    size = snapshot.get("dcat:byteSize")
    live = snapshot.get(f"{HANSE}versionOf") == "description"
    return _read({**snapshot, "dcat:byteSize": None if live else size or "0", f"{HANSE}countersignature": "required"})


def kept(described: Described) -> tuple[EvidenceObject, ...]:
    """What the negotiation keeps of it; nothing where two readers could differ about it, or where it is too long."""
    try:
        body = sealing.canonical(msgspec.to_builtins(described))
    except PeerError:
        return ()
    if len(body) > LONGEST:
        return ()
    return (EvidenceObject(name=NAME, sha256=sealing.digest(body), media_type="application/json", body=body),)


def read(item: EvidenceObject | None) -> Described | None:
    """What was kept."""
    return None if item is None else msgspec.json.decode(item.body, type=Described)


def _ending(name: str) -> str:
    found = re.search(r"\.[A-Za-z0-9]{1,8}$", name)
    return "" if found is None else found[0].lower()

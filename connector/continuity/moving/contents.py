"""What an archive holds, read before anything of it is believed: entries by known names, the manifest last and once.

A path never leads out of the folder of the participant that arrives (threat T109).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Final

import msgspec
from msgspec import Meta

from connector.continuity.backup import copies
from connector.continuity.moving import envelope, frames, manifest, people
from connector.continuity.moving.frames import MANIFEST, ROWS, Reader
from connector.continuity.moving.people import Person
from connector.foundation.errors import Mistake

Blocks = Iterator[bytes]
_PEOPLE: Final[msgspec.msgpack.Decoder[list[Person]]] = msgspec.msgpack.Decoder(
    Annotated[list[Person], Meta(max_length=people.MOST)]
)


def walked(file: IO[bytes], secret: str, move: str) -> tuple[str, bytes, list[Person]]:
    """The digest of all entries (`manifest.Tally`), the manifest and the people; raises Mistake unless the manifest is
    the last, and once."""
    file.seek(0)
    reader = Reader(envelope.opened(file.read, secret, move))
    jws, who = None, list[Person]()
    for head, blocks in reader.entries():
        if jws is not None:  # an empty one, too, is the last
            raise Mistake("moving.damaged")
        if head.name == MANIFEST:
            jws = _joined(blocks, manifest.MOST_BYTES)
        elif head.name == people.NAME:
            who = _people(_joined(blocks, manifest.MOST_BYTES))
        else:
            _require_known(head.name)
    if not jws:
        raise Mistake("moving.damaged")
    return reader.seen.sha256, jws, who


def _joined(blocks: Blocks, most: int) -> bytes:
    found = bytearray()
    for block in blocks:
        found += block
        if len(found) > most:
            raise Mistake("moving.damaged")
    return bytes(found)


def _people(data: bytes) -> list[Person]:
    try:
        return _PEOPLE.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as cause:
        raise Mistake("moving.damaged") from cause


def _require_known(name: str) -> None:
    """Tables, and files whose path stays below the participant's folder."""
    kind, _, path = name.partition("/")
    plain = all(part not in ("", ".", "..") and "\x00" not in part for part in path.split("/"))
    if f"{kind}/" not in (ROWS, frames.FILES, frames.RECEIVED) or not plain:
        raise Mistake("moving.path", name=name[:200])


def poured(folder: Path, path: str, attempt: str, blocks: Blocks) -> Path:
    """The blocks as a file beside the place where they belong below the folder, durable; where it lies for now.

    Its name is that of the attempt, so no other one writes into it, and backups leave it. Raises Mistake, or
    Unavailable if the disk is full.
    """
    _require_known(frames.FILES + path)
    place = (folder / path).with_name(f".{attempt}{copies.PARTS[0]}")
    waiting = bytearray()

    def read(most: int) -> bytes:
        while not waiting and (block := next(blocks, None)) is not None:
            waiting.extend(block)
        piece = bytes(waiting[:most])
        del waiting[:most]
        return piece

    with copies.room(folder):
        copies.poured(read, place, path)
    return place

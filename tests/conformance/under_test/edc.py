"""A connector among Eclipse EDCs: plain http and their mock identity; otherwise it decides for itself.

`python -m tests.conformance.under_test.edc FOLDER --port N --peer edc=http://localhost:19194/protocol` serves until
standard input closes. Prints one line of JSON once it answers; its management surface is `FOLDER/data/api.sock`. No
setting of the environment reaches it (`tests/conformance/under_test/apart.py`).
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from connector.app.services import Services
from connector.foundation.errors import Mistake
from connector.foundation.language import both
from tests.conformance.under_test.apart import surroundings
from tests.conformance.under_test.foreign import Foreign, Peer, among, mock_client, mock_identity, participant_at
from tests.conformance.under_test.run import started
from tests.conformance.under_test.tape import Tape

SLUG = "musterstadt"


def foreign(peers: Mapping[str, str], tape: Tape) -> Foreign:
    """`peers`: participant id -> address of its protocol API; it says 2025-1 one step below."""
    known = [Peer(did=name, root=root, base=f"{root}/2025-1") for name, root in peers.items()]
    return Foreign(known, knows=mock_client, says=mock_identity, tape=tape, timeout_s=8.0)


@asynccontextmanager
async def services(
    folder: Path,
    port: int,
    peers: Mapping[str, str],
    *,
    tape: Path | None = None,
    environ: Mapping[str, str] | None = None,
    also: Mapping[str, str] | None = None,
) -> AsyncIterator[Services]:
    """One participant below `http://localhost:PORT/musterstadt`, and `also` others with roots that lead here."""
    roots = {SLUG: f"http://localhost:{port}/{SLUG}", **(also or {})}
    async with started(folder, port, among(foreign(peers, Tape(tape))), roots, environ) as made:
        known = {one.participant.id for one in await made.participants.all()}
        for slug in roots.keys() - known:
            await made.participants.admit(participant_at(slug, roots[slug]))
        yield made


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="tests.conformance.under_test.edc")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--peer", action="append", required=True, metavar="ID=URL")
    parser.add_argument("--also", action="append", default=[], metavar="SLUG=URL")
    parser.add_argument("--transcript", type=Path)
    parser.add_argument("--destination", default="", metavar="URL", help="below which EDCs may have data sent")
    args = parser.parse_args(argv)
    try:
        uvloop.run(_serve(args))
    except Mistake as mistake:
        sys.exit("\n".join(both(f"error.{mistake.code}", **mistake.facts)))


async def _serve(args: argparse.Namespace) -> None:
    environ = surroundings(os.environ, sinks=args.destination)
    peers, also = (dict(word.split("=", 1) for word in words) for words in (args.peer, args.also))
    args.folder.mkdir(parents=True, exist_ok=True)
    async with services(args.folder, args.port, peers, tape=args.transcript, environ=environ, also=also) as made:
        hosted = [one.participant for one in await made.participants.all()]
        print(json.dumps({one.id: {"did": one.did, "base": one.base} for one in hosted}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    main(sys.argv[1:])

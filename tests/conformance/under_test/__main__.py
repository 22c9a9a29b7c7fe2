"""A connector under test that serves until standard input closes.

`python -m tests.conformance.under_test FOLDER --port N --peer http://localhost:8083`

Prints one line of JSON once it answers. Only loopback, and only what the command line says: no setting of the
environment reaches it but the logins that belong to `--database` (`tests/conformance/under_test/apart.py`).
"""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

import uvloop

from connector.foundation.errors import Mistake
from connector.foundation.language import both
from tests.conformance.under_test.apart import surroundings
from tests.conformance.under_test.run import services


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.conformance.under_test")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=8282)
    parser.add_argument("--peer", default="http://localhost:8083")
    parser.add_argument("--delay-ms", type=int, default=300)
    parser.add_argument("--transcript", type=Path)
    parser.add_argument("--database", default="", metavar="URL")
    parser.add_argument("--socket", default="", metavar="PATH")
    parser.add_argument("--reuse-port", action="store_true")
    args = parser.parse_args()
    try:
        uvloop.run(_serve(args))
    except Mistake as mistake:
        sys.exit("\n".join(both(f"error.{mistake.code}", **mistake.facts)))


async def _serve(args: argparse.Namespace) -> None:
    environ = surroundings(os.environ, database=args.database, socket=args.socket, reuse_port=args.reuse_port)
    args.folder.mkdir(parents=True, exist_ok=True)
    async with services(
        args.folder, args.port, args.peer, delay_ms=args.delay_ms, tape=args.transcript, environ=environ
    ) as made:
        print(json.dumps({"root": made.root, "base": made.base, "did": made.did}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


main()

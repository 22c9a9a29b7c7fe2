"""`python -m connector.testing.kit FOLDER --port N --peer http://localhost:8083`: serves until standard input closes.

Prints one line of JSON once it answers. Only loopback, whatever the environment says.
"""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

from connector.testing.kit.run import house


def main() -> None:
    parser = argparse.ArgumentParser(prog="connector.testing.kit")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=8282)
    parser.add_argument("--peer", default="http://localhost:8083")
    parser.add_argument("--delay-ms", type=int, default=300)
    parser.add_argument("--transcript", type=Path)
    args = parser.parse_args()
    asyncio.run(_serve(args))


async def _serve(args: argparse.Namespace) -> None:
    environ = {**os.environ, "HANSE_PEER__HOST": "127.0.0.1"}
    args.folder.mkdir(parents=True, exist_ok=True)
    async with house(
        args.folder, args.port, args.peer, delay_ms=args.delay_ms, tape=args.transcript, environ=environ
    ) as made:  # fmt: skip
        print(json.dumps({"root": made.root, "base": made.base, "did": made.did}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


main()

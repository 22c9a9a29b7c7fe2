"""`python -m tests.cities.forgetful --data DIR`: dies on order like `crash`, and its verifications lose their seal."""

import argparse
import asyncio
from pathlib import Path
from typing import Any
from unittest.mock import patch

import uvloop

from connector.exchange.contracts.negotiation import outgoing
from tests.testkit import crash

PROGRAM = ("-m", "tests.cities.forgetful")
_say = outgoing.verification


def _unsealed(case: Any, sent: str, *seals: Any) -> Any:
    return _say(case, sent, *(None for _ in seals))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    with (
        patch.object(outgoing, "verification", _unsealed),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(crash.serve(parser.parse_args().data))

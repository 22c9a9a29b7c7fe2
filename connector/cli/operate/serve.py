"""`hanse serve`: one server process on the settings of the data folder, until it is asked to stop."""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, Call, unusable
from connector.cli.frame.parser import Words
from connector.foundation.settings.load import Settings, public_url, web_origin

ROLES = ("peer", "api", "web", "worker", "dataplane")


def register(top: Words, places: Any) -> None:
    command = top.command(places, "serve")
    command.word("--role", action="append", choices=ROLES)
    command.word("--until-eof", action="store_true")
    command.set_defaults(run=run)


def run(call: Call) -> int:
    from connector.app import memory

    memory.starting()
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(call, call.settings()))


async def _serve(call: Call, settings: Settings) -> int:
    from connector.app import memory
    from connector.app.process import running

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if call.args.until_eof:
        loop.add_reader(sys.stdin.fileno(), _until_eof, stop)
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(running(settings, frozenset(call.args.role or ROLES)))
        except OSError as problem:  # what the folder, a disk or a right stands in the way of
            raise unusable(Path(problem.filename or call.folder), problem) from problem
        memory.started()
        call.note("serve.started", desk=web_origin(settings), url=public_url(settings), socket=settings.api.socket)
        await stop.wait()
        call.note("serve.stopping")
    return OK


def _until_eof(stop: asyncio.Event) -> None:
    """A parent that dies, however it dies, closes the pipe: its servers end with it."""
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()

"""How long tests wait for what will come: one bound for all, reached only by what never comes.

A bound that fits an idle machine fails a busy one, and says nothing about the product; what is to be *soon* is measured
in a test marked `alone`, which runs while nothing else does.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

PATIENCE_S: Final = 180.0
"""Longer than a circuit stays open (two minutes at most), which a peer may bring about that a busy machine delays."""


async def eventually(holds: Callable[[], bool]) -> None:
    """Returns once it holds; raises TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.02)


async def eventually_said(holds: Callable[[], Awaitable[bool]]) -> None:
    """Like `eventually`, for what has to be asked of a process or a database."""
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():
            await asyncio.sleep(0.03)

"""Latency is what the program takes, not what a caller asked to be held back for."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from connector.foundation.http import latency
from connector.foundation.telemetry import Metrics


async def test_waiting_on_request_does_not_look_like_slowness(
    aiohttp_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: `?wait=30` of every `hanse request` stood in the figures as an answer that took half a minute."""
    now = [100.0]
    monkeypatch.setattr(latency, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    metrics, app = Metrics(), web.Application()

    async def handler(request: web.Request) -> web.Response:
        now[0] += 2
        with latency.held(request):
            now[0] += 30
        return web.Response()

    app.router.add_get("/", handler)
    client = await aiohttp_client(latency.measure(app, metrics, "api"))
    assert (await client.get("/")).status == 200
    assert 'hanse_request_seconds_sum{answer="2xx",surface="api"} 2\n' in metrics.text()

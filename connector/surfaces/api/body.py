"""Bodies of the management surface: strict JSON into Structs, Structs out as JSON."""

from typing import TypeVar

import msgspec
from aiohttp import web

from connector.foundation.errors import Mistake
from connector.foundation.http import limits
from connector.foundation.http.whole import Whole

T = TypeVar("T")


async def read(request: web.Request, cls: type[T]) -> T:
    """Raises Mistake that names the member that is wrong."""
    value = await limits.read_json(request)
    try:
        return msgspec.convert(value, cls)
    except msgspec.ValidationError as error:
        raise Mistake("api.body", problem=str(error)) from error


def answer(value: object, status: int = 200) -> web.Response:
    return Whole(msgspec.json.encode(value), status)

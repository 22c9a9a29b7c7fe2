"""Tests leave this machine for nothing, not even to ask for a name: nobody knows any but `localhost`.

What a resolver says of a made-up name, and how many seconds it takes for that, depends on the network around. Addresses
in all forms that the C library reads by itself stay what they are: whom a name leads to is the subject of some tests.
"""

import socket
from typing import Any

_asked = socket.getaddrinfo


def stay() -> None:
    """From now on, in this process."""
    socket.getaddrinfo = _looked_up


def _looked_up(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> list[Any]:
    name = host.decode() if isinstance(host, bytes) else host
    if name and name.removesuffix(".").lower() == "localhost":
        name = "localhost"  # with its dot it may be looked for outside
    elif name:
        flags |= socket.AI_NUMERICHOST
    try:
        return _asked(name, port, family, type, proto, flags)
    except socket.gaierror as error:
        raise socket.gaierror(socket.EAI_NONAME, f"tests look for nobody outside: {name}") from error

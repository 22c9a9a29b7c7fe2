"""`hanse api`: the OpenAPI document of the management surface; no server has to run."""

from typing import Any

from connector.cli.frame.call import OK, Call
from connector.cli.frame.parser import Words


def register(top: Words, places: Any) -> None:
    top.command(places, "api").set_defaults(run=run)


def run(call: Call) -> int:
    """Prints JSON with or without `--json`: it is for programs."""
    from connector.surfaces.api.openapi import document  # every other command starts without the server's code

    print(document().decode())
    return OK

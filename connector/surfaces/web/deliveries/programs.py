"""How programs open a link: what a person does there, or what she types. Pure.

Nothing of a file's own name becomes code, for that is a stranger's; an address is of our own making.
"""

from typing import Final, NamedTuple

from connector.surfaces.web.call import Call

TABLES: Final = (".csv", ".tsv", ".txt")


class Way(NamedTuple):
    """A program, what to do in it, and what to type (empty: nothing)."""

    tool: str
    steps: str
    code: str


def ways(call: Call, address: str, name: str) -> list[Way]:
    """For a link to a file of this name; none without a link."""
    return [
        Way(call.say(f"web.deliveries.tool.{tool}"), call.say(f"web.deliveries.steps.{tool}"), code)
        for tool, code in (_codes(address, name.lower().endswith(TABLES)) if address else {}).items()
    ]


def _codes(address: str, table: bool) -> dict[str, str]:
    curl = f'curl -fLOJ "{address}"'
    if table:
        python = f'import pandas\ndata = pandas.read_csv("{address}", sep=None, engine="python")'
        return {"qgis": "", "excel": "", "curl": curl, "python": python, "r": f'data <- read.csv2("{address}")'}
    python = f'import urllib.request\nurllib.request.urlretrieve("{address}", "data")'
    return {"qgis": "", "curl": curl, "python": python, "r": f'download.file("{address}", "data", mode = "wb")'}

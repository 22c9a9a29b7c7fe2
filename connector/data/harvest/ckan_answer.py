"""An answer of CKAN's API, read in a process of its own with limits on memory, CPU and time (T76).

Whoever parses JSON lets nothing else run until he is through: a page of millions of names would hold up all
participants for seconds (spec/metadata-import.md 1.1, decision 0060).
"""

import json
from collections.abc import Mapping
from pathlib import Path

import msgspec

from connector.foundation.child_process import ChildProcess
from connector.foundation.errors import PeerError
from connector.kernel.metadata.rdf import oxigraph
from connector.kernel.metadata.rdf.reading import DOCUMENTS, LIMITS, Limits, for_size

_PROCESS = Path(__file__).with_name("ckan_process.py")


class Answer(msgspec.Struct, frozen=True):
    """The N-Triples of each package, by its id; how many packages there are in all, whether further pages can be asked
    for, and how many values of JSON the answer had."""

    packages: Mapping[str, bytes]
    count: int
    searched: bool
    values: int

    @property
    def written(self) -> int:
        """Bytes of all packages."""
        return sum(map(len, self.packages.values()))


class _Report(msgspec.Struct, frozen=True):
    """`packages`: id and number of bytes of each, in the order in which they were written."""

    error: str = ""
    facts: dict[str, int] = {}
    packages: tuple[tuple[str, int], ...] = ()
    count: int = 0
    searched: bool = False
    values: int = 0


async def read(content: bytes, portal: str, most: int, limits: Limits = LIMITS) -> Answer:
    """Packages are named below `portal`. Raises PeerError for what is no answer of CKAN, has more than `most` values,
    or exhausts its reader; whoever gives up takes the process with it."""
    child = ChildProcess(_PROCESS)
    return await child.beside(DOCUMENTS, lambda: _read(child, content, portal, most, limits))


def _read(child: ChildProcess, content: bytes, portal: str, most: int, limits: Limits) -> Answer:
    limits = for_size(limits, len(content))
    asked = json.dumps({"portal": portal, "limits": {**msgspec.structs.asdict(limits), "values": most}})
    code, out, err = child.run(asked, content, limits.wall_s)
    try:
        report = (
            msgspec.json.decode(err.rpartition(b"\n")[2], type=_Report) if code == 0 else _Report(error="rdf.exhausted")
        )
    except msgspec.MsgspecError:
        report = _Report(error="rdf.exhausted")
    if report.error == "http.json-nodes":
        raise PeerError("http.json-nodes", limit=report.facts["limit"])
    if report.error == "harvest.no-ckan":
        raise PeerError("harvest.no-ckan")
    if report.error or code != 0:
        raise PeerError("rdf.exhausted")
    packages, start = {}, 0
    for name, length in report.packages:
        packages[name] = out[start : start + length]
        start += length
    return Answer(packages, report.count, report.searched, report.values)


def triples(packages: Mapping[str, bytes]) -> tuple[oxigraph.Triple, ...]:
    """What all of them say, without repetition. Blocks."""
    quads = oxigraph.parse(b"".join(packages.values()), format=oxigraph.RdfFormat.N_TRIPLES, lenient=True)
    return tuple(dict.fromkeys(quad.triple for quad in quads))

"""A bundle in which records are erased and their tombstones stand."""

import json

import msgspec

from connector.exchange.contracts.evidence.export import LogEvidence
from connector.identity.audit import entry
from connector.verify.checks import records
from connector.verify.checks.records import Erased
from connector.verify.formats import base64url
from tests.verify import forge
from tests.verify.forge import AGREEMENT


def evidence(log: forge.Log, erased: dict[int, tuple[str, int]]) -> LogEvidence:
    """The log's side of a bundle in which these places are only leaves: index to (type, seq)."""
    whole = log.evidence(AGREEMENT)
    lines: list[bytes] = []
    for line in whole.records.splitlines(keepends=True):
        index = json.loads(line)["index"]
        if index in erased:
            data, salt = log.rows[index]
            proof = tuple(base64url.decode_padded(one) for one in json.loads(line)["proof"])
            line = records.write([Erased(index, *erased[index], entry.leaf_data(salt, data), proof)])
        lines.append(line)
    return msgspec.structs.replace(whole, records=b"".join(lines))

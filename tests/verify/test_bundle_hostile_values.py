"""Whatever stands in a bundle, the verifier answers with a verdict: it never breaks, and never steers a terminal."""

import copy
import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.exchange.contracts.evidence import export
from connector.verify import words
from connector.verify.__main__ import lines
from connector.verify.bundle import verify_bundle
from connector.verify.checks import archive, contract
from connector.verify.formats import base64url, jcs
from connector.verify.report import Report
from tests.verify import forge
from tests.verify.forge import Case, Witness, es256
from tests.verify.judge import FAILED, INDETERMINATE, PASSED, changed

ODD: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    2**53 - 1,
    "",
    "x",
    "\u202e",
    "did:web:",
    "2026",
    [],
    [[]],
    {},
    {"a": []},
    ["", 0],
]


def sealed_anew(case: Case, members: dict[str, bytes]) -> Report:
    """These members under a fresh sealed list of files."""
    rest = {name: body for name, body in members.items() if name not in ("manifest.json", "manifest.jws")}
    manifest = jcs.encode({"v": 1, "members": contract.manifest_rows(rest)})
    packed = rest | {"manifest.json": manifest, "manifest.jws": case.seal_manifest(manifest).encode()}
    return verify_bundle(export.pack(packed), case.roots, "de")


def twisted(value: Any, dice: random.Random) -> Any:
    """The value with one node replaced, dropped or doubled."""
    whole = [copy.deepcopy(value)]
    place: Any = whole
    key: Any = 0
    while isinstance(place[key], dict | list) and place[key] and dice.random() < 0.85:
        place = place[key]
        key = dice.choice(list(place) if isinstance(place, dict) else range(len(place)))
    if isinstance(place, dict) and dice.random() < 0.2:
        del place[key]
    elif isinstance(place, list) and place is not whole and dice.random() < 0.2:
        place.append(place[key])
    else:
        place[key] = copy.deepcopy(dice.choice(ODD))
    return whole[0]


SEEDS = [0, pytest.param(1, marks=pytest.mark.long), pytest.param(2, marks=pytest.mark.long)]
"""Each twists in other places."""


@pytest.mark.threat("T54")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["agreement.json", "did-provider.json", "did-consumer.json", "profile.json"])
def test_any_value_in_a_document(case: Case, members: dict[str, bytes], name: str, seed: int) -> None:
    """30 twisted documents each: a verdict, and where the content counts never a pass."""
    dice = random.Random(f"{name} {seed}")
    for _ in range(30):
        other = jcs.encode(twisted(json.loads(members[name]), dice))
        report = sealed_anew(case, members | {name: other})
        assert report.verdict is FAILED or other == members[name]


@pytest.mark.threat("T54")
@pytest.mark.parametrize("seed", SEEDS)
def test_any_value_in_a_record(case: Case, members: dict[str, bytes], seed: int) -> None:
    """100 twisted lines, erased ones among them."""
    dice = random.Random(seed)
    rows = [json.loads(line) for line in members["records.ndjson"].splitlines()]
    rows.append({"index": 3, "leaf": "0" * 64, "proof": [], "erased": {"type": "key", "seq": 1}})
    for _ in range(100):
        at = dice.randrange(len(rows))
        lines_now = [jcs.encode(twisted(row, dice) if here == at else row) for here, row in enumerate(rows)]
        report = sealed_anew(case, members | {"records.ndjson": b"\n".join(lines_now) + b"\n"})
        assert report.verdict is FAILED


@pytest.mark.threat("T54")
@pytest.mark.parametrize("odd", ODD, ids=str)
def test_any_value_in_a_body_that_is_proven(case: Case, odd: Any) -> None:
    """Past bug: a list as document of a key event broke the verifier. An exporter logs whatever it wants."""
    log = case.log
    log.add("key", None, {"event": odd, "kid": odd, "from": odd, "document": odd})
    for kind in ("termination", "tombstone", "transfer"):
        log.add(kind, forge.AGREEMENT, dict.fromkeys(("index", "type", "seq", "ground", "role", "statement"), odd))
    report = verify_bundle(changed(case, log=log.evidence(forge.AGREEMENT)), case.roots)
    assert report.verdict is INDETERMINATE
    assert report.doubts == ("provider-ending", "consumer-ending"), "an end that is nobody's may be anybody's"


@pytest.mark.threat("T54")
@pytest.mark.parametrize("seed", SEEDS)
def test_any_value_in_the_trust_list(case: Case, members: dict[str, bytes], seed: int) -> None:
    """Even signed by the authority: 70 twisted lists, each a verdict."""
    dice = random.Random(seed)
    head, body, _ = members["trust-list.jws"].decode().split(".")
    payload = json.loads(base64url.decode(body))
    for _ in range(70):
        text = f"{head}.{base64url.encode(jcs.encode(twisted(payload, dice)))}"
        signed = f"{text}.{base64url.encode(es256(case.authority.key, text.encode()))}".encode()
        report = sealed_anew(case, members | {"trust-list.jws": signed})
        assert report.verdict in (PASSED, FAILED, INDETERMINATE)


MAY_BE_THERE = sorted(archive.OPTIONAL | archive.TOGETHER[1] | archive.TOGETHER[2])
OTHER_BYTES = [b"", b"\0", b"{}", b"-----BEGIN CERTIFICATE-----\n", b"a.b.c", b"0\x80" * 40]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param(name, content, marks=pytest.mark.long if (place + kind) % 2 else ())
        for place, name in enumerate(MAY_BE_THERE)
        for kind, content in enumerate(OTHER_BYTES)
    ],
)
def test_any_bytes_in_a_member_that_may_be_there(case: Case, name: str, content: bytes) -> None:
    """Optional members are hostile as well; only what is for reading says nothing about the contract."""
    more = {name: content}
    for group in archive.TOGETHER[1:]:
        more |= dict.fromkeys(group, content) if name in group else {}
    if name == archive.ROTATED:
        report = verify_bundle(changed(case, exporter_document=content), case.roots)
    else:
        report = verify_bundle(changed(case, more=more), case.roots)
    harmless = archive.TRANSLATIONS | {"did-termination-provider.json", "did-termination-consumer.json"}
    assert (report.verdict is FAILED) is (name not in harmless)


def test_translations_are_named_as_unsigned(case: Case) -> None:
    """Whoever reads the PDF or the English text is told that no party has signed it."""
    report = verify_bundle(changed(case, more={"text-en.html": b"<html>", "text-de.pdf": b"%PDF"}), case.roots, "en")
    assert report.verdict is PASSED
    said = [note for note in report.notes if "no party has signed it" in note]
    assert [name in note for name, note in zip(("text-de.pdf", "text-en.html"), said, strict=True)] == [True, True]


def test_what_a_bundle_says_cannot_steer_the_terminal() -> None:
    """Escape sequences and direction marks of a DID are spelled out, long ones cut."""
    case = Case()
    evil = "did:web:a\x1b[2J\u202eb\nErgebnis: BESTANDEN"
    other = jcs.loads(case.parts.agreement)
    assert isinstance(other, dict)
    report = verify_bundle(changed(case, agreement=jcs.encode(other | {"assigner": evil})), case.roots)
    text = lines(report, "de", datetime.now(UTC))
    shown = next(line for line in text if "did:web:a" in line)
    assert r"did:web:a\x1b[2J\u202eb\x0aErgebnis" in shown
    assert sum(line.startswith("Ergebnis") for line in text) == 1
    assert len(words.visible("x" * 5_000)) == words.LONGEST


def test_a_witness_beyond_every_calendar_gives_no_time() -> None:
    """The time of a cosignature has eight bytes; years do not."""
    case = Case(witness=Witness(at=2**63))
    assert verify_bundle(case.bundle(), case.roots).doubts == ("time",)

"""Whose cosignatures count: the policy of C2SP tlog-policy, the default of the trust list, and the quorum's time."""

from typing import Any

import pytest

from connector.identity.audit import merkle
from connector.verify.formats import base64url, checkpoint, cosignature
from connector.verify.formats.checkpoint import ML_DSA_44, TIMED_ED25519, Checkpoint, NoteKey
from connector.verify.formats.faults import Fault
from tests.verify.forge import PROVIDER, Log, LogKey, Witness

AT = 1_795_000_000
ONE, TWO, THREE, FOUR = (Witness(f"did:web:{name}.example", AT + at) for at, name in enumerate(("a", "b", "c", "d")))
FOREIGN = [one.entry() for one in (ONE, TWO, THREE, FOUR)]
OWN = "did:web:own.example"


@pytest.fixture(scope="module")
def log() -> Log:
    return Log(PROVIDER)


@pytest.fixture(scope="module")
def note(log: Log) -> str:
    return log.note(merkle.Tree([merkle.leaf_hash(b"a")]))


def key(one: Witness, number: int = 0) -> NoteKey:
    keys = one.entry()["keys"]
    assert isinstance(keys, list)
    found = checkpoint.key_of(cosignature.name_of(one.url), keys[number], TIMED_ED25519)
    assert found is not None
    return found


def vkey(one: Witness, number: int = 0) -> str:
    return cosignature.vkey_of(key(one, number))


def seen(note: str, *by: Witness) -> Checkpoint:
    for one in by:
        note = one.cosign(note)
    return checkpoint.parse(note)


# What the trust list says without a file


def test_one_foreign_operator_is_enough_while_there_are_few(note: str) -> None:
    """Up to three foreign operators: any; the earliest time counts, in milliseconds."""
    policy = cosignature.derived(FOREIGN[:3], OWN)
    assert policy is not None
    assert cosignature.time_of(seen(note), policy) is None
    assert cosignature.time_of(seen(note, TWO, THREE), policy) == (AT + 1) * 1000


def test_two_are_asked_for_once_there_are_four(note: str) -> None:
    """The time is the one by which two had vouched."""
    policy = cosignature.derived(FOREIGN, OWN)
    assert policy is not None
    assert cosignature.time_of(seen(note, ONE), policy) is None
    assert cosignature.time_of(seen(note, FOUR, ONE), policy) == (AT + 3) * 1000


@pytest.mark.threat("T150")
def test_who_was_a_witness_vouches_for_before_and_raises_no_number(note: str) -> None:
    """>> three of four have left << the one that is there is enough, and so is what a former one signed in time."""
    end = {"validUntil": "2100-01-01T00:00:00Z"}
    former = [{**one, "keys": [{**key, **end} for key in one["keys"]]} for one in FOREIGN[1:]]
    policy = cosignature.derived([FOREIGN[0], *former], OWN)
    assert policy is not None
    assert cosignature.time_of(seen(note, ONE), policy) == AT * 1000
    assert cosignature.time_of(seen(note, TWO), policy) == (AT + 1) * 1000


def test_the_two_keys_of_a_witness_count_once(note: str) -> None:
    """Both of its lines together are one voice."""
    policy = cosignature.derived(FOREIGN, OWN)
    assert policy is not None
    assert len(seen(note, ONE).lines) == 4
    assert cosignature.time_of(seen(note, ONE), policy) is None


@pytest.mark.threat("T50")
def test_the_operator_of_a_log_never_counts(note: str) -> None:
    """Not under its own name, and not with its key under the name of another."""
    assert cosignature.derived(FOREIGN[:1], ONE.operator) is None
    assert cosignature.derived([], OWN) is None
    borrowed = {**FOREIGN[1], "url": ONE.url, "keys": FOREIGN[0]["keys"]}
    assert cosignature.derived([FOREIGN[0], borrowed], ONE.operator) is None
    assert cosignature.derived([borrowed, FOREIGN[0]], ONE.operator) is None


ALIKE = ["did:web:A.example", "did:web:\u200ba.example", "did:web:\u0430.ex\u0430mple", " did:web:a.example"]
"""What people take for the first witness's operator."""


@pytest.mark.threat("T148")
@pytest.mark.parametrize("name", ALIKE)
def test_bug_the_operator_of_a_log_counted_under_a_name_that_looks_like_its_own(note: str, name: str) -> None:
    """>> the log's operator, or the witness, written with signs that nobody tells apart << nobody vouches."""
    assert cosignature.derived(FOREIGN[:1], name) is None
    listed = [{**FOREIGN[0], "operator": name}]
    assert cosignature.derived(listed, ONE.operator) is None
    assert cosignature.seen_by(seen(note, ONE), listed, ONE.operator)
    assert list(
        cosignature.apart(
            cosignature.parse(f"witness a {vkey(ONE)}\nquorum a\n"), listed, ONE.operator
        ).witnesses.values()
    ) == [None]


@pytest.mark.threat("T148")
def test_bug_an_operator_in_four_spellings_was_a_quorum_of_two(note: str) -> None:
    """>> four witnesses of one operator, each time spelled otherwise << one voice, so any is enough and it is one."""
    spelled = [{**one, "operator": name} for one, name in zip(FOREIGN, ALIKE, strict=True)]
    policy = cosignature.derived(spelled, OWN)
    assert policy is not None
    assert len(policy.groups) == 2
    assert policy.fewest == 1


@pytest.mark.threat("T50")
def test_one_key_under_many_names_is_one_voice(note: str) -> None:
    """Four operators that share a key do not make a quorum of two."""
    shared = [{**FOREIGN[0], "operator": f"did:web:{number}.example"} for number in range(4)]
    policy = cosignature.derived(shared, OWN)
    assert policy is not None
    assert cosignature.time_of(seen(note, ONE), policy) == AT * 1000
    assert len(policy.groups) == 2


@pytest.mark.parametrize("witnesses", [None, {}, [1], [{}], [{"operator": "a", "url": 1, "keys": []}]])
def test_a_list_of_witnesses_that_is_none_is_a_fault(witnesses: Any) -> None:
    with pytest.raises(Fault, match="trust-list-form"):
        cosignature.derived(witnesses, OWN)


def test_keys_of_other_kinds_are_nobody() -> None:
    """What cannot cosign is not a witness, and not an error: lists may name kinds to come."""
    assert cosignature.derived([{**FOREIGN[0], "keys": [{"kty": "EC", "crv": "P-256"}, 5]}], OWN) is None
    with pytest.raises(Fault, match="log-key"):
        cosignature.derived([{**FOREIGN[0], "keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}]}], OWN)


# Cosignatures


def test_either_key_alone_holds(note: str) -> None:
    """Ed25519 over time and text, ML-DSA-44 over the tree: each is enough."""
    for number, kind in enumerate((TIMED_ED25519, ML_DSA_44)):
        policy = cosignature.parse(f"witness w {vkey(ONE, number)}\nquorum w\n")
        assert key(ONE, number).kind == kind
        assert cosignature.time_of(seen(note, ONE), policy) == AT * 1000


def test_the_earlier_of_two_times_counts(note: str) -> None:
    """A witness that cosigned twice proves the first of both times."""
    twice = ONE.cosign(ONE.cosign(note, AT + 9), AT + 2)
    policy = cosignature.derived(FOREIGN[:1], OWN)
    assert policy is not None
    assert cosignature.time_of(checkpoint.parse(twice), policy) == (AT + 2) * 1000


@pytest.mark.parametrize("line", [2, 3])
@pytest.mark.parametrize("position", [4, 11, 12, 70])
def test_a_line_that_does_not_hold_is_never_outvoted(note: str, line: int, position: int) -> None:
    """One bit of time or signature of a known witness: a fault, though the other lines hold."""
    lines = TWO.cosign(ONE.cosign(note)).splitlines(keepends=True)
    head, _, last = lines[4 + line].rstrip("\n").rpartition(" ")
    blob = bytearray(base64url.decode_padded(last))
    blob[position] ^= 1
    lines[4 + line] = f"{head} {base64url.encode_padded(bytes(blob))}\n"
    policy = cosignature.derived(FOREIGN[:2], OWN)
    assert policy is not None
    with pytest.raises(Fault, match="cosignature"):
        cosignature.time_of(checkpoint.parse("".join(lines)), policy)


def test_lines_of_strangers_say_nothing(note: str) -> None:
    """An unknown witness; and a known key id under another name, which is another key."""
    policy = cosignature.derived(FOREIGN[:1], OWN)
    assert policy is not None
    renamed = TWO.cosign(note).replace("b.example/witness", "a.example/witness")
    assert cosignature.time_of(seen(note, THREE), policy) is None
    assert cosignature.time_of(checkpoint.parse(renamed), policy) is None


def test_a_cosignature_of_another_state_is_none_of_this_one(log: Log, note: str) -> None:
    """Copied under another checkpoint of the same log it does not hold."""
    other = log.note(merkle.Tree([merkle.leaf_hash(b"b")]))
    lines = "".join(ONE.cosign(other).splitlines(keepends=True)[-2:])
    policy = cosignature.derived(FOREIGN[:1], OWN)
    assert policy is not None
    with pytest.raises(Fault, match="cosignature"):
        cosignature.time_of(checkpoint.parse(note + lines), policy)


def test_a_cosignature_without_a_time_proves_no_time(note: str) -> None:
    policy = cosignature.derived(FOREIGN[:1], OWN)
    assert policy is not None
    assert cosignature.time_of(checkpoint.parse(ONE.cosign(note, 0)), policy) is None


# The policy file


def test_groups_of_groups(note: str) -> None:
    """The form of the specification's example: two of three, and any of one."""
    text = "\n".join(
        [
            "# whom we believe",
            "",
            f"\twitness x1 {vkey(ONE)} https://a.example/witness",
            f"witness x2 {vkey(TWO)}",
            f"witness x3  {vkey(THREE)}",
            "group x 2 x1 x2 x3",
            f"witness y1 {vkey(FOUR)} ",
            "group y any y1",
            "group both all x y",
            "quorum both",
            "",
        ]
    )
    policy = cosignature.parse(text)
    assert cosignature.time_of(seen(note, ONE, TWO), policy) is None
    assert cosignature.time_of(seen(note, ONE, FOUR), policy) is None
    assert cosignature.time_of(seen(note, ONE, TWO, FOUR), policy) == (AT + 3) * 1000
    assert (
        cosignature.time_of(seen(note, ONE, TWO), cosignature.parse(text.replace("quorum both", "quorum x")))
        is not None
    )


def test_a_policy_that_asks_for_nobody_proves_no_time(note: str) -> None:
    """`none` is a valid quorum; a time comes from somebody."""
    assert cosignature.time_of(seen(note, ONE), cosignature.parse(f"witness a {vkey(ONE)}\nquorum none")) is None


def test_only_the_logs_named_are_meant(log: Log, note: str) -> None:
    """A policy with logs says nothing of others."""
    public = base64url.decode(log.keys[0].public_jwk["x"])
    own = cosignature.vkey_of(NoteKey(checkpoint.parse(note).origin, checkpoint.ED25519, public))
    tail = f"witness w {vkey(ONE)}\nquorum w\n"
    assert cosignature.time_of(seen(note, ONE), cosignature.parse(f"log {own} https://x.example\n{tail}")) == AT * 1000
    stranger = NoteKey("x.example/log/0", checkpoint.ED25519, base64url.decode(LogKey().public_jwk["x"]))
    assert (
        cosignature.time_of(seen(note, ONE), cosignature.parse(f"log {cosignature.vkey_of(stranger)}\n{tail}")) is None
    )


A, B = f"witness a {vkey(ONE)}", f"witness b {vkey(TWO)}"
NAME, HEX, KEY = vkey(ONE).split("+", 2)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 0),
        (A, 0),
        (f"{A}\nquorum a\nquorum a", 3),
        (f"{A}\nquorum b\n{B}", 2),
        (f"{A}\n{A.replace(' a ', ' c ')}\nquorum a", 2),
        (f"{A}\n{B.replace(' b ', ' a ')}\nquorum a", 2),
        (f"witness none {vkey(ONE)}\nquorum none", 1),
        (f"{A}\ngroup g any none\nquorum g", 2),
        (f"{A}\ngroup g any\nquorum g", 2),
        (f"{A}\ngroup g 0 a\nquorum g", 2),
        (f"{A}\ngroup g 2 a\nquorum g", 2),
        (f"{A}\ngroup g 01 a\nquorum g", 2),
        (f"{A}\ngroup g any a a\nquorum g", 2),
        (f"{A}\ngroup g any a\ngroup h any a\nquorum h", 3),
        (f"{A}\ngroup g any g\nquorum g", 2),
        (f"{A}\ngroup a any a\nquorum a", 2),
        (f"{A} url more\nquorum a", 1),
        (f"{A}\r\nquorum a", 1),
        (f"{A}\nquorum\x0ba", 2),
        (f"Witness a {vkey(ONE)}\nquorum none", 1),
        (f"witness a {NAME}+{HEX}\nquorum a", 1),
        (f"witness a {NAME}+{HEX.upper()}x+{KEY}\nquorum a", 1),
        (f"witness a {NAME}+00000000+{KEY}\nquorum a", 1),
        (f"witness a x{NAME}+{HEX}+{KEY}\nquorum a", 1),
        (f"witness a {NAME}+{HEX}+{KEY[:-4]}\nquorum a", 1),
        (f"log {vkey(ONE)}\nquorum none", 1),
        ("#" * (cosignature.LIMIT + 1), 0),
        ("quorum none\n" + "\n".join(f"group g{n} any g{n - 1}" for n in range(300)), 2),
    ],
    ids=lambda value: str(value)[:9],
)
def test_other_spellings_are_refused_with_the_line(text: str, line: int) -> None:
    """Doubled, undefined, circular, out of range, foreign characters, keys that are none."""
    with pytest.raises(Fault) as caught:
        cosignature.parse(text)
    assert (caught.value.code, caught.value.facts["line"]) == ("witness-policy", line)


def test_a_vkey_is_written_as_it_is_read() -> None:
    """Both kinds, also where the base64 holds a plus."""
    for one in (ONE, TWO, THREE, FOUR):
        for number in (0, 1):
            assert cosignature.parse(f"witness w {vkey(one, number)}\nquorum w").witnesses["w"] == key(one, number)

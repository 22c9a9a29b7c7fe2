"""Strict JSON: what every reader would read alike passes, everything else is refused, fast."""

import contextlib
import json
import resource
import time
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connector.foundation.errors import PeerError
from connector.foundation.http import strict
from connector.foundation.http.strict import DEPTH, loads, steers
from tests.fuzz.effort import amount

TEXT = st.text(st.characters(codec="utf-8", categories=("L", "M", "N", "P", "S", "Z")))
NUMBER = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=30,
)


@settings(max_examples=amount(40, 100))
@given(PLAIN, st.booleans())
def test_ordinary_json_reads_as_the_standard_library_reads_it(value: object, ascii_only: bool) -> None:
    """>> any value of ours << the same value, escaped or not."""
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert loads(text) == json.loads(text)


SIGNS = st.text(
    st.sampled_from('ab\t\n\x00\x08\x1f\x7f\x80\x9f\xa0§ä–—\u200d\u202a\u202e\u2066\u2069\u206a€😀\\"/'), max_size=6
)
LITERAL = st.sampled_from(
    [
        "0",
        "-0",
        "-0.0",
        "1.0",
        "1.50",
        "1e5",
        "1E5",
        "1e-7",
        "1e16",
        "1e17",
        "0.1",
        "5e-324",
        "1.7976931348623157e308",
        "1e400",
        "123456789012345678",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "12345678901234567890",
        "99999999999999999999",
        "123456789012345678901",
        "-1234567890123456789",
        "-12345678901234567890",
        "9" * 400,
        "true",
        "null",
        "NaN",
        "Infinity",
        r'"\u00e4"',
        r'"\ud83d\ude00"',
        r'"\ud800"',
        r'"\u0001"',
        r'"\/"',
        r'"\b"',
        '"\x7f"',
        '{"a":1,"a":1}',
        '{"a":1,"a":2}',
        '{"":0}',
        "[]",
        "{}",
        "\ufeff1",
    ]
)
TEXTS = st.recursive(
    LITERAL | SIGNS.map(json.dumps) | SIGNS.map(lambda text: json.dumps(text, ensure_ascii=False)),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[{','.join(parts)}]")
        | st.lists(st.tuples(SIGNS.map(json.dumps), inner), max_size=3).map(
            lambda pairs: "{" + ",".join(f"{name}:{part}" for name, part in pairs) + "}"
        )
    ),
    max_leaves=8,
)


@settings(max_examples=amount(50, 100))
@given(TEXTS, st.sampled_from(["", " ", "\n"]))
@example("123456789012345678901", "")
@example('[{"a":-12345678901234567890}]', "")
def test_a_text_as_we_write_it_reads_as_any_other_way_of_writing_it(text: str, space: str) -> None:
    """>> numbers, escapes, names that stand twice, signs that steer << the same value of the same types, or the same
    error, as by the slow reader and a look at every string."""
    data = (text + space).encode()
    assert outcome(lambda: loads(data)) == outcome(lambda: slowly(data))


def outcome(read: Callable[[], object]) -> str:
    try:
        return repr(read())
    except PeerError as error:
        return error.code


def slowly(data: bytes) -> object:
    """The slow reader for everything."""
    try:
        value = strict._DECODER.decode(data.decode())
    except ValueError as cause:
        raise PeerError("http.json-syntax") from cause
    strict._walk(value, strict.NODES, strict.STRING, None)
    return value


@given(SIGNS)
def test_no_sign_that_steers_is_missed(text: str) -> None:
    """>> a string of letters and odd signs << it is read exactly if nothing in it steers a screen."""
    data = json.dumps([text], ensure_ascii=False).encode()
    assert (outcome(lambda: loads(data)) == "http.json-characters") is steers(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_peer_error(data: bytes) -> None:
    """Nothing but `PeerError` leaves the loader."""
    with contextlib.suppress(PeerError):
        assert loads(data) == json.loads(data)


BOMBS = {
    "deep lists": (b"[" * 100_000 + b"]" * 100_000, "http.json-depth"),
    "deep objects": (b'{"a":' * 40_000 + b"1" + b"}" * 40_000, "http.json-depth"),
    "deep, unclosed": (b"[" * 200_000, "http.json-depth"),
    "one level too deep": (b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1), "http.json-depth"),
    "deep below the recursion limit": (b"[" * 500 + b"]" * 500, "http.json-depth"),
    "deep mixed": (b'[{"a":' * 300 + b"1" + b"}]" * 300, "http.json-depth"),
    "too many numbers": (b"[" + b"1," * 100_000 + b"1]", "http.json-nodes"),
    "too many empty lists": (b"[" + b"[]," * 50_000 + b"[]]", "http.json-nodes"),
    "too many empty objects": (b"[" + b"{}," * 50_000 + b"{}]", "http.json-nodes"),
    "too many members": (json.dumps({f"k{n}": 1 for n in range(10_001)}).encode(), "http.json-nodes"),
    "too large": (b'"' + b"a" * 262_144 + b'"', "http.json-size"),
    "megabytes of space": (b" " * 5_000_000 + b"1", "http.json-size"),
    "long string": (b'"' + b"a" * 65_537 + b'"', "http.json-string"),
    "long name": (b'{"' + b"a" * 65_537 + b'":1}', "http.json-string"),
    "long string in a list": (b'["' + b"a" * 65_537 + b'"]', "http.json-string"),
    "same name twice": (b'{"alg":"none","alg":"ES256"}', "http.json-duplicate"),
    "same name twice, escaped": (b'{"a":1,"\\u0061":2}', "http.json-duplicate"),
    "same name twice, deep": (b'[[{"x":{"a":1,"a":1}}]]', "http.json-duplicate"),
    "same name ten thousand times": (b"{" + b'"a":1,' * 10_000 + b'"a":1}', "http.json-duplicate"),
    "NaN": (b'{"a":NaN}', "http.json-number"),
    "Infinity": (b"[Infinity]", "http.json-number"),
    "minus Infinity": (b"[-Infinity]", "http.json-number"),
    "overflowing float": (b"[1e400]", "http.json-number"),
    "5000 digits": (b"[" + b"9" * 5000 + b"]", "http.json-number"),
    "200 000 digits": (b"[" + b"9" * 200_000 + b"]", "http.json-number"),
    "bad UTF-8": (b'{"a":"\xff"}', "http.json-encoding"),
    "overlong UTF-8": (b'{"a":"\xc0\xaf"}', "http.json-encoding"),
    "surrogate in UTF-8": (b'{"a":"\xed\xa0\x80"}', "http.json-encoding"),
    "UTF-16": ('{"a":1}'.encode("utf-16"), "http.json-encoding"),
    "byte order mark": (b'\xef\xbb\xbf{"a":1}', "http.json-syntax"),
    "lone surrogate": (b'["\\ud800"]', "http.json-characters"),
    "lone low surrogate in a name": (b'{"\\uDC00":1}', "http.json-characters"),
    "null character": (b'["a\\u0000b"]', "http.json-characters"),
    "escape sequence of a terminal": (b'["\\u001b[2J"]', "http.json-characters"),
    "backspace": (b'["a\\bb"]', "http.json-characters"),
    "form feed": (b'["a\\fb"]', "http.json-characters"),
    "delete": (b'["a\x7fb"]', "http.json-characters"),
    "delete, escaped": (b'["a\\u007Fb"]', "http.json-characters"),
    "C1 control": ('["a\u009b2Jb"]'.encode(), "http.json-characters"),
    "C1 control, escaped": (b'["a\\u009Bb"]', "http.json-characters"),
    "override of direction": ('["a\u202eb"]'.encode(), "http.json-characters"),
    "override of direction, escaped": (b'{"a\\u202Eb":1}', "http.json-characters"),
    "embedding of direction": ('{"a":{"\u202a":1}}'.encode(), "http.json-characters"),
    "isolate of direction": ('[["\u2066"]]'.encode(), "http.json-characters"),
    "isolate of direction, escaped": (b'["\\u2069"]', "http.json-characters"),
    "line breaks and tabs": (b'["a\\n\\r\\tb\\u000a"]', None),
    "escaped backslashes": (b'["C:\\\\u202e\\\\bin"]', None),
    "words of other languages": ('["„§ 5“ – naïve \u200e\u200f שלום \u00a0"]'.encode(), None),
    "raw control character": (b'["a\nb"]', "http.json-syntax"),
    "trailing text": (b"{} {}", "http.json-syntax"),
    "nothing": (b"", "http.json-syntax"),
    "comment": (b"{/*a*/}", "http.json-syntax"),
    "single quotes": (b"{'a':1}", "http.json-syntax"),
    "one million escapes": (b'"' + b"\\u0041" * 40_000 + b'"', None),
}


@pytest.mark.threat("T13")
@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_quickly(name: str) -> None:
    """>> a nasty text << its own refusal, within 100 ms of this thread (best of three: one may meet the collector)."""
    assert min(_judged(name) for _ in range(3)) < 0.1


def _judged(name: str) -> float:
    """Seconds that the verdict cost, the verdict itself checked."""
    data, code = BOMBS[name]
    began = time.thread_time()
    if code is None:
        loads(data)
        return time.thread_time() - began
    with pytest.raises(PeerError) as refused:
        loads(data)
    assert refused.value.code == code
    assert 400 <= refused.value.status < 500
    return time.thread_time() - began


@pytest.mark.threat("T13")
def test_the_whole_corpus_costs_no_memory_to_speak_of() -> None:
    """All bombs in a row raise the peak by less than 20 MB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data, code in BOMBS.values():
        if code is not None:
            with pytest.raises(PeerError):
                loads(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_the_allowed_depth_is_allowed() -> None:
    """The last legal level passes, in lists and in objects."""
    loads(b"[" * DEPTH + b"]" * DEPTH)
    loads(b'{"a":' * (DEPTH - 1) + b"{}" + b"}" * (DEPTH - 1))


def test_escaped_pairs_and_escaped_backslashes_are_text() -> None:
    """A surrogate pair is one character; a backslash before `ud800` is just a backslash."""
    assert loads(b'["\\ud83d\\ude00"]') == ["\U0001f600"]
    assert loads(b'["\\\\ud800"]') == ["\\ud800"]


def test_commas_and_brackets_in_strings_do_not_count() -> None:
    """The cheap bound overcounts, the exact count decides."""
    assert loads(json.dumps(["[{,:" * 5_000]).encode()) == ["[{,:" * 5_000]


def test_limits_are_arguments() -> None:
    """A catalogue answer may be larger than a message."""
    big = json.dumps(list(range(20_000))).encode()
    assert loads(big, limit=1_000_000, nodes=30_000) == list(range(20_000))

"""How a text is written: UTF-8, UTF-16, Windows-1252, Latin-1 or DOS (850), and how sure that is.

UTF-8 proves itself: text in any other encoding is none. Encodings of one byte do not; between them decides which one
reads as German. The whole file is looked at in pieces, never held (spec/reading.md 1.2).
"""

import codecs
import re
from typing import BinaryIO

from connector.kernel.reading.model import Encoding, Refused

PIECE = 1 << 20
HIGH = 64 * 1024
"""Bytes above ASCII, with what surrounds them, that decide between encodings of one byte."""
_GERMAN = frozenset("äöüÄÖÜß")
_USUAL = frozenset("äöüÄÖÜß§€°²³–—„“”‚‘’…éèêàáâçñôóíëïôøåÉ½¼µ·×®©«»\u00a0")
_TWICE = re.compile(
    rb"\xc3\x83\xc2[\xa4\xb6\xbc\x84\x96\x9c\x9f]|\xc3\x83\xc5[\xb8\x93\xa1]|\xc3\x83\xe2\x80[\x9e\x93]"
)
"""`ä` to `ß` in UTF-8, read as one byte each and written as UTF-8 once more."""
_CONTROLS = b"\x01\x02\x03\x04\x05\x06\x0e\x0f\x10\x11\x12\x14\x15\x16"
_UNDEFINED = frozenset(b"\x81\x8d\x8f\x90\x9d")
"""Bytes that Windows-1252 gives no character."""
_AROUND = re.compile(rb"[\x20-\x7e]{0,2}[\x80-\xff]+[\x20-\x7e]{0,2}")
ENOUGH = 10_000
MOST_DAMAGED = 0.01
"""Share of the characters above ASCII that may be broken in what still counts as UTF-8."""


class _Pass:
    """What one walk over the bytes tells."""

    def __init__(self) -> None:
        self.size = self.wrong = self.right = self.nul_even = self.nul_odd = self.control = 0
        self.twice = False
        self.high = bytearray()
        self._decoder = codecs.getincrementaldecoder("utf-8")("hanse-count")
        self.parts: list[int] = []

    def take(self, piece: bytes, final: bool) -> None:
        offset = self.size % 2
        self.nul_even += piece[offset::2].count(0)
        self.nul_odd += piece[1 - offset :: 2].count(0)
        self.control += len(piece) - len(piece.translate(None, delete=_CONTROLS))
        self.size += len(piece)
        if not piece.isascii():
            self.twice = self.twice or _TWICE.search(piece) is not None
            if len(self.high) < HIGH:
                for found in _AROUND.finditer(piece):
                    self.high += found[0] + b" "
                    if len(self.high) >= HIGH:
                        break
        if self.wrong > ENOUGH and self.wrong > self.right:
            return  # no UTF-8, however it goes on
        text = self._decoder.decode(piece, final)
        lost = text.count("\ufffd")
        self.wrong += lost
        if not text.isascii():
            self.right += len(text.encode("utf-8", "replace")) - len(text) - 2 * lost


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """One sign for each byte that is none, so that they can be counted."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\ufffd", error.start + 1


codecs.register_error("hanse-count", _replaced)


def encoding_of(file: BinaryIO) -> Encoding:
    """Of the whole file, which is read to its end; raises `Refused` for what is no text."""
    file.seek(0)
    first = file.read(4)
    if first.startswith(codecs.BOM_UTF8):
        told = _walk(file)
        return Encoding(name="utf-8-sig", sureness="certain", bom=True, damaged=told.wrong, twice=told.twice)
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoding(name="utf-16", sureness="certain", bom=True)
    told = _walk(file)
    if told.size == 0:
        raise Refused("empty")
    if max(told.nul_even, told.nul_odd) > 0.25 * told.size and min(told.nul_even, told.nul_odd) < 0.05 * told.size:
        return Encoding(name="utf-16-be" if told.nul_even > told.nul_odd else "utf-16-le", sureness="likely")
    if told.nul_even + told.nul_odd + told.control > 0.001 * told.size:
        raise Refused("no-text")
    if told.wrong == 0:
        return Encoding(name="utf-8", sureness="certain", twice=told.twice)
    if told.wrong < MOST_DAMAGED * (told.right + told.wrong):
        return Encoding(name="utf-8", sureness="likely", damaged=told.wrong, twice=told.twice)
    return _one_byte(bytes(told.high))


def _walk(file: BinaryIO) -> _Pass:
    told = _Pass()
    file.seek(0)
    while piece := file.read(PIECE):
        told.take(piece, final=False)
    told.take(b"", final=True)
    return told


def _one_byte(high: bytes) -> Encoding:
    """Windows-1252 unless the bytes read better in DOS; where both say the same it is Latin-1 as well."""
    windows = _score(high.decode("cp1252", "replace"))
    dos = _score(high.decode("cp850", "replace"))
    above = [byte for byte in high if byte >= 0x80]
    if dos > windows:
        return Encoding(name="cp850", sureness="likely" if windows <= 0 else "guessed")
    name = "latin-1" if _UNDEFINED & set(above) or all(byte >= 0xA0 for byte in above) else "cp1252"
    return Encoding(name=name, sureness="likely" if windows > 0.6 * len(above) else "guessed")


def _score(text: str) -> float:
    """How much of what is above ASCII is usual in German; letters stand beside letters."""
    score = 0.0
    for at, sign in enumerate(text):
        if sign < "\x80":
            continue
        beside = text[max(0, at - 1) : at + 2]
        if sign in _GERMAN:
            score += 1 if any(each.isascii() and each.isalpha() for each in beside) else 0.3
        elif sign in _USUAL:
            score += 0.8
        elif sign.isalpha():
            score += 0.2
        else:
            score -= 1
    return score

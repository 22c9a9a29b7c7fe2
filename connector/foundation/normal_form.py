"""Unicode normal forms of text that anybody sent, in steady time (UAX 15; spec/trust.md 5.3; threat T178).

Whoever normalises sorts marks one by one: 60 000 over one letter hold a process for seconds, and a form or a message
takes twice as many. So a joiner stands behind every 30 marks in a row, as UAX 15 has it for stream-safe text. No text
of a person has so many.
"""

from typing import Final, Literal
from unicodedata import combining, normalize

MOST_MARKS: Final = 30
JOINER: Final = "\u034f"
_MARKS: Final = frozenset("\u0f73\u0f75\u0f81\uff9e\uff9f")
"""What is no mark as it stands, and comes apart into marks alone."""


def normal_form(form: Literal["NFC", "NFKC", "NFKD"], text: str) -> str:
    """The text in this form; with joiners in it where it has more marks in a row."""
    return normalize(form, settled(text))


def settled(text: str) -> str:
    """The text with a joiner behind every 30 marks in a row."""
    if len(text) <= MOST_MARKS or text.isascii():
        return text
    signs, run = list[str](), 0
    for sign in text:
        run = run + 1 if combining(sign) or sign in _MARKS else 0
        if run > MOST_MARKS:
            signs.append(JOINER)
            run = 1
        signs.append(sign)
    return "".join(signs)

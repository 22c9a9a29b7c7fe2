"""A pseudonym in a text: found as a word of its own, and blanked.

Within a longer name it is somebody or something else. Whatever else stands beside it (a bracket, a file's ending, a
slash) leaves it what it is, and so does a sign that JSON or an address writes with letters: too much told is a smaller
harm than something hidden from the person concerned.
"""

import re

BLANK = "p-******"
"""Stands where a pseudonym stood; it is none itself, and fits into JSON as it is."""
_BEGIN = r"(?:(?<![\w-])|(?<=\\[bfnrt])|(?<=\\u[0-9a-fA-F]{4})|(?<=%[0-9a-fA-F]{2}))"
"""Columns are searched as the JSON text that they are, with addresses in them: the sign before may be an escape."""
_ANY = re.compile(_BEGIN + r"p-[0-9a-f]{6}(?![\w-])")


def said(text: str) -> list[str]:
    """All that a text says, in order."""
    return _ANY.findall(text)


def says(text: str, pseudonym: str) -> bool:
    """Whether it says this one."""
    return pseudonym in text and pseudonym in said(text)


def blanked(text: str, pseudonym: str) -> str:
    """The text without this one."""
    return _ANY.sub(lambda found: BLANK if found[0] == pseudonym else found[0], text)

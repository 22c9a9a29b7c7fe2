"""Text of strangers that came as HTML, as the text that they meant; only to be read: what is kept stays as it was.

Many catalogues write descriptions in HTML. What comes out is still a stranger's: whoever shows it escapes it.
"""

import html
import re
from typing import Final

_BLOCKS: Final = "p|div|br|ul|ol|tr|table|h[1-6]|blockquote|section|hr"
_INLINE: Final = "a|b|i|u|em|strong|span|sub|sup|small|font|code|td|th|tbody|thead|img"
_NAME: Final = rf"(?:(?P<block>{_BLOCKS})|(?P<item>li)|{_INLINE})"
_TAG = re.compile(rf"<(?P<end>/?){_NAME}(?:\s[^<>]{{0,1000}})?/?>", re.IGNORECASE)
"""Only what is a tag of HTML: `x < 5` and `<name>` are text."""
_HIDDEN = re.compile(r"<(script|style)\b[^<>]{0,1000}>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL)
LONGEST: Final = 100_000
"""Characters that are looked at; what is longer stays as it is."""


def readable(text: str) -> str:
    """The text without tags, its paragraphs and list items as lines; as it is where it holds no tag of HTML."""
    if len(text) > LONGEST or _TAG.search(text) is None:
        return text
    bare = _TAG.sub(_line, _HIDDEN.sub("", text))
    lines = (" ".join(line.split()) for line in html.unescape(bare).splitlines())
    return "\n".join(line for line in lines if line)


def _line(tag: re.Match[str]) -> str:
    if tag["item"]:
        return "" if tag["end"] else "\n– "
    return "\n" if tag["block"] else ""

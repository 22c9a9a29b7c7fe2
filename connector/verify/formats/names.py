"""Names as people see them: two that look alike are one, whoever wrote them (spec/trust.md 4.1; threat T148).

What does not show, capitals, spaces and letters of other scripts that look like Latin ones make no other name. Within
one script nothing is taken for something else: `l` and `1`, or `o` and `ö`, are for people to tell apart.
"""

import re
from functools import lru_cache
from unicodedata import normalize

LONGEST = 512
"""Characters of a name that are looked at; behind them it counts as it is written."""
_UNSEEN = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What Unicode says may be ignored when it is shown, and the empty signs of Braille."""
_LOOKS = str.maketrans(
    dict(zip("АВЕЅІЈКМНОРСТУХԌԚԜ", "ABESIJKMHOPCTYXGQW", strict=True))  # Cyrillic
    | dict(zip("авеѕіјкмнорстухԁһԛԝӏѵ", "abesijkmhopctyxdhqwlv", strict=True))
    | dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True))  # Greek
    | dict(zip("αβγεηικμνορτυχω", "abyenikuvoptuxw", strict=True))
    | dict(zip("гп", "rn", strict=True))  # Cyrillic again: in capitals neither looks like a Latin letter
    | dict(zip("ᎠᎡᎢᎥᎩᎪᎫᎬᎳᎷᎻᎽᏀᏂᏃᏏᏒᏔᏕᏙᏚᏞᏟᏢᏦᏧᏳᏴ", "drtiyajewmhyghzbrwsvslcpkdgb", strict=True))  # Cherokee
    | dict(zip("ꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ", "bpdtgkjczfmnlsrvhwxyaeiou", strict=True))  # Lisu
    | dict(zip("ⲀⲂⲎⲒⲔⲘⲚⲞⲢⲤⲦⲨⲬⲁⲃⲏⲓⲕⲙⲛⲟⲣⲥⲧⲩⲭ", 2 * "abhikmnopctyx", strict=True))  # Coptic
    | dict(zip("ՍՕՏԼօոսհցյզ", "uoslonuhgjq", strict=True))  # Armenian
    | dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz", strict=True))  # Latin small capitals
    | dict(zip("ıɑɡɩ‐‑‒–—―−‘’ʼ′`´", "iagi-------" + 6 * "'", strict=True))
)
"""Letters and signs by what they look like, without their marks: an umlaut looks the same on a Cyrillic letter. A Greek
letter of which that differs by case is no one letter."""
_DOTTED = re.compile("([ij])\u0307")
"""A dot above these letters is drawn in place of their own."""


def hides(name: str) -> bool:
    """Whether it has signs that do not show: no name of anybody needs them."""
    return _UNSEEN.search(name) is not None


@lru_cache(4_096)
def seen(name: str) -> str:
    """A name as people see it: equal for two that look alike."""
    shown = _UNSEEN.sub("", normalize("NFKD", name[:LONGEST]))
    words = " ".join("".join(sign if sign.isprintable() else " " for sign in shown).split())
    folded = words.translate(_LOOKS).casefold().translate(_LOOKS)
    return normalize("NFC", _DOTTED.sub(r"\1", folded)) + name[LONGEST:]

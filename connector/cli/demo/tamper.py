"""What a forger would do: the same ZIP with one byte of the contract text changed."""

import zipfile
from io import BytesIO

MEMBER = "text-de.html"


def changed(bundle: bytes) -> bytes:
    """The bundle packed anew, so that the ZIP itself is in order and only the content is another."""
    made = BytesIO()
    with zipfile.ZipFile(BytesIO(bundle)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = bytearray(old.read(info))
            if info.filename == MEMBER:
                content[len(content) // 2] ^= 1
            new.writestr(info, bytes(content))
    return made.getvalue()

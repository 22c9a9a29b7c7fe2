"""QR codes as SVG: bytes at level L, versions 1 to 20, which is enough for any address of a second factor.

Source: ISO/IEC 18004:2015. One mask is used: which one is the encoder's choice, readers are told. No library is needed
for a picture that is drawn once per person.
"""

from collections.abc import Callable, Iterator

from markupsafe import Markup

from connector.foundation.errors import Defect

_CHECK = (7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28)
"""Error correction codewords per block at level L, by version (table 9)."""
_BLOCKS = (1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8)
_LEVEL_L = 0b01
_MASK = 0
_QUIET = 4
Ring = Callable[[int], bool]
Grid = list[list[bool | None]]


def svg(text: str, label: str) -> Markup:
    """Black on white whatever the page's colours are, because not every reader takes the opposite."""
    grid = matrix(text.encode())
    size = len(grid) + 2 * _QUIET
    path = "".join(
        f"M{x + _QUIET},{y + _QUIET}h1v1h-1z" for y, row in enumerate(grid) for x, dark in enumerate(row) if dark
    )
    return Markup(
        '<svg class="desk-qr" viewBox="0 0 {size} {size}" width="{wide}" height="{wide}" role="img"'
        ' aria-label="{label}" shape-rendering="crispEdges">'
        '<rect width="{size}" height="{size}" fill="#fff"/><path d="{path}" fill="#000"/></svg>'
    ).format(size=size, wide=size * 5, label=label, path=path)


def matrix(data: bytes) -> list[list[bool]]:
    """Rows of modules, True is dark; Defect for more than 858 bytes."""
    version = next((one for one in range(1, 21) if _bits(one, len(data)) <= _room(one) * 8), 0)
    if not version:
        raise Defect("web.qr", size=len(data))
    grid = _patterns(version)
    bits = iter([bit for byte in _interleaved(version, _codewords(version, data)) for bit in _of(byte, 8)])
    for x, y in places(grid):
        grid[y][x] = next(bits, False) ^ ((x + y) % 2 == 0)
    _format(grid)
    return [[bool(module) for module in row] for row in grid]


def places(grid: Grid) -> Iterator[tuple[int, int]]:
    """Free modules in the order in which bits are laid: pairs of columns from the right, up and down in turn."""
    size, upward = len(grid), True
    for right in (x for x in range(size - 1, 0, -2)):
        column = right if right > 6 else right - 1
        for step in range(size):
            y = size - 1 - step if upward else step
            for x in (column, column - 1):
                if grid[y][x] is None:
                    yield x, y
        upward = not upward


def _bits(version: int, count: int) -> int:
    return 4 + (8 if version < 10 else 16) + 8 * count


def _total(version: int) -> int:
    """Codewords of a version: what the patterns leave free."""
    modules = (16 * version + 128) * version + 64
    if version > 1:
        aligned = version // 7 + 2
        modules -= (25 * aligned - 10) * aligned - 55
    return (modules - (36 if version > 6 else 0)) // 8


def _room(version: int) -> int:
    return _total(version) - _CHECK[version - 1] * _BLOCKS[version - 1]


def _of(value: int, width: int) -> list[bool]:
    return [bool(value >> at & 1) for at in range(width - 1, -1, -1)]


def _codewords(version: int, data: bytes) -> bytes:
    bits = [*_of(0b0100, 4), *_of(len(data), 8 if version < 10 else 16)]
    bits += [bit for byte in data for bit in _of(byte, 8)]
    room = _room(version) * 8
    bits += [False] * min(4, room - len(bits))
    bits += [False] * (-len(bits) % 8)
    words = bytearray(int("".join("01"[bit] for bit in bits[at : at + 8]), 2) for at in range(0, len(bits), 8))
    padding = (0xEC, 0x11)
    words += bytes(padding[at % 2] for at in range(_room(version) - len(words)))
    return bytes(words)


def _interleaved(version: int, words: bytes) -> list[int]:
    """Blocks side by side, data first; the last blocks are one codeword longer where it does not divide."""
    count = _BLOCKS[version - 1]
    short, longer = divmod(len(words), count)
    sizes = [short + (number >= count - longer) for number in range(count)]
    starts = [sum(sizes[:number]) for number in range(count)]
    blocks = [words[start : start + size] for start, size in zip(starts, sizes, strict=True)]
    checks = [_check(block, _CHECK[version - 1]) for block in blocks]
    rows = [*(block[at] for at in range(short + 1) for block in blocks if at < len(block))]
    return rows + [check[at] for at in range(_CHECK[version - 1]) for check in checks]


def _times(one: int, other: int) -> int:
    """In the field of 256 elements modulo x^8 + x^4 + x^3 + x^2 + 1."""
    product = 0
    for at in range(7, -1, -1):
        product = (product << 1) ^ (0x11D if product & 0x80 else 0)
        product ^= one if other >> at & 1 else 0
    return product


def _check(data: bytes, count: int) -> list[int]:
    """The remainder of the data after division by the generator (annex A)."""
    generator, root = [1], 1
    for _ in range(count):
        shifted = [*generator, 0]
        for at, value in enumerate(generator):
            shifted[at + 1] ^= _times(value, root)
        generator, root = shifted, _times(root, 2)
    left = [0] * count
    for byte in data:
        factor = byte ^ left.pop(0)
        left.append(0)
        left = [value ^ _times(generator[at + 1], factor) for at, value in enumerate(left)]
    return left


def _patterns(version: int) -> Grid:
    """All that is no data; what says format and version is kept free."""
    size = 17 + 4 * version
    grid: Grid = [[None] * size for _ in range(size)]
    for x, y in ((3, 3), (size - 4, 3), (3, size - 4)):
        _square(grid, x, y, 4, lambda ring: ring not in (2, 4))
    for at in range(8, size - 8):
        grid[6][at] = grid[at][6] = at % 2 == 0
    centres = _centres(version)
    for x in centres:
        for y in centres:
            if (x, y) not in ((6, 6), (6, centres[-1]), (centres[-1], 6)):
                _square(grid, x, y, 2, lambda ring: ring != 1)
    _format(grid)
    if version > 6:
        _version(grid, version)
    return grid


def _square(grid: Grid, x: int, y: int, reach: int, dark: Ring) -> None:
    size = len(grid)
    for row in range(max(0, y - reach), min(size, y + reach + 1)):
        for column in range(max(0, x - reach), min(size, x + reach + 1)):
            grid[row][column] = dark(max(abs(row - y), abs(column - x)))


def _centres(version: int) -> list[int]:
    if version == 1:
        return []
    count = version // 7 + 2
    step = (version * 4 + count * 2 + 1) // (count * 2 - 2) * 2
    return [6, *(17 + 4 * version - 7 - step * at for at in range(count - 2, -1, -1))]


def _remainder(value: int, generator: int, width: int) -> int:
    left = value << width
    for at in range(value.bit_length() - 1, -1, -1):
        left ^= generator << at if left >> (at + width) & 1 else 0
    return value << width | left


def _format(grid: Grid) -> None:
    """Level and mask, twice (7.9)."""
    size = len(grid)
    bits = _of(_remainder(_LEVEL_L << 3 | _MASK, 0x537, 10) ^ 0x5412, 15)
    around = [*((at, 8) for at in (0, 1, 2, 3, 4, 5, 7)), (8, 8), *((8, at) for at in (7, 5, 4, 3, 2, 1, 0))]
    beside = [*((8, size - 1 - at) for at in range(7)), *((size - 8 + at, 8) for at in range(8))]
    for bit, (x, y), (column, row) in zip(bits, around, beside, strict=True):
        grid[y][x] = grid[row][column] = bit
    grid[size - 8][8] = True


def _version(grid: Grid, version: int) -> None:
    """From version 7 on, twice (7.10)."""
    size = len(grid)
    for at, bit in enumerate(reversed(_of(_remainder(version, 0x1F25, 12), 18))):
        grid[at // 3][size - 11 + at % 3] = grid[size - 11 + at % 3][at // 3] = bit

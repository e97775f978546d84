"""Files → plain text: compressed ones opened, marks of HTML and XML taken out, the strings of a message catalogue."""

import gzip
import html
import re
import struct
from pathlib import Path

# What isn't shown, and what begins a new line. The pages are regular enough for expressions: a parser for pages of
# any kind takes ten times as long and gives the same text.
_UNSEEN = re.compile(
    r"<(head|script|style|svg|nav|info)\b.*?</\1\s*>|<!--.*?-->|<\?.*?\?>|<!.*?>", re.DOTALL | re.IGNORECASE
)
_BLOCK = re.compile(
    r"</?(p|div|h[1-6]|li|ul|ol|dl|dt|dd|tr|td|th|table|pre|br|hr|section|article|title|item|page|header|footer|aside|"
    r"steps|note|list|terms|figure|media|example|screen|code)\b[^>]*>",
    re.IGNORECASE,
)
_MARK = re.compile(r"<[^>]*>")
_MARGIN = re.compile(rb"\n(?=\S)")


def read(path: Path) -> str | None:
    """The file's text, decompressed where its name says so; None where it isn't UTF-8."""
    return decoded(opened(path))


def opened(path: Path) -> bytes:
    """The file's bytes, decompressed where its name says so."""
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix in {".gz", ".dz"} else data


def decoded(data: bytes) -> str | None:
    """The text, or None where the bytes aren't UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def without_marks(page: str) -> str:
    r"""The text of an HTML or XML page: a line for each block, no empty ones, white space as the page has it inside.

    >>> without_marks("<head><title>t</title></head><p>a <b>b</b> &amp; c</p><p></p><pre>d\n  e</pre>")
    'a b & c\nd\n  e\n'
    """
    text = _MARK.sub("", _BLOCK.sub("\n", _UNSEEN.sub("", page)))
    lines = (line.rstrip() for line in html.unescape(text).splitlines())
    return "".join(line + "\n" for line in lines if line.strip())


def without_colours(text: str) -> str:
    """The text without the colour codes of a terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def message_strings(catalogue: bytes) -> list[str]:
    """The translations in a compiled message catalogue (`.mo`, little-endian), in its order, without its header.

    Source: the GNU gettext manual, "The Format of GNU MO Files".
    """
    magic, _, count, _, table = struct.unpack_from("<5I", catalogue)
    if magic != 0x950412DE:
        raise ValueError(f"not a little-endian message catalogue: it begins with {magic:#x}")
    strings = []
    for index in range(1, count):
        length, offset = struct.unpack_from("<2I", catalogue, table + 8 * index)
        strings.extend(catalogue[offset : offset + length].decode("utf-8").split("\0"))
    return strings


def pieces(data: bytes, size: int) -> list[str]:
    r"""A long text cut before the first line at the margin that follows every `size` bytes.

    A dictionary's entries begin at the margin, what they say is indented. Pieces that aren't UTF-8 are left out.

    >>> pieces(b"a\n  1\nb\n  2\n\nc \xff\n\nd\n", 2)
    ['a\n  1\n', 'b\n  2\n\n', 'd\n']
    """
    found, start = [], 0
    while start < len(data):
        at = _MARGIN.search(data, start + size - 1)
        end = at.end() if at else len(data)
        found.append(decoded(data[start:end]))
        start = end
    return [piece for piece in found if piece is not None]

"""A PDF as a browser writes it, made smaller: all that is no stream goes into compressed streams (PDF 1.5).

Chromium tags each word of the code, some hundreds of thousands in this book, and writes each tag as plain text. What
the file holds, and its objects' numbers, stay as they are.
"""

import re
import zlib

from contents import BookError

__all__ = ["packed"]

TOGETHER = 500  # objects in one stream: a reader unpacks a stream to get one of them


def objects(pdf: bytes) -> tuple[dict[int, bytes], bytes]:
    """Number -> what stands between obj and endobj, and the entries of the trailer. Raises BookError."""
    found = re.search(rb"startxref\s+(\d+)\s+%%EOF\s*$", pdf[-100:])
    table = int(found[1]) if found else 0
    head = re.match(rb"xref\s+0 (\d+)\s*?\n", pdf[table : table + 40])
    trailer = re.search(rb"trailer\s*<<(.*)>>\s*startxref", pdf[table:], re.S)
    if not head or not trailer or b"/Encrypt" in trailer[1] or b"/Prev" in trailer[1]:
        raise BookError("The browser wrote a PDF of another form than book/packing.py knows.")
    rows = pdf[table + head.end() :]
    offsets = {
        k: int(rows[20 * k : 20 * k + 10]) for k in range(int(head[1])) if rows[20 * k + 17 : 20 * k + 18] == b"n"
    }
    ends = dict(zip(sorted(offsets.values()), [*sorted(offsets.values())[1:], table], strict=True))
    held = {}
    for number, offset in offsets.items():
        written = re.fullmatch(rb"(\d+) 0 obj\s*(.*?)\s*endobj\s*", pdf[offset : ends[offset]], re.S)
        if not written or int(written[1]) != number:
            raise BookError(f"The browser wrote a PDF whose object {number} is not where it says.")
        held[number] = written[2]
    return held, trailer[1]


def stream(entries: bytes, content: bytes) -> bytes:
    """A compressed stream with these entries in its dictionary."""
    content = zlib.compress(content, 9)
    return b"<<%s /Filter /FlateDecode /Length %d>>\nstream\n%s\nendstream" % (entries, len(content), content)


def packed(pdf: bytes) -> bytes:
    """The same document in fewer bytes. Raises BookError for a file that Chromium would not write so."""
    held, trailer = objects(pdf)
    alone = {number: body for number, body in held.items() if body.endswith(b"endstream")}
    others = [number for number in held if number not in alone]
    rows = {0: (0, 0, 0xFFFF)}  # number -> its row: (1, offset, 0), or (2, the number of its stream, place in it)
    last = max(held)
    for first in range(0, len(others), TOGETHER):
        last += 1
        index, body = b"", b""
        for k, number in enumerate(others[first : first + TOGETHER]):
            index += b"%d %d " % (number, len(body))
            body += held[number] + b"\n"
            rows[number] = (2, last, k)
        alone[last] = stream(b"/Type /ObjStm /N %d /First %d" % (k + 1, len(index)), index + body)
    out = bytearray(b"%PDF-1.5\n%\xd3\xeb\xe9\xe1\n")
    for number, body in alone.items():
        rows[number] = (1, len(out), 0)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    size, table = last + 2, len(out)
    rows[last + 1] = (1, table, 0)
    each = (rows.get(number, (0, 0, 0xFFFF)) for number in range(size))
    content = b"".join(kind.to_bytes(1) + where.to_bytes(4) + place.to_bytes(2) for kind, where, place in each)
    entries = re.sub(rb"/Size\s+\d+", b"", trailer) + b"/Type /XRef /W [1 4 2] /Size %d" % size
    out += b"%d 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (last + 1, stream(entries, content), table)
    return bytes(out)

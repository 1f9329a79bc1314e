"""A PDF that is packed is the same document in fewer bytes."""

import io
import re

import packing
import pytest
from contents import BookError
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, NumberObject

TAGS = 2 * packing.TOGETHER + 7  # the last stream is not full


def drawn(number):
    content = DecodedStreamObject()
    content.set_data(b"0 0 m %d 20 l S endobj" % number)
    return content


@pytest.fixture
def plain():
    """Three pages, an outline and many small objects, with their table at the end, as Chromium writes them."""
    writer = PdfWriter()
    for number in range(3):
        page = writer.add_blank_page(100 + number, 200)
        page[NameObject("/Contents")] = writer._add_object(drawn(number))
        writer.add_outline_item(title=f"Page {number}", page_number=number)
    for number in range(TAGS):
        writer._add_object(DictionaryObject({NameObject("/Tag"): NumberObject(number)}))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def told(pdf, count):
    """What a reader finds in a file of so many objects."""
    reader = PdfReader(io.BytesIO(pdf), strict=True)
    objects = [reader.get_object(number) for number in range(1, count + 1)]
    return {
        "pages": [(page.mediabox.width, page.get_contents().get_data()) for page in reader.pages],
        "outline": [(entry.title, reader.get_destination_page_number(entry)) for entry in reader.outline],
        "tags": [int(each["/Tag"]) for each in objects if isinstance(each, dict) and "/Tag" in each],
        "root": reader.trailer.raw_get("/Root").idnum,
    }


def test_it_holds_the_same_under_the_same_numbers(plain):
    packed, count = packing.packed(plain), len(packing.objects(plain)[0])
    found = told(plain, count)
    assert found["tags"] == list(range(TAGS)) and len(found["pages"]) == 3
    assert told(packed, count) == found
    assert packed.count(b"/ObjStm") == 3 and len(packed) < len(plain) / 4


@pytest.mark.parametrize(
    "spoil",
    [
        lambda pdf: pdf[:-20],
        lambda pdf: pdf.replace(b"/Root", b"/Encrypt 1 0 R /Root"),
        lambda pdf: pdf.replace(b"\n5 0 obj", b"\n7 0 obj"),
        lambda pdf: re.sub(rb"startxref\s+\d+", b"startxref\n17", pdf),
        packing.packed,
    ],
)
def test_another_form_is_refused(plain, spoil):
    with pytest.raises(BookError, match="The browser wrote a PDF"):
        packing.packed(spoil(plain))

"""Every mistake is an error of its kind that names it, in a sentence or two, and says what to do."""

import mistakes_in_building
import mistakes_in_objectives
import mistakes_in_operators
import pytest

MISTAKES = [
    pytest.param(*mistake, id=f"{number} {mistake[2]}")
    for table in (mistakes_in_objectives, mistakes_in_building, mistakes_in_operators)
    for number, mistake in enumerate(table.MISTAKES)
]


@pytest.mark.parametrize("make, error, words", MISTAKES)
def test_mistakes_are_named(make, error, words):
    with pytest.raises(error, match=words) as caught:
        make()
    assert len(str(caught.value)) < 400

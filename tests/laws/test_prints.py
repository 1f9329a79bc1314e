"""Every objective prints as text and as LaTeX, a line a player, comes back from text and JSON, and stays as it is."""

import json
import re
from dataclasses import FrozenInstanceError

import pytest
from cases import CASES, NAMES, PLAYERS, every

from ganvae_lib import Bound, Term, swapped
from ganvae_lib.objective import from_dict, to_dict


def assert_brackets_are_closed(text):
    for opening, closing in ("{}", "[]", "()"):
        assert text.count(opening) == text.count(closing)


def without_subscripts(text):
    return re.sub(r"[_^]\{[^{}]*\}", "", text)


@every(CASES)
def test_objectives_print_a_line_per_player(case):
    objective, _, _ = case
    text, *lines = str(objective).splitlines()
    assert text == repr(objective)
    greek = dict(zip(PLAYERS, "θηφ", strict=True))
    assert [line.split(" descends ")[0].strip() for line in lines] == [greek[p] for p in objective.players]
    assert all(re.search(r"descends \S", line) for line in lines)
    left = re.search(r"[\\{}].*", without_subscripts(str(objective)))  # nothing of LaTeX but subscripts
    assert not left, f"{left[0]!r} is LaTeX; add its text to _TEXT_OF_LATEX in ganvae_lib/figures/formula.py."
    latex = objective._repr_latex_()
    rows = latex.split("\n")[1:-1]
    assert [re.match(r"\\min_\{\\(\w+)\}\\;& \S", row)[1] for row in rows] == list(objective.players)
    assert sum(line.count("&") for line in latex.splitlines()) == len(objective.players)
    assert_brackets_are_closed(latex)
    table = objective.explain()
    assert len(table.rows) == len(objective.terms) and all(cell for row in table.rows for cell in row)


@every(CASES)
def test_objectives_survive_text_and_json_and_stay_frozen(case):
    objective, _, _ = case
    assert objective == from_dict(json.loads(json.dumps(to_dict(objective)))) == eval(repr(objective), NAMES)
    assert {objective: 1}[objective] == 1
    with pytest.raises(FrozenInstanceError):
        objective.terms[0].weight = 2.0
    with pytest.raises((FrozenInstanceError, AttributeError)):
        objective.terms = ()


@every(CASES)
def test_an_objective_is_the_mirror_image_of_its_mirror_image(case):
    objective, _, _ = case
    bounds = any(isinstance(term, Bound) for term in objective.terms)
    one_sided = lambda term: type(term).swapped is Term.swapped or term.space == "code"
    if bounds or any(map(one_sided, objective.terms)):
        why = "is a bound on the likelihood of x, which has no mirror image in z" if bounds else "has no mirror image"
        with pytest.raises(TypeError, match=why):
            swapped(objective)
    else:
        assert swapped(swapped(objective)) == objective

"""Calls of every public name, right and wrong: a right one returns, a wrong one is named by us in a sentence or two.

``make fuzz`` draws 10,000 of them (GANVAE_FUZZ), CI some hundreds. A wrong call has one wrong argument, or lacks a needed
one, or has one that nobody knows; its error must be raised by a line of the library, not from inside torch.
"""

import linecache
import os
import warnings
from collections import Counter

import hypothesis
import pytest
import torch
from calls import CALLS, COUNT, EXEMPT, Call
from hypothesis import strategies as st

import ganvae_lib
from ganvae_lib import DataError
from ganvae_lib.errors import NonFiniteLoss

EXAMPLES = int(os.environ.get("GANVAE_FUZZ", "300"))
OURS = (ValueError, TypeError, KeyError, DataError, NonFiniteLoss)
LIBRARY = os.path.dirname(ganvae_lib.__file__)
SEEN = Counter()


def fault(error):
    """What is wrong with an error about a wrong call; None if it is one of ours."""
    trace = error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    file, line = (
        trace.tb_frame.f_code.co_filename,
        linecache.getline(trace.tb_frame.f_code.co_filename, trace.tb_lineno),
    )
    where = f"{file}:{trace.tb_lineno}: {line.strip()}"
    if isinstance(error, TypeError) and file == __file__:
        return None  # Python's own word on the arguments' names
    if not isinstance(error, OURS):
        return f"a {type(error).__name__} at {where}: {error}"
    if not file.startswith(LIBRARY) or not line.strip().startswith("raise"):
        return f"raised by no line of ours, at {where}: {type(error).__name__}: {error}"
    if not 10 < len(str(error)) < 500:
        return f"{len(str(error))} characters at {where}: {error}"
    return None


@st.composite
def calls(draw):
    """A name, its arguments by name, and which of them is wrong (None: all are right)."""
    name = draw(st.sampled_from(sorted(CALLS)))
    call = CALLS[name]
    kinds = call.needed | call.optional
    chosen = [key for key in kinds if key in call.needed or draw(st.booleans())]
    wrong = draw(st.sampled_from([None, *(key for key in kinds if kinds[key].wrong)]))
    arguments = {}
    for key in dict.fromkeys([*chosen, *([wrong] if wrong else [])]):
        makers = kinds[key].wrong if key == wrong else kinds[key].right
        arguments[key] = draw(st.sampled_from(makers))
    return name, arguments, wrong


def judged(name, makers, wrong):
    """None, or a sentence on what is wrong with the answer to a call."""
    arguments = {key: make() for key, make in makers.items()}
    said = ", ".join(f"{key}={shown(value)}" for key, value in arguments.items())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            CALLS[name].function(**arguments)
    except Exception as error:
        if wrong is None:
            return f"{name}({said}) is right, and raised {type(error).__name__}: {error}"
        reason = fault(error)
        return reason and f"{name}({said}), wrong in {wrong}: {reason}"
    return None if wrong is None else f"{name}({said}), wrong in {wrong}, was accepted"


def shown(value):
    text = " ".join(repr(value).split())
    return text if len(text) < 60 else text[:57] + "..."


@hypothesis.settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, print_blob=False)
@hypothesis.given(calls())
def test_right_calls_return_and_wrong_ones_are_named(call):
    name, makers, wrong = call
    SEEN[name, wrong] += 1
    reason = judged(name, makers, wrong)
    assert reason is None, reason


def test_every_public_name_is_called():
    named = {name for name in ganvae_lib._PACKAGE_OF_NAME if callable(getattr(ganvae_lib, name))}
    missing = named - set(EXEMPT) - set(CALLS)
    assert not missing, (
        f"add a call of each, or why there is none, to CALLS or EXEMPT in tests/fuzz/calls.py: {missing}"
    )


@pytest.mark.parametrize(
    "broken, words",
    [
        (lambda x: x, "was accepted"),
        (lambda x: torch.zeros(2) @ torch.zeros(3), "RuntimeError"),
        (lambda x: torch.zeros(2)[5], "IndexError"),
        (lambda x: float("x"), "raised by no line of ours"),
    ],
)
def test_a_call_that_answers_badly_is_found(monkeypatch, broken, words):
    monkeypatch.setitem(CALLS, "broken", Call(broken, {"x": COUNT}))
    assert words in judged("broken", {"x": lambda: -1}, "x")


def test_a_right_call_that_is_refused_is_found(monkeypatch):
    def picky(x):
        raise ValueError(f"no {x} here")

    monkeypatch.setitem(CALLS, "picky", Call(picky, {"x": COUNT}))
    assert judged("picky", {"x": lambda: 1}, None) == "picky(x=1) is right, and raised ValueError: no 1 here"

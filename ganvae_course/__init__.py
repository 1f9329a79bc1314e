"""Homework from the book: exercises whose checks do not lie in their solutions.

    exercise   what an exercise is: what it gives, what it asks for, how an answer is judged
    answers    what someone has answered, as plain numbers, tensors and functions of them
    finite     what judges need again and again
    chapters   the exercises of each chapter
    source     the exercises as they stand in a chapter's notebook
    making     notebooks for students, with their key and grader; forms for nbgrader and Otter-Grader
    remote     answers that live in another process
    grading    notebooks judged, each exercise alone: a table
    command    ``python -m ganvae_lib course``

In a notebook, ``check("ex-07-odds", share=share)`` says whether the answer is right, and if it is not, in a sentence
why; it never shows the answer. The solutions stand in the chapters of the book, not here.
"""

from .answers import Answers, Wrong
from .exercise import Chapter, Draw, Exercise, chapter, check, exercise

__all__ = ["Answers", "Chapter", "Draw", "Exercise", "Wrong", "chapter", "check", "exercise"]

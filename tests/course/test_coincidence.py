"""A typical mistake does not give the right value by chance of the numbers: in every variant it shows."""

import test_exercises as exercises
import torch

from ganvae_course import Answers
from ganvae_course.answers import FOUR_DIGITS, alike

VARIANTS = range(6)
# What a variant cannot show, with the reason that this does no harm: (exercise, variant, the sentence's beginning).
HARMLESS = {
    ("ex-02-cross", 0, "this is the distance in the chapter's world"): "the book asks for that world: it is right there"
}


class Watching(Answers):
    """Answers that note of each mistake, by name and sentence, whether any comparison tells it from what is right."""

    def __init__(self, given):
        super().__init__(given)
        self.told = {}

    def _note(self, name, sentence, differs):
        self.told[name, sentence] = self.told.get((name, sentence), False) or differs

    def say(self, name, right, options, mistakes=None):
        if set(mistakes or {}) != set(options):  # else each word has its sentence, and the right one's is not needed
            for word, sentence in (mistakes or {}).items():
                self._note(name, sentence, word != right)
        super().say(name, right, options, mistakes)

    def close(self, name, right, mistakes=None, *, at=None, tolerance=None):
        value = torch.as_tensor(right, dtype=torch.float64)
        allowed = tolerance or (FOUR_DIGITS if at is None else 1e-4)
        for sentence, mistake in (mistakes or {}).items():
            wrong = torch.as_tensor(mistake, dtype=torch.float64)
            self._note(name, sentence, wrong.shape != value.shape or not alike(wrong, value, allowed))
        super().close(name, right, mistakes, at=at, tolerance=tolerance)


def unseen(label, variant, monkeypatch):
    """The mistakes that this variant's judge takes for right, as pairs of a name and a sentence."""
    made = []
    monkeypatch.setattr(exercises, "Answers", lambda given: made.append(Watching(given)) or made[-1])
    exercises.judged(label, exercises.source_of(label).asked[label].solution, variant)
    return [pair for pair, differs in made[0].told.items() if not differs]


@exercises.EVERY
def test_no_mistake_has_the_right_value_by_chance(label, monkeypatch):
    variants = {repr(exercises.exercise(label).values(variant)): variant for variant in reversed(VARIANTS)}
    found = [
        (label, variant, name, said)
        for variant in sorted(variants.values())
        for name, said in unseen(label, variant, monkeypatch)
        if not any((label, variant) == known[:2] and said.startswith(known[2]) for known in HARMLESS)
    ]
    assert found == []


def test_a_mistake_with_the_right_value_is_found():
    watching = Watching({"share": 0.5, "turned": True})
    watching.close("share", 0.5, {"this is the share of the others": 1 - 0.5, "this is in bits": 0.5 / 0.69})
    watching.say("turned", True, (True, False), {True: "it is turned"})
    assert [pair for pair, differs in watching.told.items() if not differs] == [
        ("share", "this is the share of the others"),
        ("turned", "it is turned"),
    ]

"""Answers that watch their judge: does it take a typical mistake for what is right?"""

import torch

from ganvae_course import Answers
from ganvae_course.answers import FOUR_DIGITS, alike

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

    def unseen(self, label, variant):
        """The mistakes that this variant's judge took for right, as pairs of a name and a sentence."""
        return [
            (name, said)
            for (name, said), differs in self.told.items()
            if not differs and not any((label, variant) == at[:2] and said.startswith(at[2]) for at in HARMLESS)
        ]

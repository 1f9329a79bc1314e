"""Exercises of chapter 07."""

import torch

from ..exercise import Chapter

CHAPTER = Chapter(
    7,
    {
        "posterior": "Compute the posterior of an example that the frozen discriminator finds real, and its limits.",
    },
)


@CHAPTER.exercise(
    "temperature",
    "Temperature",
    kind="derive",
    difficulty=1,
    minutes=15,
    points=3,
    goal="posterior",
    defines={
        "posterior": "a function (prior [n], logit [n], T) that returns the posterior [n]",
        "hot": "its limit as T grows without bound, for the given prior and logit, [n]",
        "cold": "its limit as T falls to 0, [n]",
    },
    given=lambda draw: {
        "prior": draw.simplex(5),
        "logit": [-1.2, 0.4, 2.0, -0.3, 0.9] if not draw.variant else draw.reals(5, -2, 2),
    },
)
def temperature(answers, prior, logit):
    draws = torch.Generator().manual_seed(0)
    p = torch.rand(6, generator=draws, dtype=torch.float64).softmax(0)
    t = torch.randn(6, generator=draws, dtype=torch.float64)
    weights = p * torch.sigmoid(t / 0.7)
    answers.close(
        "posterior",
        weights / weights.sum(),
        {
            "it does not sum to one": weights,
            "the prior is missing": torch.sigmoid(t / 0.7) / torch.sigmoid(t / 0.7).sum(),
            "you weighed with 1 - D, which is the posterior of y = 1": (p - weights) / (p - weights).sum(),
            "you multiplied the logit by T": p * torch.sigmoid(0.7 * t) / (p * torch.sigmoid(0.7 * t)).sum(),
        },
        at=(p, t, 0.7),
    )
    p, t = (torch.tensor(values, dtype=torch.float64) for values in (prior, logit))
    cut = torch.where(t > 0, p, 0)
    uniform = torch.full_like(p, 1 / len(p))
    answers.close("hot", p, {"D becomes 1/2 everywhere, but the prior stays": uniform})
    answers.close(
        "cold",
        cut / cut.sum(),
        {"it does not sum to one": cut, "you kept the places where the logit is negative": (p - cut) / (p - cut).sum()},
    )

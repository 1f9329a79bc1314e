"""The parts of which a model can be composed, what a choice of them lacks, and how a model does (chapter 14)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor

from .. import zoo
from ..data import Data
from ..distributions.noise import Noise
from ..distributions.sample import draw
from ..measure.samples import coverage
from ..models.builder import build
from ..models.inputs import without_argument_checks
from ..objective.algebra import Objective, Sum
from ..objective.contract import Term
from ..objective.denoising import Denoise, Distill
from ..objective.further import MMD, Quantise
from ..objective.terms import Match, Reconstruct
from ..objective.tools import KL, Adversary, Likelihood
from ..training.fitting import fit
from ..training.run import Run

__all__ = [
    "ALSO",
    "CHOICES",
    "LABELS",
    "MEASURES",
    "RANGES",
    "SETTINGS",
    "Choice",
    "distance",
    "all_choices",
    "measure",
    "train",
    "explain_missing_modes",
]

#: What can be chosen, part by part, with its words on the page. MMD enters with the weight 10 of the WAE.
CHOICES: dict[str, dict] = {
    "x": {
        "none": "nothing",
        "ns": "Adversary, non-saturating",
        "rkl": "Adversary, reverse KL",
        "mmd": "MMD",
        "noisy": "Adversary, on noisy x",
        "scores": "two scores (distillation)",
        "noise": "telling noise, no code (diffusion)",
    },
    "z": {
        "none": "nothing",
        "kl": "KL",
        "adversary": "Adversary",
        "mmd": "MMD",
        "learned": "KL, then a prior that tells noise",
        "codebook": "codebook with a learned prior",
    },
    "joint": {
        "none": "nothing",
        "xz": "pairs (x, z): Adversary",
        "xz-mmd": "pairs (x, z): MMD",
        "z|x": "z given x: Adversary",
        "again": "reconstructions of x: Adversary",
        "asked": "reconstructions of x: only ask D(x)",
    },
    "rec_x": {False: "no", True: "yes"},
    "rec_z": {False: "no", True: "yes"},
    "weight": {0.25: "¼", 1.0: "1", 4.0: "4"},
    "players": {"all": "all who can", "wake-sleep": "wake-sleep: θ for x, η for z"},
}
LABELS = {
    "x": "tool for x",
    "z": "tool for z",
    "joint": "tool for pairs, or for x̂",
    "rec_x": "reconstruct x",
    "rec_z": "reconstruct z",
    "weight": "weight of the term in z",
    "players": "who reconstructs",
}
#: Names beyond the zoo, by ``Choice.key``. Li et al., 2017, is "ALICE".
ALSO = {"none none none x 1 all": "autoencoder, not in the zoo", "none none xz x 1 all": "ALICE, not in the zoo"}
MEASURES = {
    "modes": "modes covered, of 8",
    "high_quality": "samples of high quality, %",
    "mismatch_x": "samples against data: distance",
    "error_x": "x → z → x: error",
    "mismatch_z": "codes against prior: distance",
    "error_z": "z → x → z: error",
}
#: Where counts and percentages lie: an interval does not leave it.
RANGES = {"modes": (0.0, 8.0), "high_quality": (0.0, 100.0)}
SETTINGS = dict(latent=2, hidden=(64, 64), steps=1000, batch=64, lr=2e-3)


@cache  # thousands of choices have the same few terms
def _terms(link: str, weight: float) -> tuple[dict[str, Term], ...]:
    """The term of each name in x, in z, of codes and of pairs."""
    adversary = Adversary(link)
    x_terms: dict[str, Term] = {
        "ns": Match("x", adversary),
        "rkl": Match("x", adversary),
        "mmd": Match("x", MMD("gaussian"), weight=10.0),
        "noisy": Match("noisy x", adversary),
        "scores": Match("x", Distill()),
        "noise": Match("x", Denoise("noise")),
    }
    z_terms: dict[str, Term] = {
        "kl": Match("z", KL(), weight=weight),
        "adversary": Match("z", adversary, weight=weight),
        "mmd": Match("z", MMD(), weight=10.0 * weight),
        "learned": Match("z", KL(), weight=weight),
        "codebook": Quantise(weight=weight),
    }
    code_terms: dict[str, Term] = {"learned": Match("code", Denoise("noise")), "codebook": Match("code", Likelihood())}
    joint_terms: dict[str, Term] = {
        "xz": Match("xz", adversary),
        "xz-mmd": Match("xz", MMD(), weight=10.0),
        "z|x": Match("z|x", Adversary("reverse KL")),
        "again": Match("x again", adversary),
        "asked": Match("x again", replace(adversary, steps=0)),
    }
    return x_terms, z_terms, code_terms, joint_terms


@dataclass(frozen=True)
class Choice:
    """One choice for each part of a model; the names are those of ``CHOICES``.

    ``weight`` is that of the term in z; ``players`` says who descends the reconstructions. Raises ValueError for
    unknown names.
    """

    x: str = "none"
    z: str = "kl"
    joint: str = "none"
    rec_x: bool = True
    rec_z: bool = False
    weight: float = 1.0
    players: str = "all"

    def __post_init__(self) -> None:
        for part, options in CHOICES.items():
            if getattr(self, part) not in options:
                raise ValueError(f"{part} must be one of {list(options)}, got {getattr(self, part)!r}.")

    @property
    def key(self) -> str:
        """The choice in one line; choices that mean the same have the same key."""
        reconstructed = ("x" if self.rec_x else "") + ("z" if self.rec_z else "") or "none"
        weight = self.weight if self.z != "none" else 1  # without a term in z there is nothing to weigh
        players = self.players if reconstructed != "none" else "all"
        return f"{self.x} {self.z} {self.joint} {reconstructed} {weight:g} {players}"

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """The terms; maybe none. Adversaries share the link of x; z given x needs a log ratio, hence reverse KL."""
        only_theta, only_eta = (("theta",), ("eta",)) if self.players == "wake-sleep" else (None, None)
        x_terms, z_terms, code_terms, joint = _terms("reverse KL" if self.x == "rkl" else "non-saturating", self.weight)
        chosen_terms = (
            x_terms.get(self.x),  # of "none" there is no term
            z_terms.get(self.z),
            code_terms.get(self.z),
            joint.get(self.joint),
            Reconstruct("x", only=only_theta) if self.rec_x else None,
            Reconstruct("z", only=only_eta) if self.rec_z else None,
        )
        return tuple(term for term in chosen_terms if term is not None)

    def objective(self) -> Objective:
        """The sum. Raises ValueError, saying what is missing, if it cannot train a model of x."""
        if missing := self.missing():
            raise ValueError(missing)
        return Sum.of(*self.terms)

    def missing(self) -> str:
        """What the choice lacks to be a model of x, or ""."""
        networks = {network for term in self.terms for network in term.networks}
        moved_players = {player for term in self.terms for player in term.movers}
        if self.x == "noise" and len(self.terms) > 1:
            return "What tells noise in x is a model of x by itself: it has no code. Choose nothing else beside it."
        if self.z in ("learned", "codebook") and (reason := self._why_meaningless()):
            return reason
        if "theta" not in moved_players:
            return "Nothing moves the decoder θ. Choose a tool for x, a tool for pairs, or a reconstruction."
        if "encoder" in networks and "eta" not in moved_players:
            return "Nothing moves the encoder η. Choose a tool for z, or let all players descend the reconstructions."
        if self.joint == "asked" and self.x not in ("ns", "rkl"):
            return "The reconstructions ask D(x), which nobody trains. Choose an adversary for x."
        if all(term.space == "z" and isinstance(term, Reconstruct) for term in self.terms):
            return "Nothing reads the data: codes come back from any x. Choose a tool for x or for z."
        encoder_and_decoder = {"encoder", "decoder"}
        if encoder_and_decoder <= networks and not any(
            encoder_and_decoder <= set(term.networks) for term in self.terms
        ):
            return (
                "Nothing ties the encoder to the decoder: these are two models that never meet. "
                "Choose a reconstruction, or a tool for pairs."
            )
        return ""

    def _why_meaningless(self) -> str:
        """Why a prior that is learned has no meaning beside the other parts, or ""."""
        if not self.rec_x:
            return "A prior is learned for codes that say something of x: nothing here makes them. Reconstruct x."
        if self.x != "none" or self.rec_z or self.joint not in ("none", "again"):
            return (
                "A tool for x or pairs, and a reconstruction of z, draw codes from the prior that is given, and samples "
                "come from the one that is learned. Choose nothing for these."
            )
        if self.z == "codebook" and self.players == "wake-sleep":
            return "Nothing but its own entries moves the encoder. Let all players descend the reconstructions."
        return ""

    def name(self) -> str | None:
        """The name of the model in the zoo; None if it has none, or is no model."""
        return None if self.missing() else zoo.name(self.objective())


@cache
def all_choices() -> tuple[Choice, ...]:
    """All choices, in the order of ``CHOICES``, the last part changing fastest."""
    return tuple(Choice(*values) for values in itertools.product(*CHOICES.values()))


def explain_missing_modes(models: dict[str, Any], steps: int) -> str:
    """Why the VAE covers fewer modes here than elsewhere in the book, if it does."""
    mode_summary = models.get(Choice().key, {}).get("measures", {}).get("modes")
    if mode_summary is None or mode_summary["mean"] == RANGES["modes"][1] or steps != SETTINGS["steps"]:
        return ""
    covered_counts = [f"{count:.0f}" for count in mode_summary["values"]]
    return (
        f"That is short: the VAE's seeds cover {', '.join(covered_counts[:-1])} and {covered_counts[-1]} of the 8 modes here, while its "
        "learned σ is still 0.31 to 0.52 (the data's is 0.1). After 2,000 steps with the same settings σ is 0.13 and all "
        "8 are covered in each of four seeds, as in the figure on the book's first page, after 5,000 steps."
    )


def train(objective: Objective, data: Data, seeds: int | list[int], **settings: Any) -> Run:
    """Small networks on ``data``, stacked seeds, on the CPU, with ``SETTINGS`` where nothing else is said."""
    all_settings: dict[str, Any] = SETTINGS | {"device": "cpu"} | settings
    model = build(objective, data, latent=all_settings.pop("latent"), hidden=all_settings.pop("hidden"))
    return fit(model, data, seeds=seeds, **all_settings)


def distance(samples: Tensor, reference: Tensor, directions: int = 32) -> Tensor:
    """Sliced Wasserstein-1 distance of samples [seeds, n, D] and [n, D]: [seeds], in the unit of the samples.

    The mean over directions, spread evenly in the plane and drawn once in higher dimensions, of the mean distance of
    the sorted projections.
    """
    if samples.shape[-1] == 2:
        angles = math.pi * torch.arange(directions) / directions
        unit_vectors = torch.stack([angles.cos(), angles.sin()])  # [D, directions]
    else:
        unit_vectors = torch.randn(samples.shape[-1], directions, generator=torch.Generator().manual_seed(0))
        unit_vectors = unit_vectors / unit_vectors.norm(dim=0)
    return ((samples @ unit_vectors).sort(-2).values - (reference @ unit_vectors).sort(-2).values).abs().mean((-2, -1))


@torch.no_grad()
@without_argument_checks()  # an encoder that is all but deterministic may have a standard deviation that rounds to zero
def measure(run: Run, world: Any, n: int = 4000, seed: int = 1) -> tuple[dict[str, Tensor], Tensor, Tensor | None]:
    """The measures that apply, [seeds] each; samples [seeds, n, 2]; and codes [seeds, n, latent], if there are any.

    Modes and quality as in ``metrics.coverage``; distances as in ``distance``; errors are root mean squares per
    dimension, to the mean of what comes back. Fresh data, codes and noise.
    """
    test_examples = world.sample(n, 10_000 + seed)
    prior_nets, z = {"density_code", "denoiser_code"} & set(run.model.networks), None  # where the prior is learned
    if "decoder" in run.model.networks:
        z = run.draw_codes(n, seed) if prior_nets else draw(run.model.prior().expand((n,)), Noise(seed), "z to measure")
    samples = run.sample(n, z=z, seed=seed)
    scores = {"mismatch_x": distance(samples, test_examples)}
    if getattr(world, "modes", None) is not None:
        counts = coverage(samples, world)
        scores |= {"modes": counts["modes"], "high_quality": 100 * counts["high quality"]}
    if z is None or "encoder" not in run.model.networks:
        return scores, samples, None
    root_mean_square = lambda error: error.square().mean((-2, -1)).sqrt()
    codes = run.infer(test_examples, seed=seed)
    codes_of_samples = run.model.encoder(samples if run.model.seeds_shape else samples[0]).mean
    scores |= {
        "error_x": root_mean_square(run.reconstruct(test_examples, seed=seed) - test_examples),
        "mismatch_z": distance(codes, z),
        "error_z": root_mean_square(codes_of_samples - z).reshape(-1),
    }
    return scores, samples, codes

"""The links of an adversary: which losses its two sides descend, and which divergence that makes; and two refinements.

Write r = target/model for the density ratio; a discriminator trained with the logistic loss has the logit
t = log D/(1-D), which is log r at its optimum (Eq. ``eq-optimal-d``, chapter 04).
"""

from __future__ import annotations

import math
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from ..distributions.noise import Noise, Share
from ..figures.formula import Writer

__all__ = ["LINKS", "Link", "gradient_penalty", "weighted_mean"]


@dataclass(frozen=True, kw_only=True)
class Link:
    """One row of the table of adversarial losses: three functions of the discriminator's output t.

    real, fake:    the discriminator descends ``E_target[real(t)] + E_model[fake(t)]``.
    generator:     the other player descends ``E_model[generator(t)]``.
    real_tex, fake_tex, generator_tex:  how they are written; functions of a ``Writer``.
    descends:      the divergence whose gradient that is when the discriminator is optimal and frozen; d is the
                   target's density, g the model's and m their mean.
    label:         of the equation.
    model_stands:  where the model stands in that divergence: "first" or "second", if it is a KL.
    logistic:      the discriminator is a posterior q(y|x), so that reversing y turns its logit t into -t.
    reversible:    the game stays the same when target and model are exchanged and t becomes -t.

    A link of one's own is an entry of ``LINKS``. A loss that ``replace`` changes without its formula is written h(t):

    >>> from dataclasses import replace
    >>> LINKS["soft"] = replace(LINKS["KL"], generator=lambda t: -t.sigmoid(), generator_tex=lambda w: f"-{w.D}")
    >>> from ganvae_lib import Adversary, Match
    >>> print(str(Match("x", Adversary("soft"))).splitlines()[1])
      θ descends E_{p_θ(x)}[-D_φ(x)]
    >>> del LINKS["soft"]
    """

    real: Callable[[Tensor], Tensor]
    fake: Callable[[Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    real_tex: Callable[[Writer], str]
    fake_tex: Callable[[Writer], str]
    generator_tex: Callable[[Writer], str]
    descends: str = ""
    label: str = ""
    model_stands: str = "neither: not a KL"
    logistic: bool = False
    reversible: bool = False

    def __post_init__(self) -> None:
        for loss_name in ("real", "fake", "generator"):
            loss, formula = getattr(self, loss_name), getattr(self, f"{loss_name}_tex")
            if _WRITES.setdefault(formula, loss) is not loss:  # ``replace`` changed the loss and kept how it is written
                object.__setattr__(self, f"{loss_name}_tex", partial(_unknown_formula, loss_name))


#: Which loss each function writes: no formula serves two losses.
_WRITES: MutableMapping[Callable[[Writer], str], Callable[[Tensor], Tensor]] = WeakKeyDictionary()


def _unknown_formula(side: str, writer: Writer) -> str:
    """How a loss is written of which no formula is known."""
    return rf"h_{{{side}}}({writer.t})"


_LOG2 = math.log(2)

# The logistic loss of the discriminator, which four links share.
_LOGISTIC: dict[str, Any] = dict(
    real=lambda t: softplus(-t),
    fake=softplus,
    real_tex=lambda writer: f"-{writer.log_D}",
    fake_tex=lambda writer: f"-{writer.log_not_D}",
    logistic=True,
    reversible=True,
)

LINKS: dict[str, Link] = {
    "minimax": Link(
        **_LOGISTIC,
        generator=lambda t: -softplus(t),
        generator_tex=lambda writer: writer.log_not_D,
        descends=r"2\,\mathrm{JSD}(d,g)",
        label="eq-minimax",
    ),
    "non-saturating": Link(
        **_LOGISTIC,
        generator=lambda t: softplus(-t),
        generator_tex=lambda writer: f"-{writer.log_D}",
        descends=r"2\,\mathrm{KL}(m\,\|\,d)",
        label="eq-non-saturating",
        model_stands="first",
    ),
    "KL": Link(
        **_LOGISTIC,
        generator=lambda t: -t.exp(),
        generator_tex=lambda writer: f"-{writer.D}/{writer.not_D}",
        descends=r"\mathrm{KL}(d\,\|\,g)",
        label="eq-link-kl",
        model_stands="second",
    ),
    "reverse KL": Link(
        **_LOGISTIC,
        generator=lambda t: -t,
        generator_tex=lambda writer: rf"-\log{writer.odds}",
        descends=r"\mathrm{KL}(g\,\|\,d)",
        label="eq-link-reverse-kl",
        model_stands="first",
    ),
    "least squares": Link(
        real=lambda t: (t - 1) ** 2 / 2,
        fake=lambda t: t**2 / 2,
        generator=lambda t: (t - 1) ** 2 / 2,
        real_tex=lambda writer: rf"\tfrac12({writer.t}-1)^2",
        fake_tex=lambda writer: rf"\tfrac12{writer.t}^2",
        generator_tex=lambda writer: rf"\tfrac12({writer.t}-1)^2",
        descends=r"D_f(d\,\|\,g),\ f''(r)=\tfrac{1}{r(1+r)^3}",
        label="eq-least-squares",
    ),
    "hinge": Link(
        real=lambda t: relu(1 - t),
        fake=lambda t: relu(1 + t),
        generator=lambda t: -t,
        real_tex=lambda writer: rf"\max(0,1-{writer.t})",
        fake_tex=lambda writer: rf"\max(0,1+{writer.t})",
        generator_tex=lambda writer: writer.minus_t,
        descends=r"2\,\mathrm{TV}(d,g)",
        label="eq-hinge",
        reversible=True,
    ),
    "Wasserstein": Link(
        real=lambda t: -t,
        fake=lambda t: t,
        generator=lambda t: -t,
        real_tex=lambda writer: writer.minus_t,
        fake_tex=lambda writer: writer.t,
        generator_tex=lambda writer: writer.minus_t,
        descends=r"W_1(d,g)",
        label="eq-wgan-gp",
        reversible=True,
    ),
    # f-GAN: T = output activation of t, f* the conjugate; real = -T, fake = f*(T), generator = -f*(T).
    "f-KL": Link(
        real=lambda t: -t,
        fake=lambda t: (t - 1).exp(),
        generator=lambda t: -(t - 1).exp(),
        real_tex=lambda writer: writer.minus_t,
        fake_tex=lambda writer: f"e^{{{writer.t}-1}}",
        generator_tex=lambda writer: f"-e^{{{writer.t}-1}}",
        descends=r"\mathrm{KL}(d\,\|\,g)",
        label="eq-fgan",
        model_stands="second",
    ),
    "f-reverse KL": Link(
        real=lambda t: (-t).exp(),
        fake=lambda t: t - 1,
        generator=lambda t: 1 - t,
        real_tex=lambda writer: f"e^{{{writer.minus_t}}}",
        fake_tex=lambda writer: f"{writer.t}-1",
        generator_tex=lambda writer: f"1-{writer.t}",
        descends=r"\mathrm{KL}(g\,\|\,d)",
        label="eq-fgan",
        model_stands="first",
    ),
    "f-JS": Link(
        real=lambda t: softplus(-t) - _LOG2,
        fake=lambda t: softplus(t) - _LOG2,
        generator=lambda t: _LOG2 - softplus(t),
        real_tex=lambda writer: rf"-\log 2{writer.D}",
        fake_tex=lambda writer: rf"-\log 2{writer.not_D}",
        generator_tex=lambda writer: rf"\log 2{writer.not_D}",
        descends=r"2\,\mathrm{JSD}(d,g)",
        label="eq-fgan",
        reversible=True,
    ),
}


def weighted_mean(loss: Tensor, log_odds: Tensor, k: int | str, share: Share | None = None) -> Tensor:
    """The mean of losses [*seeds, batch], weighted by the odds within groups of k: Eq. ``eq-iwgan`` (chapter 15).

    k="batch" is one group of the whole minibatch, of which this process may hold a ``share``. Raises ValueError for a
    minibatch that groups of k do not divide.
    """
    batch = loss.shape[-1]
    if k == "batch" and share and share.size > 1:  # times the processes, by which their mean divides
        return ((log_odds - share.logsumexp(log_odds)).exp() * loss).sum(-1) * share.size
    group_size = batch if k == "batch" else int(k)
    if batch % group_size:
        batch_text = f"{batch} for each process" if share and share.size > 1 else f"{batch}"
        raise ValueError(
            f"a minibatch of {batch_text} cannot be cut into groups of k={group_size}; make it a multiple of k."
        )
    groups = (-1, group_size)
    return (log_odds.unflatten(-1, groups).softmax(-1) * loss.unflatten(-1, groups)).sum(-1).mean(-1)


def gradient_penalty(
    discriminator: Callable[..., Any], target: tuple[Tensor, ...], model: tuple[Tensor, ...], noise: Noise
) -> Tensor:
    """E[(‖∇t‖ - 1)²] on the segments between samples of the two sides, [*seeds]: Eq. ``eq-wgan-gp`` (chapter 04)."""
    segment_weights = noise.uniform("segment", target[0].shape[len(noise.seeds_shape)])
    segment_points = []  # one on each segment
    for target_part, model_part in zip(target, model, strict=True):
        # One weight for all entries of an example.
        wide_weight = segment_weights.reshape(*segment_weights.shape, *[1] * (target_part.ndim - segment_weights.ndim))
        segment_points.append((wide_weight * target_part + (1 - wide_weight) * model_part).requires_grad_())
    gradients = torch.autograd.grad(discriminator(*segment_points).logits.sum(), segment_points, create_graph=True)
    square_norm = torch.stack([gradient.flatten(segment_weights.ndim).square().sum(-1) for gradient in gradients]).sum(
        0
    )
    return ((square_norm + 1e-12).sqrt() - 1).square().mean(-1)  # 1e-12: the root has no slope at 0

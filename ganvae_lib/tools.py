"""Tools: the exchangeable ways of comparing a model distribution with its target.

A tool is a frozen value. ``KL`` needs the density of the target, ``Likelihood`` needs the density of the model,
``Adversary`` needs only samples of both. The *link* of an adversary chooses which divergence the other player
descends. Write r = target/model for the density ratio; a discriminator trained with the logistic loss has the
logit t = log D/(1-D), which is log r at its optimum (Eq. ``eq-optimal-d``, chapter 04).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

__all__ = ["KL", "LINKS", "LOGISTIC", "Adversary", "Likelihood", "Link", "unknown"]


def unknown(kind: str, name: object, known) -> ValueError:
    """The error for a name that is not in a registry: it lists the names and offers the nearest one."""
    from difflib import get_close_matches

    near = get_close_matches(str(name).lower(), [str(k).lower() for k in known], n=1)
    hint = next((f" Did you mean {k!r}?" for k in known if near and str(k).lower() == near[0]), "")
    return ValueError(f"unknown {kind} {name!r}; choose one of {', '.join(map(repr, known))}.{hint}")


@dataclass(frozen=True)
class Link:
    """One row of the table of adversarial losses: three functions of the discriminator's output t.

    The discriminator descends ``E_target[real(t)] + E_model[fake(t)]``, the other player descends
    ``E_model[generator(t)]``. ``descends`` is the divergence whose gradient that is when the discriminator is
    optimal and frozen; d is the target's density, g the model's and m their mean.
    """

    real: Callable[[Tensor], Tensor]
    fake: Callable[[Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    real_tex: str
    fake_tex: str
    generator_tex: str
    descends: str
    label: str

    @property
    def reversed_tex(self) -> str:
        """``generator_tex`` with D and 1 - D exchanged."""
        other = {"{D}": "{1-D}", "{1-D}": "{D}", "(1-D)": " D", " D": "(1-D)", "D": "(1-D)"}
        text = self.generator_tex.replace(r"D_\phi", "D")
        text = re.sub(r"\{D\}|\{1-D\}|\(1-D\)| ?D", lambda found: other[found[0]], text)
        return text.replace("D", r"D_\phi")

    @property
    def model_stands(self) -> str:
        """Where the model stands in the KL that is descended: first, second, or neither."""
        if self.descends.startswith((r"\mathrm{KL}(g", r"2\,\mathrm{KL}(m")):
            return "first"
        return "second" if self.descends.startswith(r"\mathrm{KL}(d") else "neither: not a KL"


_LOGISTIC = (lambda t: softplus(-t), softplus)
_LOGISTIC_TEX = (r"-\log D_\phi", r"-\log(1-D_\phi)")
_LOG2 = math.log(2)

LINKS: dict[str, Link] = {
    "minimax": Link(*_LOGISTIC, lambda t: -softplus(t), *_LOGISTIC_TEX, r"\log(1-D_\phi)",
                    r"2\,\mathrm{JSD}(d,g)", "eq-minimax"),
    "non-saturating": Link(*_LOGISTIC, lambda t: softplus(-t), *_LOGISTIC_TEX, r"-\log D_\phi",
                           r"2\,\mathrm{KL}(m\,\|\,d)", "eq-non-saturating"),
    "KL": Link(*_LOGISTIC, lambda t: -t.exp(), *_LOGISTIC_TEX, r"-D_\phi/(1-D_\phi)",
               r"\mathrm{KL}(d\,\|\,g)", "eq-link-kl"),
    "reverse KL": Link(*_LOGISTIC, lambda t: -t, *_LOGISTIC_TEX, r"-\log\frac{D_\phi}{1-D_\phi}",
                       r"\mathrm{KL}(g\,\|\,d)", "eq-link-reverse-kl"),
    "least squares": Link(lambda t: (t - 1) ** 2 / 2, lambda t: t**2 / 2, lambda t: (t - 1) ** 2 / 2,
                          r"\tfrac12(t_\phi-1)^2", r"\tfrac12t_\phi^2", r"\tfrac12(t_\phi-1)^2",
                          r"D_f(d\,\|\,g),\ f''(r)=\tfrac{1}{r(1+r)^3}", "eq-least-squares"),
    "hinge": Link(lambda t: relu(1 - t), lambda t: relu(1 + t), lambda t: -t,
                  r"\max(0,1-t_\phi)", r"\max(0,1+t_\phi)", r"-t_\phi",
                  r"2\,\mathrm{TV}(d,g)", "eq-hinge"),
    "Wasserstein": Link(lambda t: -t, lambda t: t, lambda t: -t, r"-t_\phi", r"t_\phi", r"-t_\phi",
                        r"W_1(d,g)", "eq-wgan-gp"),
    # f-GAN: T = output activation of t, f* the conjugate; real = -T, fake = f*(T), generator = -f*(T).
    "f-KL": Link(lambda t: -t, lambda t: (t - 1).exp(), lambda t: -(t - 1).exp(),
                 r"-t_\phi", r"e^{t_\phi-1}", r"-e^{t_\phi-1}", r"\mathrm{KL}(d\,\|\,g)", "eq-fgan"),
    "f-reverse KL": Link(lambda t: (-t).exp(), lambda t: t - 1, lambda t: 1 - t,
                         r"e^{-t_\phi}", r"t_\phi-1", r"1-t_\phi", r"\mathrm{KL}(g\,\|\,d)", "eq-fgan"),
    "f-JS": Link(lambda t: softplus(-t) - _LOG2, lambda t: softplus(t) - _LOG2, lambda t: _LOG2 - softplus(t),
                 r"-\log 2D_\phi", r"-\log 2(1-D_\phi)", r"\log 2(1-D_\phi)",
                 r"2\,\mathrm{JSD}(d,g)", "eq-fgan"),
}

#: The links whose discriminator is a posterior q(y|x): reversing y turns its logit t into -t.
LOGISTIC = tuple(name for name, link in LINKS.items() if (link.real, link.fake) == _LOGISTIC)


@dataclass(frozen=True)
class KL:
    """KL(model ‖ target), in nats: the tool for a target whose density is known (Eq. ``eq-kl``, chapter 02)."""


@dataclass(frozen=True)
class Likelihood:
    """Exact maximum likelihood, ``-E_target[log p_model]``: the tool for a model whose density is known.

    Up to the entropy of the target this is KL(target ‖ model) (Eq. ``eq-kl``, chapter 02).
    """


@dataclass(frozen=True)
class Adversary:
    """A discriminator that tells the target's samples from the model's (Eq. ``eq-gan-value``, chapter 04).

    link:     a name in ``LINKS``: the losses of both sides.
    steps:    updates of the discriminator, on fresh minibatches, per update of the other players.
    penalty:  weight of the gradient penalty E[(‖∇_x t(x)‖ - 1)²] between the two samples
              (Eq. ``eq-wgan-gp``, chapter 04; Gulrajani et al., 2017).
    Raises ValueError for an unknown link, fewer than one step or a negative penalty.
    """

    link: str = "non-saturating"
    steps: int = 1
    penalty: float = 0.0

    def __post_init__(self):
        if self.link not in LINKS:
            raise unknown("link", self.link, LINKS)
        if self.steps < 1 or not 0 <= self.penalty < math.inf:
            raise ValueError(f"steps must be at least 1 and penalty finite and non-negative, got {self}.")

    def __repr__(self) -> str:
        steps = f", steps={self.steps}" if self.steps > 1 else ""
        penalty = f", penalty={self.penalty:g}" if self.penalty else ""
        return f"Adversary({self.link!r}{steps}{penalty})"

    def critic(self, discriminator, target: Tensor, model: Tensor, noise) -> Tensor:
        """Loss of the discriminator, [*seeds]; ``target`` and ``model`` are samples [*seeds, batch, *shape]."""
        link, axis = LINKS[self.link], len(noise.lead)
        # One pass over both halves: the networks hold no batch statistics, so this equals two passes.
        t = discriminator(torch.cat((target, model), axis)).logits
        t_target, t_model = t.split((target.shape[axis], model.shape[axis]), -1)
        loss = link.real(t_target).mean(-1) + link.fake(t_model).mean(-1)
        if self.penalty:
            loss = loss + self.penalty * self.gradient_penalty(discriminator, target, model, noise)
        return loss

    def gradient_penalty(self, discriminator, target: Tensor, model: Tensor, noise) -> Tensor:
        """E[(‖∇_x t(x)‖ - 1)²] on the segments between samples of the two sides, [*seeds]."""
        u = noise.uniform("segment", target.shape[len(noise.lead)])
        share = u.reshape(*u.shape, *[1] * (target.ndim - u.ndim))
        x = (share * target + (1 - share) * model).requires_grad_()
        (slope,) = torch.autograd.grad(discriminator(x).logits.sum(), x, create_graph=True)
        norm = (slope.flatten(u.ndim).square().sum(-1) + 1e-12).sqrt()  # 1e-12: the root has no slope at 0
        return (norm - 1).square().mean(-1)

    def generator(self, discriminator, model: Tensor, target: Tensor | None = None) -> Tensor:
        """Loss of the player that makes ``model``, [*seeds].

        When the player makes ``target`` too, its samples enter with y reversed, that is with -t: Eq. ``eq-ada``
        (chapter 06).
        """
        loss = LINKS[self.link].generator(discriminator(model).logits).mean(-1)
        if target is not None:
            loss = loss + LINKS[self.link].generator(-discriminator(target).logits).mean(-1)
        return loss

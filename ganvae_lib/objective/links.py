"""The links of an adversary: which losses its two sides descend, and which divergence that makes.

Write r = target/model for the density ratio; a discriminator trained with the logistic loss has the logit
t = log D/(1-D), which is log r at its optimum (Eq. ``eq-optimal-d``, chapter 04).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import relu, softplus

__all__ = ["LINKS", "LOGISTIC", "Link", "REVERSIBLE"]


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
        """``generator_tex`` with D and 1 - D, or t and -t, exchanged."""
        if self.generator_tex == r"-t_\phi":
            return r"t_\phi"
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
    "minimax": Link(
        *_LOGISTIC, lambda t: -softplus(t), *_LOGISTIC_TEX, r"\log(1-D_\phi)", r"2\,\mathrm{JSD}(d,g)", "eq-minimax"
    ),
    "non-saturating": Link(
        *_LOGISTIC,
        lambda t: softplus(-t),
        *_LOGISTIC_TEX,
        r"-\log D_\phi",
        r"2\,\mathrm{KL}(m\,\|\,d)",
        "eq-non-saturating",
    ),
    "KL": Link(
        *_LOGISTIC, lambda t: -t.exp(), *_LOGISTIC_TEX, r"-D_\phi/(1-D_\phi)", r"\mathrm{KL}(d\,\|\,g)", "eq-link-kl"
    ),
    "reverse KL": Link(
        *_LOGISTIC,
        lambda t: -t,
        *_LOGISTIC_TEX,
        r"-\log\frac{D_\phi}{1-D_\phi}",
        r"\mathrm{KL}(g\,\|\,d)",
        "eq-link-reverse-kl",
    ),
    "least squares": Link(
        lambda t: (t - 1) ** 2 / 2,
        lambda t: t**2 / 2,
        lambda t: (t - 1) ** 2 / 2,
        r"\tfrac12(t_\phi-1)^2",
        r"\tfrac12t_\phi^2",
        r"\tfrac12(t_\phi-1)^2",
        r"D_f(d\,\|\,g),\ f''(r)=\tfrac{1}{r(1+r)^3}",
        "eq-least-squares",
    ),
    "hinge": Link(
        lambda t: relu(1 - t),
        lambda t: relu(1 + t),
        lambda t: -t,
        r"\max(0,1-t_\phi)",
        r"\max(0,1+t_\phi)",
        r"-t_\phi",
        r"2\,\mathrm{TV}(d,g)",
        "eq-hinge",
    ),
    "Wasserstein": Link(
        lambda t: -t, lambda t: t, lambda t: -t, r"-t_\phi", r"t_\phi", r"-t_\phi", r"W_1(d,g)", "eq-wgan-gp"
    ),
    # f-GAN: T = output activation of t, f* the conjugate; real = -T, fake = f*(T), generator = -f*(T).
    "f-KL": Link(
        lambda t: -t,
        lambda t: (t - 1).exp(),
        lambda t: -(t - 1).exp(),
        r"-t_\phi",
        r"e^{t_\phi-1}",
        r"-e^{t_\phi-1}",
        r"\mathrm{KL}(d\,\|\,g)",
        "eq-fgan",
    ),
    "f-reverse KL": Link(
        lambda t: (-t).exp(),
        lambda t: t - 1,
        lambda t: 1 - t,
        r"e^{-t_\phi}",
        r"t_\phi-1",
        r"1-t_\phi",
        r"\mathrm{KL}(g\,\|\,d)",
        "eq-fgan",
    ),
    "f-JS": Link(
        lambda t: softplus(-t) - _LOG2,
        lambda t: softplus(t) - _LOG2,
        lambda t: _LOG2 - softplus(t),
        r"-\log 2D_\phi",
        r"-\log 2(1-D_\phi)",
        r"\log 2(1-D_\phi)",
        r"2\,\mathrm{JSD}(d,g)",
        "eq-fgan",
    ),
}


#: The links whose discriminator is a posterior q(y|x): reversing y turns its logit t into -t.
LOGISTIC = tuple(name for name, link in LINKS.items() if (link.real, link.fake) == _LOGISTIC)


#: The links whose game stays the same when target and model are exchanged and t becomes -t.
REVERSIBLE = (*LOGISTIC, "hinge", "Wasserstein")

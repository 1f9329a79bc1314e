"""Comparison under noise: a network that tells it (diffusion, flow matching), and differences of two such networks.

With z_t = α_t x + σ_t ε a model is trained forward, theta second in the KL, by asking the data's noisy samples what was
added; a one-step generator is trained backward, theta first, by asking its own. An adversary may be shown noisy
samples, too: the spaces "noisy x" and "noisy z". In the space "code" a network tells the noise in codes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from ..distributions.batch import Batch, drawn
from ..distributions.paths import PATHS, PREDICTIONS, T_MAX, T_MIN, WEIGHTS, as_prediction, clean, squared_error_weight
from ..distributions.spaces import SPACES, Space
from ..errors import check_choice, check_int, check_real
from ..figures.formula import Writer, expectation
from .contract import Network, Samples, Tool, as_tuple

if TYPE_CHECKING:
    from ..distributions.noise import Noise

__all__ = ["Denoise", "Distill"]

NOISY_PATH = "cosine"  # the path of the spaces of noisy samples


def _expand_time(t: Tensor, x: Tensor) -> Tensor:
    """Times [*seeds, batch] with as many axes as x."""
    return t.reshape(*t.shape, *[1] * (x.ndim - t.ndim))


def _square_norm(x: Tensor, t: Tensor) -> Tensor:
    """‖x‖² of each example, as t is."""
    return x.square().flatten(t.ndim).sum(-1)


def _reason_unsuitable(tool: Tool, space: Space) -> str | None:
    # One variable, given by the data, beside what one player makes; or a density of it.
    if len(space.sees) == 1 and not space.target_by and len(space.made_by) == 1 and (space.made or tool.explicit):
        return None
    return f"there is no sample of one thing, made by one player, to put noise on; {type(tool).__name__} compares in x"


@dataclass(frozen=True)
class Denoise(Tool):
    """A network that tells the noise in x̃ = αx + σε at a random time τ: diffusion, flow matching.

    weight:    what is compared with what the network tells, in squares: the "noise" ε (Ho et al., 2020), the "velocity"
               u = α'x + σ'ε (Lipman et al., 2023), "x", or "bound", the integrand of the ELBO; or another of
               ``WEIGHTS``.
    path:      a name in ``PATHS``.
    predicts:  what the network says, "noise", "velocity", "x" or "score"; it is converted exactly.
    drop:      with labels, the share of examples of which the label is kept back, for guidance (Ho and Salimans, 2022).
    Raises ValueError for other values of these.

    >>> from ganvae_lib import Denoise, Match
    >>> print(Match("x", Denoise("velocity", path="linear", predicts="velocity")))
    Match('x', Denoise('velocity', path='linear', predicts='velocity'))
      θ descends E_{d(x), τ, ε}[‖u-û‖²; x̃=(1-τ)x+τε]
    """

    weight: str = "noise"
    path: str = "variance preserving"
    predicts: str = "noise"
    drop: float = 0.1
    model_stands = "second"  # in the KL that is descended
    explicit = True  # it needs a density, not samples alone
    takes_labels = True  # it can compare what is given a label
    always_shown = ("weight",)  # printed at its default, too
    where = _reason_unsuitable

    def __post_init__(self) -> None:
        check_choice("weight", self.weight, WEIGHTS)
        check_choice("path", self.path, PATHS)
        check_choice("prediction", self.predicts, PREDICTIONS)
        object.__setattr__(self, "drop", check_real("drop", self.drop, least=0, most=1))

    @property
    def title(self) -> str:
        return f"denoising ({self.weight})"

    def networks(self, space: Space) -> tuple[str, ...]:
        return (f"denoiser_{space.sees[0]}",)

    def loss(self, batch: Batch, space: Space, discriminator: Network | None = None) -> Tensor:
        (x,), (denoiser_name,) = batch.read(space.target), self.networks(space)
        denoiser = batch.model.networks[denoiser_name]
        if self.drop and denoiser_name in batch.model.objective.conditional:
            hides_label = batch.noise.uniform("labels kept back", batch.size) < self.drop
            denoiser = partial(denoiser, labels=torch.where(hides_label, -1, cast("Tensor", batch.labels)))
        return self.error(denoiser, x, batch.noise, space.sees[0]).mean(-1)

    def error(self, denoiser: Network, x: Tensor, noise: Noise, name: str) -> Tensor:
        """The weighted squared error of each example at a random time, [*seeds, batch]; ``name`` is the noise's."""
        return self.error_at(denoiser, x, *_draw_noise_and_time(x, noise, name))

    def error_at(self, denoiser: Network, x: Tensor, epsilon: Tensor, t: Tensor) -> Tensor:
        """The weighted squared error at times t [*seeds, batch] and this noise, [*seeds, batch]."""
        path, expanded_t = PATHS[self.path], _expand_time(t, x)
        z = path.at(x, epsilon, expanded_t)
        target = epsilon if self.predicts == "noise" else as_prediction(self.predicts, x, z, expanded_t, path)
        square_errors = _square_norm(denoiser(z, t.unsqueeze(-1)) - target, t)
        if self.weight == self.predicts:
            return square_errors
        # The errors of all that can be said are multiples of each other: so no division by α or σ near 0.
        return WEIGHTS[self.weight].of(t, path) / squared_error_weight(self.predicts, t, path) * square_errors

    def denoised(
        self, denoiser: Network, axes: int, without: Network | None = None, guidance: float = 0.0
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """x̂(z, t) of z [*seeds, batch, *shape] with ``axes`` first axes and one time t, as samplers ask.

        ``guidance`` moves it away from what the denoiser ``without`` the label says.
        """

        def denoise(z: Tensor, t: Tensor) -> Tensor:
            time = t.expand(*z.shape[:axes], 1)
            output = denoiser(z, time)
            if without is not None:
                # As of x̂, an affine function of what is said; ``without`` is the denoiser without the label.
                output = output + guidance * (output - without(z, time))
            return clean(self.predicts, output, z, t, PATHS[self.path])

        return denoise

    def formula(self, writer: Writer, space: Space, player: str) -> str:
        path, x = PATHS[self.path], space.arguments[0]  # the variable, as a formula names it
        noisy = rf"\tilde {x}={path.alpha_tex}{x}+{path.sigma_tex}\epsilon"
        return expectation(
            rf"{space.target_law(writer)},\,\tau,\,\epsilon", f"{WEIGHTS[self.weight].tex(x)};\\,{noisy}"
        )


def _draw_noise_and_time(x: Tensor, noise: Noise, name: str) -> tuple[Tensor, Tensor]:
    """Noise ε [*seeds, batch, *shape] for x, and times t [*seeds, batch]."""
    axes = len(noise.seeds_shape)
    epsilon = noise.normal(f"noise on {name}", *x.shape[axes:]).to(x.dtype)
    return epsilon, T_MIN + (T_MAX - T_MIN) * noise.uniform(f"time of {name}", x.shape[axes]).to(x.dtype)


@dataclass(frozen=True)
class Distill(Tool):
    """Two denoisers in the place of a discriminator: distribution matching distillation (Yin et al., 2024).

    phi trains one on the data and one on what the model makes, each to tell what was added. theta descends
    E_τ[KL(g_τ ‖ d_τ) σ²/α²] of the noised laws, by its gradient E[(x̂_g - x̂_d)ᵀ ∂x/∂θ]: theta stands first. It is the
    link "reverse KL" of an adversary at all noise levels, the gradient of whose logit is the difference of the scores;
    other links need the ratio of the densities as well, that is, an adversary in "noisy x".
    The value that is logged is the integrand ½g²‖∇log g_τ - ∇log d_τ‖², which estimates KL(g ‖ d) in nats.

    path:      a name in ``PATHS``; ``predicts``, what the denoisers say and are trained by.
    steps:     updates of the denoisers per update of the generator.
    Raises ValueError for other values of these.

    >>> from ganvae_lib import Match, Distill
    >>> Match("x", Distill()).networks
    ('decoder', 'scores_x')
    """

    path: str = "cosine"
    predicts: str = "velocity"
    steps: int = 1
    model_stands = "first"  # in the KL that is descended
    adversarial = True  # a discriminator comes with it
    network_name = "scores"
    title = "distillation"
    where = _reason_unsuitable

    def __post_init__(self) -> None:
        check_choice("path", self.path, PATHS)
        check_choice("prediction", self.predicts, ("x", "noise", "velocity"))
        object.__setattr__(self, "steps", check_int("steps", self.steps))

    @property
    def _denoising_tool(self) -> Denoise:
        return Denoise(self.predicts, self.path, self.predicts)

    def loss(self, batch: Batch, space: Space, discriminator: Network | None = None) -> Tensor:
        if discriminator is None:
            raise TypeError(f"{self!r} needs the two networks that tell the noise.")
        (x,) = batch.read(space.made)
        return self.gap_at(discriminator, x, *_draw_noise_and_time(x, batch.noise, "what is made")).mean(-1)

    def gap_at(self, pair: Network, x: Tensor, epsilon: Tensor, t: Tensor) -> Tensor:
        """The integrand of KL(g ‖ d) at times t [*seeds, batch] and this noise, [*seeds, batch], with theta's gradient.

        ``pair`` gives what is told of the data and what is told of what the model makes.
        """
        path, expanded_t = PATHS[self.path], _expand_time(t, x)
        with torch.no_grad():
            z = path.at(x, epsilon, expanded_t)
            x_of_data, x_of_model = (
                clean(self.predicts, output, z, expanded_t, path) for output in pair(z, t.unsqueeze(-1))
            )
        difference = x_of_model - x_of_data  # σ²/α times the difference of the scores
        value = path.diffusion(t) / 2 * path.snr(t) / path.sigma(t).square() * _square_norm(difference, t)
        gradient_term = (difference * x).flatten(t.ndim).sum(-1)
        return value + gradient_term - gradient_term.detach()  # the value of the one, the gradient of the other

    def discriminator_loss(self, discriminator: Network, target: Samples, model: Samples, noise: Noise) -> Tensor:
        denoisers: Any = discriminator
        data_error = self._denoising_tool.error(denoisers.of_data, as_tuple(target)[0], noise, "data")
        model_error = self._denoising_tool.error(denoisers.of_model, as_tuple(model)[0], noise, "samples")
        return (data_error + model_error).mean(-1)

    def formula(self, writer: Writer, space: Space, player: str) -> str:
        target, made = space.target_law(writer), space.made_law(writer)
        if player == "phi":
            error, noise = WEIGHTS[self.predicts].tex(space.sees[0]), r",\,\tau,\,\epsilon"
            return f"{expectation(target + noise, error)} + {expectation(made + noise, error)}"
        return rf"\mathbb{{E}}_{{\tau}}[(\sigma^2/\alpha^2)\,\mathrm{{KL}}_\tau({made}\,\|\,{target})]"


# ---------------------------------------------------------------- noisy samples, for an adversary


def time(batch: Batch) -> Tensor:
    """How long noise is put on each example, τ in (0, 1), [*seeds, batch, 1]; the same for both sides."""
    return T_MIN + (T_MAX - T_MIN) * batch.noise.uniform("time", batch.size, 1).to(batch.x.dtype)


def _add_noisy_variable(variable: str, player: str | None = None) -> None:
    """Make ``Batch.noisy_...`` of a variable, which depends on ``player``."""

    def noisy_variable(batch: Batch) -> Tensor:
        (x,) = batch.read((variable,))
        epsilon = batch.noise.normal(f"noise on {variable}", *x.shape[len(batch.noise.seeds_shape) :]).to(x.dtype)
        return PATHS[NOISY_PATH].at(x, epsilon, _expand_time(batch.read(("time",))[0].squeeze(-1), x))

    noisy_variable.__name__ = f"noisy_{variable}"
    noisy_variable.__doc__ = f"``{variable}`` with noise on it, at ``time`` of the path {NOISY_PATH!r}."
    setattr(Batch, noisy_variable.__name__, drawn(*([player] if player else []))(noisy_variable))


setattr(Batch, "time", drawn()(time))  # noqa: B010  # such variables are attributes that no type checker knows
for _variable, _player in (("x", None), ("z", None), ("x_from_z", "theta"), ("z_from_x", "eta")):
    _add_noisy_variable(_variable, _player)


def _noisy_space(variable: str, made_variable: str, mirror: str) -> Space:
    space = SPACES[variable]
    noising_law = rf"n(\tilde {variable}|{variable},\tau)"
    return Space(
        target=(f"noisy_{variable}", "time"),
        target_law=lambda writer: writer.product(space.target_law(writer), noising_law),
        made=(f"noisy_{made_variable}", "time"),
        made_by=space.made_by,
        made_law=lambda writer: writer.product(space.made_law(writer), noising_law),
        sees=(variable, "time"),
        arguments=(rf"\tilde {variable}", r"\tau"),
        discriminator=f"discriminator_noisy_{variable}",
        networks=space.networks,
        mirror=mirror,
    )


SPACES |= {
    "noisy x": _noisy_space("x", "x_from_z", "noisy z"),
    "noisy z": _noisy_space("z", "z_from_x", "noisy x"),
}


# ---------------------------------------------------------------- a prior that is learned


def code(batch: Batch) -> Tensor:
    """What a learned prior is shown of a code that was inferred: the numbers of its entries, or z. No gradient."""
    entry_indices = getattr(batch.q_z_given_x, "indices", None)
    return batch.z_from_x.detach() if entry_indices is None else entry_indices.to(batch.x.dtype)


setattr(Batch, "code", drawn("eta")(code))  # noqa: B010

#: Inferred codes with theta's law of them in the place of p(z): theta stands second, and eta does not feel it.
SPACES["code"] = Space(
    target=("code",),
    target_law=lambda writer: writer.made(writer.q("z")),
    made=(),  # nobody's gradient goes through a draw of it
    made_by=("theta",),
    made_law=lambda writer: writer.made(writer.p("z")),
    sees=("code",),
    arguments=("z",),
    networks=("encoder",),
    mirror="",
    density="density_code",
)

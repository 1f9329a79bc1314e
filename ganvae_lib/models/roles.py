"""What part each network plays: who trains it, what it is shown, and how it is made.

The order in which layers are made and named decides which initial weights a seed gives them.

A role of one's own, for a term with a network of its own, is one entry in the table:

    ROLES["energy"] = Role(player="theta", sees=("x",), make=lambda spec, x: Energy(x))

The term names the network in its ``networks`` and reads it as ``batch.model.networks["energy"]``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import nn

from .. import networks as nets
from ..distributions.spaces import SPACES
from ..objective.denoising import Denoise
from ..objective.further import Quantise

if TYPE_CHECKING:
    from .spec import Spec

__all__ = ["ROLES", "Role", "denoise_of", "make_network", "role_of"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Role:
    """The part that a network plays.

    player:  whose parameters it holds, "theta", "eta" or "phi".
    sees:    what it is called with: "x", "z", "features", "time", in this order; a label is joined to the first.
    make:    ``make(spec, *shapes)`` makes it for a :class:`~ganvae_lib.models.Spec` and the shapes of what it sees.

    >>> role_of("encoder").player, role_of("discriminator_xz").sees
    ('eta', ('x', 'z'))
    """

    player: str
    sees: tuple[str, ...]
    make: Callable[..., nn.Module]


def _make_trunk(spec: Spec, shape: Shape, n_features: int, activation: str) -> nn.Module:
    """From ``shape`` to ``n_features`` features."""
    if spec.convolves(shape):
        return nets.conv_down(shape, spec.width, n_features, activation, spec.depth)
    return nets.mlp(shape, spec.hidden, n_features, activation)


def _make_decoder(spec: Spec, input_shape: Shape, output_shape: Shape) -> nn.Module:
    """A decoder from ``input_shape`` to examples of shape ``output_shape``, with the observation model of ``spec``."""
    if spec.convolves(output_shape) and len(input_shape) == 1:
        trunk = nets.conv_up(input_shape[0], spec.width, output_shape, spec.activation, spec.depth)
    elif spec.convolves(output_shape) and len(input_shape) == 3 and input_shape[1:] == output_shape[1:]:
        trunk = nets.conv_same(input_shape, spec.width, output_shape[0], spec.activation)
    else:
        trunk = nets.mlp(input_shape, spec.hidden, math.prod(output_shape), spec.activation)
    # Where a sample is the mean of p(x|z), the mean must lie in the range of the data, for images mostly [0, 1].
    is_bounded = not isinstance(spec.range, str) and (len(output_shape) == 3 or spec.other is None)
    squash: Any = is_bounded and (spec.noiseless or not spec.explicit)
    if squash and spec.range != (0, 1):
        squash = spec.range
    observation = nets.observation_of(spec.observation, spec.scale, squash)
    return nets.Decoder(trunk, observation, output_shape, spec.noiseless, spec.noise)


def _make_latent_decoder(spec: Spec, z: Shape) -> nn.Module:
    """p_θ(x|z), with ``spec.noise`` inputs beside z."""
    inputs = (z[0] + spec.noise,) if len(z) == 1 else z  # no noise beside a z that is an image
    return _make_decoder(spec, inputs, spec.shape)


def _encoder(spec: Spec, x: Shape) -> nn.Module:
    """q_η(z|x); where z is data of a second domain, a decoder to that domain."""
    if spec.other is not None:
        return _make_decoder(spec, x, spec.other)
    if spec.implicit:
        width = spec.hidden[-1]
        head = nets.mlp((width + spec.latent,), (width,), spec.latent, spec.activation)
        trunk = _make_trunk(spec, x, width, spec.activation)
        return nets.ImplicitEncoder(trunk, head, spec.latent, noise=spec.latent)
    features = sum(nets.features_of(spec.parts))
    return nets.Encoder(_make_trunk(spec, x, features, spec.activation), spec.parts, _codebook(spec))


def _quantise_term(spec: Spec) -> Quantise | None:
    """The term that keeps codes at the entries of a codebook. Raises ValueError for codes of another kind."""
    term = next((term for term in spec.objective.terms if isinstance(term, Quantise)), None)
    if (list(spec.parts) == ["codebook"]) != (term is not None):
        raise ValueError(f"codes='codebook' and the term Quantise() belong together, got {spec.codes!r} with {term!r}.")
    return term


def _codebook(spec: Spec) -> nets.Codebook | None:
    """The entries that codes can be. Raises ValueError for codes that cannot be cut into so many parts."""
    if (term := _quantise_term(spec)) is None:
        return None
    if spec.latent % term.parts:
        raise ValueError(f"{term!r} cuts codes into equal parts; latent must be a multiple of it, not {spec.latent}.")
    return nets.Codebook(term.entries, term.parts, spec.latent)


def _density_code(spec: Spec) -> nn.Module:
    """p_θ(z), learned: of the numbers of entries a table, or one after the other; of other codes a Gaussian."""
    _check_inferred(spec)
    if (term := _quantise_term(spec)) is None:
        return nets.GaussianDensity((spec.latent,))
    return nets.CodeTable(term.entries) if term.parts == 1 else nets.CharRNN(term.parts, term.entries, spec.hidden[-1])


def _denoiser_code(spec: Spec, input_shape: Shape, time: Shape) -> nn.Module:
    """What a noisy code tells of the noise."""
    _check_inferred(spec)
    if _quantise_term(spec):
        raise ValueError("there is no noise between the entries of a codebook; use Match('code', Likelihood()).")
    return _denoiser("code", spec, input_shape, time)


def _check_inferred(spec: Spec) -> None:
    if "encoder" not in spec.objective.networks or spec.other is not None:
        raise ValueError(
            f"{spec.objective!r} learns a prior of codes that nobody infers; add it to an objective with an encoder, "
            "such as zoo.VAE, and data of one domain."
        )


def _density(spec: Spec) -> nn.Module:
    """p_θ(x) with no code."""
    return nets.DENSITIES[spec.density](spec)


def _features(spec: Spec, x: Shape) -> nn.Module:
    """The features of x, as many as ``spec.latent``."""
    return nets.Features(_make_trunk(spec, x, spec.latent, spec.activation))


def _classifier(spec: Spec, input_shape: Shape) -> nn.Module:
    """p_θ(t|features), one linear layer."""
    return nets.Classifier(nets.mlp(input_shape, (), spec.classes or 0))


def _labeller(spec: Spec, x: Shape) -> nn.Module:
    """q_η(t|x), from the example itself."""
    return nets.Classifier(_make_trunk(spec, x, spec.classes or 0, spec.activation))


def _predictor(spec: Spec, shape: Shape) -> nn.Module:
    """Each unit of a code, or of an example, from all the others."""
    size = math.prod(shape)
    trunk = nets.mlp((2 * size,), spec.hidden, 1, spec.activation)  # it sees the code, and which unit to predict
    return nets.Predictor(trunk, size)


def _discriminator(spec: Spec, first_shape: Shape, second_shape: Shape | None = None) -> nn.Module:
    """q_φ(y|·) for what a space compares: one thing, or a pair."""
    if second_shape is None:
        return nets.Discriminator(_make_trunk(spec, first_shape, 1, "leaky relu"))
    if spec.convolves(first_shape):
        features = spec.hidden[-1]
        body = _make_trunk(spec, first_shape, features, "leaky relu")
    else:
        features = math.prod(first_shape)
        body = nets.Flatten(len(first_shape))
    trunk = nets.mlp((features + math.prod(second_shape),), spec.hidden, 1, "leaky relu")
    return nets.Discriminator(trunk, body)


def _denoiser(variable: str, spec: Spec, seen: Shape, time: Shape) -> nets.Denoiser:
    """What a noisy x, or z, tells of the noise; ``seen`` is wider than the variable where a label stands beside it."""
    output_shape, is_image = spec.shape_of(variable), spec.convolves(seen)
    inputs = nets.widened(seen, nets.Denoiser.time_features, is_image)
    if is_image:
        trunk = nets.UNet(inputs, spec.width, output_shape[0], spec.depth)
        return nets.Denoiser(trunk, output_shape, is_image, skip=True)
    return nets.Denoiser(nets.mlp(inputs, spec.hidden, math.prod(output_shape), "silu"), output_shape)


def _denoisers(variable: str, spec: Spec, input_shape: Shape, time: Shape) -> nn.Module:
    """One of the data, one of what is made."""
    return nets.DenoiserPair(_denoiser(variable, spec, input_shape, time), _denoiser(variable, spec, input_shape, time))


#: Every role by the network's name, but for the discriminators: each is shown what its space compares.
ROLES: dict[str, Role] = {
    "decoder": Role("theta", ("z",), _make_latent_decoder),
    "density": Role("theta", (), _density),
    "density_code": Role("theta", (), _density_code),
    "denoiser_x": Role("theta", ("x", "time"), partial(_denoiser, "x")),
    "denoiser_code": Role("theta", ("code", "time"), _denoiser_code),
    "features": Role("theta", ("x",), _features),
    "classifier": Role("theta", ("features",), _classifier),
    "encoder": Role("eta", ("x",), _encoder),
    "labeller": Role("eta", ("x",), _labeller),
    "denoiser_z": Role("eta", ("z", "time"), partial(_denoiser, "z")),
    "scores_x": Role("phi", ("x", "time"), partial(_denoisers, "x")),
    "scores_z": Role("phi", ("z", "time"), partial(_denoisers, "z")),
    "predictor_x": Role("phi", ("x",), _predictor),
    "predictor_z": Role("phi", ("z",), _predictor),
}


def role_of(network: str) -> Role:
    """The role of a network. Raises ValueError, with the nearest names, for one that nobody has registered."""
    roles = dict(ROLES)
    for space in SPACES.values():
        for name in (space.discriminator, f"{space.discriminator}_given_label"):
            roles.setdefault(name, Role("phi", space.sees, _discriminator))
    if network not in roles:
        nearest_names = ", ".join(map(repr, get_close_matches(network, roles, n=3, cutoff=0.0)))
        raise ValueError(
            f"no role for the network {network!r} (the nearest are {nearest_names}); give it one: "
            f"ganvae_lib.models.ROLES[{network!r}] = Role(player, sees, make)."
        )
    return roles[network]


def denoise_of(model: Any, space: str = "x") -> Denoise:
    """The tool that trains what tells the noise in x, or in "code". Raises TypeError for a model without it."""
    for term in model.objective.terms:
        tool = getattr(term, "tool", None)
        if isinstance(tool, Denoise) and term.space == space:
            return tool
    raise TypeError(f"{model.objective!r} tells no noise in {space}; Match({space!r}, Denoise()) does.")


def make_network(spec: Spec, name: str) -> nn.Module:
    """The network ``name`` for ``spec``; a conditional one joins the label to the first thing that it sees.

    Raises ValueError for a network without a role, and for a conditional network that sees nothing.
    """
    role = role_of(name)
    shapes = [spec.shape_of(variable) for variable in role.sees]
    if name not in spec.objective.conditional:
        return role.make(spec, *shapes)
    if not shapes:
        raise ValueError(f"the network {name!r} sees nothing that a label could be joined to; say what its role sees.")
    first_shape, *other_shapes = shapes
    classes = spec.classes or 0
    is_image = spec.convolves(first_shape)
    first_with_label = nets.widened(first_shape, classes, is_image)
    return nets.Conditional(role.make(spec, first_with_label, *other_shapes), classes, is_image)

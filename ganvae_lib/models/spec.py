"""What ``build`` is asked for, as one value: its defaults, and what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ..errors import check_bool, check_int, check_real, described, unknown
from ..networks.autoregressive import DENSITIES
from ..networks.codes import CODES
from ..networks.observations import OBSERVATIONS, BernoulliPixels
from ..networks.trunks import ACTIVATIONS, check_image
from ..objective.algebra import Objective
from ..objective.further import Quantise

if TYPE_CHECKING:
    from ..data import Examples

__all__ = ["Spec"]


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What a model is built to: an objective, the shape of an example, and sizes and choices of its networks.

    ``Spec.of(objective, data, ...)`` fills in what depends on the data; the fields are the arguments of :func:`build`,
    which says what they mean. A spec is a frozen value: equal choices compare equal, and ``as_dict`` is plain JSON.
    Raises ValueError for unknown names, and for sizes and choices that do not fit together.

    >>> from ganvae_lib import zoo
    >>> spec = Spec.of(zoo.VAE, (1, 28, 28), latent=16)
    >>> spec.observation, spec.has_density, spec.shape_of("z")
    ('continuous bernoulli', True, (16,))
    """

    objective: Objective
    # The rest in the order in which a saved run lists it.
    shape: tuple[int, ...]
    latent: int
    hidden: tuple[int, ...] = (128, 128)
    architecture: str = "mlp"
    width: int = 32
    depth: int = 2
    observation: str | tuple[tuple[str, int], ...]
    scale: float | None = None
    noiseless: bool
    noise: int = 0
    activation: str = "relu"
    codes: str | tuple[tuple[str, int], ...]
    density: str
    classes: int | None = None
    other: tuple[int, ...] | None = None
    range: str | tuple[float, float]

    @classmethod
    def of(cls, objective: Objective, data: Examples | Sequence[int], **choices: Any) -> Spec:
        """The spec for ``data`` (or the shape of one example), with defaults for what is not chosen, or None."""
        chosen = {name: choice for name, choice in choices.items() if choice is not None}
        return cls(objective=objective, **(_defaults(objective, data, chosen) | chosen))

    @classmethod
    def from_dict(cls, objective: Objective, values: Mapping[str, Any]) -> Spec:
        """The inverse of ``as_dict``."""
        return cls.of(objective, values["shape"], **{name: value for name, value in values.items() if name != "shape"})

    def __post_init__(self) -> None:
        for name, value in _plain_values(self).items():
            object.__setattr__(self, name, value)
        _check_names(self)
        _check_sizes(self)
        if "labels" in self.objective.reads and not self.classes:
            raise ValueError(f"{self.objective!r} learns from labels; give data with labels y.")
        _check_noise(self)
        object.__setattr__(self, "latent", sum(self.parts.values()))
        needs_classes = "labels" in self.objective.reads or "density" in self.objective.networks
        if not needs_classes:
            object.__setattr__(self, "classes", None)

    @property
    def parts(self) -> dict[str, int]:
        """The parts of the code, and their dimensions."""
        return {self.codes: self.latent} if isinstance(self.codes, str) else dict(self.codes)

    @property
    def implicit(self) -> bool:
        """Has the encoder noise inputs?"""
        return any(CODES[kind].implicit for kind in self.parts)

    @property
    def explicit(self) -> bool:
        """Has p(x|z) a density?"""
        return all(OBSERVATIONS[name].explicit for name, _ in _observation_parts(self.observation))

    @property
    def has_density(self) -> bool:
        """Have p(x|z), q(z|x) and p(z) the densities that a bound in nats needs?"""
        return self.explicit and self.other is None and all(CODES[kind].density for kind in self.parts)

    def shape_of(self, variable: str) -> tuple[int, ...]:
        """The shape of "x", "z" or "code" (of the second domain where z is data), "features" or "time"."""
        code_shape = (self.latent,)
        z_shape = code_shape if self.other is None else self.other
        shapes = {"x": self.shape, "z": z_shape, "code": z_shape, "features": code_shape, "time": (1,)}
        if variable not in shapes:
            raise unknown("thing to see", variable, shapes)
        return shapes[variable]

    def convolves(self, shape: tuple[int, ...]) -> bool:
        """Is a network on examples of this shape convolutional?"""
        return self.architecture == "conv" and len(shape) == 3

    def as_dict(self) -> dict[str, Any]:
        """All but the objective, as plain JSON: ``build(objective, shape, **rest)`` makes the same networks."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "objective"}
        if not isinstance(self.codes, str):
            values["codes"] = dict(self.codes)
        if self.range == _default_range(None, self.shape, self.other):  # what it was before there was a choice
            del values["range"]
        return {name: _as_lists(value) for name, value in values.items()}


def _as_python(value: Any) -> Any:
    """Numbers of numpy and torch as Python's, and lists as tuples."""
    if getattr(value, "ndim", None) == 0:
        return value.item()
    is_vector = getattr(value, "ndim", None) == 1
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return tuple(map(_as_python, value)) if is_list or is_vector else value


def _as_lists(value: Any) -> Any:
    """Tuples as JSON reads them back, lists."""
    return [_as_lists(element) for element in value] if isinstance(value, tuple) else value


def _plain_values(spec: Spec) -> dict[str, object]:
    """The fields as hashable values of plain Python."""
    values = {field.name: _as_python(getattr(spec, field.name)) for field in fields(spec)}
    for name in ("codes", "observation"):
        if isinstance(parts := getattr(spec, name), Mapping):
            values[name] = tuple((kind, _as_python(size)) for kind, size in parts.items())
    return values


def _observation_parts(observation: Any) -> list[tuple[str, Any]]:
    """The observation models of the parts of x, and how many numbers each explains; None for a single one, of all.

    Raises ValueError for what is neither a name nor parts, and for names that are not known.
    """
    pairs = [(observation, None)] if isinstance(observation, str) else observation
    if isinstance(observation, Mapping):
        pairs = list(observation.items())
    is_list = isinstance(pairs, Sequence) and bool(pairs)
    if not is_list or not all(isinstance(pair, Sequence) and len(pair) == 2 for pair in pairs):
        raise ValueError(
            f"observation must be a name, or parts such as (('gaussian', 2), ('one-hot', 3)), not {described(pairs)}."
        )
    for name, _ in pairs:
        if name not in OBSERVATIONS:
            raise unknown("observation", name, OBSERVATIONS)
    return pairs


# ---------------------------------------------------------------- defaults


def _defaults(objective: Objective, data: Examples | Sequence[int], chosen: dict[str, Any]) -> dict[str, Any]:
    """Everything that depends on the objective or the data, if it is not chosen."""
    shape = tuple(data if isinstance(data, Sequence) else data.shape)
    other = chosen.get("other", _second_domain(objective, data))
    bounds = chosen.get("range", _default_range(data, shape, other))
    observation = chosen.get("observation", _default_observation(objective, data, shape, other, bounds))
    explicit = all(OBSERVATIONS[name].explicit for name, _ in _observation_parts(observation))
    alphabet = getattr(data, "alphabet", "")
    return {
        "shape": shape,
        "other": other,
        "latent": 20 if len(shape) == 3 else 2,
        "observation": observation,
        "noiseless": explicit and _mean_suffices(objective),
        "codes": _default_codes(objective),
        "density": ("lines" if getattr(data, "padding", "") else "rnn") if alphabet else "gaussian",
        "classes": len(alphabet) or getattr(data, "classes", 0),
        "range": bounds,
    }


def _default_codes(objective: Objective) -> str:
    quantised = any(isinstance(term, Quantise) for term in objective.terms)
    return "codebook" if quantised else "unit" if "predictor_z" in objective.networks else "gaussian"


def _second_domain(objective: Objective, data: Examples | Sequence[int]) -> tuple[int, ...] | None:
    """The shape of the second domain where z is data: given two domains that no term compares, and a code."""
    has_code = bool({"encoder", "decoder"} & set(objective.networks))
    other_shape = getattr(data, "other", None)
    if has_code and "other" not in objective.reads and other_shape is not None:
        return tuple(other_shape.shape[1:])
    return None


def _needs_decoder_density(objective: Objective) -> bool:
    return any(term.needs_decoder_density for term in objective.terms)


def _mean_suffices(objective: Objective) -> bool:
    """Is x reconstructed, and compared by samples that may be the mean of p(x|z)?"""
    return _needs_decoder_density(objective) and any(term.gradient_through == "mean" for term in objective.terms)


def _default_range(data: Any, shape: Sequence[int], other_shape: Sequence[int] | None) -> str | tuple[float, float]:
    """Where the samples lie: the range of the data, and for images of which nobody knows it [0, 1]."""
    data_range = getattr(data, "range", None)
    default_range = (0.0, 1.0) if 3 in (len(shape), len(other_shape or ())) else "real"
    return default_range if data_range is None else data_range


def _default_observation(
    objective: Objective, data: Any, shape: Sequence[int], other_shape: Sequence[int] | None, data_range: Any
) -> str | tuple[tuple[str, int], ...]:
    """The p(x|z) that suits the objective and the examples that it has to make, where these are known."""
    if not _needs_decoder_density(objective):
        return "point"
    if parts := getattr(data, "parts", ()):
        return parts
    are_images = getattr(data, "kind", None) in (None, "images") and len(shape) == 3 and len(other_shape or shape) == 3
    if not are_images or tuple(data_range) != (0, 1):
        return "gaussian"
    examples = [getattr(data, "x", None)]  # None where ``data`` is only a shape
    if other_shape is not None:
        examples.append(getattr(data, "other", None))
    # A sample of binary pixels has no gradient: where one is needed, and the mean does not serve, pixels are grey.
    needs_sample = any(term.gradient_through == "sample" for term in objective.terms) and not _mean_suffices(objective)
    are_binary = not needs_sample and all(x is not None and BernoulliPixels().suits(x) for x in examples)
    return "bernoulli" if are_binary else "continuous bernoulli"


# ---------------------------------------------------------------- mistakes


def _check_names(spec: Spec) -> None:
    if not isinstance(spec.codes, str | tuple):
        raise ValueError(f"codes must be a name, or a dict of names and dimensions, got {described(spec.codes)}.")
    for kind in spec.parts:
        if kind not in CODES:
            raise unknown("kind of code", kind, CODES)
    sizes = [size for _, size in _observation_parts(spec.observation)]
    if sizes != [None] and (
        len(spec.shape) != 1
        or not all(isinstance(size, int) and size > 0 for size in sizes)
        or sum(sizes) != spec.shape[0]
    ):
        raise ValueError(
            f"the parts of observation must share out the numbers of examples [N, D]; got {spec.observation} and "
            f"examples of shape {spec.shape}."
        )
    for choice, name, allowed_names in (
        ("architecture", spec.architecture, ("mlp", "conv")),
        ("density", spec.density, DENSITIES),
        ("activation", spec.activation, ACTIVATIONS),
    ):
        if name not in allowed_names:
            raise unknown(choice, name, allowed_names)


def _check_sizes(spec: Spec) -> None:
    codes = spec.codes if isinstance(spec.codes, str) else dict(spec.codes)
    if not spec.parts or (spec.implicit and len(spec.parts) > 1):
        raise ValueError(f"codes need one part or more, and 'implicit' stands alone, got {codes}.")
    is_list = isinstance(spec.hidden, tuple)
    sizes = [spec.latent, spec.width, spec.depth, *spec.shape, *spec.parts.values(), *(spec.hidden if is_list else ())]
    if not is_list or not all(isinstance(size, int) and size > 0 for size in sizes):
        hidden = list(spec.hidden) if is_list else spec.hidden
        raise ValueError(
            f"sizes must be positive integers, hidden a list of them; got latent={spec.latent}, codes={codes}, "
            f"hidden={hidden}, width={spec.width} and examples of shape {spec.shape}."
        )
    if spec.scale is not None:
        object.__setattr__(spec, "scale", check_real("scale", spec.scale, above=0))
    if spec.classes is not None:
        object.__setattr__(spec, "classes", check_int("classes", spec.classes, least=0))
    check_bool("noiseless", spec.noiseless)
    ends: Any = spec.range
    is_interval = isinstance(ends, tuple) and len(ends) == 2 and all(isinstance(end, (int, float)) for end in ends)
    if ends != "real" and not (is_interval and -math.inf < ends[0] < ends[1] < math.inf):
        raise ValueError(f"range must be (low, high), two numbers in this order, or 'real', got {described(ends)}.")
    has_images = len(spec.shape) == 3 or len(spec.other or ()) == 3
    if spec.architecture == "conv" and not has_images:  # this raises the error that says what to do
        check_image(spec.shape, spec.width, spec.depth)


def _check_noise(spec: Spec) -> None:
    noise_is_usable = not spec.explicit and spec.other is None
    if not isinstance(spec.noise, int) or spec.noise < 0 or (spec.noise and not noise_is_usable):
        obstacle = "z from a second domain" if spec.other is not None else f"observation={spec.observation!r}"
        raise ValueError(
            f"noise counts inputs beside a code, for observation='point'; got {spec.noise!r} with {obstacle}."
        )

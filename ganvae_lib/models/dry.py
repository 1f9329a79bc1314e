"""One dry batch of a model: every network is called with what its role sees, and must give what its role owes.

It needs no data: the shape of z is that of the prior, the shape of x that of the decoder or the density. Where a shape
is not known, the networks that see it are not called. There is no gradient, no noise moves, and no network changes.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn.parameter import is_lazy

from ..data.dataset import Examples
from ..distributions.batch import Batch
from ..distributions.densities import as_floats
from ..distributions.noise import DrawnUnseeded, Noise, in_layers
from ..networks.heads import Conditional
from ..networks.stacking import Copies, copied
from .inputs import only_torch_draws, without_argument_checks
from .roles import role_of

if TYPE_CHECKING:
    from .model import Model

__all__ = ["check_outputs", "is_user_defined", "output_of", "shape_of_z", "check_user_defined_parts"]

_ROWS = 3
_UNKNOWN = object()
Shape = tuple[int, ...]


def check_outputs(
    networks: Mapping[str, nn.Module],
    prior: nn.Module,
    shapes: Mapping[str, Shape],
    seeds: Sequence[int] | None = None,
    training: bool = False,
) -> None:
    """Raise ValueError or TypeError, naming it, for a network that cannot be called or gives the wrong thing.

    ``shapes`` are those of "x" and "z" where they are known; ``seeds`` those of which stacked networks hold copies.
    Such a network must not draw noise for all of them at once. They are tried in eval mode or, for ``training``, in the
    modes that they have, and must not remember what their state dict does not hold.

    >>> from ganvae_lib import nets
    >>> decoder = nets.Decoder(nn.Linear(3, 2), nets.Gaussian(), (2,))
    >>> check_outputs({"encoder": nets.Encoder(nn.Linear(2, 8)), "decoder": decoder}, nets.StandardNormal(3), {})
    Traceback (most recent call last):
    ValueError: encoder gives a distribution of z of shape [4], where [3] is due; ...
    """
    if learned_names := [name for name, parameter in prior.named_parameters() if parameter.requires_grad]:
        raise ValueError(
            f"the prior has parameters ({learned_names[0]}), and no player trains them; call "
            "prior.requires_grad_(False)."
        )
    known_shapes = {"time": (1,), **shapes}
    if (z := shape_of_z(prior)) is not None:
        known_shapes |= {"z": known_shapes.get("z", z), "code": known_shapes.get("z", z)}
    for name in ("decoder", "density"):
        if name in networks and isinstance(getattr(networks[name], "shape", None), tuple):
            known_shapes.setdefault("x", tuple(networks[name].shape))  # type: ignore[arg-type]
    batch_shape = (_ROWS,) if seeds is None else (len(seeds), _ROWS)
    # The decoder and the features first: they say what others see.
    for name in sorted(networks, key=lambda name: name not in ("decoder", "density", "features")):
        shape_of_input = {variable: known_shapes.get(variable) for variable in role_of(name).sees}
        shapes_seen = {variable: shape for variable, shape in shape_of_input.items() if shape is not None}
        if len(shapes_seen) == len(shape_of_input):
            output = output_of(name, networks, shapes_seen, batch_shape, training)
            _check_output(name, output, known_shapes, batch_shape)
            if training and output is not _UNKNOWN:
                _check_restores_from_state_dict(name, networks, shapes_seen, batch_shape, output)


def check_user_defined_parts(model: Model, data: Examples, batch_size: int) -> None:
    """Raise ValueError, naming it, for a network or a term of one's own that draws noise which is not a seed's own.

    They are tried before the first step, in the modes of training; no stream moves, and the model stays as it is.
    """
    seeds = model.seeds if isinstance(model.seeds, list) else None
    has_lazy_weights = any(is_lazy(weight) for weight in model.parameters())
    if any(map(is_user_defined, model.networks.modules())) and not has_lazy_weights:
        check_outputs(dict(model.networks), model.prior, {"x": tuple(data.shape)}, seeds, training=True)
    for term in model.objective.terms:
        if not any(map(is_user_defined, (term, *vars(term).values()))):
            continue
        noise = Noise(model.seeds, next(model.parameters()).device)  # a source of random numbers
        minibatch: dict[str, Any] = {}
        for name in ("x", *model.reads):
            variable_rows: Tensor = getattr(data, "y" if name == "labels" else name)[:batch_size]
            variable_rows = as_floats(variable_rows) if name == "x" else variable_rows
            minibatch[name] = variable_rows.to(noise.device).expand(*noise.seeds_shape, *variable_rows.shape)
        batch = Batch(model.copies(model.seeds, fresh=False), noise=noise, **minibatch)
        try:
            with only_torch_draws(), noise.in_layers():
                term.loss(batch)
                if term.steps:
                    term.discriminator_loss(batch)
        except DrawnUnseeded as error:
            raise DrawnUnseeded(f"{term!r}: {error}") from error
        except Exception:  # whatever else is wrong with it, the first step tells
            continue


def _check_restores_from_state_dict(
    name: str, networks: Mapping[str, nn.Module], shapes: dict[str, Shape], batch_shape: Shape, output: Any
) -> None:
    """Raise ValueError for a network that gives something else when it has been called before, and its state put back.

    Then a training that is read from a file would not be the one that was saved.
    """
    network, used_copy = networks[name], copied(networks[name])
    networks_again = dict(networks) | {name: used_copy}
    output_of(name, networks_again, shapes, batch_shape, training=True, copy=False)
    saved_state = network.state_dict()
    used_copy.load_state_dict(saved_state)
    if _have_equal_numbers(output, output_of(name, networks_again, shapes, batch_shape, training=True)):
        return
    changed = [
        path
        for path, value in _state_outside_state_dict(used_copy).items()
        if not _have_equal_numbers(value, _state_outside_state_dict(network).get(path))
    ]
    details = f" ({', '.join(changed[:3])})" if changed else ""
    raise ValueError(
        f"{name} remembers from call to call what its state dict does not hold{details}, so no file could go on with "
        "it; keep it in a buffer, self.register_buffer(name, tensor)."
    )


def _state_outside_state_dict(network: nn.Module) -> dict[str, Any]:
    """What stands in the parts of a network and is not part of its state dict, by name."""
    state: dict[str, Any] = {}
    for path, module in network.named_modules():
        values = {name: value for name, value in vars(module).items() if not name.startswith("_")}
        values |= {name: module._buffers[name] for name in module._non_persistent_buffers_set}
        state |= {f"{path}.{name}".lstrip("."): value for name, value in values.items()}
    return state


def _have_equal_numbers(first: Any, second: Any) -> bool:
    """Have two outputs, or two attributes, the same numbers? Of what has none, nothing is said."""
    if isinstance(first, Distribution) and isinstance(second, Distribution):
        return all(
            _have_equal_numbers(_moment_of(first, name), _moment_of(second, name))
            for name in ("mean", "stddev", "logits")
        )
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return first.shape == second.shape and bool(torch.isclose(first, second, rtol=0, atol=0, equal_nan=True).all())
    return (
        first == second if isinstance(first, int | float | str | list | dict) and type(first) is type(second) else True
    )


def _moment_of(distribution: Distribution, name: str) -> Any:
    try:
        return getattr(distribution, name, None)
    except Exception:  # not every distribution knows its mean
        return None


def is_user_defined(value: Any) -> bool:
    """Is it of a class that the library does not have?"""
    return type(value).__module__.partition(".")[0] not in ("builtins", "torch", __name__.partition(".")[0])


def shape_of_z(prior: nn.Module) -> Shape | None:
    """What z is like, by the prior; None where it does not say."""
    try:
        return tuple(prior().event_shape)
    except Exception:  # a prior of one's own may want anything, or there may be none
        shape = getattr(prior, "shape", None)  # of a second domain
        return tuple(shape) if isinstance(shape, tuple) else None


def output_of(
    name: str,
    networks: Mapping[str, nn.Module],
    shapes: dict[str, Shape],
    batch_shape: Shape,
    training: bool = False,
    graph: bool = False,
    copy: bool = True,
) -> Any:
    """What a copy of a network gives for a dry batch, with its ``graph``; ``_UNKNOWN`` where that cannot be known."""
    network = networks[name]
    is_lazy_network = any(is_lazy(weight) for weight in network.parameters())
    try:
        # A lazy network gets its weights by being called.
        network_copy = network if is_lazy_network or not copy else copied(network)
    except TypeError:
        return _UNKNOWN  # ``copies`` says what to do
    if name.startswith("predictor"):
        shapes = {variable: (math.prod(shape),) for variable, shape in shapes.items()}
    device, dtype = _device_and_dtype(network, networks)
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.rand(*batch_shape, *shape, generator=generator).to(device, dtype) for shape in shapes.values()]
    inputs = [tensor.requires_grad_(graph) for tensor in inputs]
    labels = {"labels": torch.zeros(batch_shape, dtype=torch.long, device=device)}
    layer_seeds = [0] * (batch_shape[0] if len(batch_shape) == 2 else 1)
    was_training = network.training
    try:
        layer_noise = in_layers(layer_seeds, len(batch_shape) == 2, device)
        with (
            torch.set_grad_enabled(graph),
            without_argument_checks(),
            only_torch_draws(),
            layer_noise,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            is_conditional = isinstance(network.copies[0] if isinstance(network, Copies) else network, Conditional)
            return (network_copy if training else network_copy.eval())(*inputs, **(labels if is_conditional else {}))
    except Exception as error:
        error_text = str(error)
        # As it is, it may suit the data.
        if isinstance(error, RuntimeError) and ("dtype" in error_text or "scalar type" in error_text):
            return _UNKNOWN
        inputs_text = (
            " and ".join(f"{variable} {[*batch_shape, *shape]}" for variable, shape in shapes.items()) or "nothing"
        )
        reason = error_text.strip().partition("\n")[0] or type(error).__name__
        raise ValueError(f"{name} cannot be called with {inputs_text}: {reason}") from error
    finally:
        if is_lazy_network:
            network.train(was_training)


def _device_and_dtype(network: nn.Module, networks: Mapping[str, nn.Module]) -> tuple[torch.device, torch.dtype]:
    """Device and type of the weights of a network or, where it has none, of any."""
    for module in (network, *networks.values()):
        for weight in (*module.parameters(), *module.buffers()):
            if weight.is_floating_point():
                return weight.device, weight.dtype
    return torch.device("cpu"), torch.get_default_dtype()


def _check_output(name: str, output: Any, known_shapes: dict[str, Shape], batch_shape: Shape) -> None:
    """Is it what the role owes? A shape that was not known is known from now on."""
    if output is _UNKNOWN:
        return
    variable = {"decoder": "x", "density": "x", "encoder": "z", "features": "features"}.get(name)
    if variable is not None:
        _check_distribution(name, output, variable, known_shapes, batch_shape)
    elif name in ("classifier", "labeller") or name.startswith("discriminator"):
        logits: Any = getattr(output, "logits", None)
        per_class = not name.startswith("discriminator")
        axes = ", ".join(map(str, batch_shape))
        due_shape = f"[{axes}, classes]" if per_class else f"[{axes}]"
        has_rows = isinstance(logits, Tensor) and logits.shape[: len(batch_shape)] == batch_shape
        if not has_rows or logits.ndim != len(batch_shape) + per_class:
            actual = (
                f"{list(logits.shape)}" if isinstance(logits, Tensor) else f"a {type(output).__name__} without logits"
            )
            wrapper_text = "Classifier(trunk)" if per_class else "Discriminator(trunk)"
            raise TypeError(
                f"{name} must give logits {due_shape} for a batch of {_ROWS}, one row or number for each example, but "
                f"gives {actual}; return a distribution with them, as nets.{wrapper_text} does."
            )
    elif name.startswith(("predictor", "denoiser_")):
        shape = known_shapes[role_of(name).sees[0]]
        expected_shape = (*batch_shape, *shape) if name.startswith("denoiser_") else (*batch_shape, math.prod(shape))
        if not isinstance(output, Tensor) or output.shape != expected_shape:
            actual = f"{list(output.shape)}" if isinstance(output, Tensor) else f"a {type(output).__name__}"
            raise TypeError(
                f"{name} must give a tensor {list(expected_shape)} for a batch of {_ROWS}, but gives {actual}."
            )


def _check_distribution(
    name: str, output: Any, variable: str, known_shapes: dict[str, Shape], batch_shape: Shape
) -> None:
    if not isinstance(output, Distribution):
        raise TypeError(
            f"{name} must give a distribution of {variable}, but gives a {type(output).__name__}; return one of "
            f"torch.distributions{'' if name == 'density' else f', as nets.{name.capitalize()}(trunk, ...) does'}."
        )
    event_shape = tuple(output.event_shape)
    allowed_shapes: list[Shape] = [batch_shape[:-1], (*batch_shape[:-1], 1)] if name == "density" else [batch_shape]
    if tuple(output.batch_shape) not in allowed_shapes or len(event_shape) != len(
        known_shapes.get(variable, event_shape)
    ):
        got_shape = list(output.batch_shape)
        raise ValueError(
            f"{name} gives a distribution ({type(output).__name__}) of batch shape {got_shape} and event shape "
            f"{list(event_shape)} for a batch of {_ROWS}, where {list(allowed_shapes[-1])} and {variable} of shape "
            f"{list(known_shapes.get(variable, event_shape))} are due; torch.distributions.Independent(p, 1) makes one "
            "event of an axis."
        )
    if event_shape != known_shapes.setdefault(variable, event_shape):
        raise ValueError(
            f"{name} gives a distribution of {variable} of shape {list(event_shape)}, where "
            f"{list(known_shapes[variable])} is due; change the features that its trunk gives, or the "
            f"{'prior' if variable == 'z' else 'shape of the other networks'}."
        )

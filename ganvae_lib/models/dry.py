"""One dry batch of a model: every network is called with what its role sees, and must give what its role owes.

It needs no data: the shape of z is that of the prior, the shape of x that of the decoder or the density. Where a shape
is not known, the networks that see it are not called. There is no gradient, no noise moves, and no network changes.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn.parameter import is_lazy

from ..distributions.noise import in_layers
from ..networks.heads import Conditional
from ..networks.stacking import copied
from .roles import role_of

__all__ = ["check_outputs", "check_weights"]

_BATCH = 3
_NOT_TRIED = object()
Shape = tuple[int, ...]


def check_outputs(networks: Mapping[str, nn.Module], prior: nn.Module, shapes: Mapping[str, Shape]) -> None:
    """Raise ValueError or TypeError, naming it, for a network that cannot be called or gives the wrong thing.

    ``shapes`` are those of "x" and "z" where they are known.

    >>> from ganvae_lib import nets
    >>> decoder = nets.Decoder(nn.Linear(3, 2), nets.Gaussian(), (2,))
    >>> check_outputs({"encoder": nets.Encoder(nn.Linear(2, 8)), "decoder": decoder}, nets.StandardNormal(3), {})
    Traceback (most recent call last):
    ValueError: encoder gives a distribution of z of shape [4], where [3] is due; ...
    """
    if learns := [name for name, parameter in prior.named_parameters() if parameter.requires_grad]:
        raise ValueError(
            f"the prior has parameters ({learns[0]}), and no player trains them; call prior.requires_grad_(False)."
        )
    known = {"time": (1,), **shapes}
    if (z := _shape_of_z(prior)) is not None:
        known.setdefault("z", z)
    for name in ("decoder", "density"):
        if name in networks and isinstance(getattr(networks[name], "shape", None), tuple):
            known.setdefault("x", tuple(networks[name].shape))  # type: ignore[arg-type]
    # The decoder and the features first: they say what others see.
    for name in sorted(networks, key=lambda name: name not in ("decoder", "density", "features")):
        seen = {variable: known.get(variable) for variable in role_of(name).sees}
        shapes_seen = {variable: shape for variable, shape in seen.items() if shape is not None}
        if len(shapes_seen) == len(seen):
            _check_output(name, _output(name, networks, shapes_seen), known)


def check_weights(networks: nn.Module) -> None:
    """Raise ValueError, naming them, for weights that a copy would not honour as torch does.

    >>> a, b = nn.Linear(2, 2), nn.Linear(2, 2)
    >>> b.weight.data = a.weight.data
    >>> check_weights(nn.Sequential(a, b))
    Traceback (most recent call last):
    ValueError: 0.weight and 1.weight are two parameters in one memory; share one parameter (b.weight = a.weight), ...
    """
    ends: dict[int, list[tuple[int, int, str]]] = {}
    for name, weight in networks.named_parameters():
        if getattr(weight, "_post_accumulate_grad_hooks", None):
            raise ValueError(
                f"{name} has a hook that waits for an accumulated gradient, and fit accumulates none; use "
                "register_hook, which gets the gradient itself."
            )
        if is_lazy(weight) or not weight.numel():
            continue
        if weight.is_meta:  # there is no memory
            continue
        start = weight.data_ptr()
        length = 1 + sum((size - 1) * stride for size, stride in zip(weight.shape, weight.stride(), strict=True))
        spans = ends.setdefault(weight.untyped_storage().data_ptr(), [])
        spans.append((start, start + length * weight.element_size(), name))
    for spans in ends.values():
        spans.sort()
        for (_, end, first), (start, _, second) in zip(spans[:-1], spans[1:], strict=True):
            if start < end:
                raise ValueError(
                    f"{first} and {second} are two parameters in one memory; share one parameter (b.weight = a.weight)"
                    ", or give each its own by weight.data.clone()."
                )


def _shape_of_z(prior: nn.Module) -> Shape | None:
    """What z is like, by the prior; None where it does not say."""
    try:
        return tuple(prior().event_shape)
    except Exception:  # a prior of one's own may want anything, or there may be none
        shape = getattr(prior, "shape", None)  # of a second domain
        return tuple(shape) if isinstance(shape, tuple) else None


def _output(name: str, networks: Mapping[str, nn.Module], shapes: dict[str, Shape]) -> Any:
    """What a copy of a network gives for a dry batch; ``_NOT_TRIED`` where that cannot be known."""
    network = networks[name]
    lazy = any(is_lazy(weight) for weight in network.parameters())
    try:
        tried = network if lazy else copied(network)  # a lazy one gets its weights by being called
    except TypeError:
        return _NOT_TRIED  # ``copies`` says what to do
    if name.startswith("predictor"):
        shapes = {variable: (math.prod(shape),) for variable, shape in shapes.items()}
    device, dtype = _kind_of_numbers(network, networks)
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.rand(_BATCH, *shape, generator=generator).to(device, dtype) for shape in shapes.values()]
    labels = {"labels": torch.zeros(_BATCH, dtype=torch.long, device=device)}
    was_training, checks = network.training, Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        with torch.no_grad(), in_layers([0], False, device), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tried.eval()(*inputs, **(labels if isinstance(network, Conditional) else {}))
    except Exception as error:
        told = str(error)
        if isinstance(error, RuntimeError) and (
            "dtype" in told or "scalar type" in told
        ):  # as it is, it may suit the data
            return _NOT_TRIED
        seen = " and ".join(f"{variable} {[_BATCH, *shape]}" for variable, shape in shapes.items()) or "nothing"
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ValueError(f"{name} cannot be called with {seen}: {why}") from error
    finally:
        Distribution.set_default_validate_args(checks)
        if lazy:
            network.train(was_training)


def _kind_of_numbers(network: nn.Module, networks: Mapping[str, nn.Module]) -> tuple[torch.device, torch.dtype]:
    """Device and type of the weights of a network or, where it has none, of any."""
    for module in (network, *networks.values()):
        for weight in (*module.parameters(), *module.buffers()):
            if weight.is_floating_point():
                return weight.device, weight.dtype
    return torch.device("cpu"), torch.get_default_dtype()


def _check_output(name: str, output: Any, known: dict[str, Shape]) -> None:
    """Is it what the role owes? A shape that was not known is known from now on."""
    if output is _NOT_TRIED:
        return
    made = {"decoder": "x", "density": "x", "encoder": "z", "features": "features"}.get(name)
    if made is not None:
        _check_distribution(name, output, made, known)
    elif name in ("classifier", "labeller") or name.startswith("discriminator"):
        logits = getattr(output, "logits", None)
        per_class = not name.startswith("discriminator")
        due = "[3, classes]" if per_class else "[3]"
        if not isinstance(logits, Tensor) or logits.shape[:1] != (_BATCH,) or logits.ndim != 1 + per_class:
            got = f"{list(logits.shape)}" if isinstance(logits, Tensor) else f"a {type(output).__name__} without logits"
            wrapped = "Classifier(trunk)" if per_class else "Discriminator(trunk)"
            raise TypeError(
                f"{name} must give logits {due} for a batch of {_BATCH}, one row or number for each example, but gives "
                f"{got}; return a distribution with them, as nets.{wrapped} does."
            )
    elif name.startswith(("predictor", "denoiser_")):
        shape = known[role_of(name).sees[0]]
        due_shape = (_BATCH, *shape) if name.startswith("denoiser_") else (_BATCH, math.prod(shape))
        if not isinstance(output, Tensor) or output.shape != due_shape:
            got = f"{list(output.shape)}" if isinstance(output, Tensor) else f"a {type(output).__name__}"
            raise TypeError(f"{name} must give a tensor {list(due_shape)} for a batch of {_BATCH}, but gives {got}.")


def _check_distribution(name: str, output: Any, made: str, known: dict[str, Shape]) -> None:
    if not isinstance(output, Distribution):
        raise TypeError(
            f"{name} must give a distribution of {made}, but gives a {type(output).__name__}; return one of "
            f"torch.distributions{'' if name == 'density' else f', as nets.{name.capitalize()}(trunk, ...) does'}."
        )
    event = tuple(output.event_shape)
    batches: list[Shape] = [(), (1,)] if name == "density" else [(_BATCH,)]
    if tuple(output.batch_shape) not in batches or len(event) != len(known.get(made, event)):
        batch = list(output.batch_shape)
        raise ValueError(
            f"{name} gives a distribution ({type(output).__name__}) of batch shape {batch} and event shape "
            f"{list(event)} for a batch of {_BATCH}, where {list(batches[-1])} and {made} of shape "
            f"{list(known.get(made, event))} are due; torch.distributions.Independent(p, 1) makes one event of an axis."
        )
    if event != known.setdefault(made, event):
        raise ValueError(
            f"{name} gives a distribution of {made} of shape {list(event)}, where {list(known[made])} is due; change "
            f"the features that its trunk gives, or the {'prior' if made == 'z' else 'shape of the other networks'}."
        )

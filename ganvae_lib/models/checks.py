"""Do networks suit an objective and each other, and data a model?"""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Independent, Laplace, Normal
from torch.nn.parameter import is_lazy

from ..data.dataset import Data, Examples, within_range
from ..distributions.densities import Noiseless, Point, as_floats
from ..distributions.sample import OtherDomain
from ..errors import check_type
from ..networks.heads import Conditional
from ..networks.stacking import Copies, seeds_in
from ..objective.algebra import Objective
from .dry import is_user_defined, output_of, shape_of_z
from .roles import role_of

if TYPE_CHECKING:
    from .model import Model

__all__ = ["check_data", "check_can_have_made", "check_networks", "check_weights"]


def check_data(model: Model, data: Examples) -> None:
    """Raise ValueError, saying what to do, if ``data`` do not fit the model.

    >>> from ganvae_lib import build, ring, Data, zoo
    >>> check_data(build(zoo.VAE, (3,)), Data(ring().sample(100, 0)))
    Traceback (most recent call last):
    ValueError: the model was built for examples of shape (3,), the data have (2,).
    """
    if model.spec is not None and model.spec.shape != tuple(data.shape):
        raise ValueError(
            f"the model was built for examples of shape {model.spec.shape}, the data have {tuple(data.shape)}."
        )
    if not any(weight.requires_grad for weight in model.networks.parameters()):
        raise ValueError("no weight of this model learns; let some by network.requires_grad_(True).")
    _check_precision(model, data)
    _check_labels(model, data)
    _check_other_domain(model, data)
    _check_values(model, data)


def _check_precision(model: Model, data: Any) -> None:
    """Have weights and data one type of numbers?"""
    x = getattr(data, "x", None)
    if not isinstance(x, Tensor):
        return
    x = as_floats(x[:1])  # as a minibatch holds it
    for name, network in model.networks.items():
        other_types = {weight.dtype for weight in network.parameters() if weight.is_floating_point()} - {x.dtype}
        if other_types:
            raise ValueError(
                f"{name} has weights of type {other_types.pop()}, {data.name} has {x.dtype}; use model.to({x.dtype})."
            )


def _check_labels(model: Model, data: Any) -> None:
    if "labels" not in model.objective.reads:
        return
    if getattr(data, "y", None) is None:
        raise ValueError(f"{model.objective!r} learns from labels, which {data.name} does not have; give data with y.")
    if model.spec is not None and data.classes > model.spec.classes:
        raise ValueError(f"the model tells {model.spec.classes} classes apart, the data have {data.classes}.")


def _check_other_domain(model: Model, data: Any) -> None:
    if "other" in model.reads and getattr(data, "other", None) is None:
        raise ValueError(
            f"{model.objective!r} learns from two domains, or from labelled and unlabelled examples; put them together "
            "with data.Domains(source, target)."
        )
    if "other" in model.objective.reads:
        data.one_shape()
    if isinstance(model.prior, OtherDomain) and tuple(data.other.shape[1:]) != model.prior.shape:
        raise ValueError(
            f"the model was built for a second domain of shape {model.prior.shape}, {data.name} has "
            f"{tuple(data.other.shape[1:])}."
        )


# Networks that have been found to suit data, so that no second fit reads a large file again.
_CHECKED_NETWORKS: WeakKeyDictionary[Data, WeakSet[nn.Module]] = WeakKeyDictionary()


def _check_values(model: Model, data: Any) -> None:
    """Can the networks that make examples have made these?"""
    source, target = getattr(data, "source", data), getattr(data, "target", None)
    examples_of_network = {"density": (source, data.x), "decoder": (source, data.x)}
    if isinstance(model.prior, OtherDomain):
        examples_of_network["encoder"] = (target, data.other)
    if model.spec is not None and "decoder" in model.networks and bool(getattr(source, "alphabet", None)):
        raise ValueError(
            f"{data.name} holds characters by their numbers, which p(x|z) would take for sizes; use zoo.LIKELIHOOD or "
            "a decoder of your own."
        )
    for name, (examples, x) in examples_of_network.items():
        network = model.networks[name] if name in model.networks else None
        checked = _CHECKED_NETWORKS.setdefault(examples, WeakSet()) if isinstance(examples, Data) else WeakSet()
        if network is None or network in checked:
            continue
        seen_shape = shape_of_z(model.prior) if name == "decoder" else tuple(source.shape)
        _check_range(network, examples, None if name == "density" else _output_range(name, model, seen_shape))
        check_can_have_made(network, x)
        if name == "density" and any(observation == "one-hot" for observation, _ in getattr(examples, "parts", ())):
            raise ValueError(f"a density of x alone takes the categories of {examples.name} for numbers; use a VAE.")
        checked.add(network)


def check_can_have_made(network: nn.Module, x: Tensor) -> None:
    """Raise ValueError, saying what to do, if a network says that it cannot have made x, [N, *shape]."""
    check = getattr(_first_copy(network), "check", None)
    if check is not None:  # a network of one's own need not have it, and takes whatever comes
        check(x)


def _first_copy(network: nn.Module) -> nn.Module:
    return network.copies[0] if isinstance(network, Copies) else network


def _check_range(network: nn.Module, data: Any, output_range: tuple[float, float] | None) -> None:
    """Raise ValueError if samples are kept in a range and the data lie outside.

    The range is that of the observation or, where it has none, ``output_range``, that of the function
    in which the network ends.
    """
    squash: Any = getattr(getattr(network, "observation", None), "squash", False)
    bounds = (0.0, 1.0) if squash is True else squash or output_range
    if not bounds or not hasattr(data, "min_max") or within_range(data.min_max, bounds):
        return
    low, high = data.min_max
    advice = "build the model for these data, or rescale them."
    if not squash:
        advice = "let the network end in another function, or rescale the data."
    elif data.range is None:
        advice = (
            "give images as bytes (uint8), in [0, 1] or in [-1, 1], or state the range (or 'real'), "
            f"Data(x, range=({low:g}, {high:g}))."
        )
    raise ValueError(
        f"this model makes samples between {bounds[0]:g} and {bounds[1]:g}, and {data.name} goes from {low:.4g} to "
        f"{high:.4g}; {advice}"
    )


#: The range of the functions in which networks end, by their name in a graph of torch, and what keeps a range.
_RANGE_OF_FUNCTION = {"Sigmoid": (0.0, 1.0), "Hardsigmoid": (0.0, 1.0), "Softmax": (0.0, 1.0), "Tanh": (-1.0, 1.0)}
_KEEPS_RANGE = (
    "View UnsafeView ReshapeAlias Unsqueeze Squeeze Expand Permute Transpose T Clone Select Slice Stack Cat ToCopy"
)


def _output_range(name: str, model: Model, input_shape: tuple[int, ...] | None) -> tuple[float, float] | None:
    """The range of the function in which a network ends that sees this shape, read off the graph of a dry batch."""
    observation = getattr(model.networks[name], "observation", None)
    if input_shape is None or is_user_defined(observation):  # an observation of one's own says what it supports
        return None
    output = output_of(name, dict(model.networks), {"its input": input_shape}, (*model.seeds_shape, 3), graph=True)
    while isinstance(output, Independent | Noiseless):
        output = output.base_dist if isinstance(output, Independent) else output.base
    if not isinstance(output, Point | Normal | Laplace):
        return None
    graph_nodes: list[Any] = [output.mean.grad_fn]
    ranges = set()
    while graph_nodes:
        node = graph_nodes.pop()
        function_name = type(node).__name__.split("Backward")[0].strip("_")
        if function_name in _KEEPS_RANGE.split():
            graph_nodes += [parent for parent, _ in node.next_functions]
        else:
            ranges.add(_RANGE_OF_FUNCTION.get(function_name))
    return ranges.pop() if len(ranges) == 1 else None


def check_networks(objective: Objective, networks: Mapping[str, nn.Module]) -> list[int] | None:
    """The seeds of whose copies the networks are stacks, None for single ones.

    Raises ValueError (or TypeError), saying what to do, for networks that do not suit the objective or each other.
    """
    check_type("objective", objective, Objective, "take one of zoo, or add terms such as Match(...)")
    check_type("networks", networks, Mapping, "a dict of them by name")  # type: ignore[type-abstract]
    if missing_names := [name for name in objective.networks if name not in networks]:
        raise ValueError(f"{objective} needs the networks {', '.join(missing_names)}, which were not given.")
    for name in objective.networks:
        role_of(name)
        check_type(f"the network {name}", networks[name], nn.Module)
    _check_discriminators(objective)
    _check_conditional(objective, networks)
    return _seeds_of_stacks(objective, networks)


def _seeds_of_stacks(objective: Objective, networks: Mapping[str, nn.Module]) -> list[int] | None:
    """The seeds of whose copies all networks are stacks; None if they are single ones."""
    network_seeds = [(name, seeds) for name in objective.networks for seeds in seeds_in(networks[name])]
    for (first, seeds), (second, second_seeds) in pairwise(network_seeds):
        if seeds != second_seeds:
            first_text, second_text = (
                f"copies of the seeds {which}" if which else "a single network" for which in (seeds, second_seeds)
            )
            second = "another part of it" if second == first else second
            raise ValueError(
                f"{first} holds {first_text}, and {second} {second_text}: networks of a model are all single, or all "
                "copies of the same seeds; nets.unstack(network, k) takes one out, nets.stack(networks, seeds) puts "
                "several together."
            )
    return network_seeds[0][1] if network_seeds else None


def _check_discriminators(objective: Objective) -> None:
    """Is every discriminator that a term asks trained by some term?"""
    trained = {term.discriminator for term in objective.adversaries if term.steps}
    for term in objective.terms:
        discriminator = getattr(term, "discriminator", None)
        if discriminator in objective.networks and discriminator not in trained:
            raise ValueError(
                f"{term!r} asks {discriminator}, which no term of {objective!r} trains; add one with steps > 0."
            )


def _check_conditional(objective: Objective, networks: Mapping[str, nn.Module]) -> None:
    """Are exactly those networks given the label that the objective says, by every term?"""
    conditional = {name for name in objective.networks if isinstance(_first_copy(networks[name]), Conditional)}
    if mismatched := conditional ^ set(objective.conditional):  # in one of the two sets, but not in both
        raise ValueError(
            f"{objective!r} tells the label to {', '.join(objective.conditional) or 'no network'}: "
            f"nets.Conditional, and nothing else, is told it. Wrong here: {', '.join(sorted(mismatched))}."
        )
    for term in objective.terms:
        without_label = set(term.networks) - set(term.conditional)
        if labelled_elsewhere := sorted(conditional & without_label):
            raise ValueError(f"{labelled_elsewhere[0]} is told the label, but not for {term!r}; use given(objective).")


def check_weights(networks: nn.Module) -> None:
    """Raise ValueError, naming it, for a weight or a generator that a copy would not honour as torch does.

    >>> a, b = nn.Linear(2, 2), nn.Linear(2, 2)
    >>> b.weight.data = a.weight.data
    >>> check_weights(nn.Sequential(a, b))
    Traceback (most recent call last):
    ValueError: 0.weight and 1.weight are two parameters in one memory; share one parameter (b.weight = a.weight), ...
    """
    for path, module in networks.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, torch.Generator | random.Random | np.random.Generator | np.random.RandomState):
                raise ValueError(
                    f"{path}.{name} is a generator of random numbers that no seed sets and no checkpoint keeps; draw "
                    "without it (torch.rand, torch.randn): then the numbers come from a stream of each seed's own."
                )
        if type(module).get_extra_state is not nn.Module.get_extra_state:
            if not isinstance(module.get_extra_state(), Tensor):
                raise ValueError(f"{path} has a get_extra_state that gives no tensor, which is all that a file holds.")
    spans_of_storage: dict[int, list[tuple[int, int, str]]] = {}
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
        element_count = 1 + sum((size - 1) * stride for size, stride in zip(weight.shape, weight.stride(), strict=True))
        spans = spans_of_storage.setdefault(weight.untyped_storage().data_ptr(), [])
        spans.append((start, start + element_count * weight.element_size(), name))
    for spans in spans_of_storage.values():
        spans.sort()
        for (_, end, first), (start, _, second) in zip(spans[:-1], spans[1:], strict=True):
            if start < end:
                raise ValueError(
                    f"{first} and {second} are two parameters in one memory; share one parameter (b.weight = a.weight)"
                    ", or give each its own by weight.data.clone()."
                )

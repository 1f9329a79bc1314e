"""Copies of a network, as it is or with fresh weights from a seed: what is drawn anew, what stays, what cannot be.

A layer's ``reset_parameters`` draws its weights; a parametrization (spectral or weight norm) is put on anew. A module
of one's own without one is made again by its constructor, if that can be called with what the module remembers. Weights
that do not learn stay, and so do those of ``pretrained`` modules.
"""

from __future__ import annotations

import copy
import inspect
import math
import zlib
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

__all__ = ["altered_weights", "copied", "initialise", "pretrained"]

Network = TypeVar("Network", bound=nn.Module)

_FALSE_ALARM_RATE = 1e-9  # that weights are taken for trained which are as their layer has drawn them


def copied(module: Network) -> Network:
    """A copy of a module with the hooks of its parameters, which torch's own deep copy leaves behind.

    Raises TypeError, saying why, for a module that cannot be copied.
    """
    for path, layer in module.named_modules():
        forward = vars(layer).get("forward", layer.forward)
        if getattr(forward, "__self__", layer) is not layer or not hasattr(forward, "__self__"):
            raise TypeError(
                f"{path or type(layer).__name__} has a forward that was put in the place of its own and would compute "
                "with the weights of another copy; make it a method of a subclass, or give the module as it was before "
                "torch.compile or torch.jit."
            )
    try:
        module_copy = copy.deepcopy(module)
    except Exception as error:
        reason = str(error).partition(".")[0].partition("\n")[0]
        raise TypeError(
            f"{_uncopyable_part(module)} cannot be copied ({reason}); keep no tensors with a gradient in a module but "
            "its parameters, and use torch.nn.utils.parametrizations in the place of the old weight_norm."
        ) from error
    for parameter, parameter_copy in zip(module.parameters(), module_copy.parameters(), strict=True):
        for hook in (parameter._backward_hooks or {}).values():
            parameter_copy.register_hook(hook)
    return module_copy


def _uncopyable_part(module: nn.Module) -> str:
    """The innermost part that cannot be copied."""
    for path, part in reversed(list(module.named_modules())):
        try:
            copy.deepcopy(part)
        except Exception:  # what a part of one's own raises when it is copied may be anything
            return path or type(part).__name__
    return type(module).__name__


def initialise(module: Network, seed: int) -> Network:
    """A copy, on the CPU, with fresh initial weights, which depend on ``seed`` only.

    Raises ValueError, naming it, for a parameter that starts at random and that nothing can draw anew.

    >>> from ganvae_lib.networks import Linear
    >>> torch.equal(initialise(Linear(4, 2), 7).weight, initialise(Linear(4, 2), 7).weight)
    True
    """
    fresh_module = copied(module).cpu()
    _redraw(fresh_module, seed)
    for layer in fresh_module.modules():
        vars(layer)["digest_as_drawn"] = _digest(layer)  # what ``altered_weights`` compares
    return fresh_module


def pretrained(module: Network) -> Network:
    """The module itself, marked: ``fit(..., fresh=True)`` starts every seed from the weights that it has now.

    >>> from ganvae_lib.networks import Linear
    >>> network = nn.Sequential(pretrained(Linear(4, 2)), Linear(2, 1))
    >>> fresh = initialise(network, 7)
    >>> torch.equal(fresh[0].weight, network[0].weight), torch.equal(fresh[1].weight, network[1].weight)
    (True, False)
    """
    module.pretrained = True  # type: ignore[assignment]
    return module


def altered_weights(module: nn.Module) -> list[str]:
    """The parameters and statistics that fresh weights would destroy: loaded, trained, or set by hand, not as drawn.

    What ``initialise`` has drawn is known by its bits. Else a weight counts how often it was written to in place: more
    often than its layer does, and it is not as drawn. Copies forget the count; then values tell that the layer cannot
    have drawn, or only with a chance of one in a billion.

    >>> network = nn.Linear(4, 2)
    >>> altered_weights(network)
    []
    >>> network.load_state_dict({"weight": torch.ones(2, 4), "bias": torch.zeros(2)})
    <All keys matched successfully>
    >>> altered_weights(network)
    ['weight', 'bias']
    """
    fresh_module = copied(module).cpu()
    write_counts = _redraw(fresh_module, 0)
    fresh_tensors = dict(_named_tensors(fresh_module))
    altered_names = []
    for name, tensor in _named_tensors(module):
        layer = module.get_submodule(name.rpartition(".")[0])
        if name not in write_counts:
            continue
        if "digest_as_drawn" in vars(layer):
            changed = vars(layer)["digest_as_drawn"] != _digest(layer)
        else:
            rewritten = isinstance(tensor, nn.Parameter) and tensor._version > write_counts[name]
            changed = rewritten or _differs_in_law(tensor.detach().cpu(), fresh_tensors[name].detach())
        if changed:
            altered_names.append(name)
    return altered_names


def _digest(layer: nn.Module) -> int:
    """A number by which the part's own tensors are known again, on any device and in double precision, too."""
    digest = 0
    for tensor in (*layer.parameters(recurse=False), *layer.buffers(recurse=False)):
        digest = zlib.crc32(tensor.detach().cpu().float().contiguous().numpy().tobytes(), digest)
    return digest


def _named_tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers by name."""
    yield from module.named_parameters()
    yield from module.named_buffers()


def _redraw(module: nn.Module, seed: int) -> dict[str, int]:
    """Draw the weights anew, in place; and say of each tensor that was drawn how often that writes to it."""
    before = {name: (tensor, tensor.detach().clone(), tensor._version) for name, tensor in _named_tensors(module)}
    kept_ids = {id(weight) for weight in module.parameters() if not weight.requires_grad}
    kept_ids |= {id(tensor) for layer in _pretrained_layers(module) for _, tensor in _named_tensors(layer)}
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        # 32 bits are all that the generator of the CPU looks at; torch.manual_seed would seed the accelerators, too.
        generator_seed = seed if 0 <= seed < 2**32 else zlib.crc32(f"{seed} weights".encode())
        torch.default_generator.manual_seed(generator_seed)
        for layer in _children_first(module):
            _reset(layer, kept_ids)
        write_counts = {}
        for name, tensor in _named_tensors(module):
            old_tensor, old_value, old_version = before.get(name, (None, tensor, 0))
            if id(old_tensor) in kept_ids:
                tensor.copy_(old_value)
            elif old_tensor is not tensor:  # a new one in its place
                write_counts[name] = tensor._version
            elif tensor._version > old_version or not torch.equal(tensor, old_value):
                # Putting a parametrization on writes as well, and its vectors are no weights.
                is_parametrization = ".parametrizations." in f".{name}"
                if not is_parametrization or isinstance(tensor, nn.Parameter):
                    write_counts[name] = tensor._version - old_version + is_parametrization
            elif isinstance(tensor, nn.Parameter) and _starts_at_random(old_value):
                write_counts[name] = _rebuild(module, name, tensor)
    return write_counts


def _pretrained_layers(module: nn.Module) -> list[nn.Module]:
    return [layer for layer in module.modules() if vars(layer).get("pretrained") is True]


def _children_first(module: nn.Module, seen_ids: set[int] | None = None) -> Iterator[nn.Module]:
    """The parts in the order in which constructors draw their weights: a module after what it is made of.

    Not those within a module that is ``pretrained``, nor the insides of parametrizations.
    """
    seen_ids = set() if seen_ids is None else seen_ids
    if id(module) in seen_ids or vars(module).get("pretrained") is True:
        return
    seen_ids.add(id(module))
    for name, child in module.named_children():
        if name != "parametrizations" or not parametrize.is_parametrized(module):
            yield from _children_first(child, seen_ids)
    yield module


def _reset(layer: nn.Module, kept_ids: set[int]) -> None:
    """Draw the part's own weights anew, unless all of them are kept."""
    own_parameters = list(layer.parameters(recurse=False))
    if own_parameters and all(id(weight) in kept_ids for weight in own_parameters):
        return  # nor the statistics beside them
    if parametrize.is_parametrized(layer):
        _reset_parametrized(layer)
        return
    for name in ("reset_parameters", "_reset_parameters"):  # nn.MultiheadAttention and nn.Transformer have the second
        if name in vars(layer) or hasattr(type(layer), name):
            getattr(layer, name)()
            return


def _reset_parametrized(layer: nn.Module) -> None:
    """Draw the weights of the layer as it was before, and put its parametrizations on again, as they were put on."""
    parametrizations: Any = layer.parametrizations
    # The layer as it was: torch's remove_parametrizations would change the class, which copies share.
    layer_class = parametrize.type_before_parametrizations(layer)
    bare_layer: nn.Module = object.__new__(layer_class)
    vars(bare_layer).update(vars(layer))
    vars(bare_layer)["_modules"] = {name: child for name, child in layer._modules.items() if name != "parametrizations"}
    own_tensors = {name: weight.detach().clone() for name, weight in layer.named_parameters(recurse=False)}
    own_tensors |= {name: getattr(layer, name).detach().clone() for name in parametrizations}
    vars(bare_layer)["_parameters"] = {name: nn.Parameter(new_weight) for name, new_weight in own_tensors.items()}
    _reset(bare_layer, set())
    for name, weight in bare_layer.named_parameters(recurse=False):
        if name not in parametrizations:
            layer.get_parameter(name).copy_(weight)
            continue
        new_weight: Any = weight.detach()
        for parametrization in reversed(parametrizations[name]):
            if type(parametrization).__name__ == "_SpectralNorm":  # its vectors belong to the weight
                settings = {n: getattr(parametrization, n) for n in ("n_power_iterations", "dim", "eps")}
                vectors = type(parametrization)(new_weight, **settings).state_dict()
                parametrization.load_state_dict(vectors)
            if hasattr(parametrization, "right_inverse"):
                new_weight = parametrization.right_inverse(new_weight)
        values = [new_weight] if isinstance(new_weight, Tensor) else new_weight
        for original, new_value in zip(parametrizations[name].parameters(recurse=False), values, strict=True):
            original.copy_(new_value)


def _starts_at_random(value: Tensor) -> bool:
    """Does a parameter start at numbers, not all alike? Zeros for a bias and ones for a scale are no random start."""
    return value.numel() > 1 and value.is_floating_point() and not bool((value == value.flatten()[0]).all())


def _rebuild(module: nn.Module, name: str, weight: Tensor) -> int:
    """Draw a weight that no ``reset_parameters`` draws, by the constructor of the innermost module that can be called.

    Returns how often that writes to it. Raises ValueError if there is none.
    """
    path = name.rpartition(".")[0]
    while True:
        owner = module.get_submodule(path)
        rebuilt = _construct_again(owner)
        drawn = dict(rebuilt.named_parameters()).get(name[len(path) + bool(path) :]) if rebuilt is not None else None
        if drawn is not None and drawn.shape == weight.shape and not _differs_in_law(weight, drawn.detach()):
            weight.copy_(drawn)
            return drawn._version
        if not path:
            break
        path = path.rpartition(".")[0]
    layer = type(module.get_submodule(name.rpartition(".")[0])).__name__
    raise ValueError(
        f"{name} starts at random, but nothing draws it anew for another seed: give {layer} a method reset_parameters "
        "that does, or start every seed from the present weights by fresh=False (nets.pretrained(module) for a part)."
    )


def _construct_again(layer: nn.Module) -> nn.Module | None:
    """Another module of this class, of one's own, from the arguments that it keeps as attributes; or None."""
    layer_class = type(layer)
    if layer_class.__module__.partition(".")[0] in ("torch", __name__.partition(".")[0]):
        return None
    arguments: dict[str, Any] = {}
    for parameter in list(inspect.signature(layer_class).parameters.values()):
        if hasattr(layer, parameter.name):
            arguments[parameter.name] = getattr(layer, parameter.name)
        elif parameter.default is parameter.empty and not parameter.kind.name.startswith("VAR_"):  # *args, **kwargs
            return None
    try:
        return layer_class(**arguments)
    except Exception:  # whatever a constructor of one's own raises: it cannot be called so
        return None


def _differs_in_law(present: Tensor, drawn: Tensor) -> bool:
    """Can numbers not have been drawn as others were, but with a chance of about one in a billion?"""
    weights, redrawn = (tensor.flatten().cpu().double() for tensor in (present, drawn))
    count = len(weights)
    if count != len(redrawn):
        return True
    present_is_constant, drawn_is_constant = (bool((values == values[:1]).all()) for values in (weights, redrawn))
    if drawn_is_constant:  # of a single number that is not all that is known
        return count > 1 and not torch.equal(weights, redrawn)
    if present_is_constant:
        return count > 2
    max_drawn, rms_drawn = float(redrawn.abs().max()), float(redrawn.square().mean().sqrt())
    if (
        count >= 200
        and max_drawn < 1.85 * rms_drawn
        and float(weights.abs().max()) > max_drawn * _FALSE_ALARM_RATE ** (-1 / count)
    ):
        return True  # beyond the end of a uniform distribution
    present_sorted, drawn_sorted = np.sort(weights.numpy()), np.sort(redrawn.numpy())  # torch's takes ten times as long
    places = present_sorted[:: max(1, count // 10_000)]  # what lies between two of them changes a cdf by 0.0001
    cdfs = (np.searchsorted(values, places, side="right") / count for values in (present_sorted, drawn_sorted))
    ks_distance = np.abs(np.subtract(*cdfs)).max()  # of Kolmogorov and Smirnov
    return bool(ks_distance > math.sqrt(math.log(2 / _FALSE_ALARM_RATE) / count))

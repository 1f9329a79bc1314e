"""A seeds axis for networks: many initialisations trained as one.

``stack`` gives the parameters of K networks a leading axis of length K where their layers can carry it
(``STACKABLE``): all copies then run as one product, [seeds, batch, ...] in and out. Whatever else a network is made of
(any other layer of torch, a module of one's own, one with hooks or parametrizations) stays as it is, K times over, and
each copy is called for its own seed: slower, and right for every module. A class that is made for the axis says so by
``stackable = True``. ``unstack`` takes an ordinary network out again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from ..distributions.densities import side_by_side
from ..distributions.noise import Noise, of_seed
from .fresh import copied
from .trunks import Conv2d, ConvTranspose2d, GroupNorm, LayerNorm, Linear

__all__ = ["STACKABLE", "Copies", "seeds_in", "stack", "unstack"]

Network = TypeVar("Network", bound=nn.Module)

#: Which layer stands for a layer of torch when copies are stacked.
STACKABLE: dict[type, type] = {
    nn.Linear: Linear,
    nn.Conv2d: Conv2d,
    nn.ConvTranspose2d: ConvTranspose2d,
    nn.GroupNorm: GroupNorm,
    nn.LayerNorm: LayerNorm,
}
#: Layers of torch that do the same with and without a seeds axis: number by number, or along axes named in _AXES.
_SAME_WITH_SEEDS = {
    *(nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict),
    *(nn.Identity, nn.Flatten, nn.Unflatten),
    *(nn.CELU, nn.ELU, nn.GELU, nn.Hardshrink, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh, nn.LeakyReLU, nn.LogSigmoid),
    *(nn.Mish, nn.ReLU, nn.ReLU6, nn.SELU, nn.SiLU, nn.Sigmoid, nn.Softplus, nn.Softshrink, nn.Softsign, nn.Tanh),
    *(nn.Tanhshrink, nn.Threshold),
}
_AXES = {nn.Flatten: ("start_dim", "end_dim"), nn.Unflatten: ("dim",)}  # counted from the front, batch first
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class Copies(nn.Module):
    """K copies of a module, each called for its own seed: what ``stack`` makes of a module that knows no seeds.

    Tensors go in and come out with the seeds axis first, and so do distributions; anything else is given to every copy.
    Other methods and attributes are those of the copies, too. In a state dict the copies' tensors are stacked.

    >>> Copies([nn.Dropout(0.0), nn.Dropout(0.0)])(torch.ones(2, 5, 3)).shape
    torch.Size([2, 5, 3])
    """

    def __init__(self, copies: Sequence[nn.Module]):
        super().__init__()
        self.copies = nn.ModuleList(copies)
        self.training = copies[0].training

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self._call_each("__call__", *args, **kwargs)

    def _call_each(self, method: str, *args: Any, **kwargs: Any) -> Any:
        results = []
        for seed_index, module_copy in enumerate(self.copies):
            with of_seed(seed_index):
                results.append(
                    getattr(module_copy, method)(
                        *self._select_for_copy(args, seed_index), **self._select_for_copy(kwargs, seed_index)
                    )
                )
        return self._merge_results(results)

    def _select_for_copy(self, value: Any, seed_index: int) -> Any:
        """What the k-th copy gets of an argument."""
        if isinstance(value, Tensor):
            if not value.ndim or len(value) != len(self.copies):
                raise ValueError(
                    f"{type(self.copies[0]).__name__} holds {len(self.copies)} copies and needs tensors [seeds, batch, "
                    f"...] of as many seeds, got the shape {tuple(value.shape)}."
                )
            return value[seed_index]
        if isinstance(value, Noise):
            return Noise(value.seeds[seed_index], value.device, value.share)
        return _map_nested(lambda element: self._select_for_copy(element, seed_index), value)

    def _merge_results(self, results: list[Any]) -> Any:
        """The results of all copies as one."""
        first = results[0]
        if isinstance(first, Tensor):
            return torch.stack(results)
        if isinstance(first, Distribution):
            return side_by_side(results)
        if isinstance(first, tuple | list):
            merged = [self._merge_results(list(elements)) for elements in zip(*results, strict=True)]
            return type(first)(*merged) if hasattr(first, "_fields") else type(first)(merged)
        if isinstance(first, dict):
            return {name: self._merge_results([result[name] for result in results]) for name in first}
        if first is None or isinstance(first, bool | int | float | str):
            return first
        raise TypeError(
            f"{type(self.copies[0]).__name__} gives a {type(first).__name__}, which has no seeds axis; return tensors "
            "or a distribution, or fit one seed at a time with seeds=[k]."
        )

    def __getattr__(self, name: str) -> Any:
        # Called for what is not found. While a copy of this is being made there is nothing yet.
        if name == "copies" or name.startswith("__") or "copies" not in self.__dict__.get("_modules", {}):
            return super().__getattr__(name)
        attributes = [getattr(module_copy, name) for module_copy in self.copies]
        if isinstance(attributes[0], Tensor):
            return torch.stack(attributes)
        if isinstance(attributes[0], nn.Module):
            return Copies(attributes)
        if getattr(attributes[0], "__self__", None) is self.copies[0]:  # a method
            return lambda *args, **kwargs: self._call_each(name, *args, **kwargs)
        return attributes[0]

    def __getitem__(self, index: Any) -> Any:
        copies: list[Any] = list(self.copies)
        return Copies([module_copy[index] for module_copy in copies])

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """The copies' tensors stacked: a file does not depend on which layers can carry the axis."""
        destination = OrderedDict() if destination is None else destination
        states = [module_copy.state_dict(keep_vars=keep_vars) for module_copy in self.copies]
        for name, value in states[0].items():
            is_tensor = isinstance(value, Tensor)
            destination[prefix + name] = torch.stack([state[name] for state in states]) if is_tensor else value
        return destination

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *other_arguments: Any) -> None:
        for name in self.copies[0].state_dict():
            value = state_dict.pop(prefix + name, None)
            if isinstance(value, Tensor) and value.ndim and len(value) == len(self.copies):
                state_dict |= {f"{prefix}copies.{k}.{name}": value[k] for k in range(len(value))}
        super()._load_from_state_dict(state_dict, prefix, *other_arguments)


def _map_nested(function: Callable[[Any], Any], value: Any) -> Any:
    """The function of every part of a tuple, a list or a dict; anything else as it is."""
    if isinstance(value, dict):
        return {name: function(element) for name, element in value.items()}
    if isinstance(value, tuple | list):
        results = [function(element) for element in value]
        return type(value)(*results) if hasattr(value, "_fields") else type(value)(results)
    return value


def stack(modules: Sequence[Network], seeds: Sequence[int] | None = None) -> Any:
    """One module with the parameters of all ``modules``, [seeds, ...] in the layers that can carry that axis.

    What the modules share among their parts (weights, buffers, whole layers) is shared again. ``seeds`` says whose they
    are, by default 0, 1, ...: a ``Model`` of stacked networks trains those. Raises TypeError for a module that cannot
    be copied.

    >>> stack([Linear(4, 2), Linear(4, 2), Linear(4, 2)]).weight.shape
    torch.Size([3, 2, 4])
    >>> type(stack([nn.GRU(4, 2), nn.GRU(4, 2)])).__name__
    'Copies'
    """
    seed_list = list(range(len(modules)) if seeds is None else seeds)
    ids_to_copy = _ids_to_copy(modules[0])
    path_of_id = {id(layer): path for path, layer in modules[0].named_modules()}
    copies = [copied(module) for module in modules] if ids_to_copy else []
    stacked = copied(modules[0])
    copies_at_path = {
        path_of_id[layer_id]: Copies([module.get_submodule(path_of_id[layer_id]) for module in copies])
        for layer_id in ids_to_copy
    }  # by the path in every one of the modules
    for layer_copies in copies_at_path.values():
        vars(layer_copies)["of_seeds"] = seed_list
    if "" in copies_at_path:  # the path of the module itself
        return copies_at_path[""]
    replaced = {id(stacked.get_submodule(path)): layer_copies for path, layer_copies in copies_at_path.items()}
    for layer in list(stacked.modules()):
        for name, child in layer._modules.items():
            layer._modules[name] = replaced.get(id(child), child)
    stacked_parameters: dict[int, nn.Parameter] = {}  # a weight that stands in two places is stacked once
    for path, layer in _layers_with_seeds(stacked):
        if all("digest_as_drawn" in vars(module.get_submodule(path)) for module in modules):
            vars(layer)["digest_as_drawn"] = [vars(module.get_submodule(path))["digest_as_drawn"] for module in modules]
        vars(layer)["of_seeds"] = seed_list
        layer.__class__ = STACKABLE.get(type(layer), type(layer))  # same parameters, a forward that knows the axis
        _shift_axes(layer, by=1)
        for name, parameter in layer._parameters.items():
            if parameter is not None and id(parameter) not in stacked_parameters:
                values: list[Any] = [module.get_submodule(path)._parameters[name] for module in modules]
                stacked_parameters[id(parameter)] = nn.Parameter(torch.stack(values).detach(), parameter.requires_grad)
            if parameter is not None:
                layer._parameters[name] = stacked_parameters[id(parameter)]
    return stacked


def unstack(module: nn.Module, k: int) -> nn.Module:
    """The k-th of the stacked copies, as an ordinary module."""
    if isinstance(module, Copies):
        return copied(module.copies[k])
    single = copied(module)
    seed_layers = list(_layers_with_seeds(single))
    for layer in list(single.modules()):
        for name, child in layer._modules.items():
            if isinstance(child, Copies):
                layer._modules[name] = child.copies[k]
    single_parameters: dict[int, nn.Parameter] = {}
    for _, layer in seed_layers:
        vars(layer).pop("of_seeds", None)
        if "digest_as_drawn" in vars(layer):
            vars(layer)["digest_as_drawn"] = vars(layer)["digest_as_drawn"][k]
        _shift_axes(layer, by=-1)
        for name, parameter in layer._parameters.items():
            if parameter is not None and id(parameter) not in single_parameters:
                value = parameter[k].detach().clone(memory_format=torch.contiguous_format)
                single_parameters[id(parameter)] = nn.Parameter(value, parameter.requires_grad)
            if parameter is not None:
                layer._parameters[name] = single_parameters[id(parameter)]
    return single


def seeds_in(module: nn.Module) -> list[list[int] | None]:
    """The seeds of whose copies a module is a stack, and None for a single one: one answer, unless they are mixed.

    >>> seeds_in(stack([Linear(4, 2), Linear(4, 2)], seeds=[3, 7])), seeds_in(nn.Sequential(Linear(4, 2), nn.ReLU()))
    ([[3, 7]], [None])
    """
    layers = [layer for _, layer in _layers_with_seeds(module) if layer._parameters]
    seed_lists: list[list[int] | None] = [vars(layer).get("of_seeds") for layer in layers]
    for layer in module.modules():
        if isinstance(layer, Copies):
            seed_lists.append(vars(layer).get("of_seeds") or list(range(len(layer.copies))))
    return [seeds for i, seeds in enumerate(seed_lists) if seeds not in seed_lists[:i]]


def _layers_with_seeds(
    module: nn.Module, stops: Collection[int] = (), path: str = "", seen_ids: set[int] | None = None
) -> Iterator[tuple[str, nn.Module]]:
    """The parts that carry the seeds axis, each once, with their paths: all but ``Copies``, and those in ``stops``."""
    seen_ids = set() if seen_ids is None else seen_ids
    if id(module) in seen_ids or id(module) in stops or isinstance(module, Copies):
        return
    seen_ids.add(id(module))
    yield path, module
    for name, child in module._modules.items():
        if child is not None:
            yield from _layers_with_seeds(child, stops, f"{path}.{name}" if path else name, seen_ids)


def _ids_to_copy(module: nn.Module) -> set[int]:
    """The ids of the outermost parts of which every seed needs a copy of its own."""
    unable_ids = {id(layer) for layer in module.modules() if not _can_carry_seeds(layer)}
    while True:
        stacked_layers = [layer for _, layer in _layers_with_seeds(module, unable_ids)]
        copied_layers = [child for layer in stacked_layers for child in layer.children() if id(child) in unable_ids]
        copied_layers += [module] if id(module) in unable_ids else []
        copied_tensors = {id(weight) for layer in copied_layers for weight in (*layer.parameters(), *layer.buffers())}
        newly_unable = set()
        for layer in stacked_layers:
            own_tensors = [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]
            shares_weights = any(id(weight) in copied_tensors for weight in own_tensors)
            copied_children = [child for child in layer.children() if id(child) in unable_ids]
            reads_a_copy = getattr(layer, "stacked_whole", False) and copied_children
            # What such a norm takes off again, a bias before it, has a gradient of rounding, which Adam magnifies.
            has_a_norm = any(isinstance(child, nn.modules.batchnorm._NormBase) for child in copied_children)
            if shares_weights or reads_a_copy or has_a_norm:
                newly_unable.add(id(layer))
        if not newly_unable:
            return {id(layer) for layer in copied_layers}
        unable_ids |= newly_unable


def _can_carry_seeds(layer: nn.Module) -> bool:
    """Can this part, whatever its own parts do, compute with a seeds axis as it would without?"""
    type_ = type(layer)
    has_hooks = any(getattr(layer, hooks) for hooks in _HOOKS) or "forward" in vars(layer)
    if has_hooks or any(weight._backward_hooks for weight in layer.parameters(recurse=False)):
        return False
    if type_ in STACKABLE or type_ in STACKABLE.values():
        # Reflecting paddings count axes from the front; a norm without parameters cannot show how many seeds there are.
        pads_with_zeros = getattr(layer, "padding_mode", "zeros") == "zeros"
        has_affine_parameters = getattr(layer, "affine", True)
        return pads_with_zeros and has_affine_parameters
    if type_ in _SAME_WITH_SEEDS:
        return all(isinstance(getattr(layer, axis), int) for axis in _AXES.get(type_, ()))
    return getattr(type_, "stackable", False) or type_.__module__.partition(".")[0] == __name__.partition(".")[0]


def _shift_axes(layer: nn.Module, by: int) -> None:
    """Let torch's Flatten and Unflatten step over the seeds axis."""
    for axis in _AXES.get(type(layer), ()):
        position = getattr(layer, axis)
        if position >= 0:
            setattr(layer, axis, position + by)

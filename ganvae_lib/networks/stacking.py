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
_ALIKE = {
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
        return self._each("__call__", *args, **kwargs)

    def _each(self, method: str, *args: Any, **kwargs: Any) -> Any:
        results = []
        for k, one in enumerate(self.copies):
            with of_seed(k):
                results.append(getattr(one, method)(*self._of(args, k), **self._of(kwargs, k)))
        return self._together(results)

    def _of(self, value: Any, k: int) -> Any:
        """What the k-th copy gets of an argument."""
        if isinstance(value, Tensor):
            if not value.ndim or len(value) != len(self.copies):
                raise ValueError(
                    f"{type(self.copies[0]).__name__} holds {len(self.copies)} copies and needs tensors [seeds, batch, "
                    f"...] of as many seeds, got the shape {tuple(value.shape)}."
                )
            return value[k]
        if isinstance(value, Noise):
            return Noise(value.seeds[k], value.device, value.share)
        return _mapped(lambda part: self._of(part, k), value)

    def _together(self, results: list[Any]) -> Any:
        """The results of all copies as one."""
        first = results[0]
        if isinstance(first, Tensor):
            return torch.stack(results)
        if isinstance(first, Distribution):
            return side_by_side(results)
        if isinstance(first, tuple | list):
            parts = [self._together(list(pieces)) for pieces in zip(*results, strict=True)]
            return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
        if isinstance(first, dict):
            return {name: self._together([result[name] for result in results]) for name in first}
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
        found = [getattr(one, name) for one in self.copies]
        if isinstance(found[0], Tensor):
            return torch.stack(found)
        if isinstance(found[0], nn.Module):
            return Copies(found)
        if getattr(found[0], "__self__", None) is self.copies[0]:  # a method
            return lambda *args, **kwargs: self._each(name, *args, **kwargs)
        return found[0]

    def __getitem__(self, index: Any) -> Any:
        copies: list[Any] = list(self.copies)
        return Copies([one[index] for one in copies])

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """The copies' tensors stacked: a file does not depend on which layers can carry the axis."""
        destination = OrderedDict() if destination is None else destination
        states = [one.state_dict(keep_vars=keep_vars) for one in self.copies]
        for name, value in states[0].items():
            is_tensor = isinstance(value, Tensor)
            destination[prefix + name] = torch.stack([state[name] for state in states]) if is_tensor else value
        return destination

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        for name in self.copies[0].state_dict():
            value = state_dict.pop(prefix + name, None)
            if isinstance(value, Tensor) and value.ndim and len(value) == len(self.copies):
                state_dict |= {f"{prefix}copies.{k}.{name}": value[k] for k in range(len(value))}
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """The function of every part of a tuple, a list or a dict; anything else as it is."""
    if isinstance(value, dict):
        return {name: function(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        parts = [function(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
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
    listed = list(range(len(modules)) if seeds is None else seeds)
    each_for_itself = _for_themselves(modules[0])
    paths = {id(part): path for path, part in modules[0].named_modules()}
    copies = [copied(module) for module in modules] if each_for_itself else []
    stacked = copied(modules[0])
    made = {
        paths[i]: Copies([module.get_submodule(paths[i]) for module in copies]) for i in each_for_itself
    }  # by the path in every one of the modules
    for new in made.values():
        vars(new)["of_seeds"] = listed
    if "" in made:
        return made[""]
    replaced = {id(stacked.get_submodule(path)): new for path, new in made.items()}
    for part in list(stacked.modules()):
        for name, child in part._modules.items():
            part._modules[name] = replaced.get(id(child), child)
    shared: dict[int, nn.Parameter] = {}  # a weight that stands in two places is stacked once
    for path, part in _carrying(stacked):
        if all("as_drawn" in vars(module.get_submodule(path)) for module in modules):
            vars(part)["as_drawn"] = [vars(module.get_submodule(path))["as_drawn"] for module in modules]
        vars(part)["of_seeds"] = listed
        part.__class__ = STACKABLE.get(type(part), type(part))  # same parameters, a forward that knows the axis
        _shift_axes(part, by=1)
        for name, parameter in part._parameters.items():
            if parameter is not None and id(parameter) not in shared:
                values: list[Any] = [module.get_submodule(path)._parameters[name] for module in modules]
                shared[id(parameter)] = nn.Parameter(torch.stack(values).detach(), parameter.requires_grad)
            if parameter is not None:
                part._parameters[name] = shared[id(parameter)]
    return stacked


def unstack(module: nn.Module, k: int) -> nn.Module:
    """The k-th of the stacked copies, as an ordinary module."""
    if isinstance(module, Copies):
        return copied(module.copies[k])
    single = copied(module)
    carrying = list(_carrying(single))
    for part in list(single.modules()):
        for name, child in part._modules.items():
            if isinstance(child, Copies):
                part._modules[name] = child.copies[k]
    shared: dict[int, nn.Parameter] = {}
    for _, part in carrying:
        vars(part).pop("of_seeds", None)
        if "as_drawn" in vars(part):
            vars(part)["as_drawn"] = vars(part)["as_drawn"][k]
        _shift_axes(part, by=-1)
        for name, parameter in part._parameters.items():
            if parameter is not None and id(parameter) not in shared:
                value = parameter[k].detach().clone(memory_format=torch.contiguous_format)
                shared[id(parameter)] = nn.Parameter(value, parameter.requires_grad)
            if parameter is not None:
                part._parameters[name] = shared[id(parameter)]
    return single


def seeds_in(module: nn.Module) -> list[list[int] | None]:
    """The seeds of whose copies a module is a stack, and None for a single one: one answer, unless they are mixed.

    >>> seeds_in(stack([Linear(4, 2), Linear(4, 2)], seeds=[3, 7])), seeds_in(nn.Sequential(Linear(4, 2), nn.ReLU()))
    ([[3, 7]], [None])
    """
    parts = [part for _, part in _carrying(module) if part._parameters]
    found: list[list[int] | None] = [vars(part).get("of_seeds") for part in parts]
    for part in module.modules():
        if isinstance(part, Copies):
            found.append(vars(part).get("of_seeds") or list(range(len(part.copies))))
    return [seeds for i, seeds in enumerate(found) if seeds not in found[:i]]


def _carrying(
    module: nn.Module, stops: Collection[int] = (), path: str = "", seen: set[int] | None = None
) -> Iterator[tuple[str, nn.Module]]:
    """The parts that carry the seeds axis, each once, with their paths: all but ``Copies``, and those in ``stops``."""
    seen = set() if seen is None else seen
    if id(module) in seen or id(module) in stops or isinstance(module, Copies):
        return
    seen.add(id(module))
    yield path, module
    for name, child in module._modules.items():
        if child is not None:
            yield from _carrying(child, stops, f"{path}.{name}" if path else name, seen)


def _for_themselves(module: nn.Module) -> set[int]:
    """The ids of the outermost parts of which every seed needs a copy of its own."""
    unable = {id(part) for part in module.modules() if not _carries(part)}
    while True:
        outside = [part for _, part in _carrying(module, unable)]
        inside = [child for part in outside for child in part.children() if id(child) in unable]
        inside += [module] if id(module) in unable else []
        weights = {id(weight) for part in inside for weight in (*part.parameters(), *part.buffers())}
        found = set()
        for part in outside:
            own = [*part.parameters(recurse=False), *part.buffers(recurse=False)]
            shares_weights = any(id(weight) in weights for weight in own)
            for_itself = [child for child in part.children() if id(child) in unable]
            reads_a_copy = getattr(part, "stacked_whole", False) and for_itself
            # What such a norm takes off again, a bias before it, has a gradient of rounding, which Adam magnifies.
            has_a_norm = any(isinstance(child, nn.modules.batchnorm._NormBase) for child in for_itself)
            if shares_weights or reads_a_copy or has_a_norm:
                found.add(id(part))
        if not found:
            return {id(part) for part in inside}
        unable |= found


def _carries(part: nn.Module) -> bool:
    """Can this part, whatever its own parts do, compute with a seeds axis as it would without?"""
    kind = type(part)
    hooked = any(getattr(part, hooks) for hooks in _HOOKS) or "forward" in vars(part)
    if hooked or any(weight._backward_hooks for weight in part.parameters(recurse=False)):
        return False
    if kind in STACKABLE or kind in STACKABLE.values():
        # Reflecting paddings count axes from the front; a norm without parameters cannot show how many seeds there are.
        pads_with_zeros = getattr(part, "padding_mode", "zeros") == "zeros"
        has_affine_parameters = getattr(part, "affine", True)
        return pads_with_zeros and has_affine_parameters
    if kind in _ALIKE:
        return all(isinstance(getattr(part, axis), int) for axis in _AXES.get(kind, ()))
    return getattr(kind, "stackable", False) or kind.__module__.partition(".")[0] == __name__.partition(".")[0]


def _shift_axes(part: nn.Module, by: int) -> None:
    """Let torch's Flatten and Unflatten step over the seeds axis."""
    for axis in _AXES.get(type(part), ()):
        position = getattr(part, axis)
        if position >= 0:
            setattr(part, axis, position + by)

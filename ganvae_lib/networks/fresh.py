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

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

__all__ = ["brought", "copied", "initialise", "pretrained"]

Network = TypeVar("Network", bound=nn.Module)

_CHANCE = 1e-9  # that weights are taken for trained which are as their layer has drawn them


def copied(module: Network) -> Network:
    """A copy of a module with the hooks of its parameters, which torch's own deep copy leaves behind.

    Raises TypeError, saying why, for a module that cannot be copied.
    """
    for path, part in module.named_modules():
        replaced = vars(part).get("forward", part.forward)
        if getattr(replaced, "__self__", part) is not part or not hasattr(replaced, "__self__"):
            raise TypeError(
                f"{path or type(part).__name__} has a forward that was put in the place of its own and would compute "
                "with the weights of another copy; make it a method of a subclass, or give the module as it was before "
                "torch.compile or torch.jit."
            )
    try:
        new = copy.deepcopy(module)
    except Exception as error:
        why = str(error).partition(".")[0].partition("\n")[0]
        raise TypeError(
            f"{_culprit(module)} cannot be copied ({why}); keep no tensors with a gradient in a module but its "
            "parameters, and use torch.nn.utils.parametrizations in the place of the old weight_norm."
        ) from error
    for parameter, its_copy in zip(module.parameters(), new.parameters(), strict=True):
        for hook in (parameter._backward_hooks or {}).values():
            its_copy.register_hook(hook)
    return new


def _culprit(module: nn.Module) -> str:
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
    fresh = copied(module).cpu()
    _redraw(fresh, seed)
    for part in fresh.modules():
        vars(part)["as_drawn"] = _digest(part)  # what ``brought`` compares
    return fresh


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


def brought(module: nn.Module) -> list[str]:
    """The parameters and statistics that fresh weights would destroy: loaded, trained, or set by hand, not as drawn.

    What ``initialise`` has drawn is known by its bits. Else a weight counts how often it was written to in place: more
    often than its layer does, and it is not as drawn. Copies forget the count; then values tell that the layer cannot
    have drawn, or only with a chance of one in a billion.

    >>> network = nn.Linear(4, 2)
    >>> brought(network)
    []
    >>> network.load_state_dict({"weight": torch.ones(2, 4), "bias": torch.zeros(2)})
    <All keys matched successfully>
    >>> brought(network)
    ['weight', 'bias']
    """
    fresh = copied(module).cpu()
    writes = _redraw(fresh, 0)
    drawn = dict(_tensors(fresh))
    found = []
    for name, tensor in _tensors(module):
        home = module.get_submodule(name.rpartition(".")[0])
        if name not in writes:
            continue
        if "as_drawn" in vars(home):
            changed = vars(home)["as_drawn"] != _digest(home)
        else:
            rewritten = isinstance(tensor, nn.Parameter) and tensor._version > writes[name]
            changed = rewritten or _unlike(tensor.detach().cpu(), drawn[name].detach())
        if changed:
            found.append(name)
    return found


def _digest(part: nn.Module) -> int:
    """A number by which the part's own tensors are known again, on any device and in double precision, too."""
    digest = 0
    for tensor in (*part.parameters(recurse=False), *part.buffers(recurse=False)):
        digest = zlib.crc32(tensor.detach().cpu().float().contiguous().numpy().tobytes(), digest)
    return digest


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers by name."""
    yield from module.named_parameters()
    yield from module.named_buffers()


def _redraw(module: nn.Module, seed: int) -> dict[str, int]:
    """Draw the weights anew, in place; and say of each tensor that was drawn how often that writes to it."""
    before = {name: (tensor, tensor.detach().clone(), tensor._version) for name, tensor in _tensors(module)}
    kept = {id(weight) for weight in module.parameters() if not weight.requires_grad}
    kept |= {id(tensor) for part in _marked(module) for _, tensor in _tensors(part)}
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        # 32 bits are all that the generator of the CPU looks at; torch.manual_seed would seed the accelerators, too.
        start = seed if 0 <= seed < 2**32 else zlib.crc32(f"{seed} weights".encode())
        torch.default_generator.manual_seed(start)
        for part in _inside_out(module):
            _reset(part, kept)
        writes = {}
        for name, tensor in _tensors(module):
            its_object, value, version = before.get(name, (None, tensor, 0))
            if id(its_object) in kept:
                tensor.copy_(value)
            elif its_object is not tensor:  # a new one in its place
                writes[name] = tensor._version
            elif tensor._version > version or not torch.equal(tensor, value):
                # Putting a parametrization on writes as well, and its vectors are no weights.
                inside = ".parametrizations." in f".{name}"
                if not inside or isinstance(tensor, nn.Parameter):
                    writes[name] = tensor._version - version + inside
            elif isinstance(tensor, nn.Parameter) and _starts_at_random(value):
                writes[name] = _rebuild(module, name, tensor)
    return writes


def _marked(module: nn.Module) -> list[nn.Module]:
    return [part for part in module.modules() if vars(part).get("pretrained") is True]


def _inside_out(module: nn.Module, seen: set[int] | None = None) -> Iterator[nn.Module]:
    """The parts in the order in which constructors draw their weights: a module after what it is made of.

    Not those within a module that is ``pretrained``, nor the insides of parametrizations.
    """
    seen = set() if seen is None else seen
    if id(module) in seen or vars(module).get("pretrained") is True:
        return
    seen.add(id(module))
    for name, child in module.named_children():
        if name != "parametrizations" or not parametrize.is_parametrized(module):
            yield from _inside_out(child, seen)
    yield module


def _reset(part: nn.Module, kept: set[int]) -> None:
    """Draw the part's own weights anew, unless all of them are kept."""
    own = list(part.parameters(recurse=False))
    if own and all(id(weight) in kept for weight in own):
        return  # nor the statistics beside them
    if parametrize.is_parametrized(part):
        _reset_parametrized(part)
        return
    for name in ("reset_parameters", "_reset_parameters"):  # nn.MultiheadAttention and nn.Transformer have the second
        if name in vars(part) or hasattr(type(part), name):
            getattr(part, name)()
            return


def _reset_parametrized(part: nn.Module) -> None:
    """Draw the weights of the layer as it was before, and put its parametrizations on again, as they were put on."""
    lists: Any = part.parametrizations
    # The layer as it was: torch's remove_parametrizations would change the class, which copies share.
    kind = parametrize.type_before_parametrizations(part)
    plain: nn.Module = object.__new__(kind)
    vars(plain).update(vars(part))
    vars(plain)["_modules"] = {name: child for name, child in part._modules.items() if name != "parametrizations"}
    own = {name: weight.detach().clone() for name, weight in part.named_parameters(recurse=False)}
    own |= {name: getattr(part, name).detach().clone() for name in lists}
    vars(plain)["_parameters"] = {name: nn.Parameter(value) for name, value in own.items()}
    _reset(plain, set())
    for name, weight in plain.named_parameters(recurse=False):
        if name not in lists:
            part.get_parameter(name).copy_(weight)
            continue
        value: Any = weight.detach()
        for parametrization in reversed(lists[name]):
            if type(parametrization).__name__ == "_SpectralNorm":  # its vectors belong to the weight
                settings = {n: getattr(parametrization, n) for n in ("n_power_iterations", "dim", "eps")}
                vectors = type(parametrization)(value, **settings).state_dict()
                parametrization.load_state_dict(vectors)
            if hasattr(parametrization, "right_inverse"):
                value = parametrization.right_inverse(value)
        values = [value] if isinstance(value, Tensor) else value
        for original, new in zip(lists[name].parameters(recurse=False), values, strict=True):
            original.copy_(new)


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
        new = _made_again(owner)
        drawn = dict(new.named_parameters()).get(name[len(path) + bool(path) :]) if new is not None else None
        if drawn is not None and drawn.shape == weight.shape and not _unlike(weight, drawn.detach()):
            weight.copy_(drawn)
            return drawn._version
        if not path:
            break
        path = path.rpartition(".")[0]
    home = type(module.get_submodule(name.rpartition(".")[0])).__name__
    raise ValueError(
        f"{name} starts at random, but nothing draws it anew for another seed: give {home} a method reset_parameters "
        "that does, or start every seed from the present weights by fresh=False (nets.pretrained(module) for a part)."
    )


def _made_again(part: nn.Module) -> nn.Module | None:
    """Another module of this class, of one's own, from the arguments that it keeps as attributes; or None."""
    kind = type(part)
    if kind.__module__.partition(".")[0] in ("torch", __name__.partition(".")[0]):
        return None
    arguments: dict[str, Any] = {}
    for parameter in list(inspect.signature(kind).parameters.values()):
        if hasattr(part, parameter.name):
            arguments[parameter.name] = getattr(part, parameter.name)
        elif parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            return None
    try:
        return kind(**arguments)
    except Exception:  # whatever a constructor of one's own raises: it cannot be called so
        return None


def _unlike(present: Tensor, drawn: Tensor) -> bool:
    """Can numbers not have been drawn as others were, but with a chance of about one in a billion?"""
    a, b = (tensor.flatten().cpu().double() for tensor in (present, drawn))
    if len(a) != len(b):
        return True
    a_is_constant, b_is_constant = (bool((values == values[:1]).all()) for values in (a, b))
    if b_is_constant:  # of a single number that is not all that is known
        return not torch.equal(a, b) if len(a) > 1 else False
    if a_is_constant:
        return len(a) > 2
    n = len(a)
    most, spread = float(b.abs().max()), float(b.square().mean().sqrt())
    if n >= 200 and most < 1.85 * spread and float(a.abs().max()) > most * _CHANCE ** (-1 / n):
        return True  # beyond the end of a uniform distribution
    a, b = a.sort().values, b.sort().values
    shares = (torch.searchsorted(values, a, right=True).to(torch.float64) / n for values in (a, b))
    gap = torch.stack(list(shares)).diff(dim=0).abs().max()  # of Kolmogorov and Smirnov
    return float(gap) > math.sqrt(math.log(2 / _CHANCE) / n)

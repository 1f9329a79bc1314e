"""The whole step of a training as one graph: traced once, compiled by torch, and called with what changes.

In go the weights, the optimizers' state, minibatches, noise, and the numbers that depend on the step; out come the
losses, and weights and state are changed in place. Noise is drawn outside, from the streams of an eager step, so that
both see the same numbers: a first step, on copies, writes down what is asked for.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils import _pytree as pytree

from ..distributions.batch import Batch
from ..distributions.noise import Noise
from ..distributions.schedules import Schedule, at
from .settings import in_precision, without_argument_checks

__all__ = ["whole_step"]

_graphs: dict[Any, Callable[..., Any]] = {}  # compiled ones; all that differs between two trainings is an input


class _WithTensors(nn.Module):
    """Around a model: calls a function with other tensors in the place of the model's own."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)


class _RecordedNoise(Noise):
    """Noise that writes down what it is asked for: drawn from ``source``, or handed out of ``numbers``."""

    def __init__(self, source: Noise, numbers: Sequence[Tensor] | None = None):
        super().__init__(source.seeds if source.seeds_shape else source.seeds[0], source.device)
        self.source, self.numbers = source, numbers
        self.requests: list[tuple[str, tuple[Any, ...]]] = []  # each time: the method, and its arguments
        self.drawn_numbers: list[Tensor] = []

    def normal(self, name: str, *shape: int) -> Tensor:
        return self._record_draw("normal", name, *shape)

    def uniform(self, name: str, *shape: int) -> Tensor:
        return self._record_draw("uniform", name, *shape)

    def _record_draw(self, law: str, *arguments: Any) -> Tensor:
        drawn = getattr(self.source, law)(*arguments) if self.numbers is None else self.numbers[len(self.drawn_numbers)]
        self.requests.append((law, arguments))
        self.drawn_numbers.append(drawn)
        return drawn


class _Step:
    """One step of a training as a function of tensors."""

    def __init__(self, training: Any):
        self.training, self.caller = training, _WithTensors(training.model)
        parameters = dict(self.caller.named_parameters())
        name_of = {id(weight): name for name, weight in parameters.items()}
        #: Of each phase, by the name of a weight that it moves: the index of its group in the optimizer.
        self.group_index_of = [
            {name_of[id(weight)]: index for index, group in enumerate(groups) for weight in group["params"]}
            for groups in (optimizer.param_groups for optimizer in training.optimizers)
        ]
        weights = [term.weight for phase in training.phases for term in phase.terms]
        self.schedules = list(dict.fromkeys(weight for weight in weights if isinstance(weight, Schedule)))
        self.first_step = training.done
        self.used_names: set[str] = set()  # the names of what has a gradient
        #: Of each phase, by name: how many updates it has had. What has had equally many shares a tensor that counts.
        self.updates: list[dict[str, float]] = []
        moments = []
        for optimizer, group_index_of in zip(training.optimizers, self.group_index_of, strict=True):
            states = {name: optimizer.state.get(parameters[name], {}) for name in group_index_of}
            self.updates.append({name: float(state.get("step", 0)) for name, state in states.items()})
            steps = {n: torch.full((), n, device=training.settings.device) for n in self.updates[-1].values()}
            zeros_like = lambda name: torch.zeros_like(parameters[name])
            means = {
                name: [state[mean] if state else zeros_like(name) for mean in ("exp_avg", "exp_avg_sq")]
                for name, state in states.items()
            }
            moments.append({"steps": steps, "means": means})
        #: Of each phase: the numbers of updates and the groups of its weights, each pair once.
        self.update_kinds = [
            sorted({(updates[name], group_index) for name, group_index in group_index_of.items()})
            for updates, group_index_of in zip(self.updates, self.group_index_of, strict=True)
        ]
        self.state: dict[str, Any] = {
            "parameters": parameters,
            "buffers": dict(self.caller.named_buffers()),
            "moments": moments,
        }

    def drop_unused_state(self) -> None:
        """Forget the state of what has no gradient: Adam has none for it either."""
        for updates, moments in zip(self.updates, self.state["moments"], strict=True):
            moments["means"] = {name: means for name, means in moments["means"].items() if name in self.used_names}
            moments["steps"] = {n: moments["steps"][n] for n in {updates[name]: 0 for name in moments["means"]}}

    def share_state_with_optimizers(self) -> None:
        """Let the optimizers have the state that the graph changes."""
        for optimizer, updates, moments in zip(
            self.training.optimizers, self.updates, self.state["moments"], strict=True
        ):
            for name, (mean, square) in moments["means"].items():
                step = moments["steps"][updates[name]]
                optimizer.state[self.state["parameters"][name]] = dict(step=step, exp_avg=mean, exp_avg_sq=square)

    def drawn(self) -> dict[str, Any]:
        """The minibatches of one step, in the order of an eager one, and what the schedules say at it."""
        training = self.training
        extra_count = sum(phase.steps - 1 for phase in training.phases)
        batches = [training.next_batch(detached=index > 0) for index in range(1 + extra_count)]
        minibatches = [{name: getattr(batch, name) for name in ("x", "labels", "other")} for batch in batches]
        values = [at(schedule, training.done) for schedule in self.schedules]
        return {
            "minibatches": [{name: part for name, part in of.items() if part is not None} for of in minibatches],
            "now": [self._on_device(values, torch.float64)] if values else [],
            "scales": self._on_device(self._scales(), torch.float32),
        }

    def _on_device(self, values: list[Any], kind: torch.dtype) -> Tensor:
        device, numbers = self.training.settings.device, torch.tensor(values, dtype=kind)
        return numbers.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else numbers.to(device)

    def _scales(self) -> list[tuple[float, float]]:
        """Adam's step size and the root of its other correction, of each update of this step and each of its kinds.

        They are computed here, once: a compiler would have them computed again for every few numbers of a parameter.
        """
        training, scales = self.training, []
        for phase, optimizer, kinds in zip(training.phases, training.optimizers, self.update_kinds, strict=True):
            moved_before = (training.done - self.first_step) * phase.steps
            for update, (count, group_index) in itertools.product(range(1, phase.steps + 1), kinds):
                group, number = optimizer.param_groups[group_index], count + moved_before + update
                beta_1, beta_2 = group["betas"]
                scales.append((at(group["rate"], training.done) / (1 - beta_1**number), (1 - beta_2**number) ** 0.5))
        return scales

    def __call__(self, state: Any, drawn: Any, noise: Noise) -> Tensor:
        """The losses, [names, *seeds]; ``state`` is changed in place."""
        training = self.training
        value_of: dict[Any, Any] = dict(zip(self.schedules, drawn["now"][0] if drawn["now"] else (), strict=True))
        scales = list(drawn["scales"])
        batch, *extra_batches = [
            Batch(training.model, noise=noise, detached=index > 0, **minibatch)
            for index, minibatch in enumerate(drawn["minibatches"])
        ]
        parameters = {
            name: value.detach().requires_grad_(self.state["parameters"][name].requires_grad)
            for name, value in state["parameters"].items()
        }
        last_losses: dict[str, Tensor] = {}
        for phase_index, phase in enumerate(training.phases):
            weights = [1.0 if phase.discriminates else value_of.get(term.weight, term.weight) for term in phase.terms]
            for trained_on in [*(extra_batches.pop(0) for _ in range(phase.steps - 1)), batch]:
                arguments = (self._gradients, phase_index, weights, trained_on, parameters)
                losses, gradients = functional_call(self.caller, parameters | state["buffers"], arguments)
                if training.clip is not None:
                    clipped = training.clip([self.state["parameters"][n] for n in gradients], [*gradients.values()])
                    gradients = dict(zip(gradients, clipped, strict=True))
                self.used_names |= set(gradients)
                self._adam(phase_index, state, gradients, [scales.pop(0) for _ in self.update_kinds[phase_index]])
                parameters |= {name: state["parameters"][name].detach().requires_grad_() for name in gradients}
            last_losses = {name: loss.detach() for name, loss in losses.items()} | last_losses
            batch.moved(phase.players)
        return torch.stack([last_losses[name] for name in training.history.names])

    def _gradients(self, phase_index: int, weights: list[Any], batch: Batch, leaf_tensors: dict[str, Tensor]) -> Any:
        """The losses of the phase of this index, and the gradients of what it moves, by name."""
        phase, names = self.training.phases[phase_index], list(self.group_index_of[phase_index])
        losses = phase.losses(batch)
        total = sum(
            (weight * loss for weight, loss in zip(weights, losses.values(), strict=True)), torch.zeros(())
        ).sum()
        parameters = [leaf_tensors[name] for name in names]
        gradients = torch.autograd.grad(total, parameters, allow_unused=True) if parameters else ()
        return losses, {name: gradient for name, gradient in zip(names, gradients, strict=True) if gradient is not None}

    @torch.no_grad()
    def _adam(self, phase_index: int, state: Any, gradients: dict[str, Tensor], scales: list[Tensor]) -> None:
        """Adam's update of the phase of this index, as torch's fused kernel has it."""
        moments, updates = state["moments"][phase_index], self.updates[phase_index]
        scales_of = dict(zip(self.update_kinds[phase_index], scales, strict=True))
        for count in {updates[name]: 0 for name in gradients}:
            moments["steps"][count].add_(1)
        for name, gradient in gradients.items():
            group_index, (mean, mean_square) = self.group_index_of[phase_index][name], moments["means"][name]
            group = self.training.optimizers[phase_index].param_groups[group_index]
            parameter, (beta_1, beta_2) = state["parameters"][name], group["betas"]
            step_size, root = scales_of[updates[name], group_index]
            if group["weight_decay"]:
                gradient = gradient + group["weight_decay"] * parameter
            mean.lerp_(gradient, 1 - beta_1)
            mean_square.mul_(beta_2).addcmul_(gradient, gradient, value=1 - beta_2)
            parameter.sub_(step_size * (mean / (mean_square.sqrt() / root + group["eps"])))


def whole_step(training: Any) -> Callable[[], Tensor] | None:
    """A function that makes one step of a training and gives its losses; None where none is asked for.

    Where there can be none it is None, too, with a RuntimeWarning that says why.
    """
    settings = training.settings
    if not settings.compiles(settings.steps - training.done):
        return None
    streams = [training.noise, *training.orders]
    stream_states = [stream.state() for stream in streams]
    try:
        with without_argument_checks(), in_precision(settings.precision, settings.device):
            return _compiled_step(training)
    except Exception as error:  # what a graph cannot hold is raised in many ways
        error_text = (
            " ".join(str(error).strip().split("\n")[:2]) or type(error).__name__
        )  # the second says what a compiler met
        warnings.warn(f"this training is not compiled, and goes on without: {error_text}", RuntimeWarning, stacklevel=4)
        return None
    finally:
        for stream, state in zip(streams, stream_states, strict=True):
            stream.restore(*state)


def _compiled_step(training: Any) -> Callable[[], Tensor]:
    """The compiled step, after it has been seen to give the losses of an eager one."""
    _check_supported(training)
    step, noise, device = _Step(training), training.noise, training.settings.device
    step_inputs, recorded = step.drawn(), _RecordedNoise(noise)
    with noise.in_layers():
        expected = step(pytree.tree_map(_cloned, step.state), step_inputs, recorded)
    step.drop_unused_state()
    flat_inputs, structure = pytree.tree_flatten(
        (pytree.tree_map(_cloned, step.state), step_inputs, recorded.drawn_numbers)
    )

    def function(*tensors: Tensor) -> Tensor:
        state, step_inputs, numbers = pytree.tree_unflatten(tensors, structure)
        return step(state, step_inputs, _RecordedNoise(noise, numbers))

    compiled = _compiled_graph(function, flat_inputs, device)
    state = pytree.tree_leaves(step.state)
    if device.type == "cuda":  # they stay where they are, so that a CUDA graph need not copy them
        for tensor in state:
            torch._dynamo.mark_static_address(tensor, guard=False)

    def run_step(state: list[Tensor], step_inputs: Any, numbers: Sequence[Tensor]) -> Tensor:
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            return compiled(*state, *pytree.tree_leaves(step_inputs), *numbers)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's compiler imports what torch deprecates
        losses = run_step(flat_inputs[: len(state)], step_inputs, recorded.drawn_numbers)
    if not torch.allclose(losses, expected.detach(), rtol=1e-4, atol=1e-4, equal_nan=True):
        raise ValueError("its graph has other losses than a step without.")
    step.share_state_with_optimizers()
    return lambda: run_step(
        state, step.drawn(), [getattr(noise, law)(*arguments) for law, arguments in recorded.requests]
    )


def _check_supported(training: Any) -> None:
    """Raise ValueError for what has no graph."""
    optimizer, supported_options = training.settings.optimizer, {"betas", "eps", "weight_decay"}
    if optimizer.kind is not torch.optim.Adam or not set(optimizer.options) <= supported_options:
        raise ValueError(f"the graph updates by Adam with betas, eps and weight_decay, not by {optimizer.card}.")
    if training.noise.share.size > 1:
        raise ValueError("several processes share its minibatches.")


def _cloned(tensor: Tensor) -> Tensor:
    clone = tensor.detach().clone()
    return nn.Parameter(clone, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else clone


def _compiled_graph(function: Callable[..., Tensor], inputs: list[Tensor], device: torch.device) -> Callable[..., Any]:
    """The graph of a function, compiled; an equal one that was compiled before is taken again."""
    from torch.fx.experimental.proxy_tensor import make_fx  # takes a second to import

    graph = make_fx(function, tracing_mode="fake")(*inputs)
    for node in graph.graph.nodes:
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            raise ValueError(f"a network or a term draws from torch's generator ({node.target}), as dropout does.")
    constants = [(name, value.tolist()) for name, value in vars(graph).items() if isinstance(value, Tensor)]
    constants += [(name, value.tolist()) for name, value in graph.named_buffers()]
    signature = [(tensor.shape, tensor.stride(), tensor.dtype, type(tensor), tensor.requires_grad) for tensor in inputs]
    graph_key = repr((graph.code, constants, signature, device, torch.get_float32_matmul_precision()))
    if graph_key not in _graphs:
        # On a CPU few operations at once, which is as fast: of many, torch makes loops that it fails to write for some.
        how: Any = {"mode": "reduce-overhead"} if device.type == "cuda" else {"options": {"max_fusion_size": 8}}
        _graphs[graph_key] = torch.compile(graph, fullgraph=True, dynamic=False, **how)
    return _graphs[graph_key]

"""A model is an objective, the networks that it needs, and a prior."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.distributions import Distribution

from ..distributions.sample import OtherDomain
from ..errors import check_type
from ..figures.formula import GREEK, plain
from ..figures.table import ShownAsTable, Table
from ..networks.fresh import altered_weights, initialise
from ..networks.stacking import Copies, copied, stack, unstack
from ..objective.algebra import Objective
from ..zoo import name as name_in_zoo
from .checks import check_networks, check_weights
from .dry import check_outputs
from .roles import role_of
from .spec import Spec

__all__ = ["Conditioned", "Model", "objective_rows", "title_of"]


class Model(ShownAsTable, nn.Module):
    """An objective, the networks that it needs, and the prior p(z).

    ``networks`` maps "decoder" p(x|z), "encoder" q(z|x), "density" p(x), "features", "classifier", "discriminator_x",
    "discriminator_z", ... (``Space.discriminator``) to modules that return distributions; also ``model.decoder`` (or
    ``.generator``), ``model.encoder``, ...; every network has a role in ``ROLES``.
    ``spec`` is what ``build`` was asked for, or None for networks of one's own. Networks may be stacked, all of them
    and for the same seeds (``nets.stack``, or those of a run): then so is the model, ``seeds`` and all.
    Raises ValueError when a network that the objective needs is missing or has no role, for a discriminator that nobody
    trains, for networks that are given a label and should not be, or the other way round, and (also TypeError) for one
    that cannot be called with what it sees or gives something else than is due: each is called once, with a dry batch.

    >>> from ganvae_lib import nets, zoo
    >>> networks = {
    ...     "decoder": nets.Decoder(nets.mlp((2,), (8,), 3), nets.PointPixels(), (3,)),
    ...     "discriminator_x": nets.Discriminator(nets.mlp((3,), (8,), 1)),
    ... }
    >>> model = Model(zoo.GAN, networks, nets.StandardNormal(2))
    >>> len(model.of(["theta"])), len(model.of(["eta"]))  # weights and biases of two layers; nobody infers
    (4, 0)
    >>> model.copies([0, 1, 2]).seeds_shape
    (3,)
    """

    def __init__(
        self, objective: Objective, networks: Mapping[str, nn.Module], prior: nn.Module, spec: Spec | None = None
    ):
        super().__init__()
        seeds = check_networks(objective, networks)
        check_type("prior", prior, nn.Module, "nets.StandardNormal(latent) is one")
        if spec is not None:  # or its JSON, ``model.config``
            spec = Spec.from_dict(objective, spec) if isinstance(spec, Mapping) else check_type("spec", spec, Spec)
        shapes = {} if spec is None else {variable: spec.shape_of(variable) for variable in ("x", "z")}
        check_outputs({name: networks[name] for name in objective.networks}, prior, shapes, seeds)
        self.objective, self.spec = objective, spec
        self.networks = nn.ModuleDict({name: networks[name] for name in objective.networks})
        self.prior = prior
        self.seeds: int | list[int] = seeds or 0  # one int for a single model, a list for stacked copies
        self.streams: Any = next((n.streams for n in networks.values() if vars(n).get("streams")), None)

    def remember(self, streams: Any) -> None:
        """Where the streams of its training stand, so that none is repeated; each network knows it, too."""
        for module in (self, *self.networks.values()):
            module.streams = streams

    @property
    def config(self) -> dict[str, Any] | None:
        """The spec as plain JSON, or None for networks of one's own."""
        return None if self.spec is None else self.spec.as_dict()

    def at(self, labels: Tensor | None) -> Model | Conditioned:
        """The model at these labels, [*seeds, batch]: what ``Batch`` and the metrics ask.

        It is the model itself where no network is given a label. Raises TypeError if labels are needed and missing.
        """
        if not self.objective.conditional:
            return self
        if labels is None:
            raise TypeError(f"{self.objective!r} is told a label of every example; pass labels=... or data with y.")
        return Conditioned(self, labels)

    @property
    def generator(self) -> nn.Module:
        """The decoder, as the literature on GANs calls it."""
        return self.networks["decoder"]

    def __getattr__(self, name: str) -> Any:
        # Called for what is not found: the networks are attributes, too.
        modules = self.__dict__["_modules"]
        if name in modules.get("networks", {}):
            return modules["networks"][name]
        return super().__getattr__(name)

    @property
    def reads(self) -> tuple[str, ...]:
        """What a minibatch must hold beside x: what the objective reads, and the other domain where z is data, too."""
        other = ("other",) if isinstance(self.prior, OtherDomain) else ()
        return tuple(dict.fromkeys(self.objective.reads + other))  # each once, in order

    @property
    def seeds_shape(self) -> tuple[int, ...]:
        """The seeds axis: () for a single model, (K,) for K stacked copies."""
        return () if isinstance(self.seeds, int) else (len(self.seeds),)

    def _table(self) -> Table:
        n_copies = (self.seeds_shape or (1,))[0]
        n_parameters = {
            name: sum(weight.numel() for weight in net.parameters()) // n_copies for name, net in self.networks.items()
        }
        networks = ", ".join(f"{name} ({count:,} parameters)" for name, count in n_parameters.items())
        seeds_text = (
            f"seed {self.seeds}" if isinstance(self.seeds, int) else f"a copy for each of the seeds {self.seeds}"
        )
        shape_text = "" if self.spec is None else f"; examples of shape {self.spec.shape}"
        table_rows = [
            *objective_rows(self.objective),
            ("networks", networks),
            ("weights", seeds_text + shape_text),
            ("next", "fit(model, data, steps=...); model.networks lists the layers"),
        ]
        return Table(("Model", title_of(self.objective)), tuple(table_rows))

    def of(self, players: Sequence[str]) -> list[nn.Parameter]:
        """The parameters of these players that learn, each once: not those with ``requires_grad=False``."""
        networks = [network for name, network in self.networks.items() if role_of(name).player in players]
        parameters = nn.ModuleList(networks).parameters()  # a weight that two networks share stands here once
        return [parameter for parameter in parameters if parameter.requires_grad]

    def seed_of(self, parameter: nn.Parameter) -> int | None:
        """Which of the stacked copies a parameter belongs to, 0 to K-1; None where its first axis is that of the seeds.

        Layers of one's own, and those of torch that cannot carry that axis, have parameters per copy (``nets.Copies``).
        In a single model it is None for all.

        >>> from ganvae_lib import nets, zoo
        >>> encoder = nets.Encoder(nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.1), nn.PReLU()))
        >>> decoder = nets.Decoder(nn.Linear(2, 2), nets.Gaussian(), (2,))
        >>> model = Model(zoo.VAE, {"encoder": encoder, "decoder": decoder}, nets.StandardNormal(2)).copies([5, 8])
        >>> [(list(p.shape), model.seed_of(p)) for p in model.of(["eta"])]
        [([2, 4, 2], None), ([2, 4], None), ([1], 0), ([1], 1)]
        """
        for module in self.modules():
            if isinstance(module, Copies):
                for seed_index, module_copy in enumerate(module.copies):
                    if any(parameter is own_parameter for own_parameter in module_copy.parameters()):
                        return seed_index
        return None

    def train(self, mode: bool = True) -> Model:
        """Training mode or, with ``mode=False``, evaluation. Parts that were put in eval mode stay so in training.

        Such a part is within a network that is in training mode, or it is a network of which nothing learns.
        """
        in_eval = {
            part for network in self.networks.values() for part in network.modules() if _is_kept_in_eval(part, network)
        }
        if not self.training:  # all are in eval mode now; those that were before
            in_eval = {part for part in self.modules() if vars(part).get("is_kept_in_eval")}
        super().train(mode)
        for part in self.modules():
            part.is_kept_in_eval = part in in_eval  # type: ignore[assignment]
            part.training = mode and part not in in_eval
        return self

    def _first_name_of_repeated(self) -> dict[str, str]:
        """Of weights that stand in several places: each further name, and the first one."""
        named_tensors = [*self.named_parameters(remove_duplicate=False), *self.named_buffers(remove_duplicate=False)]
        name_of_id: dict[int, str] = {}
        return {
            name: name_of_id[id(weight)]
            for name, weight in named_tensors
            if name_of_id.setdefault(id(weight), name) != name
        }

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """As torch has it, but that weights which stand in several places are there once, under the first name."""
        state = super().state_dict(*args, destination=destination, prefix=prefix, keep_vars=keep_vars)
        for name in self._first_name_of_repeated():
            state.pop(prefix + name, None)
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Take the weights of a ``state_dict``; those that are shared among places stand there once or at each."""
        repeated = {
            name: state_dict[first] for name, first in self._first_name_of_repeated().items() if first in state_dict
        }
        return super().load_state_dict(repeated | dict(state_dict), strict, assign)

    def copies(self, seeds: int | list[int], fresh: bool = True) -> Model:
        """A copy per seed, stacked if ``seeds`` is a list; ``fresh`` draws new initial weights from each seed.

        Weights with ``requires_grad=False`` and those of ``nets.pretrained`` modules stay. Raises ValueError, naming
        them, for weights that cannot be drawn anew, or that have been loaded, trained or set by hand and would be lost;
        TypeError for copies that are stacked already, except to go on with them all (not fresh, same seeds).
        """
        if self.seeds_shape:
            if not fresh and _seed_list(seeds) == self.seeds:
                return copied(self)
            raise TypeError(
                f"this model holds stacked copies, of seeds {self.seeds}; take one with model.single(k), "
                "or go on with all by seeds=run.seeds, fresh=False."
            )
        check_weights(self.networks)
        if fresh:
            self._check_unaltered()
        singles = [initialise(self.networks, seed) if fresh else self.networks for seed in _seed_list(seeds)]
        networks = stack(singles, seeds) if isinstance(seeds, list) else singles[0] if fresh else copied(self.networks)
        model = self._with_networks(networks, seeds)
        return model.cpu() if fresh else model

    def single(self, k: int) -> Model:
        """The k-th stacked copy as an ordinary model. Raises TypeError for a model that is one already."""
        if isinstance(self.seeds, int):
            raise TypeError("this model is a single copy, not a stack of copies; use it as it is.")
        return self._with_networks(unstack(self.networks, k), self.seeds[k])

    def _with_networks(self, networks: nn.Module, seeds: int | list[int]) -> Model:
        """A copy of the model with these networks in the place of its own."""
        model = copy.deepcopy(self, {id(self.networks): networks})
        model.seeds = seeds
        return model

    def _check_unaltered(self) -> None:
        """Raise ValueError for weights that fresh ones would destroy."""
        if names := altered_weights(self.networks):
            more_text = f" and {len(names) - 3} more" * (len(names) > 3)
            raise ValueError(
                f"{', '.join(names[:3])}{more_text}: loaded, trained or set by hand, and fresh weights would destroy "
                "that; pass fresh=False to start every seed from them, mark what is to stay by "
                "nets.pretrained(module), let go of them by nets.initialise(module, 0), or draw them so in a method "
                "reset_parameters of theirs."
            )


def _is_kept_in_eval(part: nn.Module, network: nn.Module) -> bool:
    """Has a part been put in eval mode while its network was not, or as all of a network that does not learn?"""
    return not part.training and (network.training or not any(p.requires_grad for p in network.parameters()))


def _seed_list(seeds: int | list[int]) -> list[int]:
    return [seeds] if isinstance(seeds, int) else seeds


def title_of(objective: Objective) -> str:
    """The objective, and its name if the zoo has one."""
    zoo_name = name_in_zoo(objective)
    return f"{zoo_name}: {objective!r}" if zoo_name else repr(objective)


def objective_rows(objective: Objective) -> list[tuple[str, str]]:
    """What each player descends, as rows of a table."""
    return [(f"{GREEK[player]} descends", plain(text)) for player, text in objective.lines().items()]


class Conditioned:
    """A model at known labels: its conditional networks are given these, and all else is the model's."""

    def __init__(self, model: Model, labels: Tensor):
        self.model, self.labels = model, labels
        self.networks = {
            name: functools.partial(network, labels=labels) if name in model.objective.conditional else network
            for name, network in model.networks.items()
        }

    @property
    def generator(self) -> Callable[..., Distribution]:
        """The decoder, as the literature on GANs calls it."""
        return self.networks["decoder"]

    def __getattr__(self, name: str) -> Any:
        networks = self.__dict__["networks"]
        return networks[name] if name in networks else getattr(self.model, name)

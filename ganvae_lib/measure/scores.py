"""``evaluate``: what can be measured of a run, with intervals."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..data.dataset import Examples
from ..distributions.sample import OtherDomain
from ..errors import check_int, described, unknown
from ..models.model import Model
from .bounds import as_data, denoising_bound, elbo, iwae, learns_prior, log_likelihood
from .distances import frechet_distance, precision_recall
from .intervals import format_interval, interval
from .samples import accuracy, coverage, has_classifier

__all__ = ["Scores", "evaluate", "has_bound", "has_samples"]

Measures = Sequence[str | Callable[..., Any]] | Mapping[str, str | Callable[..., Any]]

_MEASURES_BY_NAME: dict[str, Callable[..., Any]] = {
    "frechet distance": frechet_distance,
    "precision and recall": precision_recall,
}
_FRACTIONS = ("high quality", "accuracy", "precision", "recall")  # in [0, 1]


class Scores(dict[str, Tensor]):
    """Values per seed by name, printed as mean ± half-width of the 95 % interval over seeds.

    ``within`` says in which range values lie, such as {"modes": (0, 8)}: an interval that would leave it is cut there.

    >>> import torch
    >>> Scores({"modes": torch.tensor([7.0, 8.0, 8.0, 8.0])})
    modes: 7.75 ± 0.80 (4 seeds)
    >>> Scores({"modes": torch.tensor([7.0, 8.0, 8.0, 8.0])}, {"modes": (0, 8)})
    modes: 7.75, 6.95 to 8.00 (4 seeds)
    """

    def __init__(self, values: Mapping[str, Tensor], within: Mapping[str, tuple[float, float]] | None = None):
        super().__init__(values)
        self.within = dict(within or {})

    def __repr__(self) -> str:
        text_lines = []
        for name, values in self.items():
            finite_values = values[values.isfinite()]
            lost = len(values) - len(finite_values)
            interval_text = (
                format_interval(*interval(finite_values), self.within.get(name))
                if len(finite_values)
                else "not a number"
            )
            seeds_text = f" ({len(finite_values)} seeds)" if len(finite_values) > 1 else ""
            text_lines.append(
                f"{name}: {interval_text}{seeds_text}"
                + (f", not a number for {lost} of {len(values)} seeds" if lost else "")
            )
        return "\n".join(text_lines)


def evaluate(
    run: Any,
    data: Examples | None = None,
    *,
    measures: Measures | None = None,
    k: int = 64,
    n: int = 10_000,
    seed: int = 0,
) -> Scores:
    """See ``Run.evaluate``."""
    k, n, seed = check_int("k", k, least=1), check_int("n", n, least=1), check_int("seed", seed, least=0)
    data = None if data is None else as_data(run.model, data, run.about)
    if measures is not None:
        return _evaluate_measures(run, data, measures, n, seed)
    model = run.model
    values: dict[str, Tensor] = {}
    within: dict[str, tuple[float, float]] = dict.fromkeys(_FRACTIONS, (0.0, 1.0))
    if data is not None:
        if has_bound(model):
            values["ELBO (nats)"] = elbo(model, data, seed=seed)
            if not learns_prior(model):
                values[f"IWAE-{k} (nats)"] = iwae(model, data, k, seed=seed)
        if "denoiser_x" in model.networks:
            values["bound (nats)"] = denoising_bound(model, data, seed=seed)
            if len(data.shape) == 3:
                values["bits per dimension"] = -values["bound (nats)"] / (math.prod(data.shape) * math.log(2))
        if "density" in model.networks:
            values["log-likelihood (nats)"] = log_likelihood(model, data)
        if has_classifier(model) and data.y is not None:
            values["accuracy"] = accuracy(model, data)
    if has_samples(model):
        law = None if data is None else data.law
        law_error = None
        if law is None:
            try:
                law = run.law
            except ValueError as error:
                law_error = error
        modes = getattr(law, "modes", None)  # a law may be any object of a user's
        if modes is not None:
            values |= coverage(run.sample(n, seed).cpu(), law)
            within["modes"] = (0.0, float(len(modes)))
        elif law_error is not None and not values:
            raise ValueError(f"nothing to measure: {law_error}") from law_error
    if not values:
        raise ValueError(
            "nothing to measure: a bound needs data and a model with an encoder and an explicit decoder "
            "(pass data, for example load(name, split='test')), coverage needs a toy with modes, accuracy a "
            "classifier and labels; measures=[...] takes functions of one's own."
        )
    return Scores(values, within)


def _evaluate_measures(run: Any, data: Examples | None, measures: Measures, n: int, seed: int) -> Scores:
    """What these measures give, by name."""
    if isinstance(measures, str) or callable(measures):
        measures = [measures]
    if not isinstance(measures, Mapping | list | tuple):
        raise ValueError(f"measures must be a list or a dict of names and functions, got {described(measures)}.")
    named_measures = measures.items() if isinstance(measures, Mapping) else ((None, measure) for measure in measures)
    available: dict[str, Any] = {"run": run}  # what a measure may ask for
    values: dict[str, Tensor] = {}
    for name, measure in named_measures:
        if isinstance(measure, str):
            if measure not in _MEASURES_BY_NAME:
                raise unknown("measure", measure, _MEASURES_BY_NAME)
            name, measure = name or measure, _MEASURES_BY_NAME[measure]
        if not callable(measure):
            raise ValueError(f"a measure is a name or a function, got {described(measure)}.")
        argument_names = _arguments_of(measure)
        if "data" in argument_names and data is None:
            raise ValueError(f"the measure {_name(measure)!r} compares with data; pass them, run.evaluate(data, ...).")
        if "samples" in argument_names and "samples" not in available:
            available["samples"] = _samples(run, data, n, seed).cpu()
        available["data"] = data
        result = measure(**{argument: available[argument] for argument in argument_names})
        results = result if isinstance(result, Mapping) else {name or _name(measure): result}
        has_two_names = isinstance(result, Mapping) and isinstance(measures, Mapping)  # then both names are needed
        for key, value in results.items():
            full_name = f"{name}: {key}" if has_two_names else key
            values[full_name] = _per_seed(full_name, value, len(run.seeds))
    if not values:
        raise ValueError("measures is empty; name at least one, or leave it out.")
    fraction_names = [name for name in values if name.rpartition(": ")[2] in _FRACTIONS]
    return Scores(values, dict.fromkeys(fraction_names, (0.0, 1.0)))


def _arguments_of(measure: Callable[..., Any]) -> list[str]:
    """Which of run, samples and data a measure takes. Raises ValueError if it needs anything else."""
    available = ("run", "samples", "data")
    try:
        parameters = list(inspect.signature(measure).parameters.values())
    except ValueError:  # a function written in C
        parameters = []
    named_parameters = [
        parameter for parameter in parameters if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    argument_names = [parameter.name for parameter in named_parameters if parameter.name in available]
    unknown_names = [
        parameter.name
        for parameter in named_parameters
        if parameter.name not in available and parameter.default is parameter.empty
    ]
    if unknown_names or not argument_names:
        raise ValueError(
            f"the measure {_name(measure)!r} must be a function of run, samples or data, by these names, "
            f"and {unknown_names or 'nothing of them'} is what it takes; fix other arguments by functools.partial."
        )
    return argument_names


def _name(measure: Any) -> str:
    """A function's name in words; that of a partial is its function's."""
    function = getattr(measure, "func", measure)
    return getattr(function, "__name__", type(function).__name__).replace("_", " ")


def _samples(run: Any, data: Examples | None, n: int, seed: int) -> Tensor:
    """Samples for a measure; of a conditional model at the labels of the data, in turn."""
    if not run.model.objective.conditional:
        return run.sample(n, seed)
    if data is None or data.y is None:
        raise ValueError("a conditional model is sampled at the labels of data; pass data with y.")
    return run.sample(n, seed, labels=data.y[torch.arange(n) % len(data.y)])


def _per_seed(name: str, value: Any, n_seeds: int) -> Tensor:
    """A measure's numbers, [seeds], float64. Raises ValueError for another shape."""
    try:
        numbers = torch.as_tensor(value).detach().cpu().double()
    except (TypeError, ValueError, RuntimeError):
        numbers = torch.zeros(0)
    if numbers.shape not in ((n_seeds,), ()) or (numbers.ndim == 0 and n_seeds > 1):
        raise ValueError(f"the measure {name!r} must give a number per seed, [{n_seeds}], got {described(value)}.")
    return numbers.reshape(n_seeds)


def has_bound(model: Model) -> bool:
    """Are log p_θ(x|z), log q_η(z|x) and log p(z) known, so that the model has a bound in nats?"""
    if not {"encoder", "decoder"} <= set(model.networks) or isinstance(model.prior, OtherDomain):
        return False
    if "density_code" in model.networks and getattr(model.networks["encoder"], "codebook", None) is not None:
        return getattr(model.networks["decoder"], "has_density", True)  # of a code of a codebook q is certain
    # Networks of one's own need not say; then they are taken to have densities.
    return all(getattr(model.networks[name], "has_density", True) for name in ("encoder", "decoder"))


def has_samples(model: Model) -> bool:
    """Can x be drawn without anything being given: no label, and no example of another domain?"""
    if isinstance(model.prior, OtherDomain) or model.objective.conditional:
        return False
    return bool({"decoder", "density", "denoiser_x"} & set(model.networks))

"""Log-likelihoods and their bounds, in nats per example."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..data.dataset import Data, Examples
from ..distributions.densities import as_floats
from ..distributions.noise import Noise
from ..distributions.paths import PATHS, T_MAX, T_MIN, NoisePath
from ..distributions.sample import draw, free_energy
from ..errors import check_int, check_type
from ..models.checks import check_can_have_made
from ..models.inputs import check_pixel_values, evaluating, examples, labels_of
from ..models.model import Model
from ..models.roles import denoise_of
from ..objective.denoising import Denoise

__all__ = ["chunks", "denoising_bound", "elbo", "iwae", "learns_prior", "log_likelihood"]

# Numbers in a piece of the data. Noise is drawn piece by piece, so another value gives a seed other random numbers.
CHUNK_NUMBERS = 2**20


def chunks(model: Model, data: Examples) -> Iterator[tuple[Any, Tensor, Tensor | None]]:
    """Pieces of the data: the model at their labels, where it is given labels; x and labels with the seeds axis.

    The length of a piece does not depend on the number of seeds. Raises ValueError, saying what to pass, for data that
    are not the model's: of another shape, or with labels that it does not know.
    """
    data = as_data(model, data)
    device = next(model.parameters()).device
    seeds_shape = model.seeds_shape
    chunk_size = max(1, min(2**14, CHUNK_NUMBERS // math.prod(data.shape)))  # examples in a piece
    for start in range(0, len(data), chunk_size):
        x = as_floats(data.x[start : start + chunk_size].to(device))
        labels = None
        if data.y is not None:
            labels = data.y[start : start + chunk_size].to(device).expand(*seeds_shape, -1)
        yield model.at(labels), x.expand(*seeds_shape, *x.shape), labels


def as_data(model: Model, data: Any, data_description: Mapping[str, Any] | None = None) -> Examples:
    """Data, or a tensor, an array, a list of examples or a data set of torch as data; checked against the model.

    ``data_description`` is what a run keeps of its data. Raises ValueError, saying what to pass, for examples of
    another shape, for images of quite another scale, and for labels that the model does not know.
    """
    has_fixed_shape = model.spec is not None and "density" not in model.networks  # the others may read any length
    shape = model.spec.shape if has_fixed_shape and model.spec is not None else None
    if isinstance(data, Dataset | DataLoader):
        data = Data(data)
    if not isinstance(data, Examples):
        data = Data(examples("data", data, shape, data_description).float(), range="real")
    elif shape is not None and tuple(data.shape) != tuple(shape):
        raise ValueError(
            f"the model was built for examples of shape {tuple(shape)}, {data.name} has {tuple(data.shape)}."
        )
    if data.x.ndim == 4 and hasattr(data, "min_max"):
        check_pixel_values(data.name, data.min_max, data_description or {})
    if model.objective.conditional and data.y is not None:
        network: Any = model.networks[model.objective.conditional[0]]
        labels_of(data.y, len(data), network.classes)
    return data


def _mean_over_data(model: Model, data: Examples, log_density: Callable[..., Tensor]) -> Tensor:
    """The mean over data of log_p(model, x), [*seeds, n] for a piece of n examples: [seeds]."""
    total = torch.zeros(model.seeds_shape, dtype=torch.float64)  # on the host: Apple's devices have no float64
    data = as_data(model, data)
    network_name = next(name for name in ("decoder", "density", "denoiser_x") if name in model.networks)
    check_can_have_made(model.networks[network_name], data.x)
    with evaluating(model):
        for model_at_labels, x, _ in chunks(model, data):
            try:
                log_densities = log_density(model_at_labels, x)
            except ValueError as error:
                if "within the support" not in str(error):
                    raise
                raise ValueError(
                    f"{data.name} lies where the {network_name} has no density; pass data such as it was trained on."
                ) from error
            total += log_densities.cpu().double().sum(-1)
    return (total / len(data)).reshape(-1)


def _bound_noise(model: Model, seed: int) -> Noise:
    """The same noise for every copy. Raises TypeError for a model that has no bound."""
    if not {"encoder", "decoder"} <= set(check_type("model", model, Model, "make one with build").networks):
        raise TypeError(f"{model.objective!r} has no encoder and decoder, so it has no such bound.")
    return _same_noise(model, seed)


def _same_noise(model: Model, seed: int) -> Noise:
    seed = check_int("seed", seed, least=0)
    seeds = [seed] * math.prod(model.seeds_shape) if model.seeds_shape else seed
    return Noise(seeds, next(model.parameters()).device)


def elbo(model: Model, data: Examples, *, seed: int = 0) -> Tensor:
    """E_d[E_q log p_θ(x|z) - KL(q_η(z|x) ‖ p(z))], one z per x (Eq. ``eq-elbo``, chapter 03): [seeds], nats.

    A prior that is learned stands for p(z): the term is E_q[log q_η(z|x) - log p_θ(z)] then (Eq. ``eq-learned-prior``,
    chapter 20), without log q for a code of a codebook, of which q is certain, and with the bound of
    ``denoising_bound`` for log p_θ(z) where a network tells the noise in codes.
    Raises TypeError for a model without an encoder and a decoder, or without their densities.
    """
    noise = _bound_noise(model, seed)
    if not learns_prior(model):
        return _mean_over_data(model, data, lambda model, x: -free_energy(model, x, noise, name="z"))

    def bound(model: Any, x: Tensor) -> Tensor:
        posterior = model.encoder(x)
        z = draw(posterior, noise, "z")
        log_likelihood = model.decoder(z).log_prob(x)
        if (indices := getattr(posterior, "indices", None)) is not None:
            return log_likelihood + model.networks["density_code"]().log_prob(indices.to(x.dtype))
        if "density_code" in model.networks:
            return log_likelihood + model.networks["density_code"]().log_prob(z) - posterior.log_prob(z)
        return log_likelihood + _denoising_bound(model, "code", noise, 16, z) - posterior.log_prob(z)

    return _mean_over_data(model, data, bound)


def learns_prior(model: Model) -> bool:
    """Does it learn the law of its codes, in the place of p(z)?"""
    return bool({"density_code", "denoiser_code"} & set(model.networks))


def iwae(model: Model, data: Examples, k: int = 64, *, seed: int = 0) -> Tensor:
    """E_d log 1/k Σ_i p_θ(x, z_i)/q_η(z_i|x), z_i ~ q (Eq. ``eq-iwae``, chapter 03): [seeds], nats per example.

    A lower bound on E_d log p_θ(x) for every k. With bounded weights it is tight as k grows if q has mass wherever the
    posterior has (``lem-iwae``; Burda et al., 2016). Unlike ``free_energy``, which trains with this bound, it draws one
    z at a time, so that k may be large. Raises ValueError for k < 1, and TypeError as ``elbo`` does.
    """
    k = check_int("k", k, least=1)
    noise = _bound_noise(model, seed)
    if learns_prior(model):
        raise TypeError(f"{model.objective!r} learns its prior, for which there is no such bound; use elbo.")

    def log_mean_weight(model: Any, x: Tensor) -> Tensor:
        posterior = model.encoder(x)
        log_weights = []
        for _ in range(k):
            z = draw(posterior, noise, "z")
            log_weights.append(model.decoder(z).log_prob(x) + model.prior().log_prob(z) - posterior.log_prob(z))
        return torch.stack(log_weights).logsumexp(0) - math.log(k)

    return _mean_over_data(model, data, log_mean_weight)


def log_likelihood(model: Model, data: Examples) -> Tensor:
    """E_d log p_θ(x) of a model without codes (Eq. ``eq-chain-rule``, chapter 05): [seeds], nats per example.

    Exact, not a bound. Raises TypeError for a model without a density.

    >>> from ganvae_lib import Data, build, zoo
    >>> log_likelihood(build(zoo.LIKELIHOOD, (2,)), Data(torch.zeros(3, 2)))    # at first a standard normal: -log 2π
    tensor([-1.8379], dtype=torch.float64)
    """
    if "density" not in model.networks:
        raise TypeError(f"{model.objective!r} has no density of x, so its likelihood cannot be computed.")
    return _mean_over_data(model, data, lambda model, x: model.density().log_prob(x))


def denoising_bound(model: Model, data: Examples, times: int = 16, *, seed: int = 0) -> Tensor:
    """The ELBO of a model that tells noise, a hierarchy of ever so many steps: [seeds], nats per example.

    E_d[E log p(x|z_0) - KL(q(z_1|x) ‖ N(0, I)) - ½ ∫ (-SNR') ‖x - x̂(z_t)‖² dt], p(x|z_0) = N(x̂(z_0), (σ_0/α_0)² I), is
    below the log-likelihood whatever weight the model was trained with (Kingma et al., 2021). The integral is estimated
    at so many ``times`` of each example, one in each part of equal length of log SNR. It is for data with a density:
    bytes, and zeros and ones, have none.
    Raises TypeError for a model without a denoiser of x, ValueError for times < 1.
    """
    times, noise = check_int("times", times), _same_noise(model, seed)
    denoise_of(model)  # or an error
    return _mean_over_data(model, data, lambda model, x: _denoising_bound(model, "x", noise, times, x))


def _denoising_bound(model: Any, space: str, noise: Noise, times: int, x: Tensor) -> Tensor:
    """The bound on log p of examples or codes x [*seeds, n, *shape] by what tells the noise in them: [*seeds, n]."""
    tool, denoiser, axes = denoise_of(model, space), model.networks[f"denoiser_{space}"], len(noise.seeds_shape) + 1
    path, n_examples, shape = PATHS[tool.path], x.shape[axes - 1], x.shape[axes:]
    time_grid = _times_of_equal_snr(path, times).to(noise.device)
    dimensions, first_time = math.prod(shape), time_grid[0].expand(x.shape[:axes])

    def error_and_excess(tool: Denoise, t: Tensor) -> tuple[Tensor, Tensor]:
        """The error of each example, and how much longer than on average its noise is, ‖ε‖² - D."""
        epsilon = noise.normal("noise", n_examples, *shape)
        return tool.error_at(denoiser, x, epsilon, t), epsilon.square().flatten(axes).sum(-1) - dimensions

    total = torch.zeros(x.shape[:axes], device=x.device)
    for start, end in zip(time_grid[:-1], time_grid[1:], strict=True):
        t = start + (end - start) * noise.uniform("time", n_examples)
        weighted_error, noise_excess = error_and_excess(replace(tool, weight="bound"), t)
        # Where the noise is small the error is its length: its chance, known to be 0 on average, is taken off.
        correction = -path.log_snr_rate(t) / 2 * (path.snr(t) / (1 + path.snr(t))).square() * noise_excess
        total = total - (end - start) * (weighted_error - correction)
    alpha, variance = path.alpha(time_grid[-1]), path.sigma(time_grid[-1]).square()
    prior_kl = ((alpha * x).square() + variance - 1 - variance.log()).flatten(axes).sum(-1) / 2
    weighted_error, noise_excess = error_and_excess(replace(tool, weight="noise"), first_time)
    return (
        total
        - prior_kl
        - (weighted_error - noise_excess) / 2
        + dimensions / 2 * (path.snr(time_grid[0]) / (2 * math.pi)).log()
    )


def _times_of_equal_snr(path: NoisePath, n_parts: int) -> Tensor:
    """Times from the first to the last, [parts + 1], between which log SNR falls by equal amounts: by bisection."""
    log_snr_ends = path.snr(torch.tensor([T_MIN, T_MAX], dtype=torch.float64)).log()
    target_log_snr = torch.linspace(float(log_snr_ends[0]), float(log_snr_ends[1]), n_parts + 1, dtype=torch.float64)
    lower, upper = torch.full_like(target_log_snr, T_MIN), torch.full_like(target_log_snr, T_MAX)
    for _ in range(60):
        middle = (lower + upper) / 2
        is_later = path.snr(middle).log() > target_log_snr
        lower, upper = torch.where(is_later, middle, lower), torch.where(is_later, upper, middle)
    return ((lower + upper) / 2).float()

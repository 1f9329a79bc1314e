"""What trained copies of a model generate: samples, codes, what codes decode to, reconstructions, ways between them."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from ..data.dataset import Examples
from ..distributions.noise import Noise
from ..distributions.paths import PATHS, flow_density, from_noise
from ..distributions.sample import OtherDomain, draw
from ..errors import check_bool, check_int, unknown
from ..networks.codes import interpolated_codes
from .inputs import codes, evaluating, examples, labels_of, numbers
from .model import Model
from .roles import denoise_of

__all__ = ["Generative"]


class Generative:
    """Samples, codes and reconstructions of ``model``, with a leading axis of seeds: a ``Run`` is one.

    Examples x are a tensor, an array, a list or data, [n, *shape]. Codes z are [n, latent], the same for every copy, or
    [seeds, n, latent], each copy's own, as ``infer`` gives them. ``labels`` of a conditional model are n classes, or
    one int for all; data bring their own. ``seed`` is that of the noise: no method moves a stream of the training or
    changes the model's mode, and none keeps a graph. Each raises ValueError, saying what to pass, for other inputs.
    """

    model: Model
    about: dict[str, Any] | None = None  # the data of a run: "shape" of an example, "bytes" or not, "range"

    def sample(
        self,
        n: int | None = None,
        seed: int = 0,
        *,
        z: Any = None,
        labels: Any = None,
        mean: bool = False,
        sampler: str | None = None,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> Tensor:
        """``n`` draws x ~ p_θ(x|z), z ~ p(z), per trained copy: [seeds, n, *shape]; every copy gets the same z.

        ``mean`` gives the mean of p_θ(x|z) instead, without observation noise, as pictures of VAEs usually show it.
        ``z`` replaces the draw of the codes; then ``n`` is left out, as it may be with a list of ``labels``. Warns
        (UserWarning) of an ``n`` that is not how many codes there are.
        A model that tells noise goes from noise to data in so many ``steps`` (50) with a ``sampler``: "heun" (the
        default), "euler" or "ddim" along the flow, "ancestral" by a draw at each step. ``guidance`` moves what it tells
        away from what it tells without the label: x̂ + guidance (x̂ - x̂ without).
        Raises TypeError for an objective without a model of x, for ``z`` or ``mean`` where there is no z, and for a
        sampler where there is no noise to tell.

        >>> from ganvae_lib import build, fit, load, zoo
        >>> ring = load("ring", fraction=0.01)
        >>> run = fit(build(zoo.VAE, ring), ring, 2, batch=8, seeds=3, device="cpu", progress=False)
        >>> run.sample(5).shape, run.sample(z=run.infer(ring.x[:4])).shape
        (torch.Size([3, 5, 2]), torch.Size([3, 4, 2]))
        """
        if n is not None or (z is None and getattr(labels, "__len__", None) is None):
            n = check_int("n", n, least=1)
        uses_sampler, networks = (sampler, steps, guidance) != (None, None, None), self.model.networks
        if uses_sampler and "denoiser_x" not in networks and ("denoiser_code" not in networks or z is not None):
            raise TypeError(f"{self.model.objective!r} tells no noise; leave out sampler, steps and guidance.")
        if "denoiser_x" in networks and (uses_sampler or "decoder" not in networks):
            if z is not None or mean:
                raise TypeError(f"{self.model.objective!r} goes from noise to x without a code; leave out z and mean.")
            return self._from_noise("x", len(labels) if n is None else n, seed, labels, sampler, steps, guidance)
        if "density" in self.model.networks and z is None and not mean:
            if labels is not None:
                self._model_at(labels, n)  # says what is wrong with them
            density: Any = self.model.networks["density"]
            with evaluating(self.model, seed):
                return self._add_seeds_axis(density.draw(n, self._noise(seed)))
        if "decoder" not in self.model.networks:
            raise TypeError(f"{self.model.objective!r} has no decoder to sample from.")
        if z is not None:
            z = self._as_codes(z)
            code_count = z.shape[len(self.model.seeds_shape)]
            if n not in (None, code_count):
                warnings.warn(f"z holds {code_count} codes, so n={n} is not heeded; leave out n.", stacklevel=2)
        elif n is None:
            n = len(labels)
        with evaluating(self.model, seed):
            if z is None:
                z = self._sample_codes(n, check_int("seed", seed, least=0), labels, sampler, steps, guidance)
            return self._decode_codes(z, seed, labels, mean)

    def decode(self, z: Any, seed: int = 0, *, labels: Any = None, mean: bool = True) -> Tensor:
        """The mean of p_θ(x|z) at codes z, or a draw from it: [seeds, n, *shape].

        Raises TypeError for a model without a decoder.

        >>> from ganvae_lib import build, zoo
        >>> from ganvae_lib.models.generative import Generative
        >>> copies = Generative()
        >>> copies.model = build(zoo.GAN, (2,), latent=3).copies([0, 1])
        >>> copies.decode([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]).shape
        torch.Size([2, 2, 2])
        """
        if "decoder" not in self.model.networks:
            raise TypeError(f"{self.model.objective!r} has no decoder to decode with.")
        with evaluating(self.model, seed):
            return self._decode_codes(self._as_codes(z), seed, labels, mean)

    def infer(self, x: Any, seed: int = 0, *, labels: Any = None, mean: bool = False) -> Tensor:
        """Codes z ~ q_η(z|x) of examples [n, *shape], per trained copy: [seeds, n, latent]; or their ``mean``.

        Raises TypeError for a model without an encoder, or a conditional one that gets no ``labels``.
        """
        if "encoder" not in self.model.networks:
            raise TypeError(f"{self.model.objective!r} has no encoder to infer codes with.")
        labels = self._labels_with(x, labels)
        x = self._as_examples("x", x)
        with evaluating(self.model, seed):
            posterior = self._model_at(labels, len(x)).encoder(self._expand_to_seeds(x))
            return self._add_seeds_axis(self._mean_or_draw(posterior, self._noise(seed), "infer z", mean))

    def reconstruct(self, x: Any, seed: int = 0, *, labels: Any = None) -> Tensor:
        """The mean of p_θ(x|z) at codes inferred from examples [n, *shape]: [seeds, n, *shape].

        Raises TypeError for a model without an encoder and a decoder, or a conditional one without ``labels``.
        """
        z = self.infer(x, seed, labels=labels)
        if "decoder" not in self.model.networks:
            raise TypeError(f"{self.model.objective!r} has no decoder to reconstruct with.")
        labels = self._labels_with(x, labels)
        return self.decode(z, seed, labels=labels)

    def interpolate(self, x0: Any, x1: Any, n: int = 8, *, labels: Any = None, path: str | None = None) -> Tensor:
        """Examples decoded along the way from the codes of x0 to those of x1: [seeds, n, pairs, *shape].

        x0 and x1 are [pairs, *shape], or one example each, [*shape]; then the axis of pairs is left out. The codes are
        the means of q_η(z|x), each copy's own; the first of the ``n`` steps is at x0 and the last at x1.

        path:  "linear", z = (1-s) z0 + s z1; or "spherical", sin((1-s)ω)/sin ω z0 + sin(sω)/sin ω z1 with ω the angle
               between them, which keeps the length that draws from a Gaussian prior have (White, 2016). By default
               "spherical" where the prior is a standard normal, else "linear". Codes in line are joined by a line.
        Raises TypeError for a model without an encoder and a decoder, NotImplementedError where codes have no mean.

        >>> from ganvae_lib import build, fit, load, zoo
        >>> ring = load("ring", fraction=0.01)
        >>> run = fit(build(zoo.VAE, ring), ring, 2, batch=8, seeds=3, device="cpu", progress=False)
        >>> run.interpolate(ring.x[:4], ring.x[4:8], 5).shape, run.interpolate(ring.x[0], ring.x[1]).shape
        (torch.Size([3, 5, 4, 2]), torch.Size([3, 8, 2]))
        """
        n = check_int("n", n, least=2)
        if path not in (None, "linear", "spherical"):
            raise unknown("path", path, ("linear", "spherical"))
        end_points = [x if isinstance(x, Examples) else numbers(name, x) for name, x in (("x0", x0), ("x1", x1))]
        is_pair = self._shape is not None and all(isinstance(x, Tensor) and x.shape == self._shape for x in end_points)
        end_points = [x[None] if is_pair and isinstance(x, Tensor) else x for x in end_points]
        end_points = [self._as_examples(name, x) for name, x in zip(("x0", "x1"), end_points, strict=True)]
        pair_count = len(end_points[0])
        if len(end_points[1]) != pair_count:
            raise ValueError(f"x0 and x1 must be as many, got {pair_count} and {len(end_points[1])}.")
        z0, z1 = (self.infer(x, labels=labels, mean=True) for x in end_points)
        if path is None:
            path = "spherical" if set(getattr(self.model.prior, "codes", ())) == {"gaussian"} else "linear"
        z = interpolated_codes(z0, z1, n, path == "spherical").flatten(1, 2)  # [seeds, n x pairs, latent]
        labels_at_codes = None if labels is None else labels_of(labels, pair_count, self._class_count).repeat(n)
        x = self.decode(z, labels=labels_at_codes).unflatten(1, (n, pair_count))
        return x.squeeze(2) if is_pair else x

    def log_density(self, x: Any, steps: int = 100, *, labels: Any = None) -> Tensor:
        """log p(x) of the flow of a model that tells noise, at examples [n, *shape]: [seeds, n], nats.

        What ``sample`` with "heun" and many steps makes has this density; it takes a derivative for each number of x.
        Raises TypeError for another model.

        >>> from ganvae_lib import build, fit, load, zoo
        >>> ring = load("ring", fraction=0.01)
        >>> run = fit(build(zoo.FLOW_MATCHING, ring), ring, 2, batch=8, seeds=3, device="cpu", progress=False)
        >>> run.log_density(ring.x[:4], steps=10).shape
        torch.Size([3, 4])
        """
        labels = self._labels_with(x, labels)
        x = self._as_examples("x", x)
        tool, axes = denoise_of(self.model), len(self.model.seeds_shape) + 1
        with evaluating(self.model):
            x_hat = tool.denoised(self._model_at(labels, len(x)).networks["denoiser_x"], axes)
            return self._add_seeds_axis(flow_density(x_hat, PATHS[tool.path], self._expand_to_seeds(x), axes, steps))

    def draw_codes(self, n: int, seed: int = 0, *, labels: Any = None) -> Tensor:
        """``n`` codes z ~ p(z), or of the prior that is learned, as ``sample`` decodes them: [seeds, n, latent].

        >>> from ganvae_lib import build, fit, load, zoo
        >>> run = fit(build(zoo.VQ_VAE, load("ring")), load("ring"), 2, seeds=3, device="cpu", progress=False)
        >>> run.draw_codes(5).shape
        torch.Size([3, 5, 2])
        """
        with evaluating(self.model, seed):
            return self._add_seeds_axis(self._sample_codes(check_int("n", n), check_int("seed", seed, least=0), labels))

    # What these share.

    def _sample_codes(self, n: Any, seed: int, labels: Any, *sampler_options: Any) -> Tensor:
        if "denoiser_code" in self.model.networks:
            z = self._from_noise("code", n, seed, labels, *sampler_options)
            return z if self.model.seeds_shape else z[0]
        if "density_code" in self.model.networks:
            nets: Any = self.model.networks
            code, codebook = nets["density_code"].draw(n, self._noise(seed)), getattr(nets["encoder"], "codebook", None)
            return code if codebook is None else codebook.look_up(code)
        # From a stream without a seeds axis: every copy gets the same z.
        return self._expand_to_seeds(draw(self.model.prior().expand((n,)), Noise(seed, self._device), "sample z"))

    def _from_noise(
        self, space: str, n: int, seed: int, labels: Any, sampler: Any = None, steps: Any = None, guidance: Any = None
    ) -> Tensor:
        """From noise to data, or to codes: [seeds, n, *shape]."""
        tool, unconditional = denoise_of(self.model, space), None
        network: Any = self.model.networks[f"denoiser_{space}"]
        if guidance is not None:
            if labels is None:
                raise ValueError("guidance leads to a label; give labels, and train given(objective) with drop > 0.")
            unconditional = partial(network, labels=self._expand_to_seeds(torch.full((n,), -1, device=self._device)))
        conditional = self._model_at(labels, n).networks[f"denoiser_{space}"]
        denoised = tool.denoised(conditional, len(self.model.seeds_shape) + 1, unconditional, guidance or 0.0)
        with evaluating(self.model, seed):
            noise, path = self._noise(seed), PATHS[tool.path]
            return self._add_seeds_axis(
                from_noise(denoised, path, n, network.shape, noise, 50 if steps is None else steps, sampler or "heun")
            )

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def _shape(self) -> tuple[int, ...] | None:
        """The shape of an example, where it is known."""
        if self.model.spec is not None:
            return self.model.spec.shape
        decoder = self.model.networks["decoder"] if "decoder" in self.model.networks else None
        known_shape = (self.about or {}).get("shape") or getattr(decoder, "shape", None)
        return None if known_shape is None else tuple(known_shape)

    @property
    def _class_count(self) -> int:
        """How many classes the labels of a conditional model have."""
        network: Any = self.model.networks[self.model.objective.conditional[0]]
        return network.classes

    def _noise(self, seed: int) -> Noise:
        """The same noise for every copy."""
        seed = check_int("seed", seed, least=0)
        seeds = [seed] * len(self.model.seeds) if isinstance(self.model.seeds, list) else seed
        return Noise(seeds, self._device)

    def _expand_to_seeds(self, tensor: Tensor) -> Tensor:
        """The same for every copy: [*seeds, ...]."""
        return tensor.expand(*self.model.seeds_shape, *tensor.shape)

    def _add_seeds_axis(self, tensor: Tensor) -> Tensor:
        """With an axis of seeds, of a single copy, too."""
        return tensor if self.model.seeds_shape else tensor.unsqueeze(0)

    def _as_examples(self, name: str, x: Any) -> Tensor:
        """Examples [n, *shape] on the device and in the precision of the model."""
        return examples(name, x, self._shape, self.about).to(next(self.model.parameters()))

    def _as_codes(self, z: Any) -> Tensor:
        """Codes [*seeds, n, *shape] on the model's device, from those of all copies or of each."""
        prior = self.model.prior
        shape = prior.shape if isinstance(prior, OtherDomain) else tuple(prior().event_shape)
        return codes("z", z, shape, self.model.seeds_shape, next(self.model.parameters()))

    def _labels_with(self, x: Any, labels: Any) -> Any:
        """The labels that were given, or those that data bring to a conditional model."""
        uses_data_labels = labels is None and isinstance(x, Examples) and bool(self.model.objective.conditional)
        return x.y if uses_data_labels else labels

    def _model_at(self, labels: Any, n: int | None) -> Any:
        """The model at these labels, the same for every copy."""
        if labels is None:
            return self.model.at(None)
        if not self.model.objective.conditional:
            raise ValueError(f"{self.model.objective!r} is given no label; leave out labels.")
        label_tensor = labels_of(labels, n, self._class_count).to(self._device)
        return self.model.at(self._expand_to_seeds(label_tensor))

    def _decode_codes(self, z: Tensor, seed: int, labels: Any, mean: bool) -> Tensor:
        """From codes [*seeds, n, *shape]: [seeds, n, *shape]."""
        observation = self._model_at(labels, z.shape[len(self.model.seeds_shape)]).decoder(z)
        return self._add_seeds_axis(self._mean_or_draw(observation, self._noise(seed), "sample x", mean))

    def _mean_or_draw(self, distribution: Distribution, noise: Noise, name: str, mean: bool) -> Tensor:
        """The mean, or a draw."""
        return distribution.mean if check_bool("mean", mean) else draw(distribution, noise, name)

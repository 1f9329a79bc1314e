"""What trained copies of a model generate: samples, codes, reconstructions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..distributions.noise import Noise
from ..distributions.sample import draw
from .model import Model

__all__ = ["Generative"]


class Generative:
    """Samples, codes and reconstructions of ``model``, with a leading axis of seeds: a ``Run`` is one."""

    model: Model

    @torch.no_grad()
    def sample(
        self, n: int, seed: int = 0, *, z: Tensor | None = None, labels: Tensor | None = None, mean: bool = False
    ) -> Tensor:
        """``n`` draws x ~ p_θ(x|z), z ~ p(z), per trained copy: [seeds, n, *shape]; every copy gets the same z.

        ``mean`` gives the mean of p_θ(x|z) instead, without observation noise, as pictures of VAEs usually show it.
        ``z``, [n, latent], replaces the draw of the codes. A conditional model needs ``labels``, [n].
        Raises TypeError for an objective without a model of x, and for ``z`` or ``mean`` where there is no z;
        ValueError for labels that are not one known class for each example.
        """
        seeds_shape = self.model.seeds_shape
        noise = self._noise(seed)
        if "density" in self.model.networks and z is None and not mean:
            x = self.model.density.draw(n, noise)
            return x if seeds_shape else x.unsqueeze(0)
        if "decoder" not in self.model.networks:
            raise TypeError(f"{self.model.objective} has no decoder to sample from.")
        if z is None:
            one_stream = Noise(seed, noise.device)  # without a seeds axis: every copy gets the same z
            z = draw(self.model.prior().expand((n,)), one_stream, "sample z")
        p = self._at(labels, len(z)).decoder(z.to(noise.device).expand(*seeds_shape, *z.shape))
        x = p.mean if mean else draw(p, noise, "sample x")
        return x if seeds_shape else x.unsqueeze(0)

    def _noise(self, seed: int) -> Noise:
        """The same noise for every copy."""
        seeds = [seed] * len(self.model.seeds) if isinstance(self.model.seeds, list) else seed
        return Noise(seeds, next(self.model.parameters()).device)

    @torch.no_grad()
    def infer(self, x: Tensor, seed: int = 0, *, labels: Tensor | None = None, mean: bool = False) -> Tensor:
        """Codes z ~ q_η(z|x) of examples [n, *shape], per trained copy: [seeds, n, latent]; or their ``mean``.

        Raises TypeError for a model without an encoder, or a conditional one that gets no ``labels``, [n].
        """
        if "encoder" not in self.model.networks:
            raise TypeError(f"{self.model.objective} has no encoder to infer codes with.")
        seeds_shape = self.model.seeds_shape
        noise = self._noise(seed)
        x = x.to(noise.device)
        q = self._at(labels, len(x)).encoder(x.expand(*seeds_shape, *x.shape))
        z = q.mean if mean else draw(q, noise, "infer z")
        return z if seeds_shape else z.unsqueeze(0)

    @torch.no_grad()
    def reconstruct(self, x: Tensor, seed: int = 0, *, labels: Tensor | None = None) -> Tensor:
        """The mean of p_θ(x|z) at codes inferred from examples [n, *shape]: [seeds, n, *shape].

        Raises TypeError for a model without an encoder and a decoder, or a conditional one without ``labels``, [n].
        """
        z = self.infer(x, seed, labels=labels)
        if "decoder" not in self.model.networks:
            raise TypeError(f"{self.model.objective} has no decoder to reconstruct with.")
        stacked = bool(self.model.seeds_shape)
        x = self._at(labels, len(x)).decoder(z if stacked else z[0]).mean
        return x if stacked else x.unsqueeze(0)

    def _at(self, labels: Tensor | None, n: int) -> Any:
        """The model at these labels, [n], the same for every copy."""
        if labels is None or not self.model.objective.conditional:
            return self.model.at(None)
        network: Any = self.model.networks[self.model.objective.conditional[0]]
        classes = network.classes
        if labels.shape != (n,) or not all(0 <= label < classes for label in labels.tolist()):
            raise ValueError(
                f"labels must be {n} numbers from 0 to {classes - 1}, one for each example, got {labels.tolist()[:20]}."
            )
        device = next(self.model.parameters()).device
        return self.model.at(labels.to(device).expand(*self.model.seeds_shape, -1))

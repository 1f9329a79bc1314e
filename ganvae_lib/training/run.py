"""What ``fit`` returns: the trained copies with samples, scores, and a way to keep them."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..data.dataset import Examples, law_card, law_from
from ..distributions.noise import Noise
from ..distributions.sample import draw
from ..measure.scores import Scores, evaluate
from ..models.builder import build
from ..models.model import Model
from ..objective.contract import from_dict, to_dict
from ..storage.cards import read, write
from .history import History

__all__ = ["Run"]


class Run:
    """A finished (or interrupted) training: ``.model`` with its copies, ``.history``, ``.config``.

    ``.data`` has the name, the digest and the note of the data, ``.law`` the distribution that they were drawn from.

    >>> from tempfile import TemporaryDirectory
    >>> from ganvae_lib import build, fit, load, zoo
    >>> ring = load("ring", fraction=0.01)
    >>> run = fit(build(zoo.VAE, ring), ring, 20, batch=32, seeds=2, device="cpu", progress=False)
    >>> list(run.evaluate(ring, k=4, n=100))
    ['ELBO (nats)', 'IWAE-4 (nats)', 'modes', 'high quality']
    >>> with TemporaryDirectory() as folder:
    ...     again = Run.load(run.save(folder))
    >>> again.seeds, again.data["name"], torch.equal(again.sample(5), run.sample(5))
    ([0, 1], 'ring', True)
    """

    def __init__(self, model: Model, history: History, data: Examples | None, config: dict[str, Any]):
        self.model, self.history, self.config = model, history, config
        self.data = None if data is None else dict(name=data.name, digest=data.digest, note=data.note)
        self._law = None if data is None else data.law
        self._law_card = None if data is None else law_card(data)

    @property
    def law(self) -> Any:
        """The distribution that the data were drawn from; None if they were not drawn.

        Raises ValueError, saying what to do, for a run that was read back and whose law cannot be found again.
        """
        if self._law is None and self._law_card is not None:
            self._law = law_from(self._law_card)
        return self._law

    @property
    def seeds(self) -> list[int]:
        return self.history.seeds

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
        seeds = [seed] * len(self.seeds) if self.model.seeds_shape else seed
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

    def evaluate(self, data: Examples | None = None, *, k: int = 64, n: int = 10_000, seed: int = 0) -> Scores:
        """What can be measured of the model, per seed, with intervals: a :class:`~ganvae_lib.measure.Scores`.

        With an encoder and an explicit decoder: the ELBO and the importance-weighted bound with ``k`` samples on
        ``data``, nats per example. On a toy that knows its modes: modes covered and share of high-quality samples
        among ``n``. Raises ValueError when neither applies or data are missing.
        """
        return evaluate(self, data, k=k, n=n, seed=seed)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the run into the folder ``path``: ``run.json`` and the weights, ``model-....safetensors``. No pickle.

        The new ``run.json`` is moved into place last and names its weights, so an interrupted save leaves the run that
        was there before whole. Warns (UserWarning) of what ``load`` will need: networks that ``build`` did not make are
        not described in a file, only their weights are kept.
        """
        path = Path(path)
        card = dict(
            format=1,
            objective=to_dict(self.model.objective),
            networks=self.model.config,
            seeds=self.model.seeds,
            config=self.config,
            data=self.data,
            law=self._law_card,
            history=dict(
                seeds=self.history.seeds,
                keys=self.history.names,
                steps=self.history.steps,
                points=[point.tolist() for point in self.history.points],
            ),
        )
        write(path, "run.json", card, "model", self.model.state_dict())
        if self.model.config is None:
            warnings.warn(
                "these networks were not made by build, so only their weights were saved; to read them back, pass a "
                "model with the same networks: Run.load(path, model).",
                stacklevel=2,
            )
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str], model: Model | None = None) -> Run:
        """Read what ``save`` wrote.

        ``model`` is needed for networks that ``build`` did not make. It is taken as it is, with its objective; then
        the classes of which the file speaks need not be known here.
        Raises ValueError, saying which, for a file that is missing, damaged, of another model, or of an objective with
        classes that are not known here.
        """
        path = Path(path)
        try:
            card, weights = read(path, "run.json")
            history = _history(card["history"])
            config, data, seeds, networks = card["config"], card["data"], card["seeds"], card["networks"]
            objective = card["objective"]
        except FileNotFoundError as error:
            raise ValueError(f"{error.filename} is missing; {path} is not a folder that Run.save wrote.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(_DAMAGED.format(path, error)) from error
        if model is None:
            if networks is None:
                raise ValueError("this run has networks of its own; pass a model with the same: Run.load(path, model).")
            model = _build_from_card(path, objective, networks)
        model = model.copies(seeds, fresh=False)
        try:
            model.load_state_dict(weights)
        except RuntimeError as error:
            first_mismatch = str(error).splitlines()[1].strip()  # line 0 is a title
            raise ValueError(f"the weights in {path} do not fit the model: {first_mismatch}") from error
        run = cls(model.eval(), history, None, config)
        run.data, run._law_card = data, card.get("law")
        return run


_DAMAGED = "{} is damaged or of another format ({}); save the run again."


def _history(card: dict[str, Any]) -> History:
    """The learning curves that ``save`` wrote."""
    history = History(card["seeds"], card["keys"])
    history.steps = card["steps"]
    history.points = [torch.tensor(point, dtype=torch.float64) for point in card["points"]]
    return history


def _build_from_card(path: Path, objective: list[dict[str, Any]], networks: dict[str, Any]) -> Model:
    """The model of which a card speaks. A ValueError about its objective or networks says by itself what to do."""
    try:
        restored = from_dict(objective)
        shape = networks.pop("shape")
        return build(restored, shape, **networks)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(_DAMAGED.format(path, error)) from error

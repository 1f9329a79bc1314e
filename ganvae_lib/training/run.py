"""What ``fit`` returns: the trained copies, their learning curves, samples, scores, and a way to keep them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..distributions.noise import Noise
from ..distributions.sample import draw
from ..errors import NonFiniteLoss
from ..models.builder import build
from ..models.model import Model
from ..objective.terms import from_dict, to_dict
from .checkpoint import read, write

__all__ = ["History", "Run"]


class History(Mapping):
    """Learning curves: a loss by name, as a tensor [points, seeds]; each point is the mean since the last one.

    ``.steps`` has the number of steps done at each point, ``.seeds`` the names of the columns.
    """

    def __init__(self, seeds: list[int], keys: list[str]):
        self.seeds, self.keys_, self.steps = list(seeds), list(keys), []
        self._points: list[Tensor] = []

    def append(self, step: int, rows: Tensor, run=None) -> None:
        """Add the mean of ``rows``, [steps, terms, *seeds]; raise NonFiniteLoss at the first bad value."""
        rows = rows.detach().double().cpu().reshape(len(rows), len(self.keys_), len(self.seeds))
        if not rows.isfinite().all():
            first, term, seed = (~rows.isfinite()).nonzero()[0].tolist()
            error = NonFiniteLoss(
                f"the loss '{self.keys_[term]}' is {rows[first, term, seed].item()} "
                f"at step {step - len(rows) + first + 1}, seed {self.seeds[seed]}; "
                "lower lr, choose another link, or look at the data."
            )
            error.run = run
            raise error
        self.steps.append(step)
        self._points.append(rows.mean(0))

    def __getitem__(self, key: str) -> Tensor:
        if key not in self.keys_:
            raise KeyError(f"no loss {key!r}; there are {', '.join(map(repr, self.keys_))}.")
        return torch.stack([point[self.keys_.index(key)] for point in self._points])

    def __iter__(self):
        return iter(self.keys_)

    def __len__(self) -> int:
        return len(self.keys_)

    def __repr__(self) -> str:
        return f"History({', '.join(self.keys_)}; {len(self.steps)} points, seeds {self.seeds})"


class Run:
    """A finished (or interrupted) training: ``.model`` with its copies, ``.history``, ``.config``."""

    def __init__(self, model: Model, history: History, data, config: dict):
        self.model, self.history, self.config = model, history, config
        self.data = None if data is None else dict(name=data.name, digest=data.digest, note=data.note)
        self.law = getattr(data, "law", None)

    @property
    def seeds(self) -> list[int]:
        return self.history.seeds

    @torch.no_grad()
    def sample(
        self, n: int, seed: int = 0, *, z: Tensor | None = None, labels: Tensor | None = None, mean: bool = False
    ) -> Tensor:
        """``n`` draws x ~ p_θ(x|z), z ~ p(z), per trained copy: [seeds, n, *shape]; every copy gets the same z.

        ``mean`` gives the mean of p_θ(x|z) instead, without observation noise, as pictures of VAEs usually show it.
        ``z``, [n, latent], replaces the draw of the codes. A model that is told ``labels``, [n], needs them.
        Raises TypeError for an objective without a model of x, and for ``z`` or ``mean`` where there is no z;
        ValueError for labels that are not one known class for each example.
        """
        lead, device = self.model.seeds_shape, next(self.model.parameters()).device
        noise = Noise([seed] * lead[0] if lead else seed, device)
        if "density" in self.model.networks and z is None and not mean:
            x = self.model.density.draw(n, noise)
            return x if lead else x.unsqueeze(0)
        if "decoder" not in self.model.networks:
            raise TypeError(f"{self.model.objective} has no decoder to sample from.")
        if z is None:
            z = draw(self.model.prior().expand((n,)), Noise(seed, device), "sample z")
        p = self._at(labels, len(z)).decoder(z.to(device).expand(*lead, *z.shape))
        x = p.mean if mean else draw(p, noise, "sample x")
        return x if lead else x.unsqueeze(0)

    @torch.no_grad()
    def infer(self, x: Tensor, seed: int = 0, *, labels: Tensor | None = None, mean: bool = False) -> Tensor:
        """Codes z ~ q_η(z|x) of examples [n, *shape], per trained copy: [seeds, n, latent]; or their ``mean``.

        Raises TypeError for a model without an encoder, or that is told ``labels``, [n], and gets none.
        """
        if "encoder" not in self.model.networks:
            raise TypeError(f"{self.model.objective} has no encoder to infer codes with.")
        lead = self.model.seeds_shape
        x = x.to(next(self.model.parameters()).device)
        q = self._at(labels, len(x)).encoder(x.expand(*lead, *x.shape))
        z = q.mean if mean else draw(q, Noise([seed] * lead[0] if lead else seed, x.device), "infer z")
        return z if lead else z.unsqueeze(0)

    @torch.no_grad()
    def reconstruct(self, x: Tensor, seed: int = 0, *, labels: Tensor | None = None) -> Tensor:
        """The mean of p_θ(x|z) at codes inferred from examples [n, *shape]: [seeds, n, *shape].

        Raises TypeError for a model without an encoder and a decoder, or that is told ``labels``, [n], and gets none.
        """
        z = self.infer(x, seed, labels=labels)
        if "decoder" not in self.model.networks:
            raise TypeError(f"{self.model.objective} has no decoder to reconstruct with.")
        x = self._at(labels, len(x)).decoder(z if self.model.seeds_shape else z[0]).mean
        return x if self.model.seeds_shape else x.unsqueeze(0)

    def _at(self, labels: Tensor | None, n: int):
        """The model at these labels, [n], the same for every copy."""
        if labels is None or not self.model.objective.conditional:
            return self.model.at(None)
        classes = self.model.networks[self.model.objective.conditional[0]].classes
        if labels.shape != (n,) or not all(0 <= t < classes for t in labels.tolist()):
            raise ValueError(
                f"labels must be {n} numbers from 0 to {classes - 1}, one for each example, got {labels.tolist()[:20]}."
            )
        return self.model.at(labels.to(next(self.model.parameters()).device).expand(*self.model.seeds_shape, -1))

    def evaluate(self, data=None, *, k: int = 64, n: int = 10_000, seed: int = 0):
        """What can be measured of the model, per seed, with intervals: a :class:`~ganvae_lib.metrics.Scores`.

        With an encoder and an explicit decoder: the ELBO and the importance-weighted bound with ``k`` samples on
        ``data``, nats per example. On a toy that knows its modes: modes covered and share of high-quality samples
        among ``n``. Raises ValueError when neither applies or data are missing.
        """
        from .. import measure as metrics

        return metrics.evaluate(self, data, k=k, n=n, seed=seed)

    def save(self, path: str | os.PathLike) -> Path:
        """Write the run into the folder ``path``: ``run.json`` and the weights, ``model-....safetensors``. No pickle.

        The new ``run.json`` is moved into place last and names its weights, so an interrupted save leaves the run that
        was there before whole.
        """
        path = Path(path)
        card = dict(
            format=1,
            objective=to_dict(self.model.objective),
            networks=self.model.config,
            seeds=self.model.seeds,
            config=self.config,
            data=self.data,
            history=dict(
                seeds=self.history.seeds,
                keys=self.history.keys_,
                steps=self.history.steps,
                points=[p.tolist() for p in self.history._points],
            ),
        )
        write(path, "run.json", card, "model", self.model.state_dict())
        return path

    @classmethod
    def load(cls, path: str | os.PathLike, model: Model | None = None) -> Run:
        """Read what ``save`` wrote. ``model`` is needed only for networks that ``build`` did not make.

        Raises ValueError, saying which, for a file that is missing, damaged or of another model.
        """
        path = Path(path)
        try:
            card, weights = read(path, "run.json")
            objective, networks, past = from_dict(card["objective"]), card["networks"], card["history"]
            history = History(past["seeds"], past["keys"])
            history.steps = past["steps"]
            history._points = [torch.tensor(p, dtype=torch.float64) for p in past["points"]]
            if networks is not None and model is None:
                model = build(objective, networks.pop("shape"), **networks)
            config, data, seeds = card["config"], card["data"], card["seeds"]
        except FileNotFoundError as error:
            raise ValueError(f"{error.filename} is missing; {path} is not a folder that Run.save wrote.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is damaged or of another format ({error}); save the run again.") from error
        if model is None:
            raise ValueError("this run has networks of its own; pass a model with the same: Run.load(path, model).")
        model = model.copies(seeds, fresh=False)
        model.objective = objective
        try:
            model.load_state_dict(weights)
        except RuntimeError as error:
            first = str(error).splitlines()[1].strip()
            raise ValueError(f"the weights in {path} do not fit the model: {first}") from error
        run = cls(model.eval(), history, None, config)
        run.data = data
        return run

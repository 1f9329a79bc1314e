"""What ``fit`` returns: the trained copies with samples, scores, and a way to keep them."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import torch

from ..data.dataset import Examples
from ..data.loading import law_card, law_from
from ..errors import check_folder, check_type
from ..figures.table import ShownAsTable, Table
from ..measure.history import History
from ..measure.scores import Measures, Scores, evaluate
from ..models.builder import model_of, shapes_of
from ..models.generative import Generative
from ..models.model import Model, objective_rows, title_of
from ..objective.operators import to_dict
from ..storage.cards import await_written, is_json, read, weights_of, write
from ..storage.strangers import NoModel, check_state, first_mismatch, most_bytes
from .batches import is_writing_process
from .state import Kept, Training

__all__ = ["Run"]


class Run(ShownAsTable, Generative):
    """A finished (or interrupted) training: ``.model`` with its copies, ``.history``, ``.config``.

    ``.data`` has the name, the digest and the note of the data, ``.about`` their shape and what they are in words,
    ``.law`` the distribution that they were drawn from.

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

    def __init__(
        self,
        model: Model,
        history: History,
        data: Examples | None,
        config: dict[str, Any],
        going: Kept | Training | None = None,
    ):
        self.model, self.history, self.config = model, history, config
        self.going = going  # what fit(run, ...) goes on from: what was kept of the training, or that itself
        self.stopped: str | None = None  # where and by what the training was stopped before its last step
        self.data = None if data is None else dict(name=data.name, digest=data.digest, note=data.note)
        self.about = None if data is None else describe_data(data)
        self._law = None if data is None else data.law
        self._law_card = None if data is None else law_card(data)

    def pause_training(self, training: Training) -> None:
        """Stand between two steps of ``training``, and keep what it needs to go on, so that it can go itself."""
        training.pause()
        self.config["steps"], self.going = training.done, training.kept()

    @property
    def law(self) -> Any:
        """The distribution that the data were drawn from; None if they were not drawn.

        Raises ValueError, saying what to do, for a run that was read back and whose law cannot be found again.
        """
        if self._law is None and self._law_card is not None:
            try:
                self._law = law_from(self._law_card)
            except (LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError) as error:
                raise ValueError(f"the law of the data cannot be made from {self._law_card} ({error}).") from error
        return self._law

    @property
    def seeds(self) -> list[int]:
        return self.history.seeds

    @property
    def averaged(self) -> Run:
        """The copies with the moving average of their weights, for ``fit(..., ema=0.999)``: a run to sample, evaluate.

        Raises ValueError for a run that kept no averages.
        """
        averages = self.going.averages if self.going else {}
        if not averages:
            raise ValueError("this run kept no averages of its weights; train it with fit(..., ema=0.999).")
        model = self.model.copies(self.model.seeds, fresh=False).eval()
        for name, parameter in model.named_parameters():
            parameter.data.copy_(averages[name])
        run = Run(model, self.history, None, self.config)
        run.data, run.about, run._law, run._law_card = self.data, self.about, self._law, self._law_card
        return run

    def _table(self) -> Table:
        data_text = "not kept" if self.about is None else self.about["words"]
        steps = self.history.steps[-1] if self.history.steps else 0
        losses_text = ", ".join(f"{name} {value}" for name, value in self.history.last.items())
        table_rows = [
            *objective_rows(self.model.objective),
            ("data", data_text),
            ("trained", f"{steps} steps, seeds {self.seeds}; at last {losses_text or 'nothing'}"),
            ("next", "run.sample(16), run.evaluate(data), fit(run, steps=...)"),
        ]
        return Table(("Run", title_of(self.model.objective)), tuple(table_rows))

    def evaluate(
        self,
        data: Any = None,
        *,
        measures: Measures | None = None,
        k: int = 64,
        n: int = 10_000,
        seed: int = 0,
    ) -> Scores:
        """What can be measured of the model, per seed, with intervals: a :class:`~ganvae_lib.measure.Scores`.

        With an encoder and an explicit decoder: the ELBO and the importance-weighted bound with ``k`` samples on
        ``data``, nats per example. On a toy that knows its modes: modes covered and share of high-quality samples
        among ``n``. ``data`` are a data set, or examples [m, *shape].

        measures:  these instead, a list or a dict with names: "frechet distance", "precision and recall", or functions
                   of ``run``, ``samples`` ([seeds, n, *shape]) and ``data``, by these names, that give a number per
                   seed, or a dict of such. ``functools.partial(frechet_distance, features=network)`` sets features.
        Raises ValueError when nothing applies, and for data or measures that do not fit.

        >>> from ganvae_lib import build, fit, load, zoo
        >>> ring = load("ring", fraction=0.01)
        >>> run = fit(build(zoo.VAE, ring), ring, 2, batch=8, seeds=3, device="cpu", progress=False)
        >>> def width(samples):
        ...     return samples.std((1, 2))
        >>> list(run.evaluate(ring, measures=["frechet distance", "precision and recall", width], n=200))
        ['frechet distance', 'precision', 'recall', 'width']
        """
        return evaluate(self, data, measures=measures, k=k, n=n, seed=seed)

    def card(self) -> dict[str, Any]:
        """What ``save`` writes down beside the weights. An objective that JSON cannot hold is left out, as None."""
        objective = to_dict(self.model.objective)
        return dict(
            objective=objective if is_json(objective) else None,
            networks=self.model.config,
            seeds=self.model.seeds,
            config=self.config,
            data=self.data,
            about=self.about,
            law=self._law_card,
            stopped=self.stopped,
            history=dict(
                seeds=self.history.seeds,
                keys=self.history.names,
                steps=self.history.steps,
                points=[point.tolist() for point in self.history.points],
            ),
        )

    def save(self, path: str | os.PathLike[str], training: bool = True) -> Path:
        """Write the run into the folder ``path``: ``run.json`` and the weights, ``model-....safetensors``. No pickle.

        With the state of the ``training``, so that ``fit(Run.load(path), data, steps=...)`` goes on: Adam's moments
        make the file three times as large as the weights alone, which ``training=False`` writes (with their averages).
        The new ``run.json`` is moved into place last and names its weights, so an interrupted save leaves the run that
        was there before whole. Under ``torchrun`` one process writes, and the others return when the run is whole.
        Warns (UserWarning) of what ``load`` will need: networks that ``build`` did not make, and terms with fields that
        JSON cannot hold, are not described in a file; only their weights are kept.
        Raises OSError if it cannot be written: TimeoutError if another process is at work in the folder for a minute.
        """
        path = check_folder("path", path)
        training_state, saved = self.going.state() if self.going else (None, {})
        training_state, prefix = (training_state, "") if training else (None, "ema/")
        tensors = self.model.state_dict()
        tensors |= {f"training/{n}": t for n, t in saved.items() if n.startswith(prefix) and not n.startswith("model/")}
        card = self.card() | {"training": training_state}
        if not is_writing_process():
            await_written(path, "run.json", weights_of(tensors, "model")[1]["sha256"])
            return path
        write(path, "run.json", card, "model", tensors)
        if card["networks"] is None or card["objective"] is None:
            reason = "JSON holds no such objective" if card["networks"] else "these networks were not made by build"
            warnings.warn(
                f"{reason}, so only their weights were saved; to read them back, pass a model with the same networks: "
                "Run.load(path, model).",
                stacklevel=2,
            )
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str], model: Model | None = None) -> Run:
        """Read what ``save`` wrote; while another process saves there, the old run or the new one.

        ``model`` is needed for networks that ``build`` did not make. It is taken as it is, with its objective; then
        the classes of which the file speaks need not be known here.
        Raises ValueError, saying which, for a file that is missing, damaged, of another model, or of an objective with
        classes that are not known here. Nothing that a file says is run or opened but its weights, of the size that
        its networks have.
        """
        path = check_folder("path", path)
        if model is not None:
            check_type("model", model, Model, "pass the model that was trained, or none")
        expected: dict[str, torch.Tensor] = {}  # the weights of which the card speaks, without memory
        try:
            run_card, tensors = read(path, "run.json", lambda run_card: _most_bytes(run_card, model, expected))
            state = run_card.get("training")
            training_tensors = {name[9:]: tensors.pop(name) for name in list(tensors) if name.startswith("training/")}
            kept_training = Kept(None if state is None else check_state(state, training_tensors), training_tensors)
        except FileNotFoundError as error:
            raise ValueError(f"{error.filename} is missing; {path} is not a folder that Run.save wrote.") from error
        except NoModel:
            raise
        except (ValueError, OSError, RecursionError) as error:
            raise ValueError(_DAMAGED_MESSAGE.format(path, error)) from error
        if mismatch := first_mismatch(expected, tensors):  # before a model takes memory
            raise ValueError(f"the weights in {path} do not fit the model: {mismatch}.")
        model = (model_of(run_card) if model is None else model).copies(run_card["seeds"], fresh=False)
        try:
            model.load_state_dict(tensors)
        except RuntimeError as error:  # there are more than the model has
            mismatch = str(error).splitlines()[-1].strip()
            raise ValueError(f"the weights in {path} do not fit the model: {mismatch}") from error
        run = cls(model.eval(), _history_from(run_card["history"]), None, run_card["config"], kept_training)
        run.data, run.about, run._law_card = run_card["data"], run_card.get("about"), run_card.get("law")
        run.stopped = run_card.get("stopped")
        run.model.remember(kept_training.streams(run_card["config"]["steps"]))
        return run


def describe_data(data: Examples) -> dict[str, Any]:
    """What a run keeps of its data beside their name, ready for JSON: shape and range of an example, and words."""
    value_range = getattr(data, "range", None)
    value_range = value_range if value_range is None or isinstance(value_range, str) else list(value_range)
    return dict(shape=list(data.shape), bytes=data.x.dtype == torch.uint8, range=value_range, words=repr(data))


_DAMAGED_MESSAGE = "{} is damaged or of another format: {}; save the run again."


def _most_bytes(run_card: dict[str, Any], model: Model | None, expected: dict[str, torch.Tensor]) -> int:
    """How many bytes the tensors of a run can have; its weights become those ``expected``.

    Raises ValueError for a card that cannot be.
    """
    expected.clear()
    expected.update(shapes_of(run_card, model))
    try:
        return most_bytes(expected, run_card.get("training"))
    except (LookupError, TypeError) as error:
        raise ValueError(f"its training cannot be {run_card['training']!r}"[:100]) from error


def _history_from(history_card: dict[str, Any]) -> History:
    """The learning curves that ``save`` wrote."""
    history = History(history_card["seeds"], history_card["keys"])
    history.steps = history_card["steps"]
    history.points = [torch.tensor(point, dtype=torch.float64) for point in history_card["points"]]
    return history

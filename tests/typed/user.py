"""What a course's own script looks like, with every type written out; ``test_typed.py`` has it checked strictly."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ganvae_lib import (
    KL,
    Adversary,
    Batch,
    Data,
    Match,
    Model,
    Noise,
    Objective,
    Reconstruct,
    Run,
    Scores,
    Term,
    Writer,
    build,
    fit,
    load,
    zoo,
)


@dataclass(frozen=True)
class SmallCodes(Term):
    """A term of one's own."""

    space = "z"
    reaches = ("eta",)
    networks = ("encoder",)

    def loss(self, batch: Batch) -> Tensor:
        return batch.z_from_x.square().sum(-1).mean(-1)

    def formula(self, w: Writer, player: str) -> str:
        return rf"\mathbb{{E}}_{{{w.q('z')}}}[\|z\|^2]"


def losses(model: Model, data: Data, seed: int = 0) -> dict[str, Tensor]:
    """The value of every term on one minibatch, before training."""
    batch: Batch = Batch(model, data.x[:64], Noise(seed))
    return {key: loss for phase in model.objective.phases() for key, loss in phase.losses(batch).items()}


def compare(steps: int, folder: Path) -> dict[str, float]:
    """The modes of the ring that each model covers, averaged over its seeds."""
    data: Data = load("ring")
    objectives: dict[str, Objective] = {
        "GAN": zoo.GAN,
        "VAE/GAN": Reconstruct("x") + Match("z", KL()) + 0.1 * Match("x", Adversary("reverse KL")),
        "AE": Reconstruct("x") + 0.01 * SmallCodes(),
    }
    covered: dict[str, float] = {}
    for name, objective in objectives.items():
        model: Model = build(objective, data, hidden=(64, 64))
        run: Run = fit(model, data, steps, seeds=[0, 1, 2], lr={"theta": 1e-3, "eta": 1e-3, "phi": 2e-4})
        scores: Scores = run.evaluate(load("ring", "test"), k=16)
        modes: Tensor = scores["modes"]
        covered[name] = modes.mean().item()
        again: Run = Run.load(run.save(folder / name.replace("/", "-")))
        samples: Tensor = again.sample(100, mean=name != "GAN")
        assert samples.shape == (3, 100, 2)
        curve: Tensor = run.history["match x"] if "match x" in run.history else modes
        assert bool(curve.isfinite().all()) and again.seeds == [0, 1, 2]
    return covered

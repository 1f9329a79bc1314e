"""A character GRU on tinyshakespeare, three small seeds, beside smoothed n-grams: bits per character on the last tenth.

    python -m ganvae_lib study language             # about 6 minutes on one idle CPU thread

Both kinds of model see the same windows of 64 characters and, within a window, the same earlier characters. The worlds
are the first tenth of the training part, about what the package embeds, and all of it; on the tenth the steps are a
third, as it would be learnt by heart. The strength of the n-grams' smoothing is the best for the last 200 training
windows when they are left out. The series ``text`` is what each seed wrote.
"""

import math
from functools import partial

import torch

from ganvae_lib import CharRNN, Data, Model, Noise, nets, ngram, text, zoo
from ganvae_lib.experiments import Study, Trial
from studies.measures import in_stages, log_likelihood

STAGES = ((0.75, 4e-3), (0.25, 8e-4))  # share of the steps, learning rate
WIDTH = 128  # of the GRU's state
STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0)
WORDS = {
    "train": "bits per character of the first 200 training windows, the lower the better",
    "test": "bits per character of the last tenth of the text",
    "strength": "of the smoothing",
}


def data(share: float) -> dict:
    """The first ``share`` of the training part, and the test part."""
    whole = text("tinyshakespeare", "train")
    part = Data(whole.x[: int(share * len(whole))], name=f"{share:g} of tinyshakespeare")
    return {"train": part, "test": text("tinyshakespeare", "test")}


def network(world, length: int) -> CharRNN:
    return CharRNN(length, len(world.test.alphabet), WIDTH)


def train(trial, world, seeds):
    model = Model(trial.objective, {"density": network(world, world.train.shape[0])}, nets.StandardNormal(1))
    steps = trial.training["steps"] // (3 if world.name == "0.1" else 1)
    return in_stages(model, world.train, STAGES, steps, batch=trial.training["batch"], seeds=seeds)


def bits(run, x) -> torch.Tensor:
    """Bits per character, per seed."""
    return -log_likelihood(run, x, 200) / x.shape[1] / math.log(2)


def written(run, k: int, world) -> str:
    """What the k-th copy writes: the same weights read on, over more characters than they were trained on."""
    longer = network(world, 320)
    longer.load_state_dict(run.model.single(k).density.state_dict())
    return world.test.decode(longer.draw(1, Noise(1000 + run.seeds[k]))[0])


def measure(run, world) -> dict:
    scores = {"train": bits(run, world.train.x[:200]), "test": bits(run, world.test.x)}
    return scores | {"text": [written(run, k, world) for k in range(len(run.seeds))]}


def references(world, seeds) -> dict:
    """The n-grams, each with its best strength."""
    x = world.train.x
    symbols = len(world.test.alphabet)

    def bits_per_character(known, new, order: int, strength: float) -> float:
        return -float(ngram(known, new, order, symbols, strength).mean()) / math.log(2)

    scores = {}
    for order in range(1, 9):
        held_out = {strength: bits_per_character(x[:-200], x[-200:], order, strength) for strength in STRENGTHS}
        best = min(STRENGTHS, key=held_out.__getitem__)
        scores[f"{order}-gram"] = {
            "train": bits_per_character(x, x[:200], order, best),
            "test": bits_per_character(x, world.test.x, order, best),
            "strength": best,
        }
    return scores


STUDY = Study(
    "character GRU on tinyshakespeare",
    {"GRU": Trial(zoo.LIKELIHOOD, about={"width": WIDTH})},
    data={"0.1": partial(data, 0.1), "1": partial(data, 1.0)},
    prepare=lambda world: {"facts": {"alphabet": len(world.test.alphabet), "length": world.train.shape[0]}},
    train=train,
    measure=measure,
    references=references,
    words=WORDS,
    notes={"stages": [{"share of the steps": share, "lr": rate} for share, rate in STAGES]},
    training=dict(batch=64),
    steps=1200,
    seeds=range(3),
)

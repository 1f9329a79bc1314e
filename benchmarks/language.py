"""A character GRU on tinyshakespeare, three small seeds, beside smoothed n-grams: bits per character on the last tenth.

    python benchmarks/language.py                        # about 6 minutes on one idle CPU thread
    python benchmarks/language.py --steps 20 --name trial

Both kinds of model see the same windows of 64 characters and, within a window, the same earlier characters. The
training text grows: the first tenth of the training part, which is about what the package embeds, and all of it.

Writes results/language.json:

    experiment, command, seeds [3]
    config           width, length, steps, batch, optimizer, lr (two stages)
    data             name, alphabet, train and test: {windows, digest}
    parts            by share of the training windows: windows, ngram: {order: {strength, train, test}},
                     rnn: {parameters, train, test: {values [3], mean, half_width_95}, seconds_training}
    samples          what each seed of the last part wrote, 320 characters
    environment      versions, processor, threads

All ``train`` and ``test`` are bits per character, the lower the better; ``train`` is of the first 200 windows. The
strength of the n-grams' smoothing is the best for the last 200 training windows when they are left out.
"""

from __future__ import annotations

import argparse
import math
import time

import record
import torch

from ganvae_lib import CharRNN, Data, Model, Noise, fit, nets, ngram, text, zoo

STAGES = ((0.75, 4e-3), (0.25, 8e-4))  # share of the steps, learning rate
STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0)


def bits(log_p) -> float:
    return -float(log_p.mean()) / math.log(2)


def ngrams(train, test, symbols: int, orders=range(1, 9)) -> dict:
    rows = {}
    for order in orders:
        strength = min(STRENGTHS, key=lambda s: bits(ngram(train[:-200], train[-200:], order, symbols, s)))
        rows[order] = dict(
            strength=strength,
            train=round(bits(ngram(train, train[:200], order, symbols, strength)), 4),
            test=round(bits(ngram(train, test, order, symbols, strength)), 4),
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--name", default="language", help="name of the file in results/")
    args = parser.parse_args()
    torch.set_num_threads(1)
    seeds, batch = list(range(args.seeds)), 64

    train, test = (text("tinyshakespeare", split) for split in ("train", "test"))
    symbols, length = len(train.alphabet), train.shape[0]
    card = dict(
        experiment="character GRU on tinyshakespeare",
        command=f"python benchmarks/language.py --steps {args.steps}",
        seeds=seeds,
        config=dict(
            width=args.width,
            length=length,
            steps=args.steps,
            batch=batch,
            optimizer="Adam",
            lr=[rate for _, rate in STAGES],
            shares=[share for share, _ in STAGES],
        ),
        data=dict(
            name="tinyshakespeare",
            alphabet=symbols,
            train=dict(windows=len(train), digest=train.digest),
            test=dict(windows=len(test), digest=test.digest),
        ),
        parts={},
    )
    for share, steps in ((0.1, args.steps // 3), (1.0, args.steps)):  # the small part would be learnt by heart
        part = Data(train.x[: int(share * len(train))], name=f"{share:g} of tinyshakespeare")
        network, options = CharRNN(length, symbols, args.width), {}
        model, started = Model(zoo.LIKELIHOOD, {"density": network}, nets.StandardNormal(1)), time.perf_counter()
        for proportion, rate in STAGES:
            run = fit(model, part, int(proportion * steps), batch=batch, seeds=seeds, lr=rate, device="cpu", **options)
            model, options = run.model, {"fresh": False}
        seconds = time.perf_counter() - started
        score = {}
        for name, x in (("train", part.x[:200]), ("test", test.x)):
            with torch.no_grad():
                pieces = [run.model.density().log_prob(p.expand(len(seeds), *p.shape)) for p in x.split(200)]
            score[name] = record.summary(-torch.cat(pieces, -1).double().mean(-1) / length / math.log(2))
        card["parts"][f"{share:g}"] = dict(
            windows=len(part),
            steps=steps,
            ngram=ngrams(part.x, test.x, symbols),
            rnn=dict(
                parameters=sum(p.numel() for p in network.parameters()), **score, seconds_training=round(seconds, 1)
            ),
        )
        print(share, card["parts"][f"{share:g}"], flush=True)
    card["samples"] = []
    for k, seed in enumerate(seeds):
        longer = CharRNN(320, symbols, args.width)  # the same weights read on
        longer.load_state_dict(run.model.single(k).density.state_dict())
        card["samples"].append(train.decode(longer.draw(1, Noise(1000 + seed))[0]))
    card["environment"] = record.environment()
    print(record.write(args.name, card).name)


if __name__ == "__main__":
    main()

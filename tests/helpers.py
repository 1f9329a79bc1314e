"""Small data, models and runs that several test files share, and Python in a new process."""

import json
import subprocess
import sys
from dataclasses import replace

import torch
from children import ROOT as ROOT, environment
from torch import nn

from ganvae_lib import Batch, Data, Domains, Model, Noise, build, fit, nets, ring
from ganvae_lib.storage.cards import text
from ganvae_lib.training.checkpoint import Checkpoint

KEPT = 1e-5  # how closely two runs must agree over the first 50 steps


def points(n=512):
    """Points of the ring world."""
    return Data(ring().sample(n, 0), name="ring", law=ring())


def suited(objective, data):
    """``data`` with labels, or two domains made of them, where the objective reads labels or the other domain."""
    if not objective.reads or isinstance(data, Domains):
        return data
    if data.y is None:
        data = replace(data, y=(data.x.flatten(1)[:, 0] > 0).long())
    if "other" not in objective.reads:
        return data
    # Domains differ; labelled and unlabelled examples are of one kind.
    apart = 0.5 if any(t.space == "features" for t in objective.terms) else 0.0
    return Domains(replace(data, law=None), data.map(lambda x: x.flip(0) + apart, "moved"))


def images(side=8, n=192, binary=True, seed=0):
    """Images with one grey level per image and noise on it, so that there is something to learn."""
    g = torch.Generator().manual_seed(seed)
    x = (torch.rand(n, 1, 1, 1, generator=g) + torch.rand(n, 1, side, side, generator=g)) / 2
    return Data((x > 0.5).float() if binary else x, torch.arange(n) % 4, name="blobs")


def small(objective, data, **options):
    """A model with little in it."""
    return build(objective, data, **{"hidden": (16,), "latent": 3, **options})


def linear(weight, bias):
    """A layer x ↦ weight x + bias."""
    layer = nets.Linear(*weight.T.shape, dtype=weight.dtype)
    layer.weight.data, layer.bias.data = weight.clone(), bias.clone()
    return layer


def own_networks(objective, **networks):
    """A model of linear networks for points that ``build`` has not made."""
    linear = {
        "encoder": nets.Encoder(nn.Linear(2, 6)),
        "decoder": nets.Decoder(nn.Linear(3, 2), nets.Gaussian(), (2,)),
        "discriminator_x": nets.Discriminator(nn.Linear(2, 1)),
        "labeller": nets.Classifier(nn.Linear(2, 2)),
    }
    linear["discriminator_x_given_label"] = linear["discriminator_x"]
    return Model(objective, linear | networks, nets.StandardNormal(3))


def conditional_networks():
    """Of such a model, the networks that are given one of two labels."""
    return {
        "encoder": nets.Conditional(nets.Encoder(nn.Linear(4, 6)), 2),
        "decoder": nets.Conditional(nets.Decoder(nn.Linear(5, 2), nets.Gaussian(), (2,)), 2),
    }


def short(model, data=None, steps=50, **options):
    """A run of few steps, each of which is recorded."""
    data = suited(model.objective, points() if data is None else data)
    return fit(model, data, steps, **{"batch": 32, "log_every": 1, **options})


def prepared(objective, data=None, seed=3, n=16, **options):
    """A model of two-layer networks in float64, and one minibatch."""
    data = suited(objective, points() if data is None else data)
    model = small(objective, data, **{"hidden": (8,), **options}).copies(seed).double()
    for i, p in enumerate(model.parameters()):  # away from special values such as a zero mean
        p.data += 0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(i)).double()
    labels = data.y[:n] if "labels" in model.reads else None
    other = data.other[:n].double() if "other" in model.reads else None
    return model, Batch(model, data.x[:n].double(), Noise(seed), labels, other)


def gradients(loss, parameters):
    """The gradient of each parameter, zero for those on which the loss does not depend."""
    found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


def assert_all_close(found, expected, tolerance=1e-12):
    """Each of the tensors found is the one expected."""
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def drift(a, b, size=0.0):
    """Largest difference of two learning curves, relative to the largest of the value, the curve's mean size and ``size``.

    The last two matter for losses that cross zero: ``size`` is that of the numbers of which they are differences.
    """
    scale = torch.maximum(b.abs(), b.abs().mean(0)).clamp_min(size)
    return float(((a - b).abs() / scale).max())


def assert_same_run(together, alone, column, sizes=None):
    """Seed ``column`` of a run in company has the curves of the run alone."""
    assert together.history.keys() == alone.history.keys()
    for key in alone.history:
        size = (sizes or {}).get(key, 0.0)
        assert drift(together.history[key][:50, column], alone.history[key][:50, 0], size) < KEPT, key


def same_run(a, b):
    """Have two runs the same weights and curves, bit for bit?"""
    curves = all(torch.equal(a.history[key], b.history[key]) for key in a.history)
    weights = zip(a.model.state_dict().values(), b.model.state_dict().values(), strict=True)
    return curves and a.history.steps == b.history.steps and all(torch.equal(x, y) for x, y in weights)


def edited(file, change):
    """Change what a card says, as one who can compute its checksum: ``change`` gets the card, and may return another."""
    card = json.loads(file.read_bytes())
    changed = change(card)
    file.write_bytes(text(card if changed is None else changed))


class Stopped(Exception):
    """The process dies here."""


def stop_at(monkeypatch, step):
    """Let the process die right after the checkpoint of this step."""
    save = Checkpoint.save

    def saving(self, *state):
        save(self, *state)
        if json.loads((self.folder / "checkpoint.json").read_bytes())["step"] >= step:
            raise Stopped

    monkeypatch.setattr(Checkpoint, "save", saving)


def new_process(code, *arguments):
    """What ``code`` prints in a new Python."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout

"""Operators on objectives: what they are equal to, what they refuse, and that their models train, stop, go on and are kept."""

import itertools
import json
import math
import re
from dataclasses import replace

import pytest
import torch
from helpers import (
    assert_all_close,
    assert_same_run,
    conditional_networks,
    gradients,
    images,
    own_networks,
    points,
    prepared,
    short,
    small,
    suited,
)
from hypothesis import given as every, settings, strategies as st
from torch import nn
from torch.distributions import Bernoulli

from ganvae_lib import (
    KL,
    Adversary,
    Batch,
    Bound,
    Classify,
    Data,
    Domains,
    Match,
    Noise,
    Reconstruct,
    adversary_activated,
    build,
    fit,
    given,
    importance_weighted,
    metrics,
    nets,
    semi_supervised,
    zoo,
)
from ganvae_lib.networks.trunks import conv_down, conv_up
from ganvae_lib.objective import TOOLS, from_dict, to_dict

VAE, GAN = zoo.VAE, zoo.GAN
POINTS, IMAGES = points(), images()
LABELLED = suited(zoo.CVAE, POINTS)
TWO = suited(zoo.SVAE, POINTS)
AASVAE = adversary_activated(zoo.SVAE)
NAMES = {kind.__name__: kind for kind in (Match, Reconstruct, Classify, Bound, *TOOLS.values())}


# ---------------------------------------------------------------- what the operators give


def test_one_sample_is_no_weight():
    for entry in (VAE, GAN, zoo.CVAE, zoo.CGAN, zoo.ADA, zoo.ALI, zoo.SVAE, zoo.AAVAE):
        assert importance_weighted(entry, 1) == entry
    assert importance_weighted(zoo.IWGAN, 1) == GAN and importance_weighted(zoo.IWAE, 1) == Bound()
    assert importance_weighted(zoo.IWAE, 7) == importance_weighted(VAE, 7) == Bound(7)
    assert importance_weighted(GAN + VAE, 3) == importance_weighted(GAN, 3) + Bound(3)
    assert importance_weighted(2 * VAE, 3) == 2 * Bound(3) != Bound(3) == importance_weighted(VAE, 3)


def test_the_zoo_is_made_by_operators():
    assert zoo.IWAE == Bound(5) and zoo.AAVAE == Bound(activated=True)
    assert zoo.IWGAN == Match("x", Adversary(k="batch")) and zoo.CGAN == Match("x", Adversary(), given="label")
    assert zoo.CVAE == Reconstruct("x", given="label") + Match("z", KL(), given="label")
    assert zoo.SVAE == zoo.CVAE + Bound(inferred="label") + Classify(seen="x")
    assert semi_supervised(VAE, 7.0) - 6 * Classify(seen="x") == zoo.SVAE


def test_operators_commute():
    weighted, told = lambda o: importance_weighted(o, 3), given
    for a, b in itertools.combinations((weighted, told, adversary_activated), 2):
        assert a(b(VAE)) == b(a(VAE)), (a, b)
    for a in (weighted, adversary_activated):
        assert a(semi_supervised(VAE, 2.0)) == semi_supervised(a(VAE), 2.0)
    assert given(importance_weighted(GAN, "batch")) == importance_weighted(zoo.CGAN, "batch")
    assert semi_supervised(zoo.CVAE) == zoo.SVAE and given(zoo.CVAE) == zoo.CVAE
    assert adversary_activated(zoo.AAVAE) == zoo.AAVAE


def test_svae_without_its_unlabelled_examples_is_cvae_and_a_classifier():
    rest = [t for t in zoo.SVAE.terms if not getattr(t, "inferred", None)]
    assert sum(rest[1:], rest[0]) == zoo.CVAE + Classify(seen="x")
    model, batch = prepared(zoo.SVAE)
    parameters = list(model.parameters())

    def total(objective):
        batch.noise = Noise(3)  # from its start
        return sum(t.weight * t.loss(batch) for t in objective.terms)

    whole, unlabelled = (gradients(total(o), parameters) for o in (zoo.SVAE, Bound(inferred="label")))
    labelled = gradients(total(zoo.CVAE + Classify(seen="x")), parameters)
    assert_all_close([a - b for a, b in zip(whole, unlabelled, strict=True)], labelled, 1e-12)
    assert sum(g.abs().sum() for g in unlabelled) > 0.1


# ---------------------------------------------------------------- importance-weighted GANs

logits = st.lists(st.floats(-12, 12), min_size=1, max_size=24)


class Score(nn.Module):
    """A discriminator that reads its logits."""

    def forward(self, t):
        return Bernoulli(logits=t)


def slope(tool, t, target=None):
    t = torch.tensor(t, dtype=torch.float64, requires_grad=True)
    return torch.autograd.grad(tool.generator_loss(Score(), t, target), t)[0]


@every(logits)
def test_the_weighted_update_is_the_minimax_update_over_the_mean_odds(t):
    """w ∇(-log D) = ∇ log(1-D) for w = D/(1-D), whatever D is."""
    odds = torch.tensor(t, dtype=torch.float64).exp()
    expected = slope(Adversary("minimax"), t) / odds.mean()
    torch.testing.assert_close(slope(Adversary(k="batch"), t), expected, rtol=1e-10, atol=1e-300)


@every(logits, st.integers(1, 5))
def test_groups_are_weighted_each_for_itself(t, k):
    t = t * k
    found = slope(Adversary(k=k), t)
    parts = [slope(Adversary(k="batch"), t[i : i + k]) for i in range(0, len(t), k)]
    torch.testing.assert_close(found, torch.cat(parts) / len(parts), rtol=1e-12, atol=0)
    assert torch.equal(slope(Adversary(k=len(t)), t), slope(Adversary(k="batch"), t))
    assert torch.equal(slope(Adversary(k=1), t), slope(Adversary(), t))


@every(logits, st.randoms(use_true_random=False))
def test_the_order_in_a_batch_does_not_matter_nor_does_the_level_of_the_odds(t, random):
    order = list(range(len(t)))
    random.shuffle(order)
    tool, at = Adversary(k="batch"), torch.tensor(t, dtype=torch.float64)
    torch.testing.assert_close(slope(tool, [t[i] for i in order]), slope(tool, t)[order], rtol=1e-12, atol=0)
    weights = slope(tool, t) / -(-at).sigmoid()  # of -log D; the slope of the loss of one sample is -(1-D)
    torch.testing.assert_close(weights, at.softmax(0), rtol=1e-9, atol=0)
    assert math.isclose(weights.sum(), 1.0, rel_tol=1e-9)


@pytest.mark.parametrize("k", [1, 2, 8, "batch"])
def test_the_gradient_of_the_generator_is_the_minimax_one_over_the_mean_odds(k):
    """In the weights of a network, by the objectives themselves."""
    objective = importance_weighted(GAN, k)
    model, batch = prepared(objective)
    parameters, n = model.of(("theta",)), batch.size
    found = gradients(objective.loss(batch), parameters)
    t = model.discriminator_x(batch.x_from_z).logits
    size, odds, saturating = n if k == "batch" else k, t.detach().exp(), (1 - t.sigmoid()).log()
    groups = [slice(i, i + size) for i in range(0, n, size)]
    over = [gradients(saturating[g].mean() / odds[g].mean(), parameters) for g in groups]
    assert_all_close(found, [sum(g) / len(groups) for g in zip(*over, strict=True)])
    if k == "batch":
        minimax = gradients(zoo.MINIMAX_GAN.loss(batch), parameters)
        assert_all_close(found, [g / odds.mean() for g in minimax])
        assert (
            len({round(float(a / b), 9) for a, b in zip(found[0].flatten(), minimax[0].flatten(), strict=True) if b})
            == 1
        )
    if k == 1:
        assert all(map(torch.equal, found, gradients(GAN.loss(batch), parameters)))
    # The weights are constants: with their gradient it would be another one.
    free = (t.exp() / t.exp().sum() * -t.sigmoid().log()).sum()
    assert max((a - b).abs().max() for a, b in zip(found, gradients(free, parameters), strict=True)) > 1e-4


def test_the_discriminator_is_trained_as_ever():
    model, batch = prepared(GAN)
    assert torch.equal(zoo.IWGAN.discriminator_loss(batch), GAN.discriminator_loss(batch))


def test_where_both_sides_are_made_both_are_weighted_with_y_reversed():
    t, s = ([0.3, -1.0, 2.0, 0.1], [1.5, -0.2, 0.4, -2.0])
    tool = Adversary(k=2)
    both = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (t, s)]
    found = torch.autograd.grad(tool.generator_loss(Score(), *both), both)
    assert_all_close(found, (slope(tool, t), -slope(tool, [-v for v in s])), 1e-14)


# ---------------------------------------------------------------- told the label


def label_at(network, model):
    """The first label column (or channel) of a network's first layer: the label stands behind the first input."""
    of_codes = network in ("decoder", "discriminator_z_given_label")
    return model.config["latent"] if of_codes else model.config["shape"][0]


def conditional(objective, data=LABELLED, **options):
    """A model, its minibatch, and the model that is told labels with the same weights, and zeros for labels."""
    plain, batch = prepared(objective, data, **options)
    data = suited(given(objective), data)
    told = small(given(objective), data, **{"hidden": (8,), **options}).double()
    source = dict(plain.networks.named_parameters())
    for name, p in told.networks.named_parameters():
        network, rest = name.split(".", 1)
        value = source[f"{network.removesuffix('_given_label')}.{rest.removeprefix('network.')}"].data
        if value.shape != p.shape:  # the first layer
            at, classes = label_at(network, told), data.classes
            zeros = torch.zeros(p.shape[0], classes, *p.shape[2:], dtype=p.dtype)
            value = torch.cat((value[:, :at], zeros, value[:, at:]), 1)
        p.data = value.clone()
    return plain, told, batch, Batch(told, batch.x, Noise(3), data.y[: batch.size])


UNTOLD = {
    "VAE": (VAE, {}),
    "GAN": (GAN, {"noise": 2, "observation": "point"}),
    "IWAE": (zoo.IWAE, {}),
    "AAVAE": (zoo.AAVAE, {}),
    "AAE": (zoo.AAE, {}),
    "InfoGAN": (zoo.INFOGAN, {}),
    "ALI": (zoo.ALI, {}),
    "IWGAN": (zoo.IWGAN, {}),
}
CONV = {"architecture": "conv", "width": 16}


@pytest.mark.parametrize(
    "case",
    [(POINTS, UNTOLD[n]) for n in UNTOLD]
    + [
        (replace(LABELLED, y=torch.zeros(len(LABELLED)).long()), (zoo.ALI, {})),
        (images(4, binary=False), (GAN, CONV | {"depth": 1})),
        (images(binary=False), (VAE, CONV | {"observation": "gaussian"})),
        (images(binary=False), (zoo.ALI, CONV | {"observation": "gaussian"})),
    ],
    ids=[*UNTOLD, "one class", "GAN on images", "VAE on images", "ALI on images"],
)
def test_networks_that_do_not_care_for_labels_are_those_without(case):
    data, (objective, options) = case
    plain, told, batch, again = conditional(objective, data, **options)
    for one, two in zip(objective.phases(), given(objective).phases(), strict=True):
        losses, others = one.losses(batch), two.losses(again)
        for a, b in zip(losses.values(), others.values(), strict=True):
            torch.testing.assert_close(b, a, rtol=1e-12, atol=1e-12)
        found, expected = (
            gradients(p.total(v), m.of(p.players)) for p, v, m in ((two, others, told), (one, losses, plain))
        )
        for a, b in zip(found, expected, strict=True):
            if a.shape != b.shape:
                continue  # the first layers, where labels have a gradient, too
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)
        assert any(a.shape == b.shape for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    "objective", [zoo.CVAE, zoo.CGAN, zoo.SVAE, given(zoo.ALI), AASVAE], ids=["CVAE", "CGAN", "SVAE", "ALI", "AASVAE"]
)
def test_labels_by_another_number_are_the_same_labels(objective):
    data = suited(objective, replace(POINTS, y=torch.arange(len(POINTS)) % 3))
    order, inverse = torch.tensor([1, 2, 0]), torch.tensor([2, 0, 1])  # label order[i] is now called i
    model, batch = prepared(objective, data)
    silent = lambda w: setattr(w.noise, "normal", lambda name, *shape: torch.full(shape, 0.3, dtype=torch.float64)) or w
    losses = [phase.losses(silent(batch)) for phase in objective.phases()]
    for name in objective.conditional:
        weight, at = next(p for p in model.networks[name].parameters() if p.ndim == 2), label_at(name, model)
        weight.data[:, at : at + 3] = weight.data[:, at : at + 3][:, order]
    if "labeller" in objective.networks:
        for p in model.labeller.trunk[-1].parameters():
            p.data = p.data[order]
    again = silent(Batch(model, batch.x, Noise(3), inverse[batch.labels], batch.other))
    for phase, expected in zip(objective.phases(), losses, strict=True):
        for name, loss in phase.losses(again).items():
            torch.testing.assert_close(loss, expected[name], rtol=1e-12, atol=0)
    # And a label that is not the example's own makes a difference.
    wrong = silent(Batch(model, batch.x, Noise(3), batch.labels, batch.other))
    assert any(abs(loss - losses[-1][name]) > 1e-6 for name, loss in objective.phases()[-1].losses(wrong).items())


def test_labels_stand_in_one_hot_coding_behind_the_first_input():
    class Echo(nn.Module):
        extra = "known"

        def forward(self, x, *rest):
            return (x, *rest)

    labels = torch.tensor([2, 0])
    flat, image = nets.Conditional(Echo(), 3), nets.Conditional(Echo(), 3, planes=True)
    assert flat(torch.ones(2, 2), labels=labels)[0].tolist() == [[1, 1, 0, 0, 1], [1, 1, 1, 0, 0]]
    x, z = torch.full((2, 2, 4, 4), 7.0), torch.zeros(2, 1)
    joined, rest = image(x, z, labels=labels)
    assert rest is z and joined.shape == (2, 5, 4, 4) and torch.equal(joined[:, :2], x)
    assert torch.equal(joined[:, 2:].mean((-2, -1)), torch.eye(3)[labels])
    assert all(len(joined[i, c].unique()) == 1 for i in range(2) for c in range(2, 5))
    assert flat(x, labels=labels)[0].shape == (2, 35)  # an image beside its label: flattened
    # Several minibatches side by side share the labels; so do stacked copies, each with its own.
    twice = flat(torch.zeros(4, 2), labels=labels)[0]
    assert torch.equal(twice[:2, 2:], twice[2:, 2:]) and torch.equal(twice[:2, 2:], torch.eye(3)[labels])
    seeds = torch.stack((labels, labels.flip(0)))
    stacked = flat(torch.zeros(2, 2, 2), labels=seeds)[0]
    assert torch.equal(stacked[..., 2:], torch.eye(3)[seeds])
    assert image(torch.zeros(2, 2, 1, 4, 4), labels=seeds)[0].shape == (2, 2, 4, 4, 4)
    assert (
        flat.extra == "known"
        and nets.widened((2, 4, 4), 3, True) == (5, 4, 4)
        and nets.widened((2, 4, 4), 3, False) == (35,)
    )
    with pytest.raises(AttributeError):
        flat.missing  # noqa: B018


def test_the_model_at_labels_tells_its_networks_and_leaves_the_rest():
    model = small(zoo.SVAE, TWO)
    at = model.at(TWO.y[:8])
    assert at.labeller is model.labeller and at.prior is model.prior and at.objective is zoo.SVAE
    z = torch.zeros(8, 3)
    torch.testing.assert_close(at.decoder(z).mean, model.decoder(z, labels=TWO.y[:8]).mean)
    assert small(VAE, POINTS).at(None) is not None and (plain := small(GAN, POINTS)).at(None) is plain


# ---------------------------------------------------------------- every operator on every entry

OPERATORS = {
    "importance_weighted, 4": lambda o: importance_weighted(o, 4),
    "importance_weighted, batch": lambda o: importance_weighted(o, "batch"),
    "adversary_activated": adversary_activated,
    "given": given,
    "semi_supervised": semi_supervised,
}
WORKS = {
    "importance_weighted, 4": {
        "VAE",
        "GAN",
        "ADA",
        "ALI",
        "IWAE",
        "IWGAN",
        "AAVAE",
        "CGAN",
        "CVAE",
        "SVAE",
        "diffusion-GAN",
    },
    "importance_weighted, batch": {"GAN", "ADA", "ALI", "IWGAN", "CGAN", "diffusion-GAN"},
    "adversary_activated": {"VAE", "IWAE", "AAVAE", "CVAE", "SVAE"},
    "given": set(zoo.ALL)
    - {
        "maximum likelihood",
        "WAE-MMD",
        "VAE/GAN",
        "GMMN",
        "ABC",
        "VQ-VAE",
        "source only",
        "DANN",
        "ADA",
        "predictability minimisation",
        "SVAE",
        "DMD",
    },
    "semi_supervised": {"VAE", "IWAE", "AAVAE", "CVAE"},
}


@pytest.mark.parametrize("entry", zoo.ALL)
@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_works_on_an_entry_or_says_why_not(operator, entry):
    if entry not in WORKS[operator]:
        with pytest.raises((TypeError, ValueError)) as caught:
            OPERATORS[operator](zoo.ALL[entry])
        text = str(caught.value)
        assert text.endswith(".") and len(re.findall(r"\.(\s|$)", text)) <= 2 and len(text) < 400
        return
    objective = OPERATORS[operator](zoo.ALL[entry])
    run = short(small(objective, suited(objective, POINTS)), POINTS, steps=2)
    assert all(curve.isfinite().all() for curve in run.history.values())


CHAINS = [chain for n in (2, 3, 4) for chain in itertools.permutations(OPERATORS, n)]


@pytest.mark.parametrize("start", [VAE, GAN, zoo.ALI, zoo.ADA], ids=["VAE", "GAN", "ALI", "ADA"])
def test_every_composition_prints_and_survives_text_and_json(start):
    made = {}
    for chain in CHAINS:
        try:
            objective = start
            for operator in chain:
                objective = OPERATORS[operator](objective)
        except (TypeError, ValueError):
            continue
        made[chain] = objective
    assert made
    for chain, objective in made.items():
        assert eval(repr(objective), NAMES) == objective == from_dict(json.loads(json.dumps(to_dict(objective))))
        text, latex = str(objective), objective._repr_latex_()
        theta = next(line for line in text.splitlines() if "θ descends" in line)
        assert not re.search(r"[\\{}]", re.sub(r"[_^]\{[^{}]*\}", "", text))
        for opening, closing in ("{}", "[]", "()"):
            assert latex.count(opening) == latex.count(closing) and text.count(opening) == text.count(closing)
        last = [name for name in chain if name.startswith("importance")][-1:]
        if "given" in chain or "semi_supervised" in chain:
            assert re.search(r"p_θ(₀)?\(x[^()]*\|([^()]*,)?t\)", theta), theta
        if "semi_supervised" in chain:
            assert "log C" in theta and "log q_η(t|x)" in theta and "-log q_η(t|x)" in text
        if "adversary_activated" in chain:
            assert re.search(r"1/2 \(E_\{d\(x(,t)?\)\} \+ E_\{.*p_θ₀\(x(\|t)?\)\}\)\[D_φ\(x(,t)?\)", theta), theta
        if last and any(isinstance(t, Bound) for t in objective.terms):
            assert "1/4 Σ_i p_θ(x,z_i" in theta and "z_1..4|x" in theta
        elif last:
            assert "Σ_i w̃_i log" in theta and "^B}" * ("batch" in last[0]) + "^4}" * ("4" in last[0]) in theta


def allowed(objective, chain):
    """The operators of the chain that the objective bears, one after the other."""
    for operator in chain:
        try:
            objective = OPERATORS[operator](objective)
        except (TypeError, ValueError):
            continue
    return objective


@settings(max_examples=30)
@every(st.permutations(list(OPERATORS)), st.sampled_from(sorted(set.union(*WORKS.values()))))
def test_a_composition_that_exists_has_a_model_that_trains(chain, entry):
    objective = allowed(zoo.ALL[entry], chain)
    run = short(small(objective, suited(objective, POINTS), hidden=(4,)), POINTS, steps=1, seeds=2)
    assert all(curve.isfinite().all() for curve in run.history.values())
    assert eval(repr(objective), NAMES) == objective


# ---------------------------------------------------------------- training


def test_a_conditional_model_learns_what_the_label_says():
    """Two classes of points that lie apart: samples at a label lie there, and the labeller finds it."""
    y = torch.arange(400) % 2
    x = torch.randn(400, 2, generator=torch.Generator().manual_seed(0)) * 0.3 + (4.0 * y - 2)[:, None]
    data = Data(x, y, name="two blobs")
    run = fit(small(zoo.CVAE, data, scale=0.3), data, 200, batch=32, seeds=2, lr=2e-2)
    for label in (0, 1):
        found = run.sample(200, labels=torch.full((200,), label)).mean(1)
        torch.testing.assert_close(found, torch.full((2, 2), 4.0 * label - 2), rtol=0, atol=0.3)
    swapped_labels = replace(data, y=1 - y)
    assert (metrics.elbo(run.model, data) > metrics.elbo(run.model, swapped_labels) + 5).all()
    few = torch.cat((torch.arange(6), torch.arange(200, 206)))
    domains = Domains(data[few], data)
    run = fit(small(zoo.SVAE, domains, scale=0.3), domains, 150, batch=32, seeds=2, lr=2e-2)
    assert (run.evaluate(data, k=2)["accuracy"] > 0.98).all()


# ---------------------------------------------------------------- trunks


@pytest.mark.parametrize("shape, width, out", [((1, 8, 8), 8, 5), ((3, 16, 16), 16, 1)])
def test_two_halvings_are_the_networks_of_old(shape, width, out):
    c, side = shape[0], shape[1] // 4
    down = nn.Sequential(
        nn.Conv2d(c, width, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, 2, 1),
        nn.GroupNorm(8, 2 * width),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(2 * width * side**2, out),
    )
    up = nn.Sequential(
        nn.Linear(out, 2 * width * side**2),
        nn.Unflatten(1, (2 * width, side, side)),
        nn.GroupNorm(8, 2 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, 4, 2, 1),
        nn.GroupNorm(8, width),
        nn.ReLU(),
        nn.ConvTranspose2d(width, c, 4, 2, 1),
        nn.Flatten(),
    )
    for old, make in [
        (down, lambda **d: conv_down(shape, width, out, **d)),
        (up, lambda **d: conv_up(out, width, shape, **d)),
    ]:
        for new in (make(), make(depth=2)):
            names = [(n, p.shape) for n, p in new.named_parameters()]
            assert names == [(n, p.shape) for n, p in old.named_parameters()] and len(new) == len(old)
            a, b = (nets.initialise(m, 4).state_dict() for m in (new, old))
            assert all(torch.equal(a[n], b[n]) for n in b) and a.keys() == b.keys()
        x = torch.randn(3, *(shape if old is down else (out,)), generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(nets.initialise(new, 4)(x), nets.initialise(old, 4)(x))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_convolutions_halve_the_side_as_often_as_asked(depth):
    down, up = conv_down((1, 16, 16), 8, 5, depth=depth), conv_up(5, 8, (1, 16, 16), depth=depth)
    x = torch.zeros(2, 1, 16, 16)
    sides = [x.shape[-1] for layer in down if (x := layer(x)).ndim == 4 and isinstance(layer, nn.Conv2d)]
    assert sides == [16 // 2 ** (i + 1) for i in range(depth)] and x.shape == (2, 5)
    assert sum(isinstance(layer, nn.ConvTranspose2d) for layer in up) == depth and up(x).shape == (2, 256)
    channels = [layer.out_channels for layer in down if isinstance(layer, nn.Conv2d)]
    assert channels == [8 * 2**i for i in range(depth)]
    model = build(zoo.CVAE, images(16), architecture="conv", width=8, depth=depth)
    assert (
        model.config["depth"] == depth
        and short(model, images(16), steps=1, batch=4).history["match z"].isfinite().all()
    )


def test_networks_of_ones_own_may_be_told_labels():
    run = short(own_networks(zoo.CVAE, **conditional_networks()), LABELLED, steps=20, seeds=[1, 4])
    assert_same_run(run, short(own_networks(zoo.CVAE, **conditional_networks()), LABELLED, steps=20, seeds=[4]), 1)
    assert run.sample(3, labels=torch.tensor([0, 1, 1])).shape == (2, 3, 2)

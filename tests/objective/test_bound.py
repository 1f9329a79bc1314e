"""Bounds on worlds whose evidence is known: samples, labels given and inferred, examples that a discriminator weighs."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from helpers import assert_all_close, gradients, linear
from hypothesis import given, settings, strategies as st
from torch import nn
from torch.distributions import (
    Bernoulli,
    Categorical,
    Independent,
    MultivariateNormal,
    Normal,
    OneHotCategorical,
    Uniform,
)

from ganvae_lib import Batch, Bound, Data, Model, Noise, exact, free_energy, lemmas, metrics, nets, zoo
from ganvae_lib.distributions.densities import Product, Pushforward, tiled

# x = W z + B_t + S e with one code z ~ N(0, 1) and three labels t, uniform: p(x) is a mixture of three normals.
W = torch.tensor([1.3, -0.6], dtype=torch.float64)
B = torch.tensor([[0.5, -1.0], [2.0, 1.0], [-1.5, 0.7]], dtype=torch.float64)
S, C = 0.8, 3
COVARIANCE = torch.outer(W, W) + S**2 * torch.eye(2).double()
AT = MultivariateNormal(B, COVARIANCE)  # p(x|t)
VARIANCE = float(1 / (1 + W @ W / S**2))  # of p(z|x,t)
X = B[torch.arange(12) % C] + torch.randn(12, 2, generator=torch.Generator().manual_seed(1)).double() * 1.5
T = torch.arange(12) % 2


def joint(x):
    """log p(x, t) of examples [n, 2]: [n, C]."""
    return AT.log_prob(x[:, None]) - math.log(C)


class Table(Noise):
    """Noise by rows: the same numbers for the same row of a minibatch, however many rows are asked for."""

    def __init__(self, rows):
        super().__init__(0)
        self.table = rows

    def normal(self, name, *shape):
        return self.table[: shape[0]].expand(shape)


def random_rows(n, seed=0):
    return Table(torch.randn(n, 1, generator=torch.Generator().manual_seed(seed)).double())


def networks(labels=False, shift=0.0, log_scale=0.0, log_ratios=None):
    """The world's decoder, and its posteriors moved by ``shift`` and made wider by a factor."""
    gain = VARIANCE * W / S**2  # the posterior mean is gain · (x - B_t)
    rows = (
        torch.cat((gain[None], torch.zeros(1, 2))),
        torch.tensor([shift, math.log(VARIANCE) + 2 * log_scale], dtype=torch.float64),
    )
    if labels:
        at = torch.stack((-B @ gain, torch.zeros(C)))  # a column for each label
        encoder = nets.Conditional(nets.Encoder(nn.Sequential(linear(torch.cat((rows[0], at), 1), rows[1]))), C)
        body = linear(torch.cat((W[:, None], B.T), 1), torch.zeros(2).double())
        decoder = nets.Conditional(nets.Decoder(nn.Sequential(body), nets.Gaussian(S), (2,)), C)
    else:
        rows[1][0] -= gain @ B[0]
        encoder = nets.Encoder(nn.Sequential(linear(*rows)))
        decoder = nets.Decoder(nn.Sequential(linear(W[:, None], B[0])), nets.Gaussian(S), (2,))
    decoder.double().observation.log_scale.fill_(math.log(S))  # it was rounded to float32
    # One covariance for all labels: log p(t|x) is linear in x.
    solved = torch.linalg.solve(COVARIANCE, B.T).T
    best = linear(solved, -(B * solved).sum(1) / 2)
    labeller = nets.Classifier(best if log_ratios is None else log_ratios)
    return {"encoder": encoder, "decoder": decoder, "labeller": labeller}


def model(objective, **options):
    return Model(objective, networks(bool(objective.conditional), **options), nets.StandardNormal(1)).double()


# ---------------------------------------------------------------- samples

SHIFT, WIDER = 0.5, 0.35  # of q(z|x), against the posterior


def ratio(space):
    """log p(z|x)/q(z|x) at the points, which is the same for every x, and log q."""
    normal = lambda mean, scale: Normal(*torch.tensor([mean, scale], dtype=torch.float64)).log_prob(space)
    q = normal(SHIFT, VARIANCE**0.5 * math.exp(WIDER))
    return normal(0.0, VARIANCE**0.5) - q, q


def draws(k, n=96_000, seed=0, **options):
    """F_k(x) + log p(x) of many draws: its mean is how far the bound is below the evidence."""
    options = {"shift": SHIFT, "log_scale": WIDER} | options
    x = X.repeat(n // len(X), 1)
    with torch.no_grad():
        f = free_energy(model(Bound(k), **options), x, Noise(seed), k)
    return f + MultivariateNormal(B[0], COVARIANCE).log_prob(x)


def test_one_and_two_samples_have_the_bounds_that_quadrature_gives():
    line = exact.line(-8, 8, 4001)
    log_r, log_q = ratio(line.points)
    one = -line.expect(log_q, log_r)  # KL(q ‖ p(z|x))
    side = exact.line(-8, 8, 801)
    r, q = (v.exp() for v in ratio(side.points))
    two = -(((r[:, None] + r) / 2).log() * torch.outer(q * side.weights, q * side.weights)).sum()
    assert 0.05 < two < one < 0.7
    for k, gap in ((1, one), (2, two)):
        found = draws(k)
        error = 4 * found.std() / len(found) ** 0.5
        assert error < 0.03 and abs(found.mean() - gap) < error


def test_the_path_of_k_samples_has_no_bias_at_one():
    """Two equal samples are one, and one has the mean -ELBO, whose KL term is exact in the path of one sample."""

    class Twice(Noise):
        def normal(self, name, *shape):
            return torch.cat([super().normal(name, shape[0] // 2, *shape[1:])] * 2)

    x, own = X.repeat(8000, 1), model(Bound(2), shift=SHIFT, log_scale=WIDER)
    with torch.no_grad():
        found = free_energy(own, x, Twice(3), 2) + MultivariateNormal(B[0], COVARIANCE).log_prob(x)
    line = exact.line(-8, 8, 4001)
    log_r, log_q = ratio(line.points)
    error = 4 * found.std() / len(found) ** 0.5
    assert error < 0.03 and abs(found.mean() + line.expect(log_q, log_r)) < error
    e = Twice(3).normal("z from x, 2 samples", 2 * len(x), 1)[: len(x), 0].double()
    expected = -ratio(SHIFT + VARIANCE**0.5 * math.exp(WIDER) * e)[0]  # -log p(z|x)/q(z|x) at the very sample
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_bounds_increase_in_k_and_stay_under_the_evidence():
    gaps, halves = {}, {}
    for k in (1, 2, 5, 20, 100):
        found = draws(k, 24_000, seed=k)
        gaps[k], halves[k] = found.mean(), 1.96 * found.std() / len(found) ** 0.5
    ks = list(gaps)
    for few, many in zip(ks[:-1], ks[1:], strict=True):
        assert gaps[many] + halves[many] < gaps[few] - halves[few]  # the intervals do not meet
    assert all(gaps[k] - halves[k] > 0 for k in ks)
    # To first order in 1/k the gap is the variance of the weights, Var[p(z|x)/q(z|x)]/2k.
    line = exact.line(-8, 8, 4001)
    log_r, log_q = ratio(line.points)
    variance = line.expect(log_q, (2 * log_r).exp()) - 1
    assert abs(gaps[100] - variance / 200) < halves[100] + 0.1 * variance / 200


@pytest.mark.parametrize("k", [2, 3, 7, 50])
def test_with_the_posterior_every_draw_of_every_bound_is_the_evidence(k):
    found = draws(k, 600, shift=0.0, log_scale=0.0)
    torch.testing.assert_close(found, torch.zeros_like(found), rtol=0, atol=1e-10)


def test_with_the_posterior_the_elbo_is_the_evidence():
    """-log p_θ(x|z) is a quadratic in the noise: its values at ±1 have the mean of the normal law."""
    sides = [free_energy(model(Bound()), X, Table(torch.full((99, 1), s).double())) for s in (1.0, -1.0)]
    evidence = MultivariateNormal(B[0], COVARIANCE).log_prob(X)
    torch.testing.assert_close(sum(sides) / 2, -evidence, rtol=0, atol=1e-10)
    wrong = model(Bound(), shift=SHIFT, log_scale=WIDER)
    sides = [free_energy(wrong, X, Table(torch.full((99, 1), s).double())) for s in (1.0, -1.0)]
    line = exact.line(-8, 8, 4001)
    log_r, log_q = ratio(line.points)
    torch.testing.assert_close(sum(sides) / 2 + evidence, -line.expect(log_q, log_r).expand(12), rtol=0, atol=1e-10)


def test_one_sample_is_the_vae():
    batches = [Batch(model(o, shift=SHIFT), X, Noise(5)) for o in (zoo.VAE, Bound(1))]
    losses = [sum(o.phases()[-1].losses(w).values()) for o, w in zip((zoo.VAE, Bound(1)), batches, strict=True)]
    torch.testing.assert_close(*losses, rtol=1e-14, atol=0)
    assert_all_close(
        *(gradients(loss, list(w.model.parameters())) for loss, w in zip(losses, batches, strict=True)), 1e-13
    )


@settings(max_examples=25)
@given(st.integers(2, 6), st.integers(0, 2**31), st.floats(-1, 1), st.floats(-0.5, 0.5))
def test_a_bound_of_k_samples_is_above_the_mean_of_its_samples_and_below_the_best(k, seed, shift, wider):
    own = model(Bound(k), shift=shift, log_scale=wider)
    e = torch.randn(k * len(X), 1, generator=torch.Generator().manual_seed(seed)).double()
    with torch.no_grad():
        bound = -free_energy(own, X, Table(e), k)
        q = own.encoder(X)
        z = q.mean + q.stddev * e.unflatten(0, (k, -1))
        log_w = Normal(0.0, 1.0).log_prob(z).sum(-1) + own.decoder(z).log_prob(X) - q.log_prob(z)
    assert (bound >= log_w.mean(0) - 1e-12).all() and (bound <= log_w.max(0).values + 1e-12).all()


# ---------------------------------------------------------------- labels given and inferred

SIDES = [Table(torch.full((9999, 1), s).double()) for s in (1.0, -1.0)]  # the mean over both is exact for k = 1


def loss_of(objective, x=X, labels=T, other=None, sides=SIDES, own=None, **options):
    own = own or model(objective, **options)
    return sum(objective.loss(Batch(own, x, noise, labels, other)) for noise in sides) / len(sides)


def test_given_the_label_the_bound_is_under_the_evidence_of_x_at_the_label():
    evidence = AT.log_prob(X[:, None])[range(12), T].mean()
    exactly = loss_of(Bound(given="label"))
    torch.testing.assert_close(exactly, -evidence, rtol=0, atol=1e-10)
    assert loss_of(Bound(given="label"), shift=0.3) > exactly + 1e-3
    assert loss_of(Bound(given="label"), labels=1 - T) > exactly + 1e-3


def test_the_scores_of_a_model_that_is_told_labels_are_bounds_at_the_labels():
    parts = [model(Bound(given="label"), shift=shift).float() for shift in (0.0, 0.3)]
    both = nets.stack(parts)
    both.seeds = [0, 1]
    data = Data(X.float(), T, "a mixture")
    evidence = AT.log_prob(X[:, None])[range(12), T].mean()
    for k in (1, 4):
        found = metrics.iwae(both, data, k)
        assert math.isclose(found[0], evidence, rel_tol=1e-5) and math.isclose(
            metrics.iwae(parts[1], data, k), found[1], rel_tol=1e-5
        )
    assert metrics.elbo(both, replace(data, y=1 - T))[0] < metrics.elbo(both, data)[0] - 0.1


@pytest.mark.parametrize("k", [1, 4])
def test_with_the_posteriors_of_code_and_label_the_bound_is_the_evidence_of_x(k):
    noise = SIDES if k == 1 else [random_rows(999)]
    found = loss_of(Bound(k, inferred="label"), other=X, sides=noise)
    torch.testing.assert_close(found, -joint(X).logsumexp(1).mean(), rtol=0, atol=1e-10)


def test_an_inferred_label_costs_its_divergence_from_the_posterior():
    labeller = linear(torch.randn(C, 2, generator=torch.Generator().manual_seed(2)).double(), torch.zeros(C).double())
    found = loss_of(Bound(inferred="label"), other=X, log_ratios=labeller)
    q, p = Categorical(logits=labeller(X)), Categorical(logits=joint(X))
    missing = torch.distributions.kl_divergence(q, p).mean().detach()
    assert missing > 0.1
    torch.testing.assert_close(found, -joint(X).logsumexp(1).mean() + missing, rtol=0, atol=1e-10)
    assert loss_of(Bound(inferred="label"), other=X, log_ratios=labeller, shift=0.4) > found + 1e-3


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("label", range(C))
def test_a_label_that_is_certain_leaves_the_bound_at_this_label(label, k):
    """q(t|x) = 1 at one label: F(x, t) + log C."""
    certain = linear(torch.zeros(C, 2).double(), 1e4 * torch.eye(C)[label].double())
    noise = Table(torch.randn(k * 12, 1, generator=torch.Generator().manual_seed(0)).double().repeat_interleave(C, 0))
    tiles = noise.table.reshape(k, 12, C).transpose(1, 2).reshape(-1, 1)  # of each sample: the labels side by side
    found = loss_of(Bound(k, inferred="label"), other=X, sides=[Table(tiles)], log_ratios=certain, shift=0.3)
    rows = noise.table.reshape(k, 12, C)[..., 0].reshape(-1, 1)
    at = loss_of(Bound(k, given="label"), labels=torch.full((12,), label), sides=[Table(rows)], shift=0.3)
    torch.testing.assert_close(found, at + math.log(C), rtol=0, atol=1e-10)


def test_an_inferred_label_is_a_sum_over_all():
    own = model(Bound(inferred="label"), shift=0.3, log_ratios=linear(B, torch.tensor([0.3, 0.0, -0.2]).double()))
    noise = random_rows(36)
    found = loss_of(Bound(inferred="label"), other=X, sides=[noise], own=own)
    total = 0.0
    for label in range(C):
        q = own.labeller(X).probs[:, label]
        f = free_energy(own.at(torch.full((12,), label)), X, Table(noise.table[12 * label :]))
        total = total + q * (f + q.log() - math.log(1 / C))
    torch.testing.assert_close(found, total.mean(), rtol=1e-12, atol=0)


def test_one_class_is_no_class():
    """Conditional the only label there is, networks know nothing more, and inferring it costs nothing."""

    def told(layer, kind):
        wide = linear(torch.cat((layer.weight, torch.zeros(len(layer.weight), 1)), 1), layer.bias)
        return nets.Conditional(kind(nn.Sequential(wide)), 1)

    plain = networks(shift=0.3)
    decoder = lambda trunk: nets.Decoder(trunk, plain["decoder"].observation, (2,))
    one = {
        "encoder": told(plain["encoder"].trunk[0], nets.Encoder),
        "decoder": told(plain["decoder"].trunk[0], decoder),
        "labeller": nets.Classifier(linear(torch.ones(1, 2).double(), torch.zeros(1).double())),
    }
    noise, labels = random_rows(12), torch.zeros(12).long()
    losses = []
    for objective, parts in [(Bound(), plain), (Bound(given="label"), one), (Bound(inferred="label"), one)]:
        own = Model(objective, parts, nets.StandardNormal(1)).double()
        losses.append(objective.loss(Batch(own, X, noise, labels, X)))
    assert_all_close(losses[1:], [losses[0]] * 2)


def test_labels_by_another_number_are_the_same_labels():
    order = torch.tensor([2, 0, 1])
    labeller = lambda: linear(B, torch.tensor([0.3, 0.0, -0.2]).double())
    for objective in (Bound(3, given="label"), Bound(inferred="label")):
        one, two = (model(objective, shift=0.3, log_ratios=labeller()) for _ in range(2))
        for name in ("encoder", "decoder"):
            weight = two.networks[name].trunk[0].weight
            weight.data[:, -C:] = weight.data[:, -C:][:, order]  # column i is now that of label order[i]
        if objective.inferred:
            layer = two.labeller.trunk
            layer.weight.data, layer.bias.data = layer.weight.data[order], layer.bias.data[order]
        sides = SIDES if objective.inferred else [random_rows(99)]
        losses = [
            loss_of(objective, labels=labels, other=X, own=own, sides=sides)
            for own, labels in ((one, T), (two, order.argsort()[T]))
        ]
        torch.testing.assert_close(*losses, rtol=1e-12, atol=0)


# ---------------------------------------------------------------- examples that a discriminator weighs


class Judge(nn.Module):
    """Logits that a function of x says."""

    def __init__(self, logit):
        super().__init__()
        self.logit = logit

    def forward(self, x):
        return SimpleNamespace(logits=self.logit(x))


FAKE = X.flip(0) * 0.7 + 0.4
ENCODED = {"shift": SHIFT, "log_scale": 0.2}


def activated(logit, x=X, fake=FAKE, k=1, rows=None):
    """Loss and gradient of the activated bound, with these generated examples."""
    objective = Bound(k, activated=True)
    own = Model(objective, networks(**ENCODED) | {"discriminator_x": Judge(logit)}, nets.StandardNormal(1)).double()
    batch = Batch(own, x, rows or random_rows(4000))
    batch.memory["x_from_z"] = fake
    loss = objective.loss(batch)
    return loss, gradients(loss, list(own.parameters()))


def plain(x, k=1, rows=None):
    """Loss and gradient of the bound."""
    own = model(Bound(k), **ENCODED)
    loss = free_energy(own, x, rows or random_rows(4000), k).mean()
    return loss, gradients(loss, list(own.parameters()))


def test_a_perfect_discriminator_leaves_half_of_the_vae():
    real = lambda x: torch.where((x[:, None] == X).all(-1).any(-1), 800.0, -800.0)  # D is 1 and 0
    loss, found = activated(real)
    expected, vae = plain(X)
    torch.testing.assert_close(loss, expected / 2, rtol=1e-13, atol=0)
    assert_all_close(found, [g / 2 for g in vae])


def test_a_blind_discriminator_trains_on_both_sides_alike():
    loss, found = activated(lambda x: torch.zeros(len(x)))
    losses, both = zip(plain(X), plain(FAKE, rows=Table(random_rows(4000).table[12:])), strict=True)
    torch.testing.assert_close(loss, sum(losses) / 4, rtol=1e-13, atol=0)
    assert_all_close(found, [(a + b) / 4 for a, b in zip(*both, strict=True)])


@pytest.mark.parametrize("seed", range(5))
def test_the_best_discriminator_leaves_half_of_the_vae(seed):
    """A world of six examples, drawn as often as they are likely: D = d/(d + g), and D (d + g)/2 = d/2."""
    counts = torch.randint(1, 9, (2, 6), generator=torch.Generator().manual_seed(seed))
    counts[:, 0] += 60 - counts.sum(1)  # 60 real examples, 60 generated ones
    values = X[:6]
    x, fake = (values.repeat_interleave(n, 0) for n in counts)
    log_d, log_g = (counts.double() / 60).log()
    best = lemmas.optimal_logit(log_g, log_d)
    logit = lambda x: best[(x[:, None] == values).all(-1).long().argmax(-1)]
    silent = Table(torch.zeros(4000, 1).double())  # so that F is a function of x
    loss, found = activated(logit, x, fake, rows=silent)
    expected, vae = plain(x, rows=silent)
    torch.testing.assert_close(loss, expected / 2, rtol=1e-12, atol=0)
    assert_all_close(found, [g / 2 for g in vae])
    moved = lambda x: logit(x) + 0.1 * x[:, 0]
    assert (activated(moved, x, fake, rows=silent)[1][0] - vae[0] / 2).abs().max() > 1e-3


def test_the_weights_of_examples_carry_no_gradient_and_generated_examples_none():
    weights = nn.Linear(2, 1).double()

    class Learned(Judge):
        def __init__(self):
            super().__init__(lambda x: self.layer(x)[:, 0])
            self.layer = weights

    objective = Bound(activated=True)
    own = Model(objective, networks(**ENCODED) | {"discriminator_x": Learned()}, nets.StandardNormal(1)).double()
    batch = Batch(own, X, Noise(0))
    loss = objective.loss(batch)
    assert all(
        g is None for g in torch.autograd.grad(loss, list(weights.parameters()), retain_graph=True, allow_unused=True)
    )
    generated = batch.x_from_z
    assert torch.autograd.grad(loss, generated, retain_graph=True, allow_unused=True) == (None,)
    critic = objective.discriminator_loss(Batch(own, X, Noise(0)))
    assert gradients(critic, list(own.networks["decoder"].parameters()))[0].abs().max() == 0


# ---------------------------------------------------------------- the same distribution several times


@pytest.mark.parametrize("lead", [(), (2,)])
def test_tiled_distributions_stand_side_by_side(lead):
    g = torch.Generator().manual_seed(4)
    mean, scale = torch.randn(*lead, 5, 3, generator=g), torch.rand(*lead, 5, 3, generator=g) + 0.5
    axis = len(lead)
    normal = Independent(Normal(mean, scale), 1)
    choice = OneHotCategorical(logits=mean)
    bits = Bernoulli(logits=mean)
    assert torch.equal(bits.probs, mean.sigmoid())  # once computed, they stand beside the logits
    box = Independent(Uniform(mean - scale, mean + scale), 1)
    for p in (normal, choice, box, Independent(bits, 1), Product([normal, choice])):
        many = tiled(p, 3, axis)
        assert many.batch_shape == (*lead, 15) and many.event_shape == p.event_shape
        value = p.sample()
        expected = torch.cat([p.log_prob(value)] * 3, axis)
        torch.testing.assert_close(many.log_prob(torch.cat([value] * 3, axis)), expected)
    with pytest.raises(NotImplementedError, match="Pushforward cannot be repeated"):
        tiled(Pushforward(lambda e: e, 2, (5,), (2,)), 2, 0)

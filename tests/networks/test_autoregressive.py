"""Autoregressive networks: exact densities over complete spaces, what each dimension may see, and exact samples."""

import itertools
import math
from types import SimpleNamespace

import pytest
import torch
from helpers import images
from scipy import stats
from torch import nn

from ganvae_lib import CharRNN, Noise, PixelCNN, PixelRNN, Run, build, fit, metrics, networks as stacking, ngram, zoo
from ganvae_lib.data.encoded import Text
from ganvae_lib.networks import CodeTable, autoregressive
from ganvae_lib.networks.densities import Autoregressive

# Each on a space that is small enough to be listed: 2^9 images, 3^6 images, 4^3 texts.
SMALL = {
    "PixelCNN": lambda: PixelCNN((1, 3, 3), width=6, layers=2, first=5),
    "PixelCNN, 3 levels": lambda: PixelCNN((1, 2, 3), width=6, layers=2, levels=3),
    "PixelRNN": lambda: PixelRNN((1, 3, 3), width=6),
    "PixelRNN, 3 levels": lambda: PixelRNN((1, 3, 2), width=6, levels=3),
    "CharRNN": lambda: CharRNN(3, 4, width=6),
}
EACH = pytest.mark.parametrize("name", SMALL)


def every(network):
    """All x of a network's space, [levels^dimensions, *shape], float64."""
    values = torch.arange(network.levels).double() * network.unit
    points = list(itertools.product(values.tolist(), repeat=math.prod(network.shape)))
    return torch.tensor(points, dtype=torch.float64).unflatten(1, network.shape)


def made(name, seed=0):
    return stacking.initialise(SMALL[name](), seed).double()


def trained(network, steps=20):
    """A few steps towards random data, so that nothing is special any more."""
    space, g = every(network), torch.Generator().manual_seed(5)
    x = space[torch.randint(len(space), (30,), generator=g)].expand(*network.seeds_shape, 30, *network.shape)
    adam = torch.optim.Adam(network.parameters(), lr=0.05)
    first = -network().log_prob(x).mean()
    for _ in range(steps):
        adam.zero_grad()
        loss = -network().log_prob(x).mean()
        loss.backward()
        adam.step()
    assert loss < first - 0.1
    return network


# ---------------------------------------------------------------- densities


@EACH
@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("copies", [0, 3])
def test_the_probabilities_of_all_x_sum_to_one(name, train, copies):
    network = stacking.stack([made(name, k) for k in range(copies)]) if copies else made(name)
    network = trained(network) if train else network
    x = every(network)
    log_p = network().log_prob(x.expand(*network.seeds_shape, *x.shape))
    assert log_p.shape == (*network.seeds_shape, len(x)) and network().batch_shape == (*network.seeds_shape, 1)
    assert (log_p.exp().sum(-1) - 1).abs().max() < 1e-10
    assert log_p.std() > 1e-3  # and they are not all alike


@EACH
def test_stacked_copies_are_the_single_ones(name):
    singles = [made(name, k) for k in range(3)]
    stacked = stacking.stack(singles)
    x = every(singles[0])
    x = torch.stack([x.roll(k, 0) for k in range(3)])
    together, alone = stacked().log_prob(x), [net().log_prob(x[k]) for k, net in enumerate(singles)]
    torch.testing.assert_close(together, torch.stack(alone), rtol=1e-12, atol=1e-12)
    gradients = torch.autograd.grad(together.mean(-1).sum(), list(stacked.parameters()))
    for k, net in enumerate(singles):
        own = torch.autograd.grad(alone[k].mean(), list(net.parameters()))
        assert all(torch.allclose(a[k], b, rtol=1e-9, atol=1e-12) for a, b in zip(gradients, own, strict=True))
        back = stacking.unstack(stacked, k)
        assert torch.equal(back().log_prob(x[k]), alone[k])


@EACH
def test_every_parameter_gets_a_gradient_and_a_fresh_start(name):
    network = made(name)
    gradients = torch.autograd.grad(network().log_prob(every(network)).square().mean(), list(network.parameters()))
    assert all(g.abs().max() > 0 for g in gradients)
    again, other = made(name, 0), made(name, 1)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters(), strict=True))


@EACH
def test_half_precision_features_are_judged_in_full_precision(name):
    network = stacking.initialise(SMALL[name](), 0)
    x = every(network).float()
    exact = network().log_prob(x)
    with torch.autocast("cpu", torch.bfloat16):
        rough = network().log_prob(x)
    assert rough.dtype == torch.float32 and (rough - exact).abs().max() < 0.1
    assert abs(rough.exp().sum() - 1) < 0.05


# ---------------------------------------------------------------- what a dimension may see


def seen(network, i):
    """Which pixels the i-th conditional depends on, by its gradient: a bool image."""
    x = torch.rand(1, *network.shape, generator=torch.Generator().manual_seed(i), dtype=torch.float64)
    x.requires_grad_()
    (slope,) = torch.autograd.grad(network.logits(x)[0, i].square().sum(), x)
    return slope[0, 0] != 0


def earlier(shape, i):
    return torch.arange(math.prod(shape)).lt(i).view(shape[1:])


def misses(network, allowed=lambda i: True):
    """Pixels that are seen and should not be, or should be and are not, over all conditionals."""
    size = math.prod(network.shape)
    return sum(int((seen(network, i) != (earlier(network.shape, i) & allowed(i))).sum()) for i in range(size))


WHOLE = {
    "PixelCNN": lambda: PixelCNN((1, 8, 8), width=6),
    "PixelCNN, not square": lambda: PixelCNN((1, 4, 7), width=6, layers=5),
    "PixelRNN": lambda: PixelRNN((1, 6, 5), width=6, kernel=9),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_pixel_sees_all_earlier_pixels_and_no_other(name):
    assert misses(stacking.initialise(WHOLE[name](), 0).double()) == 0


def test_beyond_its_reach_a_pixelcnn_sees_a_box_and_a_pixelrnn_a_triangle():
    side = 9
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")

    def away(i):
        return i // side - rows, (columns - i % side).abs()

    box = stacking.initialise(PixelCNN((1, side, side), width=6, layers=2, first=3), 0).double()
    assert box.reach == 2 and misses(box, lambda i: (away(i)[0] <= 2) & (away(i)[1] <= 2)) == 0
    for kernel in (3, 5):
        rnn = stacking.initialise(PixelRNN((1, side, side), width=6, kernel=kernel), 0).double()
        inside = lambda i, k=kernel: (away(i)[0] == 0) | (away(i)[1] <= away(i)[0] * (k // 2))
        assert misses(rnn, inside) == 0


@pytest.mark.parametrize("where", ["vertical", "horizontal"])
def test_a_leaking_mask_is_noticed(where):
    network = stacking.initialise(WHOLE["PixelCNN"](), 0).double()
    mask = getattr(network.layers[0], where).mask
    mask[mask.shape[0] // 2, mask.shape[1] // 2] = 1  # the pixel itself
    assert misses(network) > 0
    small = made("PixelCNN")
    getattr(small.layers[0], where).mask.fill_(1)
    assert abs(small().log_prob(every(small)).exp().sum() - 1) > 1e-6  # what leaks is no density


def test_a_symbol_depends_on_all_earlier_symbols_and_no_other():
    network = stacking.initialise(CharRNN(6, 5, width=8), 0).double()
    x = torch.randint(5, (1, 6), generator=torch.Generator().manual_seed(0)).double()
    for j in range(6):
        changed = x.clone()
        changed[0, j] = (x[0, j] + 1) % 5
        moved = (network.logits(changed) - network.logits(x)).abs().amax((0, 2)) > 0
        assert torch.equal(moved, torch.arange(6) > j)


def test_the_gru_is_torchs():
    network = stacking.initialise(CharRNN(7, 5, width=8), 0)
    torchs = nn.GRU(5, 8, batch_first=True)
    own = network.read.weight, network.state.weight, network.read.bias, network.state.bias
    with torch.no_grad():
        for a, b in zip(torchs.parameters(), own, strict=True):
            a.copy_(b)
    x = torch.randint(5, (4, 7), generator=torch.Generator().manual_seed(0)).float()
    states, _ = torchs(nn.functional.one_hot(x[:, :-1].long(), 5).float())
    torch.testing.assert_close(network.logits(x)[:, 1:], network.head(states), rtol=1e-5, atol=1e-6)


# ---------------------------------------------------------------- samples


@EACH
def test_samples_come_as_often_as_they_should(name):
    n, network = 20_000, trained(made(name))
    x = network.draw(n, Noise(1))
    assert x.shape == (n, *network.shape)
    network.check(x)
    code = network.index(x).flatten(1) @ network.levels ** torch.arange(math.prod(network.shape) - 1, -1, -1)
    p = network().log_prob(every(network)).exp().detach()
    counts = torch.bincount(code, minlength=len(p)).double()
    rare = n * p < 5  # put together, as the test wants at least five expected in a cell
    counts = torch.cat([counts[~rare], counts[rare].sum(0, keepdim=True)])
    expected = torch.cat([p[~rare], p[rare].sum(0, keepdim=True)]) * n
    keep = expected > 0
    assert stats.chisquare(counts[keep], expected[keep] * counts.sum() / expected[keep].sum()).pvalue > 0.01


TALL = {"PixelCNN, tall": lambda: PixelCNN((1, 9, 4), 6, 2, first=3), "PixelRNN, tall": lambda: PixelRNN((1, 9, 4), 6)}


@pytest.mark.parametrize("name", SMALL | TALL)
def test_next_says_what_logits_says(name):
    network = stacking.initialise((SMALL | TALL)[name](), 0).double()
    x = torch.randint(network.levels, (40, *network.shape), generator=torch.Generator().manual_seed(0)) * network.unit
    x = x.double()
    logits, memory = network.logits(x), None
    for i in range(math.prod(network.shape)):
        own, memory = network.next(x, i, memory)
        torch.testing.assert_close(own, logits[:, i], rtol=1e-9, atol=1e-12)


@EACH
def test_draws_are_seeded_and_alike_in_any_company(name):
    singles = [made(name, k) for k in range(3)]
    alone = [net.draw(50, Noise(k)) for k, net in enumerate(singles)]
    together = stacking.stack(singles).draw(50, Noise([0, 1, 2]))
    assert torch.equal(together, torch.stack(alone))
    assert torch.equal(together, stacking.stack(singles).draw(50, Noise([0, 1, 2])))
    assert not torch.equal(alone[0], singles[0].draw(50, Noise(1)))
    same = stacking.stack(singles).draw(50, Noise(4))  # one noise for all copies
    assert torch.equal(same[2], singles[2].draw(50, Noise(4)))


@EACH
def test_a_completion_keeps_what_was_given_and_follows_the_conditional(name):
    network = trained(made(name))
    size, levels = math.prod(network.shape), network.levels
    x = every(network)
    given, first = x[len(x) // 3], size - 1
    ended = network.draw(4000, Noise(0), given=given, first=first)
    assert torch.equal(ended.flatten(1)[:, :first], given.flatten()[:first].expand(4000, first))
    counts = torch.bincount(network.index(ended).flatten(1)[:, first], minlength=levels)
    alike = (x.flatten(1)[:, :first] == given.flatten()[:first]).all(1)
    p = network().log_prob(x[alike]).softmax(0).detach()
    assert stats.chisquare(counts, p * 4000).pvalue > 0.01
    assert torch.equal(network.draw(1, Noise(0), given=given, first=size)[0], given)


def test_what_is_impossible_is_not_drawn_even_by_the_smallest_number():
    table = CodeTable(3)
    table.head.bias.data[0] = -math.inf
    zeros = SimpleNamespace(uniform=lambda name, n, size: torch.zeros(n, size))
    assert table.draw(2, zeros).tolist() == [[1.0], [1.0]]


def test_a_network_of_ones_own_says_what_it_has_to_give():
    for ask in (lambda net: net.logits(torch.zeros(1, 2)), lambda net: net.next(torch.zeros(1, 2), 0, None)):
        with pytest.raises(NotImplementedError):
            ask(Autoregressive())


# ---------------------------------------------------------------- in a model

BLOBS = images(8, n=96)
LINES = Text(
    torch.randint(5, (60, 7), generator=torch.Generator().manual_seed(0)).float(), name="lines", alphabet="abcde"
)


@pytest.mark.parametrize("density, examples", [("pixelcnn", BLOBS), ("pixelrnn", BLOBS), (None, LINES)])
def test_it_is_built_trained_saved_and_judged_like_any_density(density, examples, tmp_path):
    model = build(zoo.LIKELIHOOD, examples, density=density, width=6, hidden=(6,))
    run = fit(model, examples, steps=6, batch=16, seeds=[0, 1], lr=0.01, progress=False)
    alone = fit(model, examples, steps=6, batch=16, seeds=[1], lr=0.01, progress=False)
    torch.testing.assert_close(run.history["match x"][:, 1:], alone.history["match x"], rtol=1e-4, atol=0)
    exact = metrics.log_likelihood(run.model, examples)
    x = examples.x.expand(2, *examples.x.shape)
    torch.testing.assert_close(exact, run.model.density().log_prob(x).double().mean(-1).detach())
    assert torch.equal(run.evaluate(examples)["log-likelihood (nats)"], exact)
    again = Run.load(run.save(tmp_path))
    assert torch.equal(metrics.log_likelihood(again.model, examples), exact)
    drawn = run.sample(5, seed=3)
    assert drawn.shape == (2, 5, *examples.shape) and torch.equal(drawn, again.sample(5, seed=3))
    run.model.density.check(drawn)


def test_data_that_do_not_fit_are_refused_before_training():
    with pytest.raises(ValueError, match="2 values, 0 to 1 in steps of 1; binarise"):
        build(zoo.LIKELIHOOD, images(8, binary=False), density="pixelcnn")
    model = build(zoo.LIKELIHOOD, LINES, hidden=(6,))
    with pytest.raises(ValueError, match="5 values"):
        fit(model, LINES.map(lambda x: x + 1, "shifted"), steps=1)
    with pytest.raises(TypeError, match="no density of x"):
        metrics.log_likelihood(build(zoo.VAE, BLOBS, hidden=(6,)), BLOBS)


# ---------------------------------------------------------------- errors


def test_wrong_inputs_are_refused_with_a_reason():
    cnn, rnn, text = (made(name) for name in ("PixelCNN", "PixelRNN", "CharRNN"))
    with pytest.raises(ValueError, match=r"shape \[batch, 1, 3, 3\], got \[5, 9\]"):
        cnn().log_prob(torch.zeros(5, 9))
    with pytest.raises(ValueError, match=r"shape \[batch, 3\]"):
        text().log_prob(torch.zeros(3, 5, 3))
    with pytest.raises(ValueError, match=r"shape \[2, batch, 3\], got \[3, 5, 3\]"):
        stacking.stack([text, text])().log_prob(torch.zeros(3, 5, 3))
    with pytest.raises(ValueError, match=r"shape \(1, 3, 3\), got x of shape \(5, 1, 3, 4\)"):
        rnn().log_prob(torch.zeros(5, 1, 3, 4))
    with pytest.raises(ValueError, match="2 values, 0 to 1 in steps of 1; binarise"):
        rnn().log_prob(torch.full((5, 1, 3, 3), 0.5))
    with pytest.raises(ValueError, match="4 values, 0 to 3 in steps of 1"):
        text().log_prob(torch.full((5, 3), 4.0))
    for network in (PixelCNN, PixelRNN):
        with pytest.raises(ValueError, match=r"images \[1, height, width\], got \(3, 8, 8\)"):
            network((3, 8, 8))
        with pytest.raises(ValueError, match="levels"):
            network((1, 8, 8), levels=1)
    for wrong in (dict(n=0), dict(n=2, first=10), dict(n=2, first=3)):
        with pytest.raises(ValueError, match="n >= 1 and 0 <= first <= 9"):
            cnn.draw(noise=Noise(0), **wrong)


# ---------------------------------------------------------------- n-grams


@pytest.mark.parametrize("order", range(5))
def test_the_ngram_baseline_sums_to_one(order):
    g = torch.Generator().manual_seed(0)
    train = torch.randint(4, (20, 8), generator=g).float()
    texts = torch.tensor(list(itertools.product(range(4), repeat=3))).float()
    log_p = ngram(train, texts, order, 4)
    assert log_p.shape == texts.shape and abs(log_p.sum(-1).exp().sum() - 1) < 1e-12


def test_the_ngram_baseline_counts():
    train, x = torch.tensor([[0, 1, 0, 1, 2.0]]), torch.tensor([[0, 1, 2.0]])
    assert torch.allclose(ngram(train, x, 0, 3).exp(), torch.full((1, 3), 1 / 3, dtype=torch.float64))
    one = torch.tensor([[(2 + 3 / 3) / 8, (2 + 3 / 3) / 8, (1 + 3 / 3) / 8]]).double()
    assert torch.allclose(ngram(train, x, 1, 3, strength=3.0).exp(), one)
    # After 0 came 1 twice; after 1 came 0 and 2 once each. The first symbol has no context.
    two = torch.stack([one[0, 0], (2 + 3 * one[0, 1]) / 5, (1 + 3 * one[0, 2]) / 5])[None]
    assert torch.allclose(ngram(train, x, 2, 3, strength=3.0).exp(), two)


def test_an_order_below_the_uniform_one_is_refused():
    rows = torch.zeros(2, 3)
    for order in (-1, 1.5):
        with pytest.raises(ValueError, match="order must be a whole number of at least 0"):
            ngram(rows, rows, order, 2)


def test_the_contents():
    assert all(hasattr(autoregressive, name) for name in autoregressive.__all__)

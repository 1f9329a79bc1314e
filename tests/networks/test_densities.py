"""Every density that the library takes from elsewhere, and its own of grey levels, in the precision of training.

Values and gradients in single precision, over the range that training reaches, are held against sums and quadrature in
30 digits that know only the shape of the density: what it is before it is normalised.
"""

from functools import cache

import mpmath
import pytest
import torch
from mpmath import mp
from torch import nn
from torch.distributions import kl_divergence

from ganvae_lib import CODES, OBSERVATIONS, Noise
from ganvae_lib.distributions import ContinuousBernoulli, draw, tiled
from ganvae_lib.networks import Classifier, Discriminator, GaussianDensity

mp.dps = 30
DIGITS = 2e-6  # of the larger of 1 and the number: sixteen steps of single precision at 1
SIZES = [1e-5, 1e-3, 0.03, 0.24, 0.26, 0.7, 1.49, 1.51, 2.5, 6.0, 12.0, 15.9, 16.0, 17.0, 30.0, 87.0, 89.0, 104.0]
LOGITS = [0.0] + [sign * size for size in SIZES for sign in (1, -1)]
FAR_LOGITS = [sign * size for size in (300.0, 2000.0, 10_000.0) for sign in (1, -1)]
WIDTHS = [-10.0, -4.0, -1.0, 0.0, 1.0, 5.0]  # log of a standard deviation
PLACES = [-30.0, -3.0, -0.1, 0.0, 1.0, 10.0]  # in standard deviations
INSIDE = [0.0, 1 / 64, 1 / 16, 0.5, 15 / 16, 63 / 64, 1.0]  # grey levels


def close(value, expected, what="", size=0):
    """Do a tensor and a number in 30 digits agree? A shift of logits of some size is known to a rounding of that."""
    value = float(value.detach())
    allowed = DIGITS * max(1, abs(expected)) + size * 2**-24
    assert abs(mp.mpf(value) - expected) <= allowed, f"{what}: {value}, not {mp.nstr(expected, 9)}"


@cache
def standard(name):
    """log of the integral of a law of width 1 on the line."""
    shape, reach = {"gaussian": (lambda y: -(y**2) / 2, 90), "laplace": (lambda y: -abs(y), 400)}[name]
    return integral(shape, -reach, reach, [0])


@cache
def grey_integral(t):
    """log ∫ exp(t x - max(t, 0)) over [0, 1]."""
    peak = 1 if t > 0 else 0
    return integral(lambda y: t * (y - peak), 0, 1, [peak], 1 / max(abs(t), 1))


def integral(log_shape, low, high, peaks=(), width=1):
    """log ∫ exp(log_shape), by quadrature between points that lie close around the peaks."""
    around = [peak + side * width * step for peak in peaks for side in (-1, 1) for step in (0, 1, 3, 10, 30, 90)]
    points = sorted({mp.mpf(low), mp.mpf(high), *(mp.mpf(point) for point in around if low < point < high)})
    return mp.log(mp.quad(lambda x: mp.exp(log_shape(x)), points))


# ---------------------------------------------------------------- what each density is, by its shape alone


def grey(t, x):
    """eᵗˣ on [0, 1]."""
    return t * (x - (1 if t > 0 else 0)) - grey_integral(t)


def coin(t, x):
    """eᵗˣ on {0, 1}."""
    return t * x - mp.log(mp.exp(t) + 1)


def gaussian(loc, log_scale, x):
    scale = mp.exp(log_scale)
    shape = lambda y: -(((y - loc) / scale) ** 2) / 2
    return shape(x) - mp.log(scale) - standard("gaussian")


def laplace(loc, log_scale, x):
    scale = mp.exp(log_scale)
    return -abs(x - loc) / scale - mp.log(scale) - standard("laplace")


def by_variance(loc, log_variance, x):
    return gaussian(loc, log_variance / 2, x)


def of_class(*logits_and_class):
    *logits, which = logits_and_class
    return logits[int(which)] - mp.log(sum(mp.exp(logit) for logit in logits))


def plane(first, second, log_first, log_second, below, x, y):
    """Two dimensions: the first is Gaussian, and so is the second given the first."""
    x_of = gaussian(first, log_first, x)
    return x_of + gaussian(second + below * (x - first) / mp.exp(log_first), log_second, y)


# ---------------------------------------------------------------- the densities of the library


def observed(name, parameters):
    """An observation model; a learned scale is a parameter of it."""
    model = OBSERVATIONS[name]()
    if len(parameters) == 1:
        return model(parameters[0][None], 1)
    model.log_scale = None
    del model._parameters["log_scale"]
    model.log_scale = parameters[1][None]
    return model(parameters[0][None], 1)


def coded(name, parameters):
    return CODES[name].encode(torch.stack(list(parameters)))


def labelled(parameters):
    return Classifier(nn.Identity())(torch.stack(list(parameters)))


def judged(parameters):
    return Discriminator(nn.Identity())(parameters[0][None])


def in_the_plane(parameters):
    density = GaussianDensity((2,))
    loc, log_diagonal = torch.stack(list(parameters[:2])), torch.stack(list(parameters[2:4]))
    for name in ("loc", "log_diagonal", "below"):
        del density._parameters[name]
    density.loc, density.log_diagonal = loc, log_diagonal
    density.below = torch.stack([torch.zeros(4)[0], parameters[4] * 0, parameters[4], parameters[4] * 0]).view(2, 2)
    return density()


def around(where):
    """Parameters (place, log width) of a law on the line, and points as many widths from it as PLACES says."""
    for loc in where:
        for log_width in WIDTHS:
            yield (loc, log_width), [loc + place * 2.718281828**log_width for place in PLACES]


def by_log_variance(where):
    for (loc, log_width), points in around(where):
        yield (loc, 2 * log_width), points


LINES = [(0.0, 1.0, -2.0), (30.0, -5.0, 0.0), (100.0, 99.0, -100.0), (0.0, 0.0, 0.0), (1000.0, 990.0, 985.0)]
PLANES = [(0.3, -0.2, 0.0, 0.5, 0.7), (1.0, 2.0, -5.0, -7.0, 0.001), (-3.0, 0.0, 3.0, 4.0, 20.0)]
# name: (the library's density for parameters, its shape, [(parameters, points)])
CASES = {
    "observation: continuous bernoulli": (
        lambda v: observed("continuous bernoulli", v),
        grey,
        [((t,), INSIDE) for t in LOGITS + FAR_LOGITS],
    ),
    "observation: bernoulli": (lambda v: observed("bernoulli", v), coin, [((t,), [0.0, 1.0]) for t in LOGITS]),
    "observation: gaussian": (lambda v: observed("gaussian", v), gaussian, list(around([0.0, 0.7]))),
    "observation: laplace": (lambda v: observed("laplace", v), laplace, list(around([0.0, 0.7]))),
    "observation: one-hot": (
        lambda v: OBSERVATIONS["one-hot"]()(torch.stack(list(v)), 1),
        of_class,
        [(logits, [0.0, 1.0, 2.0]) for logits in LINES],
    ),
    "code: gaussian": (lambda v: coded("gaussian", v), by_variance, list(by_log_variance([0.0, -2.5]))),
    "code: bernoulli": (lambda v: coded("bernoulli", v), coin, [((t,), [0.0, 1.0]) for t in LOGITS]),
    "code: one-hot": (lambda v: coded("one-hot", v), of_class, [(logits, [0.0, 1.0, 2.0]) for logits in LINES]),
    "classifier": (labelled, of_class, [(logits, [0.0, 1.0, 2.0]) for logits in LINES]),
    "discriminator": (judged, coin, [((t,), [0.0, 1.0]) for t in LOGITS]),
    "density: gaussian": (in_the_plane, plane, [(parameters, PLACES) for parameters in PLANES]),
}


def test_no_density_is_left_out():
    explicit = {f"observation: {name}" for name, model in OBSERVATIONS.items() if model.explicit}
    coded = {f"code: {name}" for name, kind in CODES.items() if kind.density}
    assert explicit | coded <= set(CASES)


def event(name, point, parameters):
    """A point as the density takes it, and as its shape does."""
    if name.endswith(": one-hot"):
        return torch.eye(3)[int(point)], [point]
    if name == "classifier":
        return torch.tensor(int(point)), [point]
    if name == "density: gaussian":
        first, second, log_first, *_ = parameters
        x = torch.tensor([first + point * 2.718281828**log_first, second + point])
        return x[None], [mp.mpf(value) for value in x.tolist()]
    x = torch.tensor([point])
    return x, [mp.mpf(x.item())]


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_quadrature(name):
    make, shape, cases = CASES[name]
    for numbers, points in cases:
        parameters = [torch.tensor(number, requires_grad=True) for number in numbers]
        exact = [mp.mpf(parameter.item()) for parameter in parameters]
        for point in points:
            x, x_exact = event(name, point, numbers)
            log_p = make(parameters).log_prob(x).sum()
            slopes = torch.autograd.grad(log_p, parameters)
            size = max(abs(number) for number in numbers) if shape is of_class else 0
            log_shape = lambda *theta, x_exact=x_exact: shape(*theta, *x_exact)
            close(log_p, log_shape(*exact), f"{name} {numbers} at {point}", size)
            for which, slope in enumerate(slopes):
                order = tuple(int(which == i) for i in range(len(exact)))
                expected = mpmath.diff(log_shape, tuple(exact), order)
                close(slope, expected, f"slope {which} of {name} {numbers} at {point}", size)


# ---------------------------------------------------------------- the rest of what training reads


def moment(t, function):
    """E[function(x)] of the density eᵗˣ on [0, 1], by quadrature."""
    peak, width = (1 if t > 0 else 0), 1 / max(abs(t), 1)
    points = sorted(
        {mp.mpf(0), mp.mpf(1), *(abs(peak - width * step) for step in (1, 3, 10, 30, 90) if width * step < 1)}
    )
    total = mp.quad(lambda x: function(x) * mp.exp(t * (x - peak)), points)
    return total / mp.quad(lambda x: mp.exp(t * (x - peak)), points)


@pytest.mark.parametrize("number", LOGITS + FAR_LOGITS)
def test_mean_variance_and_entropy_of_grey_levels_are_those_of_quadrature(number):
    """Relative to themselves, though the mean falls to 1/|t| and the variance to 1/t²."""
    logit = torch.tensor(number, requires_grad=True)
    p, t = ContinuousBernoulli(logit), mp.mpf(logit.item())
    mean = moment(t, lambda x: x)
    variance = moment(t, lambda x: (x - mean) ** 2)
    entropy = -moment(t, lambda x: grey(t, x))
    close(p.mean / float(mean), mp.mpf(1), "mean")
    close(p.variance / float(variance), mp.mpf(1), "variance")
    close(p.entropy(), entropy, "entropy")
    close(p.probs, 1 / (1 + mp.exp(-t)), "probability of Bernoulli's formula")
    (slope,) = torch.autograd.grad(p.mean, logit, retain_graph=True)
    close(slope / float(variance), mp.mpf(1), "slope of the mean")
    (slope,) = torch.autograd.grad(p.entropy(), logit)
    close(slope, -t * variance, "slope of the entropy")
    (slope,) = torch.autograd.grad(ContinuousBernoulli(logit).log_prob(torch.ones(())), logit)
    close(slope / float(1 - mean), mp.mpf(1), "slope of log p(1), which falls to 1/t")


@pytest.mark.parametrize("number", LOGITS + FAR_LOGITS)
def test_grey_levels_are_quantiles_with_gradients(number):
    """As exact as u, which knows 24 binary digits, and as a grey level, which knows as many."""
    u = torch.tensor([0.0, 2**-24, 2**-20, 1e-4, 0.03, 0.25, 0.5, 0.9, 0.999, 1 - 2**-20, 1 - 2**-24, 1.0])
    logits = torch.full_like(u, number).requires_grad_()
    x = ContinuousBernoulli(logits).icdf(u)
    slopes = torch.autograd.grad(x.sum(), logits)[0].tolist()
    t = mp.mpf(logits[0].item())
    quantile = lambda s, level: mp.log1p(level * mp.expm1(s)) / s if s else level
    back = ContinuousBernoulli(logits.detach()).cdf(x.detach())
    for level, found, slope, again in zip(u.tolist(), x.tolist(), slopes, back.tolist(), strict=True):
        low, high = (quantile(t, min(max(mp.mpf(level) + side * 2**-23, 0), 1)) for side in (-1, 1))
        assert low - 2e-7 <= found <= high + 2e-7, (level, found)
        close(
            torch.tensor(again),
            mp.expm1(t * mp.mpf(found)) / mp.expm1(t) if t else mp.mpf(found),
            "distribution function",
        )
        if 0 < level < 1:
            exact = mpmath.diff(lambda s, level=level: quantile(s, mp.mpf(level)), t) if t else level * (1 - level) / 2
            around = [
                abs(mpmath.diff(lambda s, v=v: quantile(s, v), t or mp.mpf(1e-9)) - exact)
                for v in (mp.mpf(level) - 2**-24, mp.mpf(level) + 2**-24)
                if 0 < v < 1
            ]
            assert abs(slope - exact) <= DIGITS + 2 * max(around), (level, slope, exact)


@pytest.mark.parametrize("number", [-1.499, -0.2499, 0.0, 0.2499, 1.499, 1.501, 40.0])
def test_double_precision_keeps_nine_digits(number):
    """Also where the series end: their last terms are right."""
    t, double = mp.mpf(number), torch.tensor(number, dtype=torch.float64)
    p, u = ContinuousBernoulli(double), torch.tensor([0.03, 0.2, 0.5, 0.73, 0.98], dtype=torch.float64)
    mean = moment(t, lambda x: x)
    found = [
        p.log_prob(double * 0 + 0.3),
        p.mean,
        p.variance,
        p.entropy(),
        *ContinuousBernoulli(double.expand(5)).icdf(u),
    ]
    expected = [grey(t, mp.mpf(0.3)), mean, moment(t, lambda x: (x - mean) ** 2), -moment(t, lambda x: grey(t, x))]
    expected += [mp.log1p(level * mp.expm1(t)) / t if t else level for level in map(mp.mpf, u.tolist())]
    for which, (value, exact) in enumerate(zip(found, expected, strict=True)):
        series = abs(number) < 0.25 and which >= 4  # that of quantiles has fewer terms: t⁶ is the last
        assert abs(value.item() - exact) < (3e-9 if series else 1e-11), which


def test_samples_of_grey_levels_follow_the_law_where_logits_are_large():
    logits = torch.tensor([-300.0, -40.0, -16.0, 0.1, 20.0, 1000.0])
    p = ContinuousBernoulli(logits.expand(20_000, 6))
    torch.manual_seed(0)
    for x in (p.sample(), p.rsample((1,))[0], draw(p, Noise(0), "x"), tiled(p, 2, 0).sample()[:20_000]):
        assert x.min() >= 0 and x.max() <= 1
        error = (x.double().mean(0) - p.mean[0]).abs() / p.stddev[0]
        assert (error < 4 / 20_000**0.5).all()


def test_kl_of_grey_levels():
    for first, second in ((0.3, -2.0), (40.0, 35.0), (-200.0, 5.0), (1e4, 9e3)):
        p, q = ContinuousBernoulli(torch.tensor(first)), ContinuousBernoulli(torch.tensor(second))
        t, s = mp.mpf(p.logits.item()), mp.mpf(q.logits.item())
        close(kl_divergence(p, q), moment(t, lambda x, t=t, s=s: grey(t, x) - grey(s, x)), (first, second))


def test_divergences_of_codes_are_those_of_quadrature():
    """KL(q(z|x) || p(z)), value and gradient, as training has it."""
    for loc, log_width in ((0.0, -10.0), (3.0, -4.0), (-20.0, 0.0), (0.1, 1.0), (0.0, 0.0)):
        features = torch.tensor([loc, 2 * log_width], requires_grad=True)
        kl = kl_divergence(CODES["gaussian"].encode(features), CODES["gaussian"].prior(torch.zeros(1)))
        by_moments = lambda m, h: (m**2 + mp.exp(h) - 1 - h) / 2
        agree(kl, features, by_moments)
    for logit in LOGITS:
        logits = torch.tensor([logit], requires_grad=True)
        kl = kl_divergence(CODES["bernoulli"].encode(logits), CODES["bernoulli"].prior(torch.zeros(1)))
        agree(kl, logits, lambda t: mp.fsum(mp.exp(coin(t, x)) * (coin(t, x) + mp.log(2)) for x in (0, 1)))
    for line in LINES[:-1]:
        logits = torch.tensor(line, requires_grad=True)
        kl = kl_divergence(CODES["one-hot"].encode(logits), CODES["one-hot"].prior(torch.zeros(3)))
        agree(kl, logits, lambda *t: mp.fsum(mp.exp(of_class(*t, i)) * (of_class(*t, i) + mp.log(3)) for i in range(3)))


def agree(value, parameters, exact):
    """A number and its gradient, in 30 digits, at ``parameters``."""
    (slopes,) = torch.autograd.grad(value, parameters)
    at = tuple(mp.mpf(number) for number in parameters.tolist())
    close(value, exact(*at), at)
    for which, slope in enumerate(slopes):
        close(slope, mpmath.diff(exact, at, tuple(int(which == i) for i in range(len(at)))), at)


class Levels:
    """Noise whose uniform numbers are given."""

    seeds_shape = ()

    def __init__(self, u):
        self.u = u

    def uniform(self, name, *shape):
        return self.u


def test_laplace_samples_reach_as_far_as_the_law():
    u = torch.tensor([0.0, 2**-24, 2**-18, 0.25, 0.5, 1 - 2**-18, 1 - 2**-24])
    x = draw(torch.distributions.Laplace(torch.zeros(7), torch.ones(7)), Levels(u), "x")
    expected = [-mp.log(2) * 24] + [
        mp.sign(level - 0.5) * -mp.log(1 - abs(2 * mp.mpf(level) - 1)) for level in u[1:].tolist()
    ]
    for found, exact in zip(x, expected, strict=True):
        close(found, exact, "quantile")

"""exact.py against closed forms and identities. A wrong sign or factor in any formula fails a test here."""

import math

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.distributions import Categorical, Laplace, MultivariateNormal, Normal, kl_divergence

from ganvae_lib import exact

X = exact.line(-30, 30, 4001)
LOG2 = math.log(2)
settings.register_profile("quadrature", deadline=None, max_examples=30)
settings.load_profile("quadrature")


def normal(mean, std, space=X):
    """Log densities [..., n] of normals with parameters [...]."""
    mean, std = (torch.as_tensor(v, dtype=torch.float64)[..., None] for v in (mean, std))
    return Normal(mean, std).log_prob(space.points)


def close(a, b, tolerance=1e-9):
    torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b, dtype=torch.float64), rtol=0, atol=tolerance)


normals = st.builds(normal, st.floats(-3, 3), st.floats(0.5, 2.5))
finite_logs = st.lists(st.floats(-4, 4), min_size=5, max_size=5).map(
    lambda v: torch.tensor(v, dtype=torch.float64).log_softmax(0)
)
FIVE = exact.finite(5)
UNIFORM = torch.full((5,), -math.log(5), dtype=torch.float64)
NAN = torch.full((2, 24), math.nan)


def test_moments_and_entropy_of_a_normal():
    p = normal(1.5, 0.8)
    close(X.integrate(p.exp()), 1.0)
    close(X.expect(p, X.points), 1.5)
    close(X.expect(p, lambda x: (x - 1.5) ** 2), 0.64)
    close(X.entropy(p), 0.5 * math.log(2 * math.pi * math.e * 0.64))


def test_entropy_of_a_finite_distribution():
    close(exact.finite(8).entropy(torch.full((8,), -math.log(8), dtype=torch.float64)), math.log(8))
    close(exact.finite(3).entropy(torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64).log()), LOG2)


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0.5, 2.5), st.floats(0.5, 2.5))
def test_kl_of_two_normals(a, b, s, t):
    truth = math.log(t / s) + (s**2 + (a - b) ** 2) / (2 * t**2) - 0.5
    close(X.kl(normal(a, s), normal(b, t)), truth)


def test_kl_on_the_plane():
    space = exact.plane(-9, 9, 181)
    eye, full = torch.eye(2, dtype=torch.float64), torch.tensor([[1.0, 0.6], [0.6, 1.2]], dtype=torch.float64)
    p, q = MultivariateNormal(eye[0], full), MultivariateNormal(-eye[1], eye)
    close(space.kl(p.log_prob(space.points), q.log_prob(space.points)), kl_divergence(p, q))


@given(finite_logs, finite_logs)
def test_kl_and_total_variation_on_a_finite_set(p, q):
    close(FIVE.kl(p, q), kl_divergence(Categorical(logits=p), Categorical(logits=q)))
    larger = p > q  # total variation is attained by this event
    close(FIVE.total_variation(p, q), (p.exp() - q.exp())[larger].sum())
    assert FIVE.total_variation(p, q) <= (FIVE.kl(p, q) / 2).clamp(min=0).sqrt() + 1e-9  # Pinsker


def test_kl_where_support_is_missing():
    two = torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64).log()
    three = torch.tensor([0.25, 0.25, 0.5], dtype=torch.float64).log()
    space = exact.finite(3)
    close(space.kl(two, three), LOG2)
    assert space.kl(three, two) == math.inf
    assert space.f_divergence("reverse kl", two, three) == math.inf
    close(space.js(two, three), 0.5 * math.log(4 / 3) + 0.5 * (0.5 * math.log(2 / 3) + 0.5 * LOG2))


@given(normals, normals, st.floats(0.05, 0.95))
def test_js_is_its_definition_bounded_and_symmetric(p, q, w):
    m = torch.logaddexp(math.log(w) + p, math.log(1 - w) + q)
    close(X.js(p, q, w), w * X.kl(p, m) + (1 - w) * X.kl(q, m))
    close(X.js(p, q, w), X.js(q, p, 1 - w))
    entropy = -w * math.log(w) - (1 - w) * math.log(1 - w)
    assert -1e-12 <= X.js(p, q, w) <= entropy + 1e-12
    close(X.js(p, q), X.f_divergence("js", p, q))


def test_js_is_log_2_for_disjoint_and_zero_for_equal():
    close(X.js(normal(-15, 0.5), normal(15, 0.5)), LOG2)
    close(X.js(normal(1, 2), normal(1, 2)), 0.0)


@given(normals, normals, normals)
def test_compensation_identity(p, q, r):
    """Mean KL to any r is JSD plus KL of the mixture to r."""
    m = torch.logaddexp(p, q) - LOG2
    close((X.kl(p, r) + X.kl(q, r)) / 2, X.js(p, q) + X.kl(m, r))


@given(normals, normals)
def test_non_saturating_divergence(g, d):
    """KL(g||d) - 2 JSD(g,d) = 2 KL(m||d), the f-divergence that the non-saturating generator descends."""
    m = torch.logaddexp(g, d) - LOG2
    close(X.kl(g, d) - 2 * X.js(g, d), 2 * X.kl(m, d))
    close(X.f_divergence("non-saturating", g, d), 2 * X.kl(m, d))
    assert X.f_divergence("non-saturating", g, d) >= -1e-12


def test_closed_forms_of_the_other_divergences():
    p, q = normal(0.0, 1.0), normal(1.0, 1.0)
    close(X.f_divergence("reverse kl", p, q), 0.5)
    close(X.f_divergence("pearson", p, q), math.e - 1)
    close(X.f_divergence("hellinger", p, q), 2 - 2 * math.exp(-1 / 8))
    close(X.total_variation(p, q), math.erf(0.5 / math.sqrt(2)), 1e-5)  # a kink: the rule is of second order


@pytest.mark.parametrize("name", exact.DIVERGENCES)
@given(normals, normals)
def test_integrand_is_q_f_of_the_ratio_and_a_divergence(name, p, q):
    div, r = exact.DIVERGENCES[name], (p - q).clamp(-30, 30)
    p, q = p.exp(), q.exp()
    near = (p > 1e-9 * q) & (q > 1e-9 * p)
    torch.testing.assert_close(div.density(p, q, r)[near], (q * div.f(p / q))[near], rtol=1e-6, atol=1e-12)
    assert div.f(torch.ones(1, dtype=torch.float64)).abs() < 1e-15
    assert X.f_divergence(name, p.log(), q.log()) >= -1e-9 and X.f_divergence(name, q.log(), q.log()).abs() < 1e-12


@pytest.mark.parametrize("name", exact.DIVERGENCES)
def test_conjugate_is_the_supremum_and_f_is_convex(name):
    div = exact.DIVERGENCES[name]
    u = torch.cat([torch.logspace(a, b, 100_001, dtype=torch.float64) for a, b in ((-7, 0), (0, 4))])
    assert (div.f(u[:-2:2]) + div.f(u[2::2]) >= 2 * div.f((u[:-2:2] + u[2::2]) / 2) - 1e-9).all()
    for t in (-3.0, -1.0, -0.3, 0.1, 0.3, 0.45):
        value = div.conjugate(torch.tensor(t, dtype=torch.float64))
        if value.isfinite():
            close(value, (u * t - div.f(u)).max(), 1e-5)
        else:  # the supremum runs away at the end of the grid
            assert (u * t - div.f(u)).argmax() == len(u) - 1


def test_own_function_of_the_ratio():
    p, q = normal(0.2, 1.0), normal(0.0, 1.2)
    close(X.f_divergence(lambda u: u * u.log(), p, q), X.kl(p, q))


def test_wasserstein_of_shifted_and_scaled():
    close(X.wasserstein(normal(-1.0, 0.7), normal(2.5, 0.7)), 3.5, 1e-6)
    close(X.wasserstein(normal(0.0, 1.0), normal(0.0, 2.0)), math.sqrt(2 / math.pi), 1e-4)
    laplace = Laplace(torch.tensor(0.0, dtype=torch.float64), 1.0).log_prob(X.points)
    space = exact.Space(X.points, X.weights, 1e-4)  # a kink at the mode
    close(space.wasserstein(laplace, laplace), 0.0)


def test_batches_and_gradients():
    mean = torch.tensor([[-1.0, 0.0, 2.0]], dtype=torch.float64, requires_grad=True)
    std = torch.tensor([[0.5], [1.5]], dtype=torch.float64)
    value = X.kl(Normal(mean[..., None], std[..., None]).log_prob(X.points), normal(0.0, 1.0))
    close(value, -std.log() + (std**2 + mean**2) / 2 - 0.5)
    (gradient,) = torch.autograd.grad(value.sum(), mean)
    close(gradient, 2 * mean.detach())


@pytest.mark.parametrize("name", exact.DIVERGENCES)
def test_gradients_are_finite_in_the_far_tails(name):
    """Densities that underflow to zero must not make NaN gradients."""
    mean = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    space = exact.line(-60, 60, 4001)
    p, q = Normal(mean, 0.8).log_prob(space.points), Normal(torch.zeros((), dtype=torch.float64), 1.0)
    value = space.f_divergence(name, p, q.log_prob(space.points))
    (gradient,) = torch.autograd.grad(value, mean)
    assert value.isfinite() and gradient.isfinite() and gradient > 0


def test_gradients_where_support_is_missing_and_at_equality():
    a = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64, requires_grad=True)
    space, hole = exact.finite(3), torch.tensor([0.0, 0.0, -math.inf], dtype=torch.float64)
    for w in (0.5, 0.3):
        js = space.js(a.log_softmax(0), space.normalise(hole), w)
        assert torch.autograd.grad(js, a)[0].isfinite().all()
        js = space.js(space.normalise(a + hole), a.detach().log_softmax(0), w)
        assert torch.autograd.grad(js, a)[0].isfinite().all()
    for name in exact.DIVERGENCES:
        value = space.f_divergence(name, a.log_softmax(0), a.detach().log_softmax(0))
        assert torch.autograd.grad(value, a)[0].abs().max() < 1e-12, name


@pytest.mark.parametrize("name", [n for n in exact.DIVERGENCES if n != "total variation"])
def test_curvature_at_equality_is_half_fisher_times_f2(name):
    """Near p = q every f-divergence is f''(1)/2 times the quadratic form of the Fisher information."""
    second = {"kl": 1, "reverse kl": 1, "js": 0.25, "non-saturating": 0.5, "pearson": 2, "hellinger": 0.5}[name]
    loss = lambda v: X.f_divergence(name, Normal(v[0], v[1].exp()).log_prob(X.points), normal(0.0, 1.0))
    hessian = torch.autograd.functional.hessian(loss, torch.zeros(2, dtype=torch.float64))
    close(hessian, second * torch.tensor([[1.0, 0.0], [0.0, 2.0]]), 1e-7)


@pytest.mark.parametrize("name", ["js", "non-saturating"])
def test_second_derivatives_are_finite_in_the_far_tails(name):
    space = exact.line(-60, 60, 2401)
    loss = lambda v: space.f_divergence(name, Normal(v[0], v[1].exp()).log_prob(space.points), normal(2.0, 1.0, space))
    hessian = torch.autograd.functional.hessian(loss, torch.tensor([-2.0, -0.3], dtype=torch.float64))
    assert hessian.isfinite().all()


def test_normalise():
    close(X.normalise(normal(1.0, 2.0) + 3.0), normal(1.0, 2.0))


def test_minimise_finds_moments_and_says_when_it_does_not():
    d = normal(1.0, 2.0)
    x, value = exact.minimise(lambda v: X.kl(d, Normal(v[0], v[1].exp()).log_prob(X.points)), [0.0, 0.0])
    close(torch.stack([x[0], x[1].exp()]), [1.0, 2.0], 1e-8)
    assert abs(value) < 1e-12
    (x,), value = exact.minimise(lambda v: (v**4 - 2 * v**2).sum(), [0.1])  # starts where the curvature is negative
    assert abs(x - 1) < 1e-9 and abs(value + 1) < 1e-12
    with pytest.raises(RuntimeError, match="no minimum found"):
        exact.minimise(lambda v: v.sum(), [0.0], steps=3)


@pytest.mark.parametrize(
    "bad, message",
    [
        (lambda: X.entropy(normal(0, 1) + 0.1), "its mass is 1.1051709"),
        (lambda: X.kl(normal(40, 1), normal(0, 1)), "wider or finer"),
        (lambda: X.entropy(X.points * math.nan), "not a log density"),
        (lambda: X.integrate(torch.ones(7)), "trailing axis of size 1"),
        (lambda: X.js(normal(0, 1), normal(0, 1), 1.0), "strictly between 0 and 1"),
        (lambda: FIVE.wasserstein(torch.zeros(5).log_softmax(0), torch.zeros(5).log_softmax(0)), "needs a line"),
        (lambda: exact.line(1, 0), "lo < hi"),
        (lambda: exact.finite(0), "n must be a whole number of at least 1"),
    ],
)
def test_bad_input(bad, message):
    with pytest.raises(ValueError, match=message):
        bad()


def test_unknown_divergence():
    with pytest.raises(KeyError, match="there are kl, reverse kl"):
        X.f_divergence("chi", normal(0, 1), normal(0, 1))


@pytest.mark.parametrize(
    "bad, message",
    [
        (lambda: exact.line(-1, math.inf), "hi must be a finite number, got inf"),
        (lambda: exact.line(math.nan, 1), "lo must be a finite number"),
        (lambda: exact.line("a", 1), "lo must be a finite number"),
        (lambda: exact.line(-1, 1, 2.5), "n must be a whole number of at least 2"),
        (lambda: exact.line(-1, 1, tolerance=-1), "tolerance must be a finite number above 0"),
        (lambda: exact.plane(-1, math.inf), "hi must be a finite number"),
        (lambda: exact.finite(2.5), "n must be a whole number"),
        (lambda: FIVE.integrate("a"), "f must be a tensor, an array or a list of numbers, got 'a'"),
        (lambda: FIVE.integrate(torch.tensor(1.0)), "trailing axis of size 1"),
        (lambda: FIVE.normalise(torch.zeros(4)), "the space's 5 points"),
        (lambda: FIVE.normalise(torch.full((5,), -math.inf)), "no density is proportional"),
        (lambda: FIVE.normalise(torch.tensor([0.0, math.nan, 0.0, 0.0, 0.0])), "no density is proportional"),
        (lambda: FIVE.density(None), "a log density must be a tensor"),
        (lambda: FIVE.expect(UNIFORM, torch.ones(3)), "the space's 5 points"),
        (lambda: FIVE.kl(UNIFORM, None), "second log density must be a tensor"),
        (lambda: FIVE.kl(UNIFORM.expand(2, 5), UNIFORM.expand(3, 5)), "leading axes that broadcast"),
        (lambda: FIVE.js(UNIFORM, UNIFORM, "a"), "weight must be a tensor"),
        (lambda: FIVE.f_divergence(3, UNIFORM, UNIFORM), "f must be a name, an FDivergence or a function"),
        (lambda: exact.minimise(lambda x: x.square().sum(), "a"), "start must be a tensor"),
        (lambda: exact.minimise(lambda x: x.square().sum(), 5.0), "start must be a vector of finite numbers"),
        (lambda: exact.minimise(lambda x: x.square().sum(), [math.nan]), "start must be a vector of finite numbers"),
        (lambda: exact.minimise(lambda x: x.square(), [1.0, 2.0]), "loss must be a function of a vector"),
        (lambda: exact.minimise(lambda x: 3.0, [1.0]), "loss must be a function of a vector"),
        (lambda: exact.minimise(lambda x: x.square().sum(), [1.0], steps=0), "steps must be a whole number"),
        (lambda: exact.gradient(lambda t: 3.0, torch.ones(2)), "a tensor that depends on theta"),
        (lambda: exact.gradient(lambda t: torch.ones(2), torch.ones(2)), "a tensor that depends on theta"),
        (lambda: exact.optimal_logit(UNIFORM, torch.zeros(3)), "at the same points"),
        (lambda: exact.optimal_logit(UNIFORM, UNIFORM, "a"), r"p\(y=1\) must be a tensor"),
        (lambda: exact.random_steps(0), "n must be a whole number"),
        (lambda: exact.random_steps(2, seed="a"), "seed must be a whole number"),
        (lambda: exact.random_steps(2, points=1), "points must be a whole number of at least 2"),
        (lambda: exact.random_coded_worlds(-1), "n must be a whole number"),
        (lambda: exact.random_coded_worlds(2, codes="a"), "codes must be a whole number"),
        (lambda: exact.random_coded_worlds(2).marginal(torch.zeros(3)), r"theta must be finite parameters \[..., 24\]"),
        (lambda: exact.random_coded_worlds(2).sleep(NAN, NAN), r"theta must be finite parameters"),
        (lambda: exact.random_steps(2).sides(torch.zeros(2, 8)), r"theta must be finite parameters \[..., 9\]"),
    ],
)
def test_arguments_that_do_not_fit_are_named(bad, message):
    with pytest.raises(ValueError, match=message) as error:
        bad()
    assert len(str(error.value)) < 300


def test_lists_arrays_and_numbers_are_densities_and_functions_too():
    logs = UNIFORM.tolist()
    for same in (logs, UNIFORM.numpy()):
        close(FIVE.entropy(same), math.log(5))
        close(FIVE.kl(same, UNIFORM), 0.0)
    close(FIVE.expect(logs, [1, 2, 3, 4, 5]), 3.0)
    close(exact.line(-1, 2, 11).integrate(1.0), 3.0)
    close(exact.line(-1, 2, 11).integrate(lambda x: 2), 6.0)
    close(exact.gradient(lambda t: t.square().sum(), [1, 2]), [2.0, 4.0])
    close(FIVE.normalise([0, 0, 0, 0, 0]), UNIFORM)


def test_a_space_is_itself_and_no_other():
    """It holds tensors, which cannot say in a word whether they are equal."""
    one, other = exact.line(-1, 1, 5), exact.line(-1, 1, 5)
    assert one == one and one != other and len({one, other, one}) == 2

"""Binary codes and wake-sleep: bounds against exact sums, gradients by hand, company, saving, sampling."""

import math

import pytest
import torch
from helpers import images, small
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from ganvae_lib import KL, Batch, Data, Match, Noise, Reconstruct, Run, fit, metrics, swapped, zoo
from ganvae_lib.data import Examples

IMAGES = images()
SLEEPER = Reconstruct("z", only=("eta",))


def machine(data=IMAGES, objective=zoo.HELMHOLTZ, **options):
    return small(objective, data, codes="bernoulli", **options)


def exact_sums(model, x):
    """log p(x), and the ELBO of every x, summed over all codes; in float64, on the weights: no distribution."""
    bits = model.config["latent"]
    z = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * bits)
    logits = model.decoder.trunk(z)[:, None]
    log_p = -cross_entropy(logits.expand(-1, len(x), -1), x.flatten(1).expand(len(z), -1, -1), reduction="none").sum(-1)
    joint = log_p.T - bits * math.log(2)  # [x, z]
    odds = model.encoder.trunk(x)[:, None].expand(-1, len(z), -1)
    log_q = -cross_entropy(odds, z.expand(len(x), -1, -1), reduction="none").sum(-1)
    return joint.logsumexp(-1), (log_q.exp() * (joint - log_q)).sum(-1)


@pytest.fixture(scope="module")
def tiny():
    """A tiny machine in float64 whose codes say something, and a few images many times over."""
    trained = fit(machine(latent=4), IMAGES, 150, batch=64, lr=1e-2, progress=False).model.double()
    few = Data(IMAGES.x[:8].repeat(2500, 1, 1, 1), name="eight images")
    few_64 = IMAGES.x[:8].double()
    with torch.no_grad():
        return trained, few, exact_sums(trained, few_64)


class In64(Examples):
    """Data in float64, which ``Data`` itself keeps in float32."""

    shape, y = (), None

    def __init__(self, data):
        self.x, self.y, self.shape = data.x.double(), None, data.shape

    def __len__(self):
        return len(self.x)


def test_the_elbo_of_binary_codes_is_the_exact_sum(tiny):
    model, few, (log_p, elbo) = tiny
    estimates = torch.stack([metrics.elbo(model, In64(few), seed=s) for s in range(6)]).flatten()
    assert (log_p > elbo).all()
    centre, half = metrics.interval(estimates, 0.999)
    assert abs(centre - elbo.mean()) < half + 1e-9 and half < 0.2


def test_the_elbo_has_the_exact_kl_to_the_fair_coins(tiny):
    model, few, _ = tiny
    batch = Batch(model, few.x[:8].double(), Noise(0))
    with torch.no_grad():
        ours = Match("z", KL()).loss(batch)
        chance = model.encoder.trunk(few.x[:8].double()).sigmoid()
        entropy = -(torch.xlogy(chance, chance) + torch.xlogy(1 - chance, 1 - chance)).sum(-1)
    torch.testing.assert_close(ours, (4 * math.log(2) - entropy).mean(), rtol=1e-10, atol=0)


@pytest.mark.parametrize("k", [1, 8])
def test_the_importance_weighted_bound_lies_between_elbo_and_evidence(tiny, k):
    model, few, (log_p, elbo) = tiny
    estimates = torch.stack([metrics.iwae(model, In64(few), k, seed=s) for s in range(4)]).flatten()
    centre, half = metrics.interval(estimates, 0.999)
    low, high = elbo.mean(), log_p.mean()
    assert low - half - 1e-9 < centre < high
    if k == 1:
        assert abs(centre - low) < half + 1e-9


def test_the_importance_weighted_bound_reaches_the_evidence(tiny):
    model, few, (log_p, _) = tiny
    some = In64(Data(few.x[:1600], name="eight images"))
    assert metrics.iwae(model, some, 400).item() == pytest.approx(log_p.mean().item(), abs=0.01)


@pytest.mark.parametrize("objective", [zoo.VAE, Reconstruct("x"), zoo.VAE + SLEEPER], ids=["VAE", "x", "both"])
def test_no_gradient_crosses_a_binary_code(objective):
    with pytest.raises(TypeError, match="z from x is drawn from a Bernoulli.*codes='gaussian'.*wake-sleep"):
        fit(machine(objective=objective), IMAGES, 1, progress=False)


def test_no_gradient_crosses_a_binary_dream():
    with pytest.raises(TypeError, match="x from z is drawn from a Bernoulli"):
        fit(machine(objective=Reconstruct("z"), observation="bernoulli"), IMAGES, 1, progress=False)


def test_the_wake_phase_is_the_vaes_update_of_theta():
    model, x = small(zoo.VAE, IMAGES), IMAGES.x[:32]
    wake, (vae,) = zoo.HELMHOLTZ.phases()[0], zoo.VAE.phases()
    theta = model.of(("theta",))
    slopes = [torch.autograd.grad(p.total(p.losses(Batch(model, x, Noise(1)))), theta) for p in (wake, vae)]
    for a, b in zip(*slopes, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_one_step_moves_each_net_by_its_own_phase_only():
    for objective, still in ((Reconstruct("x", only=("theta",)), "encoder"), (SLEEPER, "decoder")):
        model = machine(objective=objective)
        run = fit(model, IMAGES, 3, fresh=False, progress=False)
        same = lambda name, run=run, model=model: all(
            torch.equal(a, b)
            for a, b in zip(run.model.networks[name].parameters(), model.networks[name].parameters(), strict=True)
        )
        assert same(still) and not same({"encoder": "decoder", "decoder": "encoder"}[still])


def test_the_samples_come_from_fair_coins_and_stay(tmp_path):
    run = fit(machine(), IMAGES, 20, seeds=2, progress=False)
    z = Batch(run.model, IMAGES.x[:64].expand(2, 64, 1, 8, 8), Noise([0, 1])).z
    assert z.shape == (2, 64, 3) and set(z.unique().tolist()) == {0.0, 1.0} and 0.4 < z.mean() < 0.6
    x, means = run.sample(50), run.sample(50, mean=True)
    assert x.shape == means.shape == (2, 50, 1, 8, 8) and set(x.unique().tolist()) <= {0.0, 1.0}
    assert len(means[0].flatten(1).unique(dim=0)) <= 2**3  # one mean per code
    again = Run.load(run.save(tmp_path / "machine"))
    assert again.model.config["codes"] == "bernoulli" and again.model.objective == zoo.HELMHOLTZ
    assert torch.equal(again.sample(50), x) and torch.equal(again.sample(50, mean=True), means)
    scores = [metrics.iwae(r.model, IMAGES, 4) for r in (run, again)]
    assert torch.equal(*scores)


def test_the_machine_is_its_own_mirror_image():
    assert swapped(zoo.HELMHOLTZ) == zoo.HELMHOLTZ

"""Priors that are learned: of the entries of a codebook, of codes by a Gaussian, of codes by what tells the noise in them."""

import math

import pytest
import torch
from helpers import own_networks, points, prepared, short, small, suited
from torch import nn
from torch.distributions import MultivariateNormal

from ganvae_lib import (
    MMD,
    Adversary,
    Denoise,
    Distill,
    Likelihood,
    Match,
    Noise,
    Quantise,
    Reconstruct,
    build,
    fit,
    given,
    nets,
    swapped,
    zoo,
)
from ganvae_lib.distributions import PATHS, SAMPLERS, draw, from_noise
from ganvae_lib.measure import bounds

POINTS, X = points(), Reconstruct("x")
LEARNED = Match("code", Likelihood())
QUIET = dict(device="cpu", progress=False)


def every_code(entries, parts):
    """All codes as numbers of entries, [entries ** parts, parts]."""
    return torch.cartesian_prod(*[torch.arange(entries)] * parts).reshape(-1, parts)


@pytest.mark.parametrize("entries, parts", [(6, 1), (4, 2)])
def test_the_bound_is_the_log_likelihood_less_the_surprise_of_the_code(entries, parts):
    """log p(x) - bound = -log p(k(x)|x), summed over all codes: no code is drawn."""
    objective = X + Quantise(entries, parts) + LEARNED
    model, batch = prepared(objective, latent=4)
    size = 4 // parts
    book = model.encoder.codebook.entries
    book.data = batch.q_z_given_x.said.detach().reshape(-1, size)[::3][:entries].clone()  # so that several are used
    batch.moved(("eta",))
    codes = every_code(entries, parts)
    prior = model.networks["density_code"]
    z = book[codes].flatten(1)
    log_prior = prior().log_prob(codes.double())
    assert float(log_prior.detach().logsumexp(0)) == pytest.approx(0, abs=1e-12)  # a law of codes
    joint = (
        torch.stack([model.decoder(row.expand(len(batch.x), -1)).log_prob(batch.x) for row in z]) + log_prior[:, None]
    )
    exact, indices = joint.logsumexp(0), batch.q_z_given_x.indices
    assert len(indices.unique()) > 1
    number = (indices * entries ** torch.arange(parts - 1, -1, -1)).sum(-1)
    assert torch.equal(codes[number], indices)
    of_code = joint.gather(0, number[None])[0]
    found = -sum(term.loss(batch) for term in (X, LEARNED))
    torch.testing.assert_close(found, of_code.mean(), rtol=1e-10, atol=1e-10)
    posterior = (joint - exact).gather(0, number[None])[0]
    torch.testing.assert_close(exact.mean() - found, -posterior.mean(), rtol=1e-10, atol=1e-10)
    assert (exact > of_code).all()
    assert float(bounds.elbo(model.float(), batch.x)) == pytest.approx(float(found.detach()), rel=1e-5)


def test_at_first_a_table_is_the_uniform_prior_whose_kl_is_log_k():
    model = small(zoo.VQ_VAE, POINTS)
    batch = prepared(zoo.VQ_VAE)[1]
    torch.testing.assert_close(
        model.networks["density_code"]().log_prob(torch.arange(32.0)[:, None]), torch.full((32,), -math.log(32))
    )
    indices = batch.q_z_given_x.indices
    share = indices.flatten().bincount(minlength=32).double() / len(indices)
    cross = -(share * batch.model.networks["density_code"].head.bias.log_softmax(0)).sum()
    torch.testing.assert_close(LEARNED.loss(batch), cross, rtol=1e-10, atol=1e-10)


def test_the_gradient_of_the_decoder_passes_straight_to_the_encoder_and_none_to_the_entries():
    model, batch = prepared(zoo.VQ_VAE)
    q = batch.q_z_given_x
    assert torch.equal(batch.z_from_x, q.entries)
    loss = X.loss(batch)
    to_said, to_entries = torch.autograd.grad(loss, (q.said, model.encoder.codebook.entries), allow_unused=True)
    z = q.entries.detach().requires_grad_()
    (to_decoder,) = torch.autograd.grad(-model.decoder(z).log_prob(batch.x).mean(), z)
    torch.testing.assert_close(to_said, to_decoder, rtol=1e-12, atol=1e-14)
    assert to_entries is None


def test_entries_rest_at_the_mean_of_what_is_nearest_to_them_and_only_the_commitment_pulls_the_encoder():
    """One step of k-means is where the gradient of the first term vanishes."""
    model, batch = prepared(X + Quantise(4, 1, 0.7) + LEARNED)
    book, q = model.encoder.codebook.entries, batch.q_z_given_x
    with torch.no_grad():
        for k in q.indices.unique():
            book[k] = q.said[(q.indices == k).flatten()].mean(0)
    batch.moved(("eta",))
    q = batch.q_z_given_x  # nobody has changed sides
    loss = Quantise(4, 1, 0.7).loss(batch)
    to_entries, to_said = torch.autograd.grad(loss, (book, q.said))
    assert to_entries.abs().max() < 1e-12
    torch.testing.assert_close(to_said, 2 * 0.7 * (q.said - q.entries) / len(batch.x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("parts", [1, 2])
def test_samples_are_decoded_entries_as_often_as_the_prior_says(parts):
    run = fit(build(X + Quantise(4, parts) + LEARNED, POINTS, hidden=(16,), latent=2), POINTS, 30, seeds=2, **QUIET)
    n, codes = 8000, every_code(4, parts)
    made = run.sample(n, 3, mean=True)
    probability = run.model.networks["density_code"]().log_prob(codes.float().expand(2, *codes.shape)).exp().detach()
    book = run.model.encoder.codebook
    each = run.decode(book.look_up(codes.expand(2, *codes.shape)))
    nearest = torch.cdist(made.double(), each.double()).min(-1)
    assert nearest.values.max() < 1e-6
    for k in range(2):
        share = nearest.indices[k].bincount(minlength=len(codes)) / n
        assert (share - probability[k]).abs().max() < 4 * math.sqrt(0.25 / n)


def test_the_model_of_x_is_trained_as_if_nobody_learned_the_prior():
    """Together and one after the other are the same: no gradient goes through a code's number, bit for bit."""
    both = short(small(zoo.VQ_VAE, POINTS), steps=20, seeds=[3, 4])
    alone = short(small(X + Quantise(), POINTS), steps=20, seeds=[3, 4])
    theirs, ours = alone.model.state_dict(), both.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs) and len(theirs) < len(ours)
    assert torch.equal(both.history["reconstruct x"], alone.history["reconstruct x"])


def test_a_learned_gaussian_prior_is_in_the_bound_and_in_the_samples():
    run = short(small(zoo.VAE + LEARNED, POINTS), steps=100, seeds=[1, 2], lr=2e-2)
    prior = run.model.networks["density_code"]
    law = MultivariateNormal(prior.loc[0], scale_tril=prior.below[0].tril(-1) + prior.log_diagonal[0].exp().diag())
    codes = run.draw_codes(20_000)
    torch.testing.assert_close(codes[0].mean(0), law.mean.detach(), rtol=0, atol=0.05)
    torch.testing.assert_close(codes[0].T.cov(), law.covariance_matrix.detach(), rtol=0, atol=0.1)
    scores = run.evaluate(POINTS, n=100)
    assert not any("IWAE" in name for name in scores)
    first = run.model.single(0)
    q, x = first.encoder(POINTS.x), POINTS.x
    z = draw(q, Noise(0), "z")
    by_hand = (first.decoder(z).log_prob(x) + law.log_prob(z) - q.log_prob(z)).mean()
    assert scores["ELBO (nats)"][0].item() == pytest.approx(by_hand.item(), abs=1e-5)
    with_given = (first.decoder(z).log_prob(x) + first.prior().log_prob(z) - q.log_prob(z)).mean()
    assert abs(with_given.item() - by_hand.item()) > 1e-3


# ---------------------------------------------------------------- what tells the noise in codes


class OfNormal(nn.Module):
    """The best that can be told of the noise in N(0, I), where α² + σ² = 1: ε̂ = σ z."""

    shape = (3,)

    def forward(self, z, time):
        return PATHS["variance preserving"].sigma(time) * z


def test_with_the_best_denoiser_of_the_prior_the_bound_and_the_samples_are_those_of_the_vae():
    run = short(small(zoo.LATENT_DIFFUSION, POINTS), steps=100, lr=1e-2, seeds=[4])
    vae = small(zoo.VAE, POINTS).copies(4)
    run.model.networks["denoiser_code"] = OfNormal()
    for name in ("encoder", "decoder"):
        vae.networks[name] = run.model.networks[name]
    seeds = range(8)
    ours, theirs = (
        torch.stack([bounds.elbo(model, POINTS, seed=seed) for seed in seeds])[:, 0] for model in (run.model, vae)
    )
    assert abs(ours.mean() - theirs.mean()) < 3 * ((ours.var() + theirs.var()) / len(seeds)).sqrt() + 2e-3
    assert ours.std() < 0.2
    codes = run.draw_codes(20_000)[0]
    torch.testing.assert_close(codes.T.cov(), torch.eye(3), rtol=0, atol=0.04)


def test_the_vae_of_a_latent_diffusion_is_the_vae_bit_for_bit():
    """Theta's law of the codes and the codes' law are trained together, and are what two phases give."""
    both, vae = (short(small(o, POINTS), steps=20, seeds=[3, 4]) for o in (zoo.LATENT_DIFFUSION, zoo.VAE))
    for name, weight in vae.model.state_dict().items():
        assert torch.equal(both.model.state_dict()[name], weight), name
    assert all(torch.equal(both.history[key], vae.history[key]) for key in vae.history)


@pytest.mark.parametrize("sampler", [None, *SAMPLERS])
def test_samples_are_decoded_from_codes_that_a_sampler_makes(sampler):
    run = short(small(zoo.LATENT_DIFFUSION, POINTS), steps=5, seeds=[1, 2])
    path, tool = PATHS["variance preserving"], Denoise("noise")
    steps = None if sampler is None else 7
    made = run.sample(6, 3, mean=True, sampler=sampler, steps=steps)
    denoised = tool.denoised(run.model.networks["denoiser_code"], 2)
    codes = from_noise(denoised, path, 6, (3,), Noise([3, 3]), steps or 50, sampler or "heun")
    torch.testing.assert_close(made, run.decode(codes.detach()), rtol=0, atol=0)
    assert run.sample(z=codes.detach()).shape == (2, 6, 2)
    with pytest.raises(TypeError, match="leave out sampler"):
        run.sample(z=codes.detach(), sampler="heun")


def test_a_labelled_prior_of_codes_is_guided():
    data = suited(given(zoo.LATENT_DIFFUSION), POINTS)
    run = short(small(given(zoo.LATENT_DIFFUSION), data), data, steps=5, seeds=[1])
    plain, guided = (run.sample(6, labels=1, mean=True, steps=4, guidance=g) for g in (0.0, 2.0))
    assert torch.equal(plain, run.sample(6, labels=1, mean=True, steps=4)) and not torch.equal(plain, guided)


# ---------------------------------------------------------------- refusals


REFUSED = [
    (lambda: small(X + Quantise(4, 2) + LEARNED, POINTS), "latent must be a multiple of it, not 3"),
    (lambda: small(zoo.VQ_VAE, POINTS, codes="gaussian"), "codes='codebook' and the term Quantise"),
    (lambda: small(zoo.VAE, POINTS, codes="codebook"), "codes='codebook' and the term Quantise"),
    (lambda: small(LEARNED, POINTS), "codes that nobody infers"),
    (lambda: small(Match("code", Denoise()), POINTS), "codes that nobody infers"),
    (lambda: small(X + Quantise() + Match("code", Denoise()), POINTS), "no noise between the entries"),
    *((lambda t=t: Match("code", t), "no sample") for t in (Adversary(), MMD(), Distill())),
    (lambda: Quantise(1), "entries must be a whole number of at least 2"),
    (lambda: Quantise(parts=0), "parts must be"),
    (lambda: Quantise(commitment=-1), "commitment must be"),
]


@pytest.mark.parametrize("call, why", REFUSED)
def test_what_has_no_meaning_is_refused(call, why):
    with pytest.raises(ValueError, match=why):
        call()


def test_operators_and_samples_without_a_meaning_are_refused():
    with pytest.raises(TypeError, match="no mirror image"):
        swapped(LEARNED)
    with pytest.raises(TypeError, match="has no place for it"):
        given(zoo.VQ_VAE)
    run = short(small(X + Quantise(), POINTS), steps=2)
    with pytest.raises(TypeError, match="add Match\\('code', Likelihood\\(\\)\\)"):
        run.sample(3)
    with pytest.raises(TypeError, match="learns its prior"):
        bounds.iwae(small(zoo.VQ_VAE, POINTS), POINTS)


def test_networks_of_ones_own_can_hold_a_codebook():
    encoder = nets.Encoder(nn.Linear(2, 3), codebook=nets.Codebook(5, 1, 3))
    model = own_networks(X + Quantise(5) + LEARNED, encoder=encoder, density_code=nets.CodeTable(5))
    run = fit(model, POINTS, 5, seeds=2, **QUIET)
    assert run.sample(4).shape == (2, 4, 2) and run.infer(POINTS.x[:7]).shape == (2, 7, 3)

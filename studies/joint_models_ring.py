"""What each sum of terms buys: eleven models on the ring, whose truth is known. joint_models_mnist has most on MNIST.

    python -m ganvae_lib study joint_models_ring    # about 6 minutes on one CPU thread

Worlds, models, weights and seeds were fixed before any result was seen, and nothing was tuned by model. Settings for
all were changed after a first look at the VAE alone, which was far from trained: the noise from 0.05 to 0.1 and the
learning rate from 1e-3 to 2e-3. The networks are small and the runs short: most adversarial models are undertrained.

Codes have two dimensions; p(x|z) = N(f(z), scale²) in every model, with the noise drawn in samples. So every model has
a density p(x), and every encoder an exact posterior to be compared with; log p(x) is a sum over a grid of codes.
Examples: ``cloud``, 300 samples of the first seed; ``missed``, 60 test points and their reconstructions, "x,y>x,y".
"""

import torch
from torch.distributions import Normal
from torch.nn.functional import softplus

from ganvae_lib import coverage, ring, zoo
from ganvae_lib.experiments import Study, Trial, by_seed
from studies.measures import cloud, drawn

NAMES = ("VAE", "GAN", "GMMN", "AAE", "WAE-MMD", "VAE/GAN", "MDGAN", "alpha-GAN", "ALI", "AVB", "AS-VAE")
MODELS = {name: zoo.ALL[name] for name in NAMES}
PAIRS = [
    ("VAE/GAN", "VAE"),
    ("VAE/GAN", "GAN"),
    ("MDGAN", "GAN"),
    ("alpha-GAN", "AAE"),
    ("alpha-GAN", "GAN"),
    ("ALI", "GAN"),
    ("AVB", "VAE"),
    ("AS-VAE", "AVB"),
    ("AS-VAE", "VAE"),
    ("AS-VAE", "ALI"),
    ("WAE-MMD", "AAE"),
    ("GMMN", "GAN"),
]
WORDS = {
    "modes": "modes (of 8) that get at least a fifth of a perfect model's samples within 3 standard deviations",
    "high_quality": "share of samples within 3 standard deviations of a mode",
    "kl_d_model": "KL(d || p) in x, nats: what the model does not cover",
    "kl_model_d": "KL(p || d) in x, nats: what it makes up",
    "inference": "E_d KL(q(z|x) || p(z|x)), nats, p(z|x) the model's own posterior",
    "joint_jsd": "JSD of d(x) q(z|x) and p(z) p(x|z), nats, at most log 2",
    "reconstruction": "root mean squared distance of x from f(z), z ~ q(z|x), per dimension",
    "wrong": "share of test points whose reconstruction is nearest to another mode",
    "round_trip": "root mean squared error of z from its sample x by the mean of q(z|x), per dimension; 1: nothing "
    "of z is found, by an encoder that knows it",
}


def grid_evidence(model, x: torch.Tensor, side: int = 200, reach: float = 4.2) -> torch.Tensor:
    """log p(x) at points x [n, 2] of a single model, by the trapezoid rule over its two-dimensional codes."""
    ticks = torch.linspace(-reach, reach, side)
    z = torch.cartesian_prod(ticks, ticks)
    log_weight = Normal(0.0, 1.0).log_prob(z).sum(-1).log_softmax(0)
    centres = model.decoder(z).mean
    scale = model.decoder.observation.log_scale.exp()
    # Of a Gaussian in the plane.
    constant = 2 * scale.log() + torch.log(torch.tensor(2 * torch.pi))
    # Log of the sum over codes of their weight times exp(-|x - f(z)|² / (2 scale²)), for 250 points at a time.
    log_sums = [
        torch.logsumexp(log_weight - torch.cdist(points, centres).square() / (2 * scale**2), -1)
        for points in x.split(250)
    ]
    return torch.cat(log_sums) - constant.squeeze()


def covered(x: torch.Tensor, law) -> dict[str, float]:
    counts = coverage(x[None], law)
    return {"modes": float(counts["modes"]), "high_quality": float(counts["high quality"])}


def look(model, k: int, world) -> dict[str, float]:
    """The measures of the k-th copy."""
    torch.manual_seed(k)
    law, test = world.train.law, world.test.x
    z = torch.randn(20_000, 2)
    p_x = model.decoder(z)
    made = p_x.sample()
    few = made[:1000]  # as the sum over the grid of codes takes time
    log_p, log_p_made = grid_evidence(model, test), grid_evidence(model, few)
    scores = covered(made, law) | {
        "kl_d_model": float((law.log_prob(test) - log_p).mean()),
        "kl_model_d": float((log_p_made - law.log_prob(few)).mean()),
    }
    if "encoder" in model.networks:
        scores |= of_pairs(model, law, test, log_p, z, p_x, made)
    return scores


def of_pairs(model, law, test, log_p, z, p_x, made) -> dict[str, float]:
    """Measures of the encoder: ``log_p`` is log p(x) at the points ``test``, and ``made`` are samples of p_x(x|z)."""
    prior = model.prior()

    def log_ratio(x, z, p):  # of inferred pairs to generated ones
        return law.log_prob(x) + model.encoder(x).log_prob(z) - prior.log_prob(z) - p.log_prob(x)

    q_z = model.encoder(test)
    codes = q_z.sample((20,))
    p_x_again = model.decoder(codes)
    inferred_pairs = log_ratio(test.expand(20, -1, -1), codes, p_x_again)
    generated_pairs = log_ratio(made, z, p_x)
    reconstructed = p_x_again.mean[0]  # of the first of the 20 codes
    nearest = lambda x: torch.cdist(x.double(), law.modes).argmin(-1)
    return {
        "inference": float((log_p + q_z.log_prob(codes) - prior.log_prob(codes) - p_x_again.log_prob(test)).mean()),
        "joint_jsd": float(
            torch.log(torch.tensor(2.0)) - (softplus(-inferred_pairs).mean() + softplus(generated_pairs).mean()) / 2
        ),
        "reconstruction": float((reconstructed - test).square().mean().sqrt()),
        "wrong": float((nearest(reconstructed) != nearest(test)).double().mean()),
        "round_trip": float((model.encoder(made).mean - z).square().mean().sqrt()),
    }


@torch.no_grad()
def measure(run, world) -> dict:
    return by_seed([look(run.model.single(k), k, world) for k in range(len(run.seeds))])


@torch.no_grad()
def examples(run, world) -> dict:
    torch.manual_seed(0)
    model = run.model.single(0)
    test = world.test.x
    made = model.decoder(torch.randn(20_000, 2)).sample()
    if "encoder" not in model.networks:
        return {"cloud": cloud(made[:300])}
    reconstructed = model.decoder(model.encoder(test).sample((20,))).mean[0]
    pairs = zip(cloud(test[:60]).split(), cloud(reconstructed[:60]).split(), strict=True)
    return {"cloud": cloud(made[:300]), "missed": " ".join(f"{x}>{again}" for x, again in pairs)}


STUDY = Study(
    "What each sum of terms buys, on the ring",
    {name: Trial(objective) for name, objective in MODELS.items()},
    data=lambda: {"train": drawn("ring", ring()), "test": drawn("ring", ring(), seed=1, n=1000)},
    measure=measure,
    references=lambda world, seeds: {"perfect": covered(world.train.law.sample(20_000, 2), world.train.law)},
    examples=examples,
    words=WORDS,
    networks=dict(latent=2, hidden=(64, 64), observation="gaussian", scale=0.1, noiseless=False),
    training=dict(batch=128, lr=2e-3),
    steps=1500,
    seeds=range(8),
    pairs=PAIRS,
)

"""MMD as the tool, on MNIST: in the space of the images (GMMN), of the codes (WAE-MMD), and a GAN beside them.

    python -m ganvae_lib study kernels              # about 4 minutes on one CPU thread

Nothing was tuned on MNIST: learning rates and kernel widths are those of the 8 x 8 digits of chapter 14 (widths grow
with the number of pixels by themselves); the WAE-MMD has squared error and weight 10. Its picture shows samples of
seed 0.
"""

from functools import partial

import torch

from ganvae_lib import MMD, Match, zoo
from ganvae_lib.experiments import Study, Trial
from studies import measures

# With this scale -log p(x|z) is the squared error, but for a constant.
POINT_CODES = dict(codes="point", observation="gaussian", scale=0.5**0.5)


def prepare(world) -> dict:
    return measures.classified(world, epochs=1) | {"real": world.test.x[:2000], "known": world.train.x[:10_000]}


@torch.no_grad()
def look(x, world) -> dict[str, float]:
    scores = measures.verdict(measures.classes(world.classifier, x), torch.full((10,), 0.1))
    scores |= measures.sharpness(x, world.real, world.known, count=500)
    return {key: scores[key] for key in ("classes", "confident", "laplacian", "nearest")}


def measure(run, world) -> dict:
    scores = look(run.sample(2000, mean=True)[0], world)
    if "encoder" in run.model.networks:
        scores["reconstruction"] = (run.reconstruct(world.real)[0] - world.real).square().mean().sqrt().item()
        scores["code_std"] = run.infer(world.real)[0].std(0).mean().item()
    return scores


STUDY = Study(
    "MMD in the space of images and in that of codes, on MNIST",
    {
        "GMMN": Trial(Match("x", MMD("gaussian", (0.01, 0.05))), training=dict(lr=2e-3)),
        "WAE-MMD": Trial(zoo.WAE_MMD, POINT_CODES, training=dict(lr=2e-3)),
        "GAN": Trial(zoo.GAN, training=dict(lr=1e-3, betas=(0.0, 0.9))),
    },
    data=partial(measures.train_and_test, "mnist"),
    prepare=prepare,
    measure=measure,
    references=lambda world, seeds: {"test digits": look(world.real, world)},
    words=measures.DIGIT_WORDS
    | {
        "reconstruction": "root mean squared error per pixel, test digits",
        "code_std": "standard deviation of the codes of test digits",
    },
    networks=dict(latent=16, hidden=(256, 256)),
    training=dict(batch=128),
    steps=800,
    seeds=range(3),
    apart=True,  # matrix-bound: on a CPU one seed after another is as fast as all stacked
    panels=lambda name, run, world: {name: run.sample(24, mean=True)[0]} if run else {"test digits": world.real[:24]},
    picture=partial(measures.side_by_side, width=8.4, height=2.4),
)

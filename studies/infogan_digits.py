"""Do InfoGAN's class codes find the ten digits of MNIST? Beside k-means on 10,000 of them; four seeds.

python -m ganvae_lib study infogan_digits       # about 3 minutes on one CPU thread
"""

from functools import partial

from torch.nn.functional import avg_pool2d, pad

from ganvae_lib import load
from ganvae_lib.experiments import Study
from studies import infogan


def half(x):
    """28 x 28 pixels at half the resolution, with a margin: 16 x 16."""
    return pad(avg_pool2d(x, 2), (1, 1, 1, 1))  # 14 x 14, and one pixel on each side


def measure(run, world) -> dict:
    return infogan.of_class(infogan.inferred(run, world.test.x)["class code"], world.test.y)


STUDY = Study(
    "InfoGAN's class codes on MNIST",
    {"InfoGAN": infogan.INFOGAN},
    data=lambda: {split: load("mnist", split).map(half, "MNIST at half resolution") for split in ("train", "test")},
    measure=measure,
    references=partial(infogan.clusters, many=10_000),
    words=infogan.CLASS_WORDS,
    networks=infogan.NETWORKS,
    steps=2500,
    seeds=range(4),
    apart=True,
)

"""What InfoGAN's codes pick up: rendered characters with known factors, four seeds. (infogan_digits.py: on MNIST.)

    python -m ganvae_lib study infogan              # about 7 minutes on one CPU thread

Small on purpose; the VAEs take a share of the steps, for they need fewer. The settings were chosen on seed 100 of the
rendered characters, by eye. A code is the inferred class, or one of the numbers. The picture shows characters and, for
seed 0, what each code does.
"""

from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ganvae_lib import measure as metrics, zoo
from ganvae_lib.data.rendered import glyphs
from ganvae_lib.experiments import Study, Trial, by_seed
from studies import measures

FACTORS = ("class", "rotation", "weight")
SETS = (("train", 12_000, 0), ("test", 4000, 1))  # name, examples, seed
NETWORKS = dict(architecture="conv", width=16, hidden=(128,))
INFOGAN = Trial(
    zoo.INFOGAN,
    networks=dict(codes={"one-hot": 10, "uniform": 2}, noise=16),
    training=dict(batch=64, lr={"theta": 1e-3, "eta": 1e-3, "phi": 2e-4}, betas=(0.5, 0.999)),
)
vae = partial(
    Trial, networks=dict(latent=6, observation="gaussian", scale=0.2), training=dict(batch=64, lr=1e-3), share=0.4
)
CLASS_WORDS = {
    "class_accuracy": "share of test images in the cluster that is matched to their class, best one-to-one matching",
    "class_information": "mutual information of cluster and class, nats; clusters are the class code's, or k-means'",
}
WORDS = {
    "mig": "mutual information gap: the mean over factors of the gaps",
    **{
        f"gap of {factor}": "information of its best code minus the second best, over its entropy" for factor in FACTORS
    },
    **{f"information on {factor}": "mutual information with its best code, nats" for factor in FACTORS},
    **{f"best code for {factor}": "the code that knows most about it" for factor in FACTORS},
} | CLASS_WORDS


def matched(cluster: Tensor, label: Tensor) -> float:
    """Share of the examples in the cluster that is matched to their class, under the best one-to-one matching."""
    from scipy.optimize import linear_sum_assignment

    counts = one_hot(cluster, 10).T.double() @ one_hot(label, 10).double()
    rows, columns = linear_sum_assignment(-counts.numpy())
    return float(counts[rows, columns].sum() / len(label))


def of_class(cluster: Tensor, label: Tensor) -> dict[str, float]:
    """What clusters of examples tell about their classes."""
    return {"class_accuracy": matched(cluster, label), "class_information": metrics.mutual_information(cluster, label)}


def of_factors(codes: dict[str, Tensor], factors: dict[str, Tensor]) -> dict:
    """What codes of examples tell about their factors."""
    gap = metrics.mutual_information_gap(codes, factors)
    scores = {"mig": gap.mig}
    for factor, information in zip(gap.factors, gap.information.max(1).values.tolist(), strict=True):
        scores[f"gap of {factor}"] = gap.gaps[factor]
        scores[f"information on {factor}"] = information
        scores[f"best code for {factor}"] = [gap.best[factor]]
    return scores


def inferred(run, x: Tensor) -> dict[str, Tensor]:
    """The inferred codes of images x, by name; ten columns of InfoGAN's are its class."""
    z = run.infer(x, mean=True)[0]
    if run.model.objective != zoo.INFOGAN:
        return {f"z{i + 1}": column for i, column in enumerate(z.unbind(1))}
    return {"class code": z[:, :10].argmax(-1), "u1": z[:, 10], "u2": z[:, 11]}


def k_means(train: Tensor, test: Tensor, seed: int) -> Tensor:
    """The clusters of test images, among the ten that k-means finds in the training images."""
    from sklearn.cluster import KMeans

    fitted = KMeans(10, n_init=10, random_state=seed).fit(train.flatten(1).numpy())
    return torch.from_numpy(fitted.predict(test.flatten(1).numpy())).long()


def clusters(world, seeds: list[int], many: int) -> dict:
    """The classes that k-means finds in ``many`` training images."""
    clusterings = [k_means(world.train.x[:many], world.test.x, seed) for seed in seeds]
    return {"k-means": by_seed([of_class(cluster, world.test.y) for cluster in clusterings])}


def measure(run, world) -> dict:
    codes = inferred(run, world.test.x)
    scores = of_factors(codes, world.factors)
    if "class code" in codes:
        scores |= of_class(codes["class code"], world.test.y)
    return scores


def prepare(world) -> dict:
    factors = {name: world.test.factors[name] for name in FACTORS}
    entropies = {f"entropy of {name}": metrics.mutual_information(factor, factor) for name, factor in factors.items()}
    return {"factors": factors, "facts": entropies}


def sheets(run) -> dict[str, Tensor]:
    """Ten rows, ten columns: what the class code does, and what the two numbers do."""
    generator = torch.Generator().manual_seed(0)
    shown = {}
    for title, moving in (("class code, by row", None), ("u1, left to right", 10), ("u2, left to right", 11)):
        z = torch.zeros(10, 10, 12)  # rows, columns, codes: ten of the class, two numbers
        z[..., :10] = torch.eye(10)[:, None]
        z[..., 10:] = 2 * torch.rand(10, 2, generator=generator) - 1
        if moving:  # one of the numbers grows along the columns, the other stays at zero
            z[..., 10:] = 0.0
            z[..., moving] = torch.linspace(-1, 1, 10)
        shown[title] = run.sample(100, z=z.flatten(0, 1))[0]
    return shown


def panels(name: str, run, world) -> dict:
    if run is None:
        return {"rendered": world.train.x[:100]}
    return sheets(run) if name == "InfoGAN" else {}


STUDY = Study(
    "InfoGAN's codes against known factors",
    {
        "InfoGAN": INFOGAN,
        "untrained": Trial(INFOGAN.objective, INFOGAN.networks, INFOGAN.training, share=0),  # one step
        "VAE": vae(zoo.VAE),
        "beta-VAE": vae(zoo.beta_vae()),
    },
    data=lambda: {name: glyphs(n, seed, side=16, vary=FACTORS) for name, n, seed in SETS},
    prepare=prepare,
    measure=measure,
    references=partial(clusters, many=12_000),
    words=WORDS,
    networks=NETWORKS,
    steps=2500,
    seeds=range(4),
    apart=True,  # matrix-bound: on a CPU one seed after another is as fast as all stacked
    panels=panels,
    picture=partial(measures.side_by_side, columns=10, width=6.8, height=7.0, rows=2),
)

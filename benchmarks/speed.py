"""Training speed, side by side in one process on one thread: the library, the usual loops, and pythae's trainer.

    python benchmarks/speed.py                     # about 12 minutes; writes results/speed.json
    python benchmarks/speed.py --quick             # fewer rounds, nothing written

pythae is optional: ``pip install pythae==0.1.2``, best in a virtual environment of its own, with this library installed
there too or its folder in PYTHONPATH.

Contenders take turns, round by round, and each ratio is the median over rounds of the ratio within a round, so a
machine that slows down for a while slows down both. Times are processor time of this process, which other programs
disturb less than the clock on the wall; ratios of wall time are kept too. A call of ``fit`` is timed whole, with its
copies of the networks and its checks; of pythae only the loop over the training set, and of what is compiled only the
steps.

    rows      one per comparison: {workload, this, against, rounds, ratio (median), ratio_range [min, max],
              ratio_wall (median), ms_per_step: {this, against} (medians; per step of one seed), target}; where ``this``
              is a step of the library's, limit {ratio (median), range, ms_per_step}: how many times as fast as
              ``against`` the bare products and updates of that step are, as torch does them (products.py); the row
              "the least step, by hand" is what is left of an eager step that holds one model and nothing else
    bf16      what bf16 does to the bound: elbo_fp32, elbo_bf16 (test, nats): {values [4], mean, half_width_95};
              difference: the same of bf16 minus fp32 seed by seed; steps
    missing   what could not be measured, and why
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import tempfile
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
from products import products_of
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from ganvae_lib import Model, build, fit, load, metrics, nets, zoo
from ganvae_lib.experiments import record
from ganvae_lib.measure import summary
from ganvae_lib.training import Settings, Training
from ganvae_lib.training.compiled import whole_step
from ganvae_lib.training.settings import without_argument_checks

BATCH = 128


def race(contenders: dict, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """(processor seconds, wall seconds) of every contender in every round, after one warm-up each."""
    for run in contenders.values():
        run()
    times = {name: [] for name in contenders}
    for i in range(rounds):
        # Every other round runs backwards, so that nobody always comes first.
        order = list(contenders) if i % 2 == 0 else list(reversed(contenders))
        for name in order:
            cpu_start = time.process_time()
            wall_start = time.perf_counter()
            contenders[name]()
            times[name].append((time.process_time() - cpu_start, time.perf_counter() - wall_start))
    return times


def row(workload: str, times: dict, this: str, against: str, steps: int, target: float | None) -> dict:
    """A comparison, as the head of this file describes its entries; a ratio above 1 says that ``this`` is faster."""
    rounds = list(zip(times[this], times[against], strict=True))
    cpu_ratios = [other_cpu / this_cpu for (this_cpu, _), (other_cpu, _) in rounds]
    wall_ratios = [other_wall / this_wall for (_, this_wall), (_, other_wall) in rounds]
    names = {"this": this, "against": against}
    median_cpu = {side: statistics.median(cpu for cpu, _ in times[name]) for side, name in names.items()}
    ratios = {
        "ratio": round(statistics.median(cpu_ratios), 2),
        "ratio_range": [round(min(cpu_ratios), 2), round(max(cpu_ratios), 2)],
        "ratio_wall": round(statistics.median(wall_ratios), 2),
    }
    ms_per_step = {side: round(1e3 * seconds / steps, 3) for side, seconds in median_cpu.items()}
    head = {"workload": workload, **names, "rounds": len(rounds)}
    found = {**head, **ratios, "ms_per_step": ms_per_step, "target": target}
    if this != "ganvae_lib, bf16" and (bare := times.get("products and updates")):
        products = [cpu for cpu, _ in bare]
        limits = [other_cpu / least for (_, (other_cpu, _)), least in zip(rounds, products, strict=True)]
        found["limit"] = {
            "ratio": round(statistics.median(limits), 2),
            "range": [round(min(limits), 2), round(max(limits), 2)],
            "ms_per_step": round(1e3 * statistics.median(products) / steps, 3),
        }
    return found


def repeated(step, steps: int):
    """Many steps, as ``fit`` makes them."""

    def run() -> None:
        with without_argument_checks():
            for _ in range(steps):
                step()

    return run


def by_steps(model, data, steps: int) -> dict:
    """Contenders that are steps of a training that has begun: compiled ones, and what no eager one is spared."""
    how = dict(steps=10**6, batch=BATCH, seeds=[0], device="cpu", log_every=steps)
    eager = Training(model, data, Settings(model.objective, **how))
    graph = Training(model, data, Settings(model.objective, compile=True, **how))
    graph.compiled = whole_step(graph)
    eager.step()
    contenders = {"ganvae_lib, compiled": graph.step, "products and updates": products_of(eager.step, adam=True)}
    return {name: repeated(step, steps) for name, step in contenders.items()}


# VAE 784-400-20


class TextbookVAE(nn.Module):
    """As in PyTorch's own examples/vae."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
        self.fc3, self.fc4 = nn.Linear(20, 400), nn.Linear(400, 784)

    def forward(self, x):
        h = F.relu(self.fc1(x.view(-1, 784)))
        mu, logvar = self.fc21(h), self.fc22(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar


def textbook_vae(data, device: str = "cpu"):
    model = TextbookVAE().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loader = DataLoader(TensorDataset(data.x), batch_size=BATCH, shuffle=True, drop_last=True)

    def epoch():
        total = 0.0
        for (x,) in loader:
            x = x.to(device)
            optimizer.zero_grad()
            reconstructed, mu, logvar = model(x)
            bce = F.binary_cross_entropy(reconstructed, x.view(-1, 784), reduction="sum")
            loss = bce - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
            loss.backward()
            total += loss.item()
            optimizer.step()

    return epoch


def least_vae(data, steps: int):
    """As few operations as torch lets one write for this step: data ready, logits, one head, a fused optimizer."""
    layers = [nn.Linear(i, o) for i, o in ((784, 400), (400, 40), (20, 400), (400, 784))]
    optimizer = torch.optim.Adam([weight for layer in layers for weight in layer.parameters()], lr=1e-3, fused=True)
    x = data.x.flatten(1)

    def epoch():
        encode, head, decode, pixels = layers
        for index in torch.randperm(len(x)).split(BATCH)[:steps]:
            batch = x.index_select(0, index)
            mu, logvar = head(F.relu_(encode(batch))).chunk(2, 1)
            scale = torch.exp(logvar / 2)
            logits = pixels(F.relu_(decode(torch.addcmul(mu, scale, torch.randn(mu.shape)))))
            bce = F.binary_cross_entropy_with_logits(logits, batch, reduction="sum")
            loss = (bce + 0.5 * torch.sum(mu * mu + scale * scale - 1 - logvar)) / BATCH
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def pythae_vae(data, no_cuda: bool = True):
    """pythae's trainer, with the same network; only its loop over the training set is timed."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    class Encoder(BaseEncoder):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(784, 400), nn.ReLU())
            self.embedding, self.log_var = nn.Linear(400, 20), nn.Linear(400, 20)

        def forward(self, x):
            h = self.layers(x.reshape(-1, 784))
            return ModelOutput(embedding=self.embedding(h), log_covariance=self.log_var(h))

    class Decoder(BaseDecoder):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784), nn.Sigmoid())

        def forward(self, z):
            return ModelOutput(reconstruction=self.layers(z).reshape(-1, 1, 28, 28))

    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=20, reconstruction_loss="bce")
    options = dict(
        output_dir=tempfile.mkdtemp(), num_epochs=1, learning_rate=1e-3, no_cuda=no_cuda, optimizer_cls="Adam"
    )
    trainer = BaseTrainer(
        model=VAE(config, encoder=Encoder(), decoder=Decoder()),
        train_dataset=BaseDataset(data.x, torch.zeros(len(data))),
        training_config=BaseTrainerConfig(per_device_train_batch_size=BATCH, **options),
    )
    trainer.prepare_training()
    return lambda: trainer.train_step(1)


def vae(rounds: int, missing: list[str]) -> list[dict]:
    data = load("mnist", binarize="sample")
    steps = len(data) // BATCH
    model = build(zoo.VAE, data, latent=20, hidden=(400,))
    ours = partial(fit, model, data, steps=steps, batch=BATCH, seeds=[0], device="cpu")
    contenders = {"ganvae_lib, fp32": partial(ours, precision="fp32"), "textbook loop, fp32": textbook_vae(data)}
    try:
        contenders["pythae 0.1.2, fp32"] = pythae_vae(data)
    except ImportError as error:
        missing.append(f"pythae is not installed here ({error}); `pip install pythae==0.1.2` to compare with it")
    contenders["ganvae_lib, bf16"] = partial(ours, precision="bf16")
    contenders |= by_steps(model, data, steps)
    contenders["the least step, by hand"] = least_vae(data, steps)
    times = race(contenders, rounds)
    name = f"VAE 784-400-20, batch {BATCH}, one epoch of MNIST"
    rows = [row(name, times, "ganvae_lib, fp32", "textbook loop, fp32", steps, None)]
    if "pythae 0.1.2, fp32" in times:
        rows.append(row(name, times, "ganvae_lib, fp32", "pythae 0.1.2, fp32", steps, 1.6))
        rows.append(row(name, times, "ganvae_lib, compiled", "pythae 0.1.2, fp32", steps, 1.8))
        rows.append(row(name, times, "ganvae_lib, bf16", "pythae 0.1.2, fp32", steps, 1.9))
        rows.append(row(name, times, "the least step, by hand", "pythae 0.1.2, fp32", steps, None))
    return rows


# GAN of PyTorch-GAN/gan.py


def gan_trunks() -> tuple[nn.Module, nn.Module]:
    """The layers of eriklindernoren/PyTorch-GAN's gan.py, without BatchNorm."""

    def layers(*sizes: int) -> list[nn.Module]:
        pairs = ((nn.Linear(n_in, n_out), nn.LeakyReLU(0.2)) for n_in, n_out in pairwise(sizes))
        return list(itertools.chain(*pairs))

    generator = nn.Sequential(*layers(100, 128, 256, 512, 1024), nn.Linear(1024, 784))
    discriminator = nn.Sequential(nn.Flatten(), *layers(784, 512, 256), nn.Linear(256, 1))
    return generator, discriminator


def loop_gan(data, steps: int):
    """gan.py's loop, on ready tensors instead of a DataLoader of pictures."""
    generator_trunk, discriminator_trunk = gan_trunks()
    generator = nn.Sequential(generator_trunk, nn.Sigmoid())
    discriminator = nn.Sequential(discriminator_trunk, nn.Sigmoid())
    adam = lambda network: torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizer_g, optimizer_d = adam(generator), adam(discriminator)
    adversarial = nn.BCELoss()
    x = data.x.flatten(1)

    def epoch():
        for index in torch.randperm(len(x)).split(BATCH)[:steps]:
            real = x[index]
            valid, fake = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
            optimizer_g.zero_grad()
            made = generator(torch.randn(BATCH, 100))
            g_loss = adversarial(discriminator(made), valid)
            g_loss.backward()
            optimizer_g.step()
            optimizer_d.zero_grad()
            d_loss = (adversarial(discriminator(real), valid) + adversarial(discriminator(made.detach()), fake)) / 2
            d_loss.backward()
            optimizer_d.step()
            d_loss.item(), g_loss.item()  # gan.py prints them in every step

    return epoch


def library_gan(data) -> Model:
    """The same networks of the library's layers."""
    generator = nets.mlp((100,), (128, 256, 512, 1024), 784, "leaky relu")
    networks = {
        "decoder": nets.Decoder(generator, nets.OBSERVATIONS["point"](squash=True), data.shape),
        "discriminator_x": nets.Discriminator(nets.mlp(data.shape, (512, 256), 1, "leaky relu")),
    }
    return Model(zoo.GAN, networks, nets.StandardNormal(100))


def gan(rounds: int, missing: list[str]) -> list[dict]:
    data = load("mnist")
    steps = 200
    model = library_gan(data)
    contenders = {
        "ganvae_lib, fp32": lambda: fit(model, data, steps=steps, batch=BATCH, seeds=[0], device="cpu"),
        "loop of gan.py on ready tensors, fp32": loop_gan(data, steps),
    }
    times = race(contenders | by_steps(model, data, steps), rounds)
    name, (ours, loop) = f"GAN of PyTorch-GAN/gan.py without BatchNorm, batch {BATCH}, MNIST", contenders
    return [row(name, times, ours, loop, steps, 1.35), row(name, times, "ganvae_lib, compiled", loop, steps, 1.5)]


# stacked seeds


def stacked(rounds: int, missing: list[str]) -> list[dict]:
    data = load("ring")
    steps = 200
    rows = []
    widths = (128, 64)  # of the library's default networks, and of those of chapter 04
    targets = {256: 1.7, 64: 4.0}  # the ratio to reach, by batch
    for width, (batch, target) in itertools.product(widths, targets.items()):
        train = partial(fit, build(zoo.GAN, data, hidden=(width, width)), data, steps, batch=batch, device="cpu")
        contenders = {
            "16 seeds stacked": partial(train, seeds=16),
            "16 runs one after another": lambda train=train: [train(seeds=[k]) for k in range(16)],
        }
        times = race(contenders, rounds)
        rows.append(row(f"GAN in the plane, {width}-{width}, batch {batch}", times, *contenders, 16 * steps, target))
    return rows


def bf16_bound(steps: int = 300) -> dict:
    """Does bf16 reach the same bound? Four seeds with the same initial weights, minibatches and noise."""
    train = load("mnist", split="train", binarize="sample")
    test = load("mnist", split="test", binarize="sample")
    model = build(zoo.VAE, train, latent=20, hidden=(400,))
    runs = [fit(model, train, steps=steps, batch=BATCH, seeds=4, device="cpu", precision=p) for p in ("fp32", "bf16")]
    fp32, bf16 = (metrics.elbo(run.model, test) for run in runs)
    bounds = {"elbo_fp32": summary(fp32), "elbo_bf16": summary(bf16), "difference": summary(bf16 - fp32)}
    return bounds | {"steps": steps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    os.environ["GANVAE_PROGRESS"] = "0"
    missing: list[str] = []
    rounds = 3 if quick else 7
    rows = [row for workload in (vae, gan, stacked) for row in workload(rounds, missing)]
    print("| workload | this | against | ratio | range over rounds | target |\n|---|---|---|---|---|---|")
    for r in rows:
        low, high = r["ratio_range"]
        cells = r["workload"], r["this"], r["against"], f"{r['ratio']:.2f}x", f"{low:.2f} to {high:.2f}"
        print(f"| {' | '.join(cells)} | {r['target'] or ''} |")
    print(*missing, sep="\n")
    if not quick:
        about = {"experiment": "training speed", "command": "python benchmarks/speed.py"}
        results = {"rows": rows, "bf16": bf16_bound(), "missing": missing, "environment": record.environment()}
        record.write(Path(__file__).resolve().parents[1] / "results" / "speed.json", about | results)


if __name__ == "__main__":
    main()

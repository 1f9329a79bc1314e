"""The README's picture: one world, and the two families of models trained on it. Writes book/_static/overview.png.

python benchmarks/overview.py
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from ganvae_lib import build, draw, fit, load, zoo

draw.style()
data = load("ring")
_, axes = plt.subplots(1, 3, figsize=(9, 3.3))
draw.scatter(data.x[:2000], who="data", ax=axes[0])
axes[0].set_title("data, $d(x)$")
models = (
    (zoo.VAE, "VAE = Reconstruct(x) + Match(z, KL)"),
    (zoo.GAN, "GAN = Match(x, Adversary)"),
)
for ax, (objective, title) in zip(axes[1:], models, strict=True):
    run = fit(build(objective, data), data, steps=5000, batch=256, seeds=[0], lr=1e-3)
    draw.scatter(run.sample(2000)[0], ax=ax)
    ax.set_title(title)
for ax in axes:
    ax.set(xlim=(-3, 3), ylim=(-3, 3))
    ax.set_axis_off()
plt.savefig(Path(__file__).parents[1] / "book/_static/overview.png", dpi=110)

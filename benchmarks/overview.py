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
for ax, (name, objective, lr) in zip(axes[1:], [("VAE", zoo.VAE, 1e-3), ("GAN", zoo.GAN, 1e-3)], strict=True):
    run = fit(build(objective, data), data, steps=5000, batch=256, seeds=[0], lr=lr)
    draw.scatter(run.sample(2000)[0], ax=ax)
    terms = {"VAE": "Reconstruct(x) + Match(z, KL)", "GAN": "Match(x, Adversary)"}[name]
    ax.set_title(f"{name} = {terms}")
for ax in axes:
    ax.set(xlim=(-3, 3), ylim=(-3, 3))
    ax.set_axis_off()
plt.savefig(Path(__file__).parents[1] / "book/_static/overview.png", dpi=110)

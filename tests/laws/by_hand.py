"""Every loss of the book, written out on the weights of small networks: no distribution, no Batch."""

import math

import torch
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, one_hot

from ganvae_lib import (
    KL,
    MMD,
    Adversary,
    Bound,
    Classify,
    Denoise,
    Distill,
    Likelihood,
    Match,
    Noise,
    Quantise,
    Reconstruct,
    Summaries,
    Unpredictable,
)
from ganvae_lib.networks.heads import Conditional
from ganvae_lib.networks.observations import BernoulliPixels, LaplacePixels, PointPixels

D = torch.sigmoid
PATHS_BY_HAND = {  # path: α(t), σ(t), α'(t), σ'(t)
    "linear": lambda t: (1 - t, t, -1 + 0 * t, 1 + 0 * t),
    "cosine": lambda t: (
        (math.pi * t / 2).cos(),
        (math.pi * t / 2).sin(),
        -math.pi / 2 * (math.pi * t / 2).sin(),
        math.pi / 2 * (math.pi * t / 2).cos(),
    ),
    "variance preserving": lambda t: variance_preserving(t, 0.1 + 19.9 * t),
}


def variance_preserving(t, rate):
    """dα = -½ β α dt, σ² = 1 - α²."""
    a = (-0.05 * t - 19.9 / 4 * t * t).exp()
    s = (1 - a * a).sqrt()
    return a, s, -rate * a / 2, rate * a * a / (2 * s)


LINKS_BY_HAND = {  # link: (real, fake, generator) with D = sigmoid(t), written out naively
    "minimax": (lambda t: -D(t).log(), lambda t: -(1 - D(t)).log(), lambda t: (1 - D(t)).log()),
    "non-saturating": (lambda t: -D(t).log(), lambda t: -(1 - D(t)).log(), lambda t: -D(t).log()),
    "KL": (lambda t: -D(t).log(), lambda t: -(1 - D(t)).log(), lambda t: -D(t) / (1 - D(t))),
    "reverse KL": (lambda t: -D(t).log(), lambda t: -(1 - D(t)).log(), lambda t: -(D(t) / (1 - D(t))).log()),
    "least squares": (lambda t: 0.5 * (t - 1) ** 2, lambda t: 0.5 * t * t, lambda t: 0.5 * (t - 1) ** 2),
    "hinge": (lambda t: (1 - t).clamp(min=0), lambda t: (1 + t).clamp(min=0), lambda t: -t),
    "Wasserstein": (lambda t: -t, lambda t: t, lambda t: -t),
    "f-KL": (lambda t: -t, lambda t: torch.exp(t - 1), lambda t: -torch.exp(t - 1)),
    "f-reverse KL": (lambda t: (-t).exp(), lambda t: -1 - (-t).exp().log(), lambda t: 1 + (-t).exp().log()),
    "f-JS": (lambda t: -(2 * D(t)).log(), lambda t: -(2 - 2 * D(t)).log(), lambda t: (2 - 2 * D(t)).log()),
}


def link_by_hand(name):
    """(real, fake, generator) of a link."""
    assert name in LINKS_BY_HAND, f"write the link {name!r} by hand, in LINKS_BY_HAND in tests/laws/by_hand.py."
    return LINKS_BY_HAND[name]


TWO_SIDED = ("features", "xz")  # the sides of these are both made by players who descend the term


def net(trunk, x, slope=0.0):
    if any("Conv" in type(layer).__name__ for layer in trunk):
        return convolutions(trunk, x, slope)
    _, a, _, b = trunk
    return leaky_relu(x @ a.weight.T + a.bias, slope) @ b.weight.T + b.bias


def convolutions(trunk, x, slope):
    """From flat images to features, or back; every convolution has kernel 4, stride 2 and padding 1."""
    for layer in trunk:
        match type(layer).__name__:
            case "Conv2d":
                if x.ndim == 2:
                    side = math.isqrt(x.shape[1] // layer.weight.shape[1])
                    x = x.reshape(len(x), -1, side, side)
                x = conv2d(x, layer.weight, layer.bias, 2, 1)
            case "ConvTranspose2d":
                x = conv_transpose2d(x, layer.weight, layer.bias, 2, 1)
            case "GroupNorm":
                groups = x.reshape(len(x), 8, -1)
                mean = groups.mean(2, keepdim=True)
                x = ((groups - mean) / ((groups - mean) ** 2).mean(2, keepdim=True).add(1e-5).sqrt()).reshape(x.shape)
                x = x * layer.weight[:, None, None] + layer.bias[:, None, None]
            case "Linear":
                x = x.reshape(len(x), -1) @ layer.weight.T + layer.bias
            case "Unflatten":
                x = x.reshape(len(x), *layer.unflattened_size)
            case "ReLU" | "LeakyReLU":
                x = leaky_relu(x, slope)
    return x.reshape(len(x), -1)


def normal(value, mean, log_s):
    """-log N(value; mean, s²), summed over dimensions."""
    return (0.5 * ((value - mean) / log_s.exp()) ** 2 + log_s + 0.5 * math.log(2 * math.pi)).sum(1)


def coins(value, logits):
    """-log of the probability of zeros and ones, D = sigmoid(logits), summed over dimensions."""
    return -(value * D(logits).log() + (1 - value) * (1 - D(logits)).log()).sum(1)


class ByHand:
    """One minibatch of a model: ``loss`` of a term for theta and eta, ``discriminator_loss`` for phi."""

    def __init__(self, model, batch, seed):
        self.model, self.seed, self.n = model, seed, len(batch.x)
        self.x, self.labels, self.shape = batch.x.flatten(1), batch.labels, batch.x.shape[1:]
        self.other = None if batch.other is None else batch.other.flatten(1)
        codes = model.config["codes"]
        self.codes = codes if isinstance(codes, dict) else {codes: model.config["latent"]}
        self.domains = model.config["other"]
        self.z = self.other if self.domains else self.prior()

    def noise(self, name, *shape, law="normal", n=None):
        return getattr(Noise(self.seed), law)(name, n or self.n, *shape).double()

    def conditional(self, name, x, labels=None):
        """x beside its label in one-hot coding, where the network of this name is told labels."""
        network = self.model.networks[name]
        if not isinstance(network, Conditional):
            return x
        labels = self.labels if labels is None else labels
        t = torch.zeros(len(x), network.classes, dtype=x.dtype)
        t[range(len(x)), [int(label) for label in labels]] = 1.0
        if network.planes:  # a plane of as many pixels as the image has, for each class
            t = t.repeat_interleave(math.prod(self.shape[1:]), 1)
        return torch.cat((x, t), 1)

    def part(self, name, i):
        return name if len(self.codes) == 1 else f"{name}, part {i}"

    def prior(self):
        drawn = []
        for i, (kind, size) in enumerate(self.codes.items()):
            name = self.part("z", i)
            if kind == "one-hot":
                u = self.noise(name, 1, law="uniform")
                drawn.append(one_hot((u * size).floor().long()[:, 0], size).double())
            elif kind in ("uniform", "unit"):
                u = self.noise(name, size, law="uniform")
                drawn.append(u if kind == "unit" else 2 * u - 1)
            elif kind == "bernoulli":  # fair coins
                drawn.append((self.noise(name, size, law="uniform") < 0.5).double())
            else:
                drawn.append(self.noise(name, size))
        return torch.cat(drawn, 1)

    # what theta makes

    def seen(self, decoder, features):
        return features.sigmoid() if getattr(decoder.observation, "squash", False) else features

    def decode(self, z, name):
        decoder, observation = self.model.decoder, self.model.decoder.observation
        z = self.conditional("decoder", z)
        if decoder.noise:
            z = torch.cat((z, self.noise(name, decoder.noise)), 1)
        mean = self.seen(decoder, net(decoder.trunk, z))
        if isinstance(observation, BernoulliPixels):
            return (self.noise(name, *self.shape, law="uniform").flatten(1) < mean.sigmoid()).double()
        if isinstance(observation, PointPixels) or decoder.noiseless:
            return mean
        return mean + observation.log_scale.exp() * self.noise(name, *self.shape).flatten(1)

    def miss(self, name, given, value, labels=None):
        """-log p(value | given)."""
        decoder, given = self.model.networks[name], self.conditional(name, given, labels)
        mean = self.seen(decoder, net(decoder.trunk, given))
        if isinstance(decoder.observation, BernoulliPixels):
            return coins(value, mean)
        log_s = decoder.observation.log_scale
        if isinstance(decoder.observation, LaplacePixels):
            return ((value - mean).abs() / log_s.exp() + log_s + math.log(2)).sum(1)
        return normal(value, mean, log_s)

    # what eta makes

    def pieces(self, x, labels=None):
        features = net(self.model.encoder.trunk, self.conditional("encoder", x, labels))
        sizes = [n * (2 if kind in ("gaussian", "uniform") else 1) for kind, n in self.codes.items()]
        return list(zip(self.codes, features.split(sizes, 1), strict=True))

    def encode(self, x, name):
        encoder = self.model.encoder
        if self.domains:
            return self.seen(encoder, net(encoder.trunk, self.conditional("encoder", x)))
        if "implicit" in self.codes:
            h = net(encoder.trunk, self.conditional("encoder", x))
            return net(encoder.head, torch.cat((h, self.noise(name, encoder.noise)), 1))
        drawn = []
        for i, (kind, f) in enumerate(self.pieces(x)):
            if kind in ("gaussian", "uniform"):
                mean, log_var = f.tensor_split(2, 1)
                f = mean + log_var.exp().sqrt() * self.noise(self.part(name, i), mean.shape[1])
            elif kind == "bernoulli":
                f = (self.noise(self.part(name, i), f.shape[1], law="uniform") < f.sigmoid()).double()
            if kind == "codebook":  # the value of the entries, the gradient of what the encoder says
                z, _ = self.nearest(f)
                f = f + (z - f).detach()
            drawn.append(f.sigmoid() if kind == "unit" else f)
        return torch.cat(drawn, 1)

    def nearest(self, e):
        """Row by row and part by part, the entry with the least squared distance, and its number."""
        book = self.model.encoder.codebook
        z, numbers = [], []
        for row in e:
            for part in row.split(book.entries.shape[1]):
                far = [((part - entry) ** 2).sum().item() for entry in book.entries]
                numbers.append(far.index(min(far)))
                z.append(book.entries[numbers[-1]])
        return torch.cat(z).reshape(e.shape), torch.tensor(numbers).reshape(len(e), -1)

    def learned_prior(self):
        """-log p(z) of what was inferred, on average: of a Gaussian, or of numbers one after the other."""
        density = self.model.networks["density_code"]
        if "codebook" not in self.codes:
            return self.gaussian(density, self.z_from_x.detach())
        ((_, e),) = self.pieces(self.x)
        total = 0.0
        for row in self.nearest(e)[1].tolist():
            if len(row) == 1:
                total = total + density.head.bias.exp().sum().log() - density.head.bias[row[0]]
                continue
            h = torch.zeros(density.state.in_features).double()
            for i, number in enumerate(row):
                if i:
                    seen = one_hot(torch.tensor(row[i - 1]), density.levels).double()
                    a = (density.read.weight @ seen + density.read.bias).split(len(h))
                    b = (density.state.weight @ h + density.state.bias).split(len(h))
                    reset, keep = D(a[0] + b[0]), D(a[1] + b[1])
                    h = keep * h + (1 - keep) * (a[2] + reset * b[2]).tanh()
                logits = density.head.weight @ h + density.head.bias
                total = total + logits.exp().sum().log() - logits[number]
        return total / self.n

    def gaussian(self, density, x):
        m, log_diagonal, below = density.parameters()
        white = torch.linalg.inv(below.tril(-1) + log_diagonal.exp().diag()) @ (x - m).T
        return 0.5 * (white**2).sum() / self.n + log_diagonal.sum() + x.shape[1] / 2 * math.log(2 * math.pi)

    def surprise(self, x, z):
        """-log q(z|x)."""
        if self.domains:
            return self.miss("encoder", x, z)
        total, at = 0.0, 0
        for kind, f in self.pieces(x):
            value = z[:, at : at + self.codes[kind]]
            at += self.codes[kind]
            if kind == "one-hot":
                total = total - (value * (f - f.logsumexp(1, keepdim=True))).sum(1)
            elif kind == "bernoulli":
                total = total + coins(value, f)
            else:
                mean, log_var = f.tensor_split(2, 1)
                total = total + normal(value, mean, log_var / 2)
        return total

    x_from_z = property(lambda self: self.decode(self.z, "x from z"))
    z_from_x = property(lambda self: self.encode(self.x, "z from x"))
    x_back = property(lambda self: self.decode(self.z_from_x, "x again"))
    z_back = property(lambda self: self.encode(self.x_from_z, "z again"))

    def features(self, x):
        return net(self.model.features.trunk, x)

    def sides(self, space):
        """Target and made."""
        match space:
            case "x":
                return (self.x,), (self.x_from_z,)
            case "z":
                return (self.z,), (self.z_from_x,)
            case "xz":
                return (self.x, self.z_from_x), (self.x_from_z, self.z)
            case "z|x":
                return (self.x, self.z), (self.x, self.z_from_x)
            case "x|z":
                return (self.x, self.z), (self.x_from_z, self.z)
            case "x again":
                return (self.x,), (self.x_back,)
            case "z again":
                return (self.z,), (self.z_back,)
            case "noisy x" | "noisy z":
                both = {"x": self.x, "x_from_z": self.x_from_z} if "x" in space else {}
                both = both or {"z": self.z, "z_from_x": self.z_from_x}
                t = 1e-3 + 0.998 * self.noise("time", 1, law="uniform")
                a, s, _, _ = PATHS_BY_HAND["cosine"](t)
                shape = self.shape if "x" in space else self.z.shape[1:]
                noisy = [a * v + s * self.noise(f"noise on {name}", *shape).flatten(1) for name, v in both.items()]
                return (noisy[0], t), (noisy[1], t)
            case "features":
                return (self.features(self.x),), (self.features(self.other),)

    def discriminator(self, space):
        return self.model.networks[
            "discriminator_" + space.removesuffix(" again").replace("|", "_given_").replace(" ", "_")
        ].trunk

    def logits(self, term, side):
        """t(x) of one side of a term; the label stands behind the first of a pair."""
        space, x = getattr(term, "space", "x"), torch.cat(side, 1)
        if term.given:
            name = f"discriminator_{space.replace('|', '_given_')}_given_label"
            x = torch.cat((self.conditional(name, side[0]), *side[1:]), 1)
            return net(self.model.networks[name].trunk, x, 0.2)
        return net(self.discriminator(space), x, 0.2)

    # noise that is told

    def told(self, denoiser, x, t, labels=None):
        """What a denoiser says, written out: labels in one-hot coding (none for -1), sines, cosines, two layers."""
        if isinstance(denoiser, Conditional):
            x = torch.cat((x, torch.tensor([[float(c == y) for c in range(denoiser.classes)] for y in labels])), 1)
        turns = [math.pi / 2 * 2**k * t for k in range(8)]
        x = torch.cat((x, *[turn.sin() for turn in turns], *[turn.cos() for turn in turns]), 1)
        _, a, _, b = denoiser.trunk
        h = x @ a.weight.T + a.bias
        return (h / (1 + (-h).exp())) @ b.weight.T + b.bias

    def under_noise(self, path, x, name):
        """α, σ, α', σ', noise and noisy x at random times, [n, 1] and [n, D]."""
        shape = self.shape if x.shape == self.x.shape else x.shape[1:]
        e = self.noise(f"noise on {name}", *shape).flatten(1)
        t = 1e-3 + 0.998 * self.noise(f"time of {name}", law="uniform")[:, None]
        a, s, da, ds = PATHS_BY_HAND[path](t)
        return t, a, s, da, ds, e, a * x + s * e

    def denoised(self, predicts, said, a, s, da, ds, z):
        match predicts:
            case "x":
                return said
            case "noise":
                return (z - s * said) / a
            case "score":
                return (z + s * s * said) / a
            case "velocity":
                return (said - ds * z / s) / (da - ds * a / s)

    def denoising(self, tool, denoiser, x, name, labels=None):
        """The mean weighted squared error."""
        t, a, s, da, ds, e, z = self.under_noise(tool.path, x, name)
        back = self.denoised(tool.predicts, self.told(denoiser, z, t, labels), a, s, da, ds, z)
        noise = (z - a * back) / s
        match tool.weight:
            case "noise":
                gaps = e - noise
            case "velocity":
                gaps = da * x + ds * e - da * back - ds * noise
            case "x":
                gaps = x - back
            case "bound":
                gaps = (-(a * da / s**2 - a**2 * ds / s**3)).sqrt() * (x - back)
        return (gaps**2).sum() / self.n

    def distilled(self, tool, pair, x):
        """Half the squared difference of the scores times g², with the gradient of its own."""
        t, a, s, da, ds, _, z = self.under_noise(tool.path, x.detach(), "what is made")
        denoisers = (pair.of_data, pair.of_model)
        data, made = (self.denoised(tool.predicts, self.told(d, z, t).detach(), a, s, da, ds, z) for d in denoisers)
        scores = [(a * back - z) / s**2 for back in (data, made)]
        value = ((s * ds - s * s * da / a) * (scores[1] - scores[0]) ** 2).sum()
        slope = ((made - data) * x).sum()
        return (value + slope - slope.detach()) / self.n

    # bounds

    def free_energy(self, x, labels, k, name, first=0, rows=None):
        """F_k(x) of each example; row r of sample i of the noise belongs to example r - first."""
        ((_, f),) = self.pieces(x, labels)
        mean, log_var = f.tensor_split(2, 1)
        rows = rows or len(x)
        if k == 1:
            z = mean + log_var.exp().sqrt() * self.noise(name, mean.shape[1], n=rows)[first : first + len(x)]
            kl = 0.5 * (mean**2 + log_var.exp() - log_var - 1).sum(1)
            return kl + self.miss("decoder", z, x, labels)
        noise, total = self.noise(f"{name}, {k} samples", mean.shape[1], n=k * rows), 0.0
        for i in range(k):
            z = mean + log_var.exp().sqrt() * noise[i * rows + first : i * rows + first + len(x)]
            p = normal(z, torch.zeros_like(z), torch.zeros(1)) + self.miss("decoder", z, x, labels)
            total = total + (normal(z, mean, log_var / 2) - p).exp() / k
        return -total.log()

    def energy(self, term, x):
        """The negative bound of each example."""
        if not term.inferred:
            labels = self.labels if len(x) == self.n or self.labels is None else torch.cat((self.labels, self.labels))
            return self.free_energy(x, labels, term.k, "z from x")
        q, total = net(self.model.labeller.trunk, x).softmax(1), 0.0
        classes = q.shape[1]
        for c in range(classes):
            f = self.free_energy(x, [c] * len(x), term.k, "z from x, unlabelled", c * len(x), classes * len(x))
            total = total + q[:, c] * (f + q[:, c].log())
        return total - math.log(1 / classes)

    def bound(self, term):
        x = self.other if term.inferred else self.x
        if not term.activated:
            return self.energy(term, x).sum() / len(x)
        fake = self.x_from_z.detach()
        d = [self.logits(term, (side,)).sigmoid().detach()[:, 0] for side in (x, fake)]
        f = self.energy(term, torch.cat((x, fake))).tensor_split(2)
        return 0.5 * (d[0] * f[0]).mean() + 0.5 * (d[1] * f[1]).mean()

    def weighted(self, tool, t):
        """The mean loss of logits t; for k > 1, weighted by the odds within each group of k."""
        _, _, generator = link_by_hand(tool.link)
        if tool.k == 1:
            return generator(t).mean()
        k, d = self.n if tool.k == "batch" else tool.k, t[:, 0].sigmoid().detach()
        groups = [range(start, start + k) for start in range(0, self.n, k)]
        means = [
            sum(d[i] / (1 - d[i]) * generator(t[i, 0]) for i in g) / sum(d[i] / (1 - d[i]) for i in g) for g in groups
        ]
        return sum(means) / len(groups)

    # losses

    def loss(self, term):
        match term:
            case Reconstruct(variable, within="discriminator"):
                _, a, _, _ = self.discriminator(variable)
                there, back = (self.x, self.x_back) if variable == "x" else (self.z, self.z_back)
                h = [leaky_relu(v @ a.weight.T + a.bias, 0.2) for v in (there, back)]
                return 0.5 * ((h[0] - h[1]) ** 2).sum() / self.n
            case Reconstruct("x"):
                return self.miss("decoder", self.z_from_x, self.x).mean()
            case Reconstruct("z"):
                return self.surprise(self.x_from_z, self.z).mean()
            case Match("z", KL()):
                ((_, f),) = self.pieces(self.x)
                mean, log_var = f.tensor_split(2, 1)
                return 0.5 * (mean**2 + log_var.exp() - log_var - 1).sum() / self.n
            case Match("x" | "z" as v, Denoise() as tool):
                denoiser, labels = self.model.networks[f"denoiser_{v}"], self.labels
                if term.given:
                    kept_back = self.noise("labels kept back", law="uniform") < tool.drop
                    labels = [-1 if out else int(y) for out, y in zip(kept_back, labels, strict=True)]
                return self.denoising(tool, denoiser, self.x if v == "x" else self.z, v, labels)
            case Match("x" | "z" as v, Distill() as tool):
                return self.distilled(tool, self.model.networks[f"scores_{v}"], self.sides(v)[1][0])
            case Match("x", Likelihood()):
                return self.gaussian(self.model.density, self.x)
            case Match("code", Likelihood()):
                return self.learned_prior()
            case Match("code", Denoise() as tool):
                labels = self.labels
                if term.given:
                    kept_back = self.noise("labels kept back", law="uniform") < tool.drop
                    labels = [-1 if out else int(y) for out, y in zip(kept_back, labels, strict=True)]
                denoiser = self.model.networks["denoiser_code"]
                return self.denoising(tool, denoiser, self.z_from_x.detach(), "code", labels)
            case Quantise(commitment=pull):
                ((_, e),) = self.pieces(self.x)
                z, _ = self.nearest(e)
                return (((e.detach() - z) ** 2).sum() + pull * ((e - z.detach()) ** 2).sum()) / self.n
            case Bound():
                return self.bound(term)
            case Classify(seen="x"):
                named = net(self.model.labeller.trunk, self.x)
                return (named.exp().sum(1).log() - named[range(self.n), self.labels]).sum() / self.n
            case Classify():
                (_, layer), features = self.model.classifier.trunk, self.features(self.x)
                return (
                    -(features @ layer.weight.T + layer.bias).log_softmax(1)[range(self.n), self.labels].sum() / self.n
                )
            case Unpredictable():
                return -self.discriminator_loss(term, detach=False)
            case Match(space, Adversary() as tool):
                target, made = (self.logits(term, side) for side in self.sides(space))
                return self.weighted(tool, made) + (self.weighted(tool, -target) if space in TWO_SIDED else 0)
            case Match(space, MMD() as tool):
                return self.mmd(tool, *(torch.cat(side, 1) for side in self.sides(space)))
            case Match(space, Summaries(statistics)):
                a, b = (torch.cat(side, 1) for side in self.sides(space))
                means = a.sum(0) / self.n, b.sum(0) / self.n
                gap = ((means[0] - means[1]) ** 2).sum()
                if "variance" not in statistics:
                    return gap
                spread = [((s - m) ** 2).sum(0) / (self.n - 1) for s, m in zip((a, b), means, strict=True)]
                return gap + ((spread[0] - spread[1]) ** 2).sum()
            case _:
                raise AssertionError(f"write the loss of {term!r} by hand, in ByHand.loss in tests/laws/by_hand.py.")

    def mmd(self, tool, a, b):
        """Sums over pairs, the kernel written out."""
        far, width = [], 2 * a.shape[1] * torch.tensor(tool.scales, dtype=torch.float64)
        for s, t in ((a, a), (b, b), (a, b)):
            squares = ((s[:, None] - t[None]) ** 2).sum(-1)[..., None]
            k = (torch.exp(-0.5 * squares / width) if tool.kernel == "gaussian" else 1 / (1 + squares / width)).sum(-1)
            far.append(k.sum() - k.trace() if s is t else k.sum())
        n = self.n
        return (far[0] + far[1]) / (n * (n - 1)) - 2 * far[2] / n**2

    def discriminator_loss(self, term, detach=True):
        if isinstance(term, Unpredictable):
            (units,) = self.sides(term.variable)[1]
            units = units.detach() if detach else units
            total = 0.0
            for i in range(units.shape[1]):
                blank = units.clone()
                blank[:, i] = 0.0
                which = one_hot(torch.full((self.n,), i), units.shape[1])
                guess = net(self.model.networks[f"predictor_{term.variable}"].trunk, torch.cat((blank, which), 1))
                total = total + 0.5 * ((units[:, i] - guess[:, 0]) ** 2).mean()
            return total
        if isinstance(term, Bound):
            real, fake = (
                self.logits(term, (x.detach(),)) for x in (self.other if term.inferred else self.x, self.x_from_z)
            )
            return -real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean()
        if isinstance(term.tool, Distill):
            (target,), (made,) = self.sides(term.space)
            pair, tool = self.model.networks[f"scores_{term.space}"], term.tool
            by = Denoise(tool.predicts, tool.path, tool.predicts)
            of_data = self.denoising(by, pair.of_data, target, "data")
            return of_data + self.denoising(by, pair.of_model, made.detach(), "samples")
        real, fake, _ = link_by_hand(term.tool.link)
        sides = [tuple(part.detach() for part in side) for side in self.sides(term.space)]
        loss = real(self.logits(term, sides[0])).mean() + fake(self.logits(term, sides[1])).mean()
        if term.tool.penalty:
            trunk, (target, made) = self.discriminator(term.space), (torch.cat(side, 1) for side in sides)
            u = self.noise("segment", law="uniform")[:, None]
            _, a, _, b = trunk
            bends = torch.where((u * target + (1 - u) * made) @ a.weight.T + a.bias > 0, 1.0, 0.2)
            slopes = (bends * b.weight) @ a.weight  # the gradient of t, no double backward needed
            loss = loss + term.tool.penalty * ((slopes.norm(dim=1) - 1) ** 2).mean()
        return loss

"""``build`` makes a model: an objective, and networks that suit a data set."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from .. import networks as nets
from ..distributions.world import OtherDomain
from ..errors import unknown
from ..networks.codes import CODES, Encoder, ImplicitEncoder, Prior, features_of
from ..networks.trunks import check_image
from ..objective.algebra import Objective
from .checks import check
from .model import Model
from .spec import observation as suitable

__all__ = ["build"]


def build(
    objective: Objective,
    data,
    *,
    latent: int | None = None,
    hidden: Sequence[int] = (128, 128),
    architecture: str = "mlp",
    width: int = 32,
    depth: int = 2,
    observation: str | None = None,
    scale: float | None = None,
    noiseless: bool | None = None,
    noise: int = 0,
    activation: str = "relu",
    codes: str | dict[str, int] | None = None,
    classes: int | None = None,
    density: str | None = None,
    other: Sequence[int] | None = None,
) -> Model:
    """A model: ``objective`` and suitable networks for ``data``.

    data:          a ``Data`` (or the shape of one example). With ``Domains``, z is data of the second domain, unless
                   the objective compares features.
    latent:        dimensions of z, or of the features; by default 2 for points and 20 for images.
    hidden:        widths of the hidden layers (mlp); ``width`` the first number of channels (conv), ``depth`` how often
                   they double while the side halves.
    observation:   p(x|z): "bernoulli", "continuous bernoulli", "gaussian", "laplace" (``scale`` fixes its σ or b) or
                   "point" (an implicit model). By default a point if x is only compared by samples, else Gaussian for
                   points in the plane and, for images, Bernoulli if they are binary, continuous Bernoulli if not.
    noiseless:     samples of x are the mean of p(x|z); by default where x is reconstructed and compared by samples.
    noise:         so many noise inputs of the generator beside z, for the observation "point".
    codes:         a name of ``CODES``, or a dict of names and dimensions such as {"one-hot": 10, "uniform": 2}.
    classes:       how many classes there are for a classifier or for networks that are told the label, or characters
                   in a text; by default those of the data.
    density:       p(x) without a code: "gaussian", "pixelcnn", "pixelrnn" or "rnn"; by default "rnn" for text.
    other:         shape of the second domain; by default that of the data.
    Raises ValueError for unknown names, sizes that are not positive, and data that do not suit the observation.
    """
    shape = tuple(getattr(data, "shape", data))
    image = len(shape) == 3
    coded = {"encoder", "decoder"} & set(objective.networks)  # is there a z at all?
    if other is None and coded and "other" not in objective.reads and getattr(data, "other", None) is not None:
        other = data.other.shape[1:]
    latent = (20 if image else 2) if latent is None else latent
    if codes is None:
        codes = "unit" if "predictor_z" in objective.networks else "gaussian"
    parts = dict(codes) if isinstance(codes, dict) else {codes: latent}
    for kind in parts:
        if kind not in CODES:
            raise unknown("kind of code", kind, CODES)
    if not parts or ("implicit" in parts and len(parts) > 1):
        raise ValueError(f"codes need one part or more, and 'implicit' stands alone, got {codes}.")
    sizes = (latent, width, depth, *shape, *parts.values(), *([hidden] if isinstance(hidden, (int, float)) else hidden))
    if isinstance(hidden, int) or not all(isinstance(s, int) and s > 0 for s in sizes):
        raise ValueError(
            f"sizes must be positive integers, hidden a list of them; got latent={latent}, codes={codes}, "
            f"hidden={hidden}, width={width} and examples of shape {shape}."
        )
    if scale is not None and not 0 < scale < float("inf"):
        raise ValueError(f"scale must be a positive number, got {scale}.")
    if architecture not in ("mlp", "conv"):
        raise unknown("architecture", architecture, ("mlp", "conv"))
    if architecture == "conv" and not (image or len(other or ()) == 3):
        check_image(shape, width, depth)
    latent = sum(parts.values())
    classes = (len(getattr(data, "alphabet", "")) or getattr(data, "classes", 0)) if classes is None else classes
    if "labels" in objective.reads and not classes:
        raise ValueError(f"{objective!r} learns from labels; give data with labels y.")
    both = [getattr(data, "x", None), *([getattr(data, "other", None)] if other is not None else [])]
    default, mean = suitable(objective, image and (other is None or len(other) == 3), both)
    observation = default if observation is None else observation
    if observation not in nets.OBSERVATIONS:
        raise unknown("observation", observation, nets.OBSERVATIONS)
    if not isinstance(noise, int) or noise < 0 or (noise and (observation != "point" or other is not None)):
        what = "z from a second domain" if other is not None else f"observation={observation!r}"
        raise ValueError(f"noise counts inputs beside a code, for observation='point'; got {noise!r} with {what}.")
    noiseless = mean and observation != "point" if noiseless is None else noiseless
    density = ("rnn" if getattr(data, "alphabet", "") else "gaussian") if density is None else density

    def down(inputs: Sequence[int], out: int, activation: str) -> nn.Module:
        if architecture == "conv" and len(inputs) == 3:
            return nets.conv_down(inputs, width, out, activation, depth)
        return nets.mlp(inputs, hidden, out, activation)

    def generator(inputs: Sequence[int], outputs: Sequence[int]) -> nn.Module:
        size, images = torch.Size(outputs).numel(), len(outputs) == 3
        if architecture == "conv" and images and len(inputs) == 3 and tuple(inputs[1:]) == tuple(outputs[1:]):
            trunk = nets.conv_same(inputs, width, outputs[0], activation)
        elif architecture == "conv" and images and len(inputs) == 1:
            trunk = nets.conv_up(inputs[0], width, outputs, activation, depth)
        else:
            trunk = nets.mlp(inputs, hidden, size, activation)
        squash = {"squash": images and (noiseless or observation == "point")}
        options = {"gaussian": {"scale": scale} | squash, "laplace": {"scale": scale} | squash, "point": squash}
        return nets.Decoder(
            trunk, nets.OBSERVATIONS[observation](**options.get(observation, {})), outputs, noiseless, noise
        )

    code = (latent,) if other is None else tuple(other)

    def encoder(shape: tuple[int, ...]) -> nn.Module:
        if other is not None:
            return generator(shape, code)
        if "implicit" in parts:
            head = nets.mlp((hidden[-1] + latent,), hidden[-1:], latent, activation)
            return ImplicitEncoder(down(shape, hidden[-1], activation), head, latent, latent)
        return Encoder(down(shape, sum(features_of(parts)), activation), parts)

    def judge(space: str, shape: tuple[int, ...], code: tuple[int, ...]) -> nn.Module:
        if len(space) == 1 or space == "features":
            return nets.Discriminator(down({"x": shape}.get(space, code), 1, "leaky relu"))
        conv = architecture == "conv" and len(shape) == 3
        body = down(shape, hidden[-1], "leaky relu") if conv else nets.Flatten(len(shape))
        seen = hidden[-1] if conv else torch.Size(shape).numel()
        return nets.Discriminator(nets.mlp((seen + torch.Size(code).numel(),), hidden, 1, "leaky relu"), body)

    def make(name: str) -> nn.Module:
        if name == "density":
            return _density(density, shape, width, hidden, classes)
        if name in objective.conditional:  # all of these read x, but for the decoder and a judge of codes
            reads = code if name == "decoder" or name.startswith("discriminator_z_given_label") else shape
            planes = architecture == "conv" and len(reads) == 3
            wide = nets.widened(reads, classes, planes)
            inside = (shape, wide) if reads is code else (wide, code)
            return nets.Conditional(network(name.removesuffix("_given_label"), *inside), classes, planes)
        return network(name, shape, code)

    def network(name: str, shape: tuple[int, ...], code: tuple[int, ...]) -> nn.Module:
        if name == "encoder":
            return encoder(shape)
        if name == "labeller":
            return nets.Classifier(down(shape, classes, activation))
        if name == "features":
            return nets.Features(down(shape, latent, activation))
        if name == "classifier":
            return nets.Classifier(nets.mlp((latent,), (), classes))
        if name == "decoder":
            return generator((code[0] + noise,) if len(code) == 1 else code, shape)
        kind, _, space = name.partition("_")
        if kind == "predictor":
            units = torch.Size(shape if space == "x" else code).numel()
            return nets.Predictor(nets.mlp((2 * units,), hidden, 1, activation), units)
        return judge(space, shape, code)

    config = dict(
        shape=list(shape),
        latent=latent,
        hidden=list(hidden),
        architecture=architecture,
        width=width,
        depth=depth,
        observation=observation,
        scale=scale,
        noiseless=noiseless,
        noise=noise,
        activation=activation,
        codes=codes,
        density=density,
        classes=classes if "labels" in objective.reads or "density" in objective.networks else None,
        other=None if other is None else list(other),
    )
    prior = Prior(parts) if other is None else OtherDomain(other)
    model = Model(objective, {n: make(n) for n in objective.networks}, prior, config)
    if hasattr(data, "x"):
        check(model, data)
    return model


def _density(kind: str, shape: tuple[int, ...], width: int, hidden: Sequence[int], classes: int) -> nn.Module:
    if kind == "gaussian":
        return nets.GaussianDensity(shape)
    from ..networks import autoregressive

    if kind == "pixelcnn":
        return autoregressive.PixelCNN(shape, width)
    if kind == "pixelrnn":
        return autoregressive.PixelRNN(shape, width)
    if kind == "rnn":
        return autoregressive.CharRNN(shape[0], classes, hidden[0])
    raise unknown("density", kind, ("gaussian", "pixelcnn", "pixelrnn", "rnn"))

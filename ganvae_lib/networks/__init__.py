"""Networks that return distributions; each can carry a seeds axis."""

from .autoregressive import CharRNN, GatedLayer, MaskedConv2d, PixelCNN, PixelRNN, above, before, gru, ngram
from .chain import Autoregressive, ChainRule
from .codes import CODES, Encoder, ImplicitEncoder, Kind, Prior, StandardNormal, features_of
from .heads import Classifier, Conditional, Decoder, Discriminator, Features, Predictor, widened
from .layers import STACKABLE, Conv2d, ConvTranspose2d, GroupNorm, Linear, initialise, stack, unstack
from .observations import (
    OBSERVATIONS,
    BernoulliPixels,
    ContinuousBernoulliPixels,
    Gaussian,
    GaussianDensity,
    LaplacePixels,
    PointPixels,
)
from .trunks import Flatten, Unflatten, check_image, conv_down, conv_same, conv_up, mlp

__all__ = [
    "Autoregressive",
    "BernoulliPixels",
    "CODES",
    "ChainRule",
    "CharRNN",
    "Classifier",
    "ContinuousBernoulliPixels",
    "Conv2d",
    "ConvTranspose2d",
    "Decoder",
    "Discriminator",
    "Encoder",
    "Features",
    "Flatten",
    "GatedLayer",
    "Gaussian",
    "GaussianDensity",
    "GroupNorm",
    "ImplicitEncoder",
    "Kind",
    "LaplacePixels",
    "Linear",
    "MaskedConv2d",
    "OBSERVATIONS",
    "PixelCNN",
    "PixelRNN",
    "PointPixels",
    "Predictor",
    "Prior",
    "STACKABLE",
    "StandardNormal",
    "Conditional",
    "Unflatten",
    "above",
    "before",
    "check_image",
    "conv_down",
    "conv_same",
    "conv_up",
    "features_of",
    "gru",
    "initialise",
    "mlp",
    "ngram",
    "stack",
    "unstack",
    "widened",
]

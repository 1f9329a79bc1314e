"""Rendered characters whose factors are known: class, rotation, scale, slant, weight and font.

The outlines come from the fonts that matplotlib ships, so nothing is downloaded. Each outline becomes a field of signed
distances once; an image is then one affine warp of the field, and a wider stroke is a higher threshold on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import check_int, check_real, described
from .dataset import Data

__all__ = ["DIGITS", "FACTORS", "FONTS", "RANGES", "glyphs"]

DIGITS = "0123456789"
FONTS = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral", "cmr10", "cmss10")
FACTORS = ("class", "rotation", "scale", "slant", "weight", "font")

#: Ranges over which the continuous factors vary unless told otherwise, and their values at rest.
RANGES = {"rotation": (-30.0, 30.0), "scale": (0.75, 1.15), "slant": (-0.3, 0.3), "weight": (0.0, 1.6)}
_NEUTRAL_VALUES = {"class": 0, "rotation": 0.0, "scale": 1.0, "slant": 0.0, "weight": 0.0, "font": 0}

_CAPITAL_HEIGHT = 0.5  # of a capital letter at scale 1, as a share of the side
_FIELD_SIDE = 64  # points along a side of a distance field
_MARGIN = 0.3  # room around the outline in a distance field, in heights of a capital
_WEIGHT_SIDE = 28  # the factor weight counts pixels of images of this side


def glyphs(
    n: int, seed: int = 0, characters: str = DIGITS, *, side: int = 28, vary: Sequence[str] = FACTORS, **given: Any
) -> Data:
    """n images [n, 1, side, side] in [0, 1] of characters, white on black, with labels and ``factors`` [n] each.

    Factors: "class" (index into ``characters``; also the label y), "rotation" (degrees, counter-clockwise), "scale"
    (1: a capital is half as high as the image, less if the characters are wide), "slant" (shear: the top moves to the
    right by slant times the height), "weight" (by how much strokes are wider than the font's, in pixels of a 28 x 28
    image at scale 1), "font" (index into ``FONTS``). Those in ``vary`` are independent and uniform, over ``RANGES`` if
    continuous; the others rest (first character and font, upright, scale 1, weight 0). A keyword sets a factor
    otherwise: one value, a pair (low, high), for class and font a list to choose from, or a tensor with a value for
    each image. Write ``class_`` for class.

    Each example takes six uniform draws of its own, used or not: one seed gives the same first examples for any n, and
    calls that differ in a keyword give images that agree in every other factor.

    Raises ValueError for a bad argument, a character that a font lacks, and factors that put ink outside the image.

    >>> glyphs(500, characters="abc")
    Data('glyphs': 500 images of shape (1, 28, 28) in [0, 1], 3 classes, 6 factors)
    >>> turned = glyphs(4, vary=("class",), rotation=torch.tensor([0.0, 5.0, 10.0, 15.0]))
    >>> turned.factors["rotation"]
    tensor([ 0.,  5., 10., 15.])
    """
    n, seed, side = check_int("n", n), check_int("seed", seed, 0), check_int("side", side, 8)
    _check_characters(characters)
    given = {name.removesuffix("_"): value for name, value in given.items()}
    if not isinstance(vary, (str, list, tuple)):
        raise ValueError(f"vary must be names of factors, {', '.join(FACTORS)}, not {described(vary)}.")
    vary = [vary] if isinstance(vary, str) else vary
    for name in (*vary, *given):
        if name not in FACTORS:
            raise ValueError(f"no factor {name!r}; there are {', '.join(FACTORS)}.")
    draws = torch.rand(n, len(FACTORS), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    full_ranges = {**RANGES, "class": range(len(characters)), "font": range(len(FONTS))}
    factor_values = {}
    for name, uniform_draws in zip(FACTORS, draws.unbind(1), strict=True):
        default_spec = full_ranges[name] if name in vary else _NEUTRAL_VALUES[name]
        factor_values[name] = _factor_values(name, given.get(name, default_spec), uniform_draws, len(full_ranges[name]))
    images = _render(factor_values, characters, side)
    note = f"rendered {characters!r} in fonts of matplotlib, seed {seed}"
    factors = {name: value if name in ("class", "font") else value.float() for name, value in factor_values.items()}
    return Data(images, factors["class"], "glyphs", None, note, factors)


def _check_characters(characters: str) -> None:
    if not isinstance(characters, str) or not characters:
        raise ValueError(f"characters must be a string of at least one character, not {described(characters)}.")
    if len(set(characters)) < len(characters):
        raise ValueError(f"characters holds one twice: {characters!r}; each is a class of its own.")


def _factor_values(name: str, spec: Any, uniform_draws: Tensor, n_classes: int) -> Tensor:
    """A factor of every image from its specification and uniform numbers u: float64, or int64 for class and font."""
    is_discrete = name in ("class", "font")
    if isinstance(spec, Tensor):
        if (
            spec.shape != uniform_draws.shape
            or (is_discrete and spec.is_floating_point())
            or not torch.isfinite(spec).all()
        ):
            kind = "integer" if is_discrete else "finite number"
            raise ValueError(f"{name}: a tensor must hold one {kind} for each of the {len(uniform_draws)} images.")
        values = spec.to("cpu", torch.int64 if is_discrete else torch.float64)
    elif is_discrete:
        try:
            choices = torch.tensor([check_int(name, index, 0, 2**31) for index in _as_list(spec)])
            values = choices[(uniform_draws * len(choices)).long()]
        except (ValueError, IndexError):  # an entry is no index, or there is none
            message = f"{name} must be an index, or a list of indices to choose from, not {described(spec)}."
            raise ValueError(message) from None
    else:
        bounds = _as_list(spec)
        try:
            low, high = (float(check_real(name, end)) for end in (bounds * 2 if len(bounds) == 1 else bounds))
        except ValueError:
            low, high = 1.0, 0.0
        if not low <= high:
            raise ValueError(f"{name} must be a number or a pair (low, high), not {described(spec)}.")
        values = low + (high - low) * uniform_draws
    if is_discrete and not 0 <= values.min() <= values.max() < n_classes:
        raise ValueError(f"{name} must lie between 0 and {n_classes - 1}, got {values.min()} to {values.max()}.")
    if name == "scale" and values.min() <= 0:
        raise ValueError(f"scale must be positive, got {values.min():g}.")
    return values


def _as_list(spec: Any) -> list[Any]:
    """One value, or several, as a list."""
    is_list = hasattr(spec, "__iter__") and getattr(spec, "ndim", 1) > 0
    return list(spec) if is_list else [spec]


@cache
def _outline(character: str, font: str) -> np.ndarray | None:
    """Straight pieces [n, 2 ends, 2] of an outline, centred, in heights of a capital; None if the font lacks it."""
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font
    from matplotlib.path import Path as Curve

    def load_font(name: str) -> FT2Font:
        return FT2Font(str(Path(get_data_path(), "fonts", "ttf", f"{name}.ttf")))

    def glyph_name(name: str) -> Any:
        index = load_font(name).get_char_index(ord(character))  # 0 if the font lacks the character
        return load_font(name).get_glyph_name(index) if index else None

    def closed_curves(letter: str) -> list[np.ndarray]:
        sized_face = load_font(font)
        sized_face.set_size(1000, 72)  # so large that hinting moves nothing
        sized_face.load_char(ord(letter))
        points, codes = sized_face.get_path()
        if not len(points):
            return []
        polygons = (np.asarray(polygon) for polygon in Curve(points / 10, codes).to_polygons())
        return [polygon for polygon in polygons if len(polygon) > 2]

    # Computer Modern keeps other characters at some places: there the name of the glyph decides.
    misplaced = font.startswith("cm") and glyph_name(font) != glyph_name("DejaVuSans")
    if not glyph_name(font) or misplaced or not closed_curves(character):
        return None
    segments = np.concatenate([np.stack([curve, np.roll(curve, -1, 0)], 1) for curve in closed_curves(character)])
    segments = segments[(segments[:, 0] != segments[:, 1]).any(1)]  # those of no length are left out
    middle = (segments.min((0, 1)) + segments.max((0, 1))) / 2
    capital_height = np.ptp(np.concatenate(closed_curves("H"))[:, 1])
    return (segments - middle) / capital_height


@cache
def _distance_field(character: str, font: str) -> Tensor:
    """Signed distances to the outline, positive outside, [_FIELD_SIDE, _FIELD_SIDE]; y and x ascend."""
    segments = torch.from_numpy(_outline(character, font)).float()
    coordinates = torch.linspace(-1, 1, _FIELD_SIDE) * (segments.abs().max() + _MARGIN)
    starts, ends = segments.unbind(1)
    (start_x, start_y), (end_x, end_y) = starts.T, ends.T
    along_x, along_y = end_x - start_x, end_y - start_y
    # From the start of each of n pieces to each point: [1, C, n] and [C, 1, n].
    offset_x = coordinates[None, :, None] - start_x
    offset_y = coordinates[:, None, None] - start_y
    # The nearest point of a piece lies a fraction of its length from its start.
    nearest_fraction = ((offset_x * along_x + offset_y * along_y) / (along_x.square() + along_y.square())).clamp_(0, 1)
    distance = (
        ((offset_x - nearest_fraction * along_x).square_() + (offset_y - nearest_fraction * along_y).square_())
        .amin(-1)
        .sqrt()
    )
    # Inside, the outline winds around the point: count its crossings of the ray to the right, with their direction.
    direction = (offset_y >= 0).int() - (coordinates[:, None, None] >= end_y).int()  # 1 up, -1 down, 0 no crossing
    crosses_ray = direction * (along_x * offset_y - along_y * offset_x) > 0  # and not its continuation to the left
    winding_number = (direction * crosses_ray).sum(-1)
    return torch.where(winding_number != 0, -distance, distance)


def _transform_matrices(rotation: Tensor, scale: Tensor, slant: Tensor) -> Tensor:
    """scale · rotation · shear, [n, 2, 2]: from the plane of the outline to the image, y upwards."""
    angle = torch.deg2rad(rotation)
    cos, sin = angle.cos(), angle.sin()
    turned_shear = torch.stack([cos, cos * slant - sin, sin, sin * slant + cos], -1).reshape(-1, 2, 2)
    return scale[:, None, None] * turned_shear


def _outline_half_size(outline: np.ndarray) -> np.ndarray:
    """Half of the width and of the height of a centred outline."""
    return np.abs(outline).max((0, 1))


def _capital_height_for(characters: str) -> float:
    """Height of a capital at scale 1, as a share of the side: no glyph leaves the image for factors in RANGES."""
    outlines = [_outline(character, font) for character in characters for font in FONTS]
    half_sizes = [_outline_half_size(outline) for outline in outlines if outline is not None]
    if not half_sizes:
        return _CAPITAL_HEIGHT  # the caller says which character is missing
    # Every combination of the extremes of the factors: the worst case is one of them.
    extremes = torch.tensor([RANGES[factor] for factor in ("rotation", "scale", "slant")], dtype=torch.float64)
    transforms = _transform_matrices(*torch.cartesian_prod(*extremes).T).abs()
    max_weight = RANGES["weight"][1]
    half_pixel = 0.5 / _WEIGHT_SIDE  # stays free
    # From the centre to the edge of the image, less the half of an added stroke that lies outside the outline.
    free_space = 0.5 - half_pixel - transforms.sum(-1, keepdim=True) * max_weight / (2 * _WEIGHT_SIDE)
    # Of each glyph from its centre, at a unit of 1.
    glyph_extents = transforms @ torch.from_numpy(np.stack(half_sizes)).T
    return min(_CAPITAL_HEIGHT, float((free_space / glyph_extents).min()))


def _render(values: dict[str, Tensor], characters: str, side: int) -> Tensor:
    """Images [n, 1, side, side] of characters with these factors, [n] each."""
    # Each pair of character and font that occurs needs one outline; outline_of_image [n] says which an image takes.
    pairs, outline_of_image = torch.stack([values["class"], values["font"]], 1).unique(dim=0, return_inverse=True)
    character_fonts = [(characters[character], FONTS[font]) for character, font in pairs.tolist()]
    outlines = []
    for character, font in character_fonts:
        outline = _outline(character, font)
        if outline is None:
            raise ValueError(f"the font {font} has no ink for {character!r}; leave it out, or choose by font=[...].")
        outlines.append(outline)
    half_sizes = torch.from_numpy(np.stack([_outline_half_size(outline) for outline in outlines]))
    capital_height = _capital_height_for(characters)
    transforms = _transform_matrices(values["rotation"], values["scale"], values["slant"])
    stroke_growth = values["weight"] / (2 * _WEIGHT_SIDE) / capital_height  # by this the outline moves, in heights
    glyph_extents = capital_height * (
        transforms.abs() @ (half_sizes[outline_of_image] + stroke_growth[:, None])[..., None]
    ).squeeze(-1)
    leaves_image = (glyph_extents > 0.5 + 1e-9).any(1)  # by more than rounding
    if leaves_image.any():
        raise ValueError(
            f"{int(leaves_image.sum())} of {len(leaves_image)} characters would leave the image, first example "
            f"{int(leaves_image.nonzero()[0])}; lower scale, weight or slant."
        )
    # Where in its signed-distance field does each point of the image lie? Both have coordinates in [-1, 1].
    distance_field_radius = half_sizes.amax(1)[outline_of_image] + _MARGIN
    inverse_transforms = torch.linalg.inv(transforms) / (2 * capital_height * distance_field_radius)[:, None, None]
    flipped = inverse_transforms * torch.tensor([1.0, -1.0])  # in an image y points down
    # Affine maps [n, 2, 3], without a shift.
    image_to_distance_field = torch.cat([flipped, torch.zeros(len(inverse_transforms), 2, 1)], -1).float()
    # Four points in a pixel; a point is inked by how far it lies inside the edge, in steps of the points.
    ink_threshold = stroke_growth.float()
    ink_slope = (2 * side * capital_height * values["scale"]).float()
    distance_fields = torch.stack([_distance_field(character, font) for character, font in character_fonts])[:, None]
    images = []
    for image_rows in torch.arange(len(outline_of_image)).split(256):  # bounds the memory
        sample_points = F.affine_grid(
            image_to_distance_field[image_rows], [len(image_rows), 1, 2 * side, 2 * side], align_corners=False
        )
        distance = F.grid_sample(
            distance_fields[outline_of_image[image_rows]], sample_points, padding_mode="border", align_corners=True
        )
        ink = (
            (ink_threshold[image_rows, None, None, None] - distance) * ink_slope[image_rows, None, None, None] + 0.5
        ).clamp_(0, 1)
        images.append(F.avg_pool2d(ink, 2))
    return torch.cat(images)

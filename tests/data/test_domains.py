"""Two domains: they stand where data stand, and what is changed on the way is said."""

import pytest
import torch
from cases import three_classes

from ganvae_lib import Data, Domains, build, load, zoo


def test_domains_stand_where_data_stand():
    data = three_classes()
    assert (len(data), data.shape, data.classes, data.law) == (96, (2,), 3, None)
    assert data.x is data.source.x and data.y is data.source.y and data.other is data.target.x
    assert data.name == "source -> target" and data.note == "source: drawn; target: moved"
    assert data.digest == f"{data.source.digest} {data.target.digest}"
    assert repr(data).startswith("Domains(Data('source': 96 examples of shape (2,), 3 classes), Data('target': 80")


def test_domains_of_two_shapes_are_told_apart():
    square, points = Data(torch.zeros(4, 1, 8, 8), name="squares"), Data(torch.zeros(4, 2), name="points")
    with pytest.raises(ValueError, match=r"one shape, got \(1, 8, 8\) in squares and \(2,\) in points; resize"):
        Domains(square, points).one_shape()
    labelled = Data(square.x, torch.tensor([0, 1, 0, 1]), name="squares")
    with pytest.raises(ValueError, match="one shape"):
        build(zoo.ADA, Domains(labelled, points))


def test_map_changes_x_alone_and_says_so():
    digits = load("digits")
    inverted = digits.map(lambda x: 1 - x, "inverted digits")
    assert torch.equal(inverted.x, 1 - digits.x) and inverted.y is digits.y
    assert inverted.name == "inverted digits" and inverted.note.startswith("inverted digits, from digits; ")
    assert digits.map(lambda x: x, "same").digest == digits.digest != inverted.digest
    assert load("moons", fraction=0.01).map(lambda x: -x, "turned").law is None  # it is not drawn from the toy


def test_map_refuses_what_is_no_data():
    with pytest.raises(ValueError, match="NaN or infinity"):
        load("digits", fraction=0.1).map(lambda x: x / 0, "broken")

"""Data sets and toys join in from a user's file; data say what they are."""

import pytest
import torch

from ganvae_lib import Data, Domains, Mixture, data, load
from ganvae_lib.data.loading import DATA_SETS, TOYS, law_card, law_from


@pytest.fixture(autouse=True)
def registries(monkeypatch):
    """Each test has the library's own names, and leaves them."""
    before = dict(DATA_SETS), dict(TOYS)
    yield
    for registry, names in zip((DATA_SETS, TOYS), before, strict=True):
        registry.clear()
        registry.update(names)


def blots(split, seed):
    """Grey images, other ones for each split and seed."""
    generator = torch.Generator().manual_seed(2 * seed + (split == "test"))
    return Data(torch.rand(40, 1, 4, 4, generator=generator), torch.arange(40) % 4, "blots", note="drawn")


def test_a_data_set_of_ones_own_is_loaded_like_the_others():
    data.register("blots", blots)
    train, test = load("blots"), load("blots", "test", seed=3)
    assert torch.equal(train.x, blots("train", 0).x) and torch.equal(test.x, blots("test", 3).x)
    assert train.origin == "blots" and blots("train", 0).origin is None
    part = load("blots", fraction=0.5)
    assert part.y.bincount().tolist() == [5, 5, 5, 5] and part.origin == "blots"
    hard = load("blots", binarize="threshold")
    assert torch.equal(hard.x, (train.x > 0.5).float()) and hard.note == "drawn; binarised at 1/2"
    assert "blots" in data.NAMES
    with pytest.raises(ValueError, match="did you mean 'blots'"):
        load("blotts")


def test_a_function_that_makes_no_data_is_named():
    data.register("blots", lambda split, seed: torch.zeros(3, 2))
    with pytest.raises(TypeError, match="registered as 'blots' must return Data, not Tensor"):
        load("blots")


def test_a_toy_of_ones_own_is_loaded_and_remembers_what_made_it():
    @data.toy
    def pair(distance=2.0, weights=(0.5, 0.5)):
        """Two clouds."""
        return Mixture(weights, [[-distance / 2], [distance / 2]], 0.1)

    drawn = load("pair")
    assert (drawn.name, drawn.classes, len(drawn)) == ("pair", 2, 20_000)
    assert torch.equal(drawn.x, pair().sample(20_000, 0)) and pair.__doc__ == "Two clouds."
    card = law_card(Data(torch.zeros(1, 1), law=pair(3.0, weights=torch.tensor([0.25, 0.75]))))
    assert card == {"toy": "pair", "arguments": {"distance": 3.0, "weights": [0.25, 0.75]}}
    again = law_from(card)
    assert again.modes.tolist() == [[-1.5], [1.5]] and again.weights.tolist() == [0.25, 0.75]


def test_a_toy_of_things_that_json_cannot_hold_has_no_recipe():
    @data.toy
    def shifted(shift=abs):
        return Mixture([1.0], [[float(shift(-1.0))]], 0.1)

    assert shifted().recipe is None
    card = law_card(Data(torch.zeros(1, 1), law=shifted()))
    with pytest.raises(ValueError, match="a Mixture, was not saved"):
        law_from(card)
    assert law_card(load("shifted")) == {"data set": "shifted"}  # which makes it again
    assert law_from({"data set": "shifted"}).modes.tolist() == [[1.0]]


def test_the_law_of_a_registered_data_set_is_found_by_its_name():
    law = Mixture([1.0], [[0.0]], 1.0)
    data.register("cloud", lambda split, seed: Data(law.sample(50, seed), name="cloud", law=law))
    card = law_card(load("cloud"))
    assert card == {"data set": "cloud"} and law_from(card) is law
    del DATA_SETS["cloud"]
    with pytest.raises(ValueError, match="trained on 'cloud', and unknown data set 'cloud'.*Import the file"):
        law_from(card)


def test_data_without_a_law_have_no_card():
    assert law_card(load("digits")) is None
    assert law_card(load("ring")[:10]) == load("ring").law.recipe


def test_data_say_what_they_are():
    points, named = Data(torch.zeros(4, 2)), Data(torch.ones(3, 2), torch.tensor([0, 2, 1]), "ones")
    assert (points.y, points.other, points.alphabet, points.law, points.origin) == (None, None, "", None, None)
    assert (points.classes, named.classes, named.shape, len(named)) == (0, 3, (2,), 3)
    both = Domains(named, points)
    assert both.other is points.x and both.y is named.y and (both.alphabet, both.classes, len(both)) == ("", 3, 3)
    verse = load("text")
    assert len(verse.alphabet) == 59 and verse.other is None and verse.origin == "text"
    assert all(isinstance(each, data.Examples) for each in (points, both, verse))

"""Tables with units and lines of text: what goes in comes out again, and likelihoods are those of closed forms."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Normal

from ganvae_lib import Data, Noise, Run, Tabular, Text, build, fit, metrics, table, text, zoo
from ganvae_lib.networks import CharRNN

AGE = [20.0, 30.0, 40.0, 55.0, 61.0, 18.0]
CITY = ["Rome", "Oslo", "Rome", "Bonn", "Oslo", "Rome"]
INCOME = [1e4, 2.5e4, 9e3, 1.2e6, 4e4, 3e4]
PEOPLE = {"city": CITY, "age": AGE, "smokes": [True, False, False, True, False, True], "income": INCOME}


class Frame:
    """What every data frame has."""

    def __init__(self, columns):
        self.columns, self.given = list(columns), columns

    def __getitem__(self, name):
        return np.asarray(self.given[name])

    def to_numpy(self):
        return np.array([self.given[name] for name in self.columns], object).T


def quick(model, data, steps=2, **options):
    return fit(model, data, steps, **{"batch": 6, "device": "cpu", "progress": False, **options})


ROWS = [dict(zip(PEOPLE, row, strict=True)) for row in zip(*PEOPLE.values(), strict=True)]


@pytest.mark.parametrize("source", [PEOPLE, Frame(PEOPLE), ROWS], ids=["dict", "frame", "rows"])
def test_a_table_is_standardised_and_comes_back_in_its_units(source):
    people = table(source, [0, 1, 0, 1, 1, 0], name="people")
    assert repr(people) == (
        "Tabular('people': 6 rows of age, income, city (3 categories), smokes (2 categories), 2 classes)"
    )
    numbers = torch.tensor([AGE, INCOME], dtype=torch.float64).T
    standard = (numbers - numbers.mean(0)) / numbers.std(0, correction=0)
    assert torch.allclose(people.x[:, :2].double(), standard, atol=1e-6)
    assert people.x[:, 2:5].argmax(1).tolist() == [2, 1, 2, 0, 1, 2]  # Bonn, Oslo, Rome
    back = people.decode(people.x)
    assert np.allclose(back["age"], AGE) and np.allclose(back["income"], INCOME, rtol=1e-5)
    assert back["city"].tolist() == CITY and back["smokes"].tolist() == PEOPLE["smokes"]
    assert math.isclose(people.log_units, float(numbers.std(0, correction=0).log().sum()))
    assert isinstance(people[:3], Tabular) and people[:3].decode(people.x[:3])["age"].shape == (3,)


def test_a_test_set_has_the_units_and_categories_of_the_training_set():
    train = table(PEOPLE)
    test = table({name: column[1:3] for name, column in PEOPLE.items()}, like=train)
    assert torch.equal(test.x, train.x[1:3]) and test.columns == train.columns
    with pytest.raises(ValueError, match="'city' must be as in the other table, and holds 'Lyon'"):
        table(PEOPLE | {"city": ["Lyon"] * 6}, like=train)
    with pytest.raises(ValueError, match="'age' must be as in the other table, and holds 'old'"):
        table(PEOPLE | {"age": ["old"] * 6}, like=train)
    with pytest.raises(ValueError, match="must have the columns age, income, city, smokes; it has age"):
        table({"age": AGE}, like=train)


def test_units_are_kept_where_nobody_asks_to_standardise():
    plain = table(PEOPLE, standardise=False)
    assert plain.x[:, 0].tolist() == AGE and plain.log_units == 0
    numbered = table({"grade": [1, 2, 2, 3], "x": [0.1, 0.2, 0.3, 0.4]}, categorical=["grade"])
    assert numbered.parts == (("gaussian", 1), ("one-hot", 3))
    assert numbered.decode(numbered.x)["grade"].tolist() == [1, 2, 2, 3]
    assert table(np.array([AGE, INCOME]).T).columns[1].name == "1"


@pytest.mark.parametrize(
    "columns, message",
    [
        ({"age": [1.0, float("nan")]}, "'age' lacks a value, first in row 1"),
        ({"age": [1.0, None]}, "'age' lacks a value, first in row 1"),
        ({"city": ["Rome", None]}, "'city' lacks a value, first in row 1"),
        ({"age": [1.0, float("inf")]}, "'age' lacks a value, first in row 1"),
        ({"age": [1.0, 1.0]}, "'age' must be numbers or words, two or more"),
        ({"day": np.array(["2020-01-01", "2020-01-02"], "datetime64[D]")}, "'day' must be numbers or words"),
        ({"age": [1.0, 2.0], "city": ["Rome"]}, "all .N. with one length"),
        ({"age": [[1.0, 2.0]]}, "all .N. with one length"),
        ({}, "all .N. with one length"),
        ([{"age": 1.0}, {"city": "Rome"}], "lacks a value"),
        (5, "all .N. with one length"),
    ],
)
def test_a_column_that_does_not_do_is_named(columns, message):
    with pytest.raises(ValueError, match=message):
        table(columns)


def test_the_likelihood_of_a_row_is_the_closed_form():
    people = table(PEOPLE)
    model = build(zoo.VAE, people, hidden=(8,))
    assert model.spec.observation == (("gaussian", 2), ("one-hot", 3), ("one-hot", 2))
    gaussian = model.decoder.observation.parts[0]
    gaussian.log_scale.data = torch.tensor([0.3, -0.7])
    z = torch.randn(6, model.spec.latent)
    features = model.decoder.trunk(z)
    expected = Normal(features[:, :2], torch.tensor([0.3, -0.7]).exp()).log_prob(people.x[:, :2]).sum(1)
    expected = expected + Categorical(logits=features[:, 2:5]).log_prob(people.x[:, 2:5].argmax(1))
    expected = expected + Categorical(logits=features[:, 5:]).log_prob(people.x[:, 5:].argmax(1))
    torch.testing.assert_close(model.decoder(z).log_prob(people.x), expected)


def test_columns_in_their_units_have_the_density_of_their_units():
    numbers = {"age": AGE, "income": INCOME}
    standard, plain = table(numbers), table(numbers, standardise=False)
    std = torch.tensor([column.std for column in standard.columns]).float()
    mean = torch.tensor([column.mean for column in standard.columns]).float()
    log_p = Normal(0.0, 1.0).log_prob(standard.x).sum(1) - standard.log_units
    torch.testing.assert_close(log_p, Normal(mean, std).log_prob(plain.x).sum(1), rtol=1e-4, atol=1e-4)


def test_a_table_trains_samples_and_is_kept(tmp_path):
    people = table({name: column * 20 for name, column in PEOPLE.items()})
    run = quick(build(zoo.VAE, people, hidden=(16,)), people, 300, batch=60, seeds=2, lr=1e-2)
    samples = people.decode(run.sample(4000))
    assert samples["city"].shape == (2, 4000) and samples["age"].shape == (2, 4000)
    shares = [(samples["city"][0] == city).mean() for city in ("Bonn", "Oslo", "Rome")]
    assert np.allclose(shares, [1 / 6, 1 / 3, 1 / 2], atol=0.12)
    assert abs(float(samples["age"].mean()) - np.mean(AGE)) < 6
    assert run.model.decoder.observation.parts[0].log_scale.shape == (2, 2)  # a scale for each seed and column
    again = Run.load(run.save(tmp_path))
    assert torch.equal(again.sample(5), run.sample(5))
    assert again.model.spec.observation == (("gaussian", 2), ("one-hot", 3), ("one-hot", 2))
    bounds = run.evaluate(people, k=16)
    assert (bounds["IWAE-16 (nats)"] > bounds["ELBO (nats)"] - 0.05).all()
    alone = quick(build(zoo.VAE, people, hidden=(16,)), people, 20, seeds=[1], batch=60)
    pair = quick(build(zoo.VAE, people, hidden=(16,)), people, 20, seeds=[0, 1], batch=60)
    torch.testing.assert_close(alone.sample(5)[0], pair.sample(5)[1], rtol=1e-4, atol=1e-4)


def test_other_objectives_meet_a_table():
    people = table(PEOPLE)
    assert build(zoo.GAN, people).spec.observation == "point"
    quick(build(zoo.GAN, people, hidden=(8,)), people)
    with pytest.raises(ValueError, match="takes the categories of rows for numbers; use a VAE"):
        build(zoo.LIKELIHOOD, people)
    numbers = table({"age": AGE, "income": INCOME})
    quick(build(zoo.LIKELIHOOD, numbers), numbers)
    with pytest.raises(ValueError, match="a one-hot observation needs rows with a single 1"):
        build(zoo.VAE, Data(torch.rand(5, 3)), observation=[("gaussian", 1), ("one-hot", 2)])
    with pytest.raises(ValueError, match=r"decode needs rows \[..., 2\] of rows"):
        numbers.decode(torch.zeros(3, 5))


# ---------------------------------------------------------------- lines of text

LINES = ["the cat", "a dog", "", "one bird sings", "go"] * 8


def test_lines_come_back_without_their_padding():
    lines = Text.from_lines(LINES)
    assert lines.decode(lines.x) == LINES and lines.lengths.tolist() == [len(line) for line in LINES]
    assert repr(lines) == "Text('lines': 40 lines of up to 14 characters, alphabet of 15)"
    assert lines.alphabet[-1] == lines.padding == "\0" and lines.shape == (14,) and lines.kind == "text"
    assert isinstance(lines[:3], Text) and lines[:3].decode(lines[:3].x) == LINES[:3]
    other = Text.from_lines(["a cat", "the dog sings"], like=lines)
    assert (other.alphabet, other.shape) == (lines.alphabet, lines.shape)
    assert Text.from_lines(["ab"], alphabet="cab", length=4, padding="_").decode(torch.tensor([1, 2, 3, 3])) == "ab"


@pytest.mark.parametrize(
    "lines, options, message",
    [
        ("abc", {}, "list of strings, one an example; split a text by splitlines"),
        ([], {}, "list of strings"),
        ([1, 2], {}, "list of strings"),
        (["", ""], {}, "1 to length=0 characters|length must be"),
        (["abc"], {"length": 2}, "1 to length=2 characters, and the longest has 3"),
        (["abc"], {"alphabet": "ab"}, "lacks the character 'c'"),
        (["a_b"], {"padding": "_"}, "padding must be one character that is in no line"),
        (["ab"], {"padding": "--"}, "padding must be one character"),
    ],
)
def test_lines_that_do_not_do(lines, options, message):
    with pytest.raises(ValueError, match=message):
        Text.from_lines(lines, **options)
    with pytest.raises(ValueError, match="after the padding '_' a line must hold nothing else"):
        Text(torch.tensor([[1.0, 0.0]]), alphabet="a_", padding="_")


def test_padding_counts_once_so_that_lines_of_all_lengths_have_one_distribution():
    """All 1 + 2 + 4 + 8 lines of up to three letters add up to one, and a sample is one of them."""
    network = CharRNN(3, 3, width=8, ends=True)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(1))
    lines = ["".join(letters) for n in range(4) for letters in itertools.product("ab", repeat=n)]
    network.requires_grad_(False)
    data = Text.from_lines(lines, alphabet="ab", length=3, padding="_")
    p = network().log_prob(data.x).exp()
    assert abs(float(p.sum()) - 1) < 1e-5
    logits = network.logits(data.x).log_softmax(-1)
    by_hand = [
        sum(float(logits[i, t, int(data.x[i, t])]) for t in range(min(len(line) + 1, 3)))
        for i, line in enumerate(lines)
    ]
    torch.testing.assert_close(p.log(), torch.tensor(by_hand), rtol=1e-5, atol=1e-5)
    samples = data.decode(network.draw(20_000, Noise(0)))
    shares = torch.tensor([samples.count(line) for line in lines]) / len(samples)
    assert (shares - p).abs().max() < 4 * 0.5 / len(samples) ** 0.5
    with pytest.raises(ValueError, match="CharRNN knows 3 values"):
        network.check(torch.tensor([[2.0, 0.0, 2.0]]))


def test_how_far_lines_are_padded_changes_nothing():
    short, long = Text.from_lines(LINES), Text.from_lines(LINES, length=20)
    torch.manual_seed(0)
    network = build(zoo.LIKELIHOOD, short, hidden=(8,)).density
    wide = build(zoo.LIKELIHOOD, long, hidden=(8,)).density
    wide.load_state_dict(network.state_dict())
    longest = short.lengths == 14  # their end is certain where there is no room for another character
    torch.testing.assert_close(network().log_prob(short.x)[~longest], wide().log_prob(long.x)[~longest])
    assert (network().log_prob(short.x)[longest] > wide().log_prob(long.x)[longest]).all()


def test_lines_train_and_are_kept(tmp_path):
    lines = Text.from_lines(LINES)
    model = build(zoo.LIKELIHOOD, lines, hidden=(32,))
    assert model.spec.density == "lines"
    run = quick(model, lines, 150, batch=40, seeds=2, lr=2e-2)
    found = [line for seed in lines.decode(run.sample(200)) for line in seed]
    assert sum(line in LINES for line in found) > 0.8 * len(found)
    again = Run.load(run.save(tmp_path))
    assert torch.equal(again.sample(5), run.sample(5))
    assert torch.equal(
        metrics.bounds.log_likelihood(again.model, lines), metrics.bounds.log_likelihood(run.model, lines)
    )
    assert (run.evaluate(lines)["log-likelihood (nats)"] > -math.log(5) - 1).all()


@pytest.mark.parametrize("objective", [zoo.VAE, zoo.GAN], ids=["VAE", "GAN"])
def test_characters_are_no_sizes(objective):
    lines = Text.from_lines(LINES)
    with pytest.raises(
        ValueError, match=r"lines holds characters by their numbers.*zoo.LIKELIHOOD or a decoder of your"
    ):
        build(objective, lines)
    assert build(objective, Data(lines.x)).spec.shape == (14,)  # numbers, if one says so


def test_a_file_of_ones_own(tmp_path):
    file = tmp_path / "my.txt"
    file.write_text("first line\n\nsecond\nthird one\n" * 5, encoding="utf8")
    windows = text(file, length=7)
    assert "".join(windows.decode(windows.x)) == file.read_text()[: 7 * len(windows)] and windows.name == "my.txt"
    lines = text(str(file), length=None)
    held_out = text(file, "test", length=None)
    every = [line for line in file.read_text().splitlines() if line]
    assert lines.decode(lines.x) + held_out.decode(held_out.x) == every and len(lines) == 14
    assert lines.alphabet == held_out.alphabet and lines.note == "the file my.txt"
    (tmp_path / "latin.txt").write_bytes("é".encode("latin1"))
    for wrong in (tmp_path / "none.txt", tmp_path, tmp_path / "latin.txt", 5, None):
        with pytest.raises(ValueError, match="the path of a text file in UTF-8, not .*Text.from_lines"):
            text(wrong)
    assert text.text is text and text.Text is Text  # as older scripts write it


def test_words_that_are_a_text_of_ones_own_alphabet():
    mine = Text(torch.tensor([[0.0, 1.0]]), None, "mine", alphabet="no")
    assert build(zoo.LIKELIHOOD, mine).spec.density == "rnn" and mine.lengths.tolist() == [2]

"""What a run generates: each copy's own codes, what people pass, and what is refused in a sentence of ours."""

import math

import numpy as np
import pytest
import torch
from helpers import images, own_networks, points, same_run, short, small, suited
from hypothesis import HealthCheck, given, settings, strategies as st
from torch import nn

from ganvae_lib import Adversary, Data, Match, Reconstruct, Run, fit, nets, zoo

POINTS, IMAGES = points(), images()
close = lambda a, b: torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def trained(objective, data=POINTS, seeds=3, **options):
    data = suited(objective, data)
    return short(small(objective, data, **options), data, steps=3, seeds=seeds)


@pytest.fixture(scope="module")
def vae():
    return trained(zoo.VAE, IMAGES)


@pytest.fixture(scope="module")
def ring():
    return trained(zoo.VAE)


@pytest.fixture(scope="module")
def cvae():
    return trained(zoo.CVAE, IMAGES)


# ---------------------------------------------------------------- codes of each copy


def test_each_copy_decodes_its_own_codes(vae):
    x = IMAGES.x[:6]
    z = vae.infer(x, mean=True)
    assert z.shape == (3, 6, 3)
    for found in (vae.sample(6, z=z, mean=True), vae.sample(z=z, mean=True), vae.decode(z)):
        assert found.shape == (3, 6, 1, 8, 8)
        for k in range(3):
            close(found[k], vae.model.single(k).decoder(z[k]).mean)
    assert not torch.equal(z[0], z[1])  # else nothing was shown
    close(vae.reconstruct(x, seed=4), vae.decode(vae.infer(x, seed=4)))


def test_codes_shared_by_all_copies_are_those_of_each_repeated(vae):
    z = torch.ones(4, 3)
    assert torch.equal(vae.decode(z), vae.decode(z.expand(3, 4, 3)))
    assert torch.equal(vae.sample(z=z, seed=5), vae.decode(z, 5, mean=False))


def test_a_single_seed_has_codes_of_its_own_too():
    run = trained(zoo.VAE, IMAGES, seeds=1)
    z = run.infer(IMAGES.x[:5])
    assert z.shape == (1, 5, 3) and run.sample(z=z).shape == (1, 5, 1, 8, 8)
    assert torch.equal(run.decode(z), run.decode(z[0]))


def test_n_that_disagrees_with_the_codes_is_told(vae):
    with pytest.warns(UserWarning, match="z holds 6 codes, so n=99 is not heeded"):
        assert vae.sample(99, z=torch.zeros(6, 3)).shape[1] == 6


# ---------------------------------------------------------------- interpolation


def test_the_way_begins_at_one_example_and_ends_at_the_other(ring):
    x0, x1 = POINTS.x[:4], POINTS.x[4:8]
    z0, z1 = ring.infer(x0, mean=True), ring.infer(x1, mean=True)
    for path in ("linear", "spherical"):
        found = ring.interpolate(x0, x1, 5, path=path)
        assert found.shape == (3, 5, 4, 2)
        close(found[:, 0], ring.decode(z0))
        close(found[:, -1], ring.decode(z1))
    close(ring.interpolate(x0, x1, 5, path="linear")[:, 2], ring.decode((z0 + z1) / 2))
    angle = torch.nn.functional.cosine_similarity(z0, z1, -1).acos()[..., None]
    close(ring.interpolate(x0, x1, 3)[:, 1], ring.decode((z0 + z1) / (2 * (angle / 2).cos())))


def test_the_default_way_is_spherical_for_a_gaussian_prior_only(ring):
    x0, x1 = POINTS.x[:4], POINTS.x[4:8]
    assert torch.equal(ring.interpolate(x0, x1), ring.interpolate(x0, x1, path="spherical"))
    uniform = trained(zoo.AAE, codes={"uniform": 2, "gaussian": 1})
    assert torch.equal(uniform.interpolate(x0, x1), uniform.interpolate(x0, x1, path="linear"))


def test_two_examples_have_no_axis_of_pairs(vae):
    a, b = IMAGES.x[0], IMAGES.x[1]
    assert torch.equal(vae.interpolate(a, b, 4), vae.interpolate(a[None], b[None], 4)[:, :, 0])


def test_from_an_example_to_itself_nothing_moves(ring):
    x = POINTS.x[:3]
    close(ring.interpolate(x, x, 4), ring.decode(ring.infer(x, mean=True))[:, None].expand(3, 4, 3, 2))


def test_a_spherical_way_between_long_codes_keeps_their_length():
    from ganvae_lib.networks.codes import interpolated_codes

    z0, z1 = (torch.nn.functional.normalize(torch.randn(2, 5, 64, dtype=torch.float64), dim=-1) * 8 for _ in "ab")
    close(interpolated_codes(z0, z1, 9, True).norm(dim=-1), torch.full((2, 9, 5), 8.0, dtype=torch.float64))
    assert (interpolated_codes(z0, z1, 9, False).norm(dim=-1)[:, 4] < 7).all()
    assert interpolated_codes(z0, -z0, 9, True).isfinite().all()  # nothing says which way round


# ---------------------------------------------------------------- what people pass


def test_lists_arrays_numbers_and_data_are_examples(ring, vae):
    x = POINTS.x[:4]
    expected = ring.infer(x)
    for same in (x.tolist(), x.numpy(), x.double(), x.double().numpy(), list(x), tuple(x.numpy()), POINTS[:4]):
        close(ring.infer(same), expected)
    assert torch.equal(ring.infer([[1, 2], [3, 4]]), ring.infer(torch.tensor([[1.0, 2.0], [3.0, 4.0]])))
    read_only = x.numpy().copy()
    read_only.flags.writeable = False
    assert torch.equal(ring.infer(read_only[::-1]), ring.infer(x.flip(0)))
    assert torch.equal(ring.infer(x.clone().requires_grad_()), expected)
    binary = IMAGES.x[:4]
    for same in (binary.bool(), binary.to(torch.uint8), binary.long().numpy()):
        assert torch.equal(vae.infer(same), vae.infer(binary))
    assert ring.sample(np.int64(3), np.int32(1)).shape == ring.sample(torch.tensor(3), 1).shape
    assert torch.equal(ring.decode([[0, 1, 2]]), ring.decode(torch.tensor([[0.0, 1.0, 2.0]])))


def test_bytes_are_levels_where_the_data_were_bytes_and_where_they_are_no_binary_pixels(vae):
    levels = torch.arange(192 * 64).reshape(192, 1, 8, 8).remainder(256).to(torch.uint8)
    run = trained(zoo.VAE, Data(levels))
    for x in (levels[:3], levels[:3].clamp(max=1), levels[:3].numpy(), Data(levels[:3])):
        as_floats = torch.as_tensor(x.x if isinstance(x, Data) else x) / 255
        assert torch.equal(run.infer(x), run.infer(as_floats))
    assert torch.equal(vae.infer(levels[:3]), vae.infer(levels[:3] / 255))
    with pytest.raises(ValueError, match=r"x holds whole numbers from 0 to 191, .* in \[0.0, 1.0\]; pass them scaled"):
        vae.infer(levels[:3].long())


def test_one_label_stands_for_all_and_data_bring_their_own(cvae):
    labels = torch.tensor([3, 3])
    for same in (3, [3, 3], np.array([3, 3]), np.int64(3), torch.tensor(3), labels.to(torch.uint8)):
        assert torch.equal(cvae.sample(2, labels=same), cvae.sample(2, labels=labels))
    assert torch.equal(cvae.sample(labels=[0, 1, 2]), cvae.sample(3, labels=[0, 1, 2]))
    assert torch.equal(cvae.infer(IMAGES[:4]), cvae.infer(IMAGES.x[:4], labels=IMAGES.y[:4]))
    assert torch.equal(cvae.reconstruct(IMAGES[:4]), cvae.reconstruct(IMAGES.x[:4], labels=IMAGES.y[:4]))
    ways = cvae.interpolate(IMAGES.x[:2], IMAGES.x[2:4], 3, labels=[0, 1])
    ends = cvae.decode(cvae.infer(IMAGES.x[2:4], labels=[0, 1], mean=True), labels=[0, 1])
    close(ways[:, -1], ends)
    close(cvae.interpolate(IMAGES.x[0], IMAGES.x[2], 3, labels=0), ways[:, :, 0])


def test_evaluate_takes_examples(ring, vae):
    x = POINTS.x[:50]
    expected = ring.evaluate(Data(x), k=2)
    for same in (x, x.numpy(), x.double().tolist()):
        found = ring.evaluate(same, k=2, n=10_000)
        assert torch.equal(found["ELBO (nats)"], expected["ELBO (nats)"])
    with pytest.raises(ValueError, match=r"shape"):
        vae.evaluate(Data(torch.rand(5, 1, 9, 9)))
    with pytest.raises(ValueError, match="data is one example, without a batch axis"):
        vae.evaluate(IMAGES.x[0])


# ---------------------------------------------------------------- what is refused

REFUSED = [
    (lambda run: run.sample(-1), "n must be a whole number of at least 1, got -1"),
    (lambda run: run.sample(2.5), "n must be a whole number"),
    (lambda run: run.sample(0), "n must be a whole number"),
    (lambda run: run.sample(True), "n must be a whole number"),
    (lambda run: run.sample("a"), "n must be a whole number"),
    (lambda run: run.sample(None), "n must be a whole number"),
    (lambda run: run.sample(), "n must be a whole number"),
    (lambda run: run.sample(2, "a"), "seed must be a whole number"),
    (lambda run: run.sample(2, 1.5), "seed must be a whole number"),
    (lambda run: run.sample(2, z=[0.0, 0.0, 0.0]), r"z must be codes \[n, 3\].*\[3, n, 3\].*One code is z\[None\]"),
    (lambda run: run.sample(2, z=torch.zeros(2, 4)), r"z must be codes \[n, 3\].*got \[2, 4\]"),
    (lambda run: run.decode(torch.zeros(2, 5, 3)), r"z must be codes.*got \[2, 5, 3\]"),
    (lambda run: run.decode(torch.zeros(0, 3)), r"z must be codes.*got \[0, 3\]"),
    (lambda run: run.decode([[math.nan, 0, 0]]), r"z holds NaN or infinity, first at \[0, 0\]"),
    (lambda run: run.decode("a"), "z must be numbers"),
    (lambda run: run.decode(None), "z must be numbers"),
    (lambda run: run.decode([[1.0, 2.0], [1.0]]), "z must be numbers"),
    (lambda run: run.decode(torch.zeros(2, 3, dtype=torch.complex64)), "z must be numbers"),
    (lambda run: run.sample(2, labels=[0, 1]), "is given no label; leave out labels"),
    (lambda run: run.infer(IMAGES.x[0]), r"x is one example, without a batch axis; pass x\[None\]"),
    (lambda run: run.infer(IMAGES.x.flatten(1)), r"\[n, 1, 8, 8\]; got \[192, 64\]"),
    (lambda run: run.infer(torch.rand(3, 1, 9, 9)), r"got \[3, 1, 9, 9\]"),
    (lambda run: run.infer(torch.zeros(0, 1, 8, 8)), "at least one example"),
    (lambda run: run.infer(IMAGES.x[:2] / 0), "x holds NaN or infinity"),
    (lambda run: run.infer("a"), "x must be numbers"),
    (lambda run: run.infer(None), "x must be numbers"),
    (lambda run: run.infer({}), "x must be numbers"),
    (lambda run: run.reconstruct(3), r"x must be examples of the shape.*got \[\]"),
    (lambda run: run.interpolate(IMAGES.x[:2], IMAGES.x[:3]), "x0 and x1 must be as many, got 2 and 3"),
    (lambda run: run.interpolate(IMAGES.x[0], IMAGES.x[:3]), "x0 is one example"),
    (lambda run: run.interpolate(IMAGES.x[:2], IMAGES.x[:2], 1), "n must be a whole number of at least 2"),
    (lambda run: run.interpolate(IMAGES.x[:2], IMAGES.x[:2], path="round"), "unknown path 'round'"),
    (lambda run: run.evaluate(IMAGES, k=0), "k must be a whole number"),
    (lambda run: run.evaluate(IMAGES, n=0), "n must be a whole number"),
    (lambda run: run.evaluate(IMAGES, seed="a"), "seed must be a whole number"),
    (lambda run: run.evaluate("a"), "."),
    (lambda run: run.evaluate(3), "."),
]


@pytest.mark.parametrize("call, message", REFUSED, ids=range(len(REFUSED)))
def test_what_does_not_fit_is_refused_in_a_sentence(vae, call, message):
    with pytest.raises((ValueError, TypeError), match=message) as error:
        call(vae)
    assert len(str(error.value)) < 400 and "\n" not in str(error.value)


@pytest.mark.parametrize("labels", [[4], [-1], 4, [0, 1], [[0]], ["a"], [0.5], [True], 1.5, "a", [], torch.zeros(1)])
def test_labels_must_be_known_classes(cvae, labels):
    with pytest.raises(ValueError, match="labels must be 1 numbers from 0 to 3, one for each example"):
        cvae.sample(1, labels=labels)


def test_a_class_for_an_unsaid_number_of_examples_is_refused(cvae):
    with pytest.raises(ValueError, match="n must be a whole number"):
        cvae.sample(labels=3)
    with pytest.raises(TypeError, match="is told a label"):
        cvae.sample(3)


def test_networks_of_ones_own_know_their_shape_from_the_data(tmp_path):
    run = fit(own_networks(zoo.VAE), POINTS, 2, batch=8)
    for again in (run, _saved(run, tmp_path)):
        with pytest.raises(ValueError, match=r"\[n, 2\]; got \[3, 5\]"):
            again.infer(torch.zeros(3, 5))


def _saved(run, folder):
    with pytest.warns(UserWarning, match="not made by build"):
        run.save(folder)
    return Run.load(folder, own_networks(zoo.VAE))


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 5),
    st.floats(),
    st.text(max_size=3),
    st.lists(st.floats(-2, 2), max_size=3),
    st.lists(st.lists(st.floats(-2, 2), max_size=4), max_size=4),
    st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 4)).map(lambda s: torch.zeros(s)),
    st.tuples(st.integers(0, 4), st.integers(0, 4)).map(lambda s: np.zeros(s)),
    st.sampled_from([POINTS, IMAGES[:3], zoo.VAE, torch.float32, {}, object, np.array(["a"]), np.array([1 + 2j])]),
)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["sample", "infer", "reconstruct", "decode", "interpolate", "evaluate"]),
    ANYTHING,
    ANYTHING,
    st.data(),
)
def test_whatever_is_passed_works_or_is_refused_by_us(ring, method, first, second, data):
    import traceback
    import warnings

    options = {
        "sample": ["z", "labels"],
        "infer": ["labels"],
        "decode": ["labels"],
        "evaluate": ["k", "seed", "measures"],
    }
    names = data.draw(st.lists(st.sampled_from(options.get(method, ["labels"])), max_size=1))
    arguments = [
        first,
        *([second] if method == "interpolate" or data.draw(st.booleans()) and method != "evaluate" else []),
    ]
    chosen = {name: data.draw(ANYTHING) for name in names}
    if method == "evaluate":
        chosen |= {"n": 20}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = getattr(ring, method)(*arguments, **chosen)
    except (ValueError, TypeError) as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        assert "ganvae_lib" in last.filename, (last, error)
        assert len(str(error)) < 500
    else:
        values = found.values() if isinstance(found, dict) else [found]
        assert all(value.isfinite().all() for value in values)


# ---------------------------------------------------------------- no method leaves a trace


def test_no_method_moves_a_stream_a_mode_or_a_statistic():
    """Called at every point of the history, in the middle of training, which goes on as if nothing had been."""
    encoder = nets.Encoder(nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 6)))

    def look(run):
        run.model.train()
        modes = [module.training for module in run.model.modules()]
        made = [run.sample(3), run.reconstruct(POINTS), run.interpolate(POINTS.x[:2], POINTS.x[2:4])]
        run.evaluate(POINTS, k=2, n=50)
        assert [module.training for module in run.model.modules()] == modes
        assert not any(x.requires_grad for x in made)

    model = own_networks(zoo.VAE, encoder=encoder)
    quiet, watched = (fit(model, POINTS, 6, batch=16, seeds=2, log_every=2, on_point=hook) for hook in (None, look))
    assert same_run(quiet, watched)
    before = torch.random.get_rng_state()
    watched.sample(4)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_dropout_sleeps_while_a_run_is_asked():
    decoder = nets.Decoder(nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 2)), nets.Gaussian(), (2,))
    run = fit(own_networks(zoo.VAE, decoder=decoder), POINTS, 2, batch=8)
    z = torch.ones(5, 3)
    asleep = run.decode(z)
    run.model.train()
    assert torch.equal(run.decode(z), asleep) and run.model.decoder.trunk[1].training
    assert torch.equal(asleep[0], run.model.eval().decoder(z).mean)


# ---------------------------------------------------------------- what models can do


def test_what_a_model_cannot_do_is_a_type_error():
    gan, encoder = trained(zoo.GAN), trained(Match("z", Adversary()) + Reconstruct("z", only=("eta",)))
    for call in (gan.infer, gan.reconstruct, lambda x: gan.interpolate(x, x)):
        with pytest.raises(TypeError, match="has no encoder"):
            call(POINTS.x[:3])
    density = trained(zoo.LIKELIHOOD)
    for call in (lambda: density.decode([[0.0, 0.0]]), lambda: density.sample(2, z=[[0.0, 0.0]])):
        with pytest.raises(TypeError, match="has no decoder"):
            call()
    assert encoder.infer(POINTS.x[:3]).shape == (3, 3, 3)

"""One of each from a user's own file: it prints its formula, trains, stacks, saves, and loads in a new process.

Each addition is one file outside the library, which nothing else has to know. It defines what is new, and with it an
OBJECTIVE, options of ``build`` (NETWORKS), and DATA.
"""

import json

import children
import pytest

TOOL = '''
from dataclasses import dataclass

from ganvae_lib import Match, load
from ganvae_lib.objective import Tool


@dataclass(frozen=True)
class MeanGap(Tool):
    """The squared distance of the means."""

    def loss(self, batch, space, discriminator=None):
        (target,), (made,) = batch.read(space.target), batch.read(space.made)
        return (target.mean(-2) - made.mean(-2)).square().sum(-1)

    def formula(self, w, space, player):
        return rf"\\|m({space.made_law(w)})-m({space.target_law(w)})\\|^2"


OBJECTIVE, NETWORKS, DATA = Match("x", MeanGap()), {}, load("ring", fraction=0.02)
'''
TERM_WITH_A_NETWORK = '''
from dataclasses import dataclass

from ganvae_lib import Term, load, nets, zoo
from ganvae_lib.models import ROLES, Role


@dataclass(frozen=True)
class Denoise(Term):
    """x from x with noise, by a network of theta's."""

    space = "x"
    reaches = ("theta",)
    networks = ("denoiser",)

    def loss(self, batch):
        noisy = batch.x + batch.noise.normal("noise on x", *batch.x.shape[-2:])
        return (batch.x - batch.model.networks["denoiser"](noisy)).square().sum(-1).mean(-1) / 2

    def formula(self, w, player):
        return rf"\\mathbb{{E}}_{{{w.d}}}[\\tfrac12\\|x-n(\\hat x)\\|^2]"


ROLES["denoiser"] = Role("theta", ("x",), lambda spec, x: nets.mlp(x, spec.hidden, x[0], spec.activation))
OBJECTIVE, NETWORKS, DATA = zoo.VAE + 2 * Denoise(), {}, load("ring", fraction=0.02)
'''
LINK = """
from ganvae_lib import LINKS, Adversary, Link, Match, load

LINKS["soft"] = Link(
    real=lambda t: -t.sigmoid(),
    fake=lambda t: t.sigmoid(),
    generator=lambda t: -t.sigmoid(),
    real_tex=lambda w: f"-{w.D}",
    fake_tex=lambda w: w.D,
    generator_tex=lambda w: f"-{w.D}",
    descends=r"\\mathrm{TV}(d,g)",
)
OBJECTIVE, NETWORKS, DATA = Match("x", Adversary("soft")), {}, load("ring", fraction=0.02)
"""
SPACE = """
from ganvae_lib import MMD, SPACES, Batch, Match, Space, load
from ganvae_lib.distributions.batch import drawn


def x_turned(batch):
    return batch.x_from_z.flip(-1)


Batch.x_turned = drawn("theta")(x_turned)
SPACES["turned"] = Space(
    target=("x",),
    target_law=lambda w: w.d,
    made=("x_turned",),
    made_by=("theta",),
    made_law=lambda w: rf"R\\,{w.p('x')}",
    sees=("x",),
    mirror="turned",
)
OBJECTIVE, NETWORKS, DATA = Match("turned", MMD()), {}, load("ring", fraction=0.02)
"""
OBSERVATION = '''
from torch.distributions import Independent, Normal

from ganvae_lib import load, nets, zoo


class Wide(nets.Observation):
    """A Gaussian of standard deviation 2."""

    stackable = True

    def forward(self, features, dims):
        return Independent(Normal(features, 2.0), dims)


nets.OBSERVATIONS["wide"] = Wide
OBJECTIVE, NETWORKS, DATA = zoo.VAE, {"observation": "wide"}, load("ring", fraction=0.02)
'''
TOY = """
from ganvae_lib import Mixture, data, load, zoo


@data.toy
def pair(distance=2.0):
    return Mixture([0.5, 0.5], [[-distance / 2, 0.0], [distance / 2, 0.0]], 0.1)


OBJECTIVE, NETWORKS, DATA = zoo.GAN, {}, load("pair", fraction=0.02)
"""
DATA_SET = """
import torch

from ganvae_lib import Data, data, load, zoo


def squares(split, seed):
    x = torch.rand(300 if split == "train" else 100, 2, generator=torch.Generator().manual_seed(seed))
    return Data(x, name="squares")


data.register("squares", squares)
OBJECTIVE, NETWORKS, DATA = zoo.GAN, {}, load("squares")
"""
GAN_LINE = "θ descends E_{p_θ(x)}[-log D_φ(x)]"
VAE_LINE = "θ descends E_{d(x) q_η(z|x)}[-log p_θ(x|z)]"
# name of a file: (what stands in it, a line of the formula that it prints, what a process is told that lacks the file)
FILES = {
    "my_tool": (TOOL, "θ descends ‖m(p_θ(x))-m(d(x))‖²", "my_tool.MeanGap: import my_tool first"),
    "my_term": (TERM_WITH_A_NETWORK, f"{VAE_LINE} + 2 E_{{d(x)}}[1/2 ‖x-n(x̂)‖²]", "my_term.Denoise: import my_term"),
    "my_link": (LINK, "φ descends E_{d(x)}[-D_φ(x)] + E_{p_θ(x)}[D_φ(x)]", "unknown link 'soft'"),
    "my_space": (SPACE, "θ descends MMD²(R p_θ(x), d(x))", "unknown space 'turned'"),
    "my_observation": (OBSERVATION, VAE_LINE, "unknown observation 'wide'"),
    "my_toy": (TOY, GAN_LINE, "unknown toy 'pair'"),
    "my_data": (DATA_SET, GAN_LINE, ""),  # nothing that was drawn from a law: the run needs the file no more
}

TRAIN = """
import importlib, json, sys, torch
from ganvae_lib import build, fit
said = {}
for name in sys.argv[1:]:
    mine = importlib.import_module(name)
    model = build(mine.OBJECTIVE, mine.DATA, hidden=(8,), latent=2, **mine.NETWORKS)
    options = dict(steps=8, batch=32, log_every=1, lr=1e-2, device="cpu", progress=False)
    together, alone = (fit(model, mine.DATA, seeds=seeds, **options) for seeds in ([4, 1], [1]))
    for key, curve in together.history.items():
        torch.testing.assert_close(curve[:, 1], alone.history[key][:, 0], rtol=1e-5, atol=1e-6)
    for parameter, values in together.model.named_parameters():
        assert not torch.equal(values[1], model.copies(1).get_parameter(parameter)), f"{parameter} has not moved"
    together.save("run of " + name)
    said[name] = [str(mine.OBJECTIVE), together.sample(5).tolist()]
print(json.dumps(said))
"""
LOAD = """
import importlib, json, sys
from ganvae_lib import Run
said = {}
for name in sys.argv[1:]:
    importlib.import_module(name)
    run = Run.load("run of " + name)
    said[name] = [str(run.model.objective), run.sample(5).tolist()]
print(json.dumps(said))
"""
LOAD_WITHOUT = """
import json, sys
from ganvae_lib import Run
said = {}
for name in sys.argv[1:]:
    try:
        Run.load("run of " + name).law
        said[name] = ""
    except ValueError as error:
        said[name] = str(error)
print(json.dumps(said))
"""
TRUST = """
import json, my_tool
from ganvae_lib import Run, build
from ganvae_lib.objective import TOOLS
model = build(my_tool.OBJECTIVE, my_tool.DATA, hidden=(8,), latent=2)
del TOOLS["MeanGap"]
print(json.dumps(Run.load("run of my_tool", model).sample(5).tolist()))
"""


def python(folder, *command):
    """What a new process prints last, in JSON."""
    done = children.run(*command, cwd=folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What each of three new processes says of each file: one that trains, one that loads, one that lacks the file."""
    folder = tmp_path_factory.mktemp("mine")
    for name, (file, _, _) in FILES.items():
        (folder / f"{name}.py").write_text(file, encoding="utf8")
    trained, loaded = (python(folder, "-c", code, *FILES) for code in (TRAIN, LOAD))
    trusted = python(folder, "-c", TRUST)
    for name in FILES:
        (folder / f"{name}.py").unlink()
    return {
        "trained": trained,
        "loaded": loaded,
        "trusted": trusted,
        "without": python(folder, "-c", LOAD_WITHOUT, *FILES),
    }


@pytest.mark.parametrize("name", FILES)
def test_an_addition_is_one_file(name, said):
    _, line, without = FILES[name]
    objective, samples = said["trained"][name]
    assert f"  {line}" in objective.splitlines()
    assert said["loaded"][name] == [objective, samples]
    assert (without in said["without"][name]) if without else said["without"][name] == ""


def test_a_model_that_is_given_is_trusted(said):
    """Then the classes of which the file of a run speaks need not be registered."""
    assert said["trusted"] == said["trained"]["my_tool"][1]


STUDY = '''
"""Does a wider network cover more of the ring?"""

from ganvae_lib import coverage, load, zoo
from ganvae_lib.experiments import Study, Trial

STUDY = Study(
    "Width, on the ring",
    {"narrow": Trial(zoo.GAN, dict(hidden=(8,))), "wide": Trial(zoo.GAN, dict(hidden=(32,)))},
    data=lambda: {"train": load("ring")},
    measure=lambda run, world: {"modes": coverage(run.sample(500), world.train.law)["modes"]},
    words={"modes": "modes covered, of 8"},
    steps=50,
    seeds=range(3),
    pairs=[("wide", "narrow")],
)
'''


def test_a_study_is_one_file(tmp_path):
    (tmp_path / "width.py").write_text(STUDY, encoding="utf8")
    command = ["-m", "ganvae_lib", "study", "width.py", "--steps", "4", "--seeds", "2", "--out", "."]
    done = children.run(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    card = json.loads((tmp_path / "width.json").read_text(encoding="utf8"))
    assert (
        set(card["models"]) == {"narrow", "wide"} and card["seeds"] == [0, 1] and "wide - narrow" in card["comparisons"]
    )
    assert "--steps 4 --seeds 2" in card["command"]

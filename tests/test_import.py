"""Importing costs little, and nothing that a user may not need is imported before it is used."""

import json
import subprocess
import sys

import pytest

HEAVY = ("sklearn", "pooch", "matplotlib", "scipy", "IPython", "ipywidgets", "pandas", "h5py")
FIT = """
import torch
from ganvae_lib import build, fit, zoo
from ganvae_lib.data import Data
data = Data(torch.randn(64, 2))
run = fit(build(zoo.ALL["VAE"], data), data, 2, seeds=2)
run.sample(3); repr(zoo.ALL["GAN"]); zoo.ALL["GAN"].explain()
"""


def fresh(code):
    """What a new interpreter prints, as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("code", ["import ganvae_lib", FIT], ids=["import", "fit"])
def test_only_what_is_used_is_imported(code):
    loaded = set(
        fresh(f"{code}\nimport sys, json; print(json.dumps(sorted({{n.split('.')[0] for n in sys.modules}})))")
    )
    assert not loaded & set(HEAVY)


def test_import_adds_little_to_that_of_torch():
    code = """
import json, torch, time
start = time.perf_counter()
from ganvae_lib import Match, build, fit, load, swapped, zoo
print(json.dumps(time.perf_counter() - start))
"""
    assert any(fresh(code) < 0.5 for _ in range(5))  # the best of several: a busy machine can only be slower


def test_the_contents_page_offers_everything_it_names():
    import ganvae_lib

    for name in ganvae_lib.__all__:
        assert getattr(ganvae_lib, name) is not None
    assert set(ganvae_lib.__all__) <= set(dir(ganvae_lib))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ganvae_lib.nothing

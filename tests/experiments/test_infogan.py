"""The measures of the study of InfoGAN's codes, on inputs whose answer is known."""

import pytest
import torch

from ganvae_lib.experiments.study import split_measures
from studies import infogan


def test_clusters_are_matched_to_classes_whatever_their_names():
    label = torch.arange(10).repeat(50)
    renamed = torch.randperm(10, generator=torch.Generator().manual_seed(0))[label]
    assert infogan.matched(renamed, label) == 1
    assert infogan.of_class(renamed, label)["class_information"] == pytest.approx(2.3026, abs=1e-3)
    assert infogan.matched(torch.zeros_like(label), label) == pytest.approx(0.1)
    merged = torch.where(renamed == 3, 4, renamed)  # two classes in one cluster: one of them is lost
    assert infogan.matched(merged, label) == pytest.approx(0.9)


def test_the_code_that_knows_a_factor_is_its_best_and_numbers_are_told_from_names():
    factor = torch.arange(10).repeat(400)
    noise = torch.randn(4000, generator=torch.Generator().manual_seed(0))
    found = infogan.of_factors({"u1": noise, "u2": factor + 0.01 * noise}, {"class": factor})
    assert found["best code for class"] == ["u2"] and found["gap of class"] == pytest.approx(1, abs=0.1)
    assert found["information on class"] == pytest.approx(2.3026, abs=0.1) and found["mig"] == found["gap of class"]
    kept = split_measures(found)
    assert kept["series"] == {"best code for class": ["u2"]}
    assert kept["measures"]["mig"] == [found["mig"]] and len(kept["measures"]) == 3


def test_each_sheet_has_ten_images_of_every_class_code():
    class Recorder:
        codes = []

        def sample(self, n, z):
            self.codes.append(z)
            return torch.zeros(1, n, 1, 16, 16)

    run = Recorder()
    sheets = infogan.sheets(run)
    assert [len(x) for x in sheets.values()] == [100] * 3
    free, u1, u2 = run.codes
    assert all(torch.equal(z[:, :10].argmax(1), torch.arange(10).repeat_interleave(10)) for z in run.codes)
    assert free[:, 10:].abs().max() <= 1 and len(free[:, 10].unique()) == 10
    for z, moving, still in ((u1, 10, 11), (u2, 11, 10)):
        assert torch.allclose(z[:10, moving], torch.linspace(-1, 1, 10)) and (z[:, still] == 0).all()

"""The measures of the benchmark of InfoGAN's codes, on inputs whose answer is known."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import infogan
import record


def test_clusters_are_matched_to_classes_whatever_their_names():
    label = torch.arange(10).repeat(50)
    renamed = torch.randperm(10, generator=torch.Generator().manual_seed(0))[label]
    assert infogan.matched(renamed, label) == 1
    assert infogan.of_class(renamed, label)["class_information"] == pytest.approx(2.3026, abs=1e-3)
    assert infogan.matched(torch.zeros_like(label), label) == pytest.approx(0.1)
    merged = torch.where(renamed == 3, 4, renamed)  # two classes in one cluster: one of them is lost
    assert infogan.matched(merged, label) == pytest.approx(0.9)


def test_numbers_are_summarised_over_seeds_and_names_are_kept():
    rows = [{"mig": 0.1, "best": {"class": "u1"}}, {"mig": 0.3, "best": {"class": "class code"}}]
    assert infogan.over_seeds(rows) == {"mig": record.summary([0.1, 0.3]), "best": {"class": ["u1", "class code"]}}


def test_each_sheet_has_ten_images_of_every_class_code():
    class Recorder:
        codes = []

        def sample(self, n, z):
            self.codes.append(z)
            return torch.zeros(1, n, 1, 16, 16)

    run = Recorder()
    sheets = infogan.panels(run)
    assert [len(x) for _, x in sheets] == [100] * 3
    free, u1, u2 = run.codes
    assert all(torch.equal(z[:, :10].argmax(1), torch.arange(10).repeat_interleave(10)) for z in run.codes)
    assert free[:, 10:].abs().max() <= 1 and len(free[:, 10].unique()) == 10
    for z, moving, still in ((u1, 10, 11), (u2, 11, 10)):
        assert torch.allclose(z[:10, moving], torch.linspace(-1, 1, 10)) and (z[:, still] == 0).all()

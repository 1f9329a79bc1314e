"""Several processes against one: what the benchmark counts, how it simulates, and what its record says."""

import json

import pytest
import torch
import torch.distributed as dist
from helpers import ROOT

RECORD = ROOT / "results" / "scaling.json"


@pytest.fixture
def scaling(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import scaling

    return scaling


def test_a_share_that_is_alone_sends_as_many_numbers_as_the_record_says(scaling, monkeypatch):
    sent = []
    monkeypatch.setattr(dist, "all_reduce", lambda tensor: sent.append(tensor.numel()))
    rows = json.loads(RECORD.read_text(encoding="utf8"))["rows"]
    for row in rows:
        if row["way"] == "strong" and row["batch"] < 1024:
            whole, half = (scaling.begun.__wrapped__(row["workload"], row["batch"], of, False) for of in (1, 2))
            for training, expected in ((whole, []), (half, row["sent"])):
                sent.clear()
                training.step()
                assert sent == expected
            assert 2 * len(half.next_batch().x) == len(whole.next_batch().x) == row["batch"]


def test_messages_of_more_processes_go_round_a_ring(scaling):
    ms = {"one": 12.0, "two": 8.0, "messages": 2.0, "empty": 1.0} | {f"share of {P}": 4.0 for P in scaling.SIZES}
    ms = {who: torch.tensor([value, value]) for who, value in ms.items()}
    strong, weak = (scaling.told(way, ms) for way in scaling.WAYS)
    assert strong["measured"] == {"gain": 1.5, "range": [1.5, 1.5]} and weak["measured"]["gain"] == 3
    # A turn costs half of an empty message, and a number 1 / N of the rest, where two processes send N.
    for P, messages in ((2, 2 / 2 + 1), (4, 6 / 2 + 6 / 4), (8, 14 / 2 + 14 / 8)):
        assert strong["simulated"][str(P)]["gain"] == pytest.approx(12 / (4 + messages), abs=1e-3)
        assert weak["simulated"][str(P)]["gain"] == pytest.approx(12 * P / (4 + messages), abs=1e-3)


def test_two_processes_answer_together_and_have_the_losses_of_one(scaling):
    name, groups = next(iter(scaling.WORKLOADS)), {P: scaling.Group(P) for P in (1, 2)}
    found = scaling.difference(name, 64, groups)
    assert 0 < found["difference"] < scaling.CLOSE and 0 < found["nudged"] < scaling.CLOSE
    assert len(groups[2].answers("message", [3])) == 2
    assert all(ms > 0 for P in (1, 2) for ms in groups[P].answers("train", name, 64, P, True))
    for group in groups.values():
        for process in group.processes:
            process.communicate()
            assert process.returncode == 0


def test_the_record_has_every_workload_both_ways_and_gains_within_their_ranges(scaling):
    record = json.loads(RECORD.read_text(encoding="utf8"))
    assert [(row["workload"], row["way"]) for row in record["rows"]] == [
        (name, way) for name in scaling.WORKLOADS for way in scaling.WAYS
    ]
    for row in record["rows"]:
        assert row["rounds"] == 9 and row["batch"] == scaling.WORKLOADS[row["workload"]][2]
        assert list(row["simulated"]) == [str(P) for P in scaling.SIZES]
        for found in (row["measured"], *row["simulated"].values()):
            low, high = found["range"]
            assert 0 < low <= found["gain"] <= high
        times = 2 if row["way"] == "weak" else 1
        # A median of ratios lies between the least and the largest of them, and so does nearly the ratio of medians.
        assert row["measured"]["gain"] == pytest.approx(times * row["ms"]["one"] / row["ms"]["two"], rel=0.2)
    assert len(record["losses"]) == 2 * len(scaling.WORKLOADS)
    for row in record["losses"]:
        assert 0 < row["difference"] < max(scaling.CLOSE, 3 * row["nudged"]) < 0.01

"""What the objectives say and their models compute is what it was: printed forms, networks, phases, first losses.

A change that is meant is taken over by

    python -m pytest tests/laws/test_snapshot.py --write-snapshot

and the difference of ``snapshot.json`` then shows in the commit what has changed. Numbers of one machine are not bit
for bit those of another, so losses are compared to six digits, and of the weights only names and shapes.
"""

import hashlib
import json
from pathlib import Path

import pytest
from cases import CASES
from helpers import prepared, small, suited
from matplotlib.figure import Figure

from ganvae_lib.objective import from_dict, to_dict

FILE = Path(__file__).with_name("snapshot.json")


def graph(objective):
    """The schematic: its texts and where they stand, and how many patches of which kind and line there are."""
    ax = Figure().add_subplot()
    objective.draw(ax)
    texts = [[text.get_text(), *(round(float(at), 4) for at in text.get_position())] for text in ax.texts]
    patches = sorted(f"{type(p).__name__} {p.get_linestyle()} {p.get_edgecolor()}" for p in ax.patches)
    drawn = json.dumps([texts, patches], ensure_ascii=False)
    return f"{len(texts)} texts, {len(patches)} patches, {hashlib.sha256(drawn.encode()).hexdigest()[:12]}"


def shown(name, value):
    """A name and a shape: encoder.trunk.1.weight[16,2]."""
    return f"{name.removeprefix('networks.')}[{','.join(map(str, value.shape))}]"


def seen(objective, data, options):
    """All that is compared, as JSON holds it. Each term stands once: where it is repeated, a line tells the same."""
    data = suited(objective, data)
    model, batch = prepared(objective, data, **options)
    losses = {
        key: float(f"{loss.item():.10g}") for phase in objective.phases() for key, loss in phase.losses(batch).items()
    }
    weights = small(objective, data, **options).state_dict()
    return {
        "text": str(objective).splitlines(),  # its first line is repr
        "latex": objective._repr_latex_().splitlines()[1:-1],
        "json": json.dumps(to_dict(objective), sort_keys=True, separators=(",", ":")),
        "rows": [" | ".join(row[1:]) for row in objective.explain().rows],
        "networks": " ".join(objective.networks),
        "conditional": " ".join(objective.conditional),
        "reads": " ".join(objective.reads),
        "phases": [
            f"{phase.steps} x {' '.join(phase.players)}: {', '.join(phase.keys)}" for phase in objective.phases()
        ],
        "graph": graph(objective),
        "weights": " ".join(shown(name, value) for name, value in weights.items()),
        "losses": losses,
    }


@pytest.fixture(scope="module")
def snapshot(request):
    if request.config.getoption("--write-snapshot"):
        content = {name: seen(*case) for name, case in CASES.items()}
        FILE.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
    return json.loads(FILE.read_text(encoding="utf8"))


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_what_it_was(name, snapshot):
    assert name in snapshot, "a new case; python -m pytest tests/laws/test_snapshot.py --write-snapshot takes it in"
    was, now = dict(snapshot[name]), seen(*CASES[name])
    assert now.pop("losses") == pytest.approx(was.pop("losses"), rel=1e-6, abs=1e-9)
    assert now == was
    assert from_dict(json.loads(was["json"])) == CASES[name][0]  # saved runs can be read


def test_no_case_has_gone(snapshot):
    assert list(snapshot) == list(CASES)

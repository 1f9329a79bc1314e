"""The composer's live controls: train any combination now, in Jupyter, and stop it (chapter 14).

Training runs in a thread of its own, so that a click on Stop is heard; it ends at the next look, a moment later. Pictures
are drawn without pyplot, whose current figure belongs to whoever called it last, in whichever thread.
"""

from __future__ import annotations

import io
import threading
import time
from html import escape
from typing import Any

from ..data.loading import load
from ..errors import NonFiniteLoss
from ..measure.scores import Scores
from ..objective.algebra import Objective
from .choices import ALSO, CHOICES, LABELS, MEASURES, RANGES, SETTINGS, Choice, measure, train

__all__ = ["Live"]

CHECKS_PER_RUN = 100  # how often a training checks whether it is to stop, and moves the bar
MAX_STEPS_BETWEEN_CHECKS = 50  # steps: a long training looks more often, so that it stops within a second
SEEDS = 4
_WIDE = {"width": "34em"}


class Live:
    """The controls, ``box``, and what they show: the model of the choice above, the last result below.

    A result says of which choice it is, and stays until there is another. ``wait`` returns when nothing is trained.
    """

    def __init__(self, start: Choice):
        import ipywidgets as ipw

        self.data = load("ring")
        layout_options = dict(style={"description_width": "13em"}, layout=_WIDE)
        self.controls = {}
        for part, options in CHOICES.items():
            options_list = [(word, value) for value, word in options.items()]
            self.controls[part] = ipw.Dropdown(
                options=options_list, value=getattr(start, part), description=LABELS[part], **layout_options
            )
        self.steps = ipw.IntSlider(
            SETTINGS["steps"], 200, 3000, 100, description="steps", continuous_update=False, **layout_options
        )
        self.train_button = ipw.Button(description="Train", button_style="primary")
        self.stop_button = ipw.Button(description="Stop", disabled=True)
        self.progress_bar = ipw.IntProgress(0, 0, CHECKS_PER_RUN, layout={"width": "14em"})
        self.progress_text = ipw.HTML()  # how far it is, or why it ended
        self.status, self.formula, self.graph = ipw.HTML(), ipw.HTMLMath(), ipw.Image(format="png", layout=_WIDE)
        self.title, self.pictures, self.scores = ipw.HTML(), ipw.Image(format="png", layout=_WIDE), ipw.HTML()
        self.graph.layout.display = self.pictures.layout.display = "none"
        button_row = ipw.HBox([self.train_button, self.stop_button, self.progress_bar, self.progress_text])
        self.model = ipw.VBox([self.status, self.formula, self.graph])
        self.result = ipw.VBox([self.title, self.pictures, self.scores])
        self.box = ipw.VBox([*self.controls.values(), self.steps, button_row, self.model, self.result])
        self._stopped, self._thread = threading.Event(), threading.Thread()
        for control in self.controls.values():
            control.observe(lambda change: self.describe(), "value")
        self.train_button.on_click(lambda button: self.train())
        self.stop_button.on_click(lambda button: self._stopped.set())
        self.describe()

    def choice(self) -> Choice:
        return Choice(**{part: control.value for part, control in self.controls.items()})

    def describe(self) -> None:
        """Show name, formula and graph of what is chosen, or what it lacks."""
        choice = self.choice()
        missing = choice.missing()
        self.status.value = escape(missing) if missing else f"<b>{escape(zoo_name(choice))}</b>"
        objective = sum(choice.terms[1:], choice.terms[0]) if choice.terms else None
        self.formula.value = f"$${objective._repr_latex_().strip('$')}$$" if objective is not None else ""
        _show(self.graph, graph_of(objective) if objective is not None and not missing else b"")
        self.train_button.disabled = bool(missing) or self._thread.is_alive()

    def train(self) -> None:
        """Begin to train what is chosen, unless something is being trained."""
        if self._thread.is_alive():
            return
        choice, steps = self.choice(), self.steps.value
        self._stopped.clear()
        self.train_button.disabled, self.stop_button.disabled = True, False
        self.progress_bar.value, self.progress_text.value = 0, "begins"
        self._thread = threading.Thread(target=self._train_in_thread, args=(choice, steps), daemon=True)
        self._thread.start()

    def wait(self, seconds: float | None = None) -> None:
        """Return when no training runs any more, or after so many seconds."""
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _train_in_thread(self, choice: Choice, steps: int) -> None:
        start_time = time.perf_counter()
        check_every = max(1, min(steps // CHECKS_PER_RUN, MAX_STEPS_BETWEEN_CHECKS))

        def report_progress(run: Any) -> bool:
            steps_done = run.history.steps[-1]
            seconds_left = (time.perf_counter() - start_time) * (steps / steps_done - 1)
            self.progress_bar.value = round(CHECKS_PER_RUN * steps_done / steps)
            self.progress_text.value = f"step {steps_done:,} of {steps:,}, {seconds_left:.0f} s left"
            return self._stopped.is_set()

        try:
            options = dict(steps=steps, progress=False, log_every=check_every, on_point=report_progress)
            run = train(choice.objective(), self.data, SEEDS, **options)
            steps_done = run.history.steps[-1]
            self.progress_text.value = "done" if steps_done == steps else f"stopped at step {steps_done:,} of {steps:,}"
            self._show_result(choice, steps_done, run)
        except NonFiniteLoss as error:
            self.progress_text.value = escape(str(error))
        except Exception as error:  # in a thread nobody else would hear of it
            self.progress_text.value = escape(f"{type(error).__name__}: {error}")
        finally:
            self.stop_button.disabled = True
            self.train_button.disabled = bool(self.choice().missing())

    def _show_result(self, choice: Choice, steps: int, run: Any) -> None:
        scores, x, z = measure(run, self.data.law)
        measured_names = [name for name in MEASURES if name in scores]
        ranges = {MEASURES[name]: RANGES[name] for name in measured_names if name in RANGES}
        table = Scores({MEASURES[name]: scores[name] for name in measured_names}, ranges)
        choice_text = "; ".join(f"{LABELS[part]}: {CHOICES[part][getattr(choice, part)]}" for part in CHOICES)
        self.title.value = f"<b>Result of {escape(zoo_name(choice))}</b>, {steps:,} steps, {SEEDS} seeds<br><small>{escape(choice_text)}</small>"
        _show(self.pictures, pictures_of(x, z, self.data.law))
        self.scores.value = f"<pre>{escape(repr(table))}</pre>"


def zoo_name(choice: Choice) -> str:
    """The model's name in the zoo, or that it has none."""
    return choice.name() or ALSO.get(choice.key) or "no name in the zoo"


def graph_of(objective: Objective) -> bytes:
    """The graph of an objective, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.1, 2.6))
    objective.draw(figure.add_subplot())
    return _png(figure)


def pictures_of(x: Any, z: Any, law: Any) -> bytes:
    """Samples of the first seed and, where there are any, its codes of the data, as a PNG."""
    from matplotlib.figure import Figure

    from ..figures import scatter

    figure = Figure(figsize=(6.4, 3.2) if z is not None else (3.2, 3.2))
    axes = figure.subplots(1, 1 if z is None else 2, squeeze=False)[0]
    scatter(x[0, :1000], law, ax=axes[0])
    axes[0].set(title="samples of the first seed", xlim=(-3.2, 3.2), ylim=(-3.2, 3.2))
    if z is not None:
        scatter(z[0, :1000], who="eta", ax=axes[1])
        axes[1].set(title="its codes of the data", xlim=(-4, 4), ylim=(-4, 4))
    return _png(figure)


def _png(figure: Any) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120, bbox_inches="tight")
    return content.getvalue()


def _show(image: Any, content: bytes) -> None:
    """Put a picture into its widget; without one the widget is not shown."""
    image.value = content
    image.layout.display = "" if content else "none"

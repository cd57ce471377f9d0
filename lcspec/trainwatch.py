"""The watch over a training run: progress, checkpoints, the wish to stop, and a loss that is lost.

The rule for a loss that explodes: the median of the last ten losses is above three times the lowest such median so
far, plus one. A loss of 2.0 must climb beyond 7.0, and stay there, before training ends. Where completions are rewarded
the loss says nothing of that kind: it is around zero, and above or below it by chance. There training ends when no
question had completions of different worth for as many steps as its patience allows, because then no weight has moved.
"""

import math
import time
from collections import deque
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from lcspec import checkpoints
from lcspec.kinds.api import StepIO

WINDOW = 10
FACTOR, MARGIN = 3.0, 1.0


class Fault(NamedTuple):
    """Why training ended early."""

    code: str
    message: str
    help: str


class Watch:
    """State of the watch; `make_callback` joins it to a trainer.

    Attributes:
        stopped: the step was told to stop, and its state is saved.
        fault: why training ended early, or None.
    """

    def __init__(
        self,
        io: StepIO,
        folder: Path,
        *,
        every: float,
        every_steps: int | None,
        keep: int,
        patience: int | None = None,
        each: int = 1,
    ) -> None:
        self.io, self.folder, self.every, self.every_steps, self.keep = io, folder, every, every_steps, keep
        self.patience, self.each = patience, each
        self.stopped = False
        self.fault: Fault | None = None
        self._saved_at = time.monotonic()
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._lowest = math.inf
        self._differed = False
        self._rewards: list[float] = []

    def due(self, step: int) -> bool:
        """Whether a checkpoint is due after `step`; never between passes over completions, which are not saved."""
        if step % self.each:
            return False
        if self.every_steps is not None:
            return step % self.every_steps == 0
        return time.monotonic() - self._saved_at >= self.every

    def judge(self, step: int, loss: float, norm: float | None) -> None:
        """Sets `fault` when the loss is lost."""
        if not math.isfinite(loss) or (norm is not None and not math.isfinite(norm)):
            what = "loss" if not math.isfinite(loss) else "gradient"
            message = f"the {what} is not a finite number at step {step}{self._kept()}"
            help = "lower `learning-rate`, keep `max-grad-norm` at 1, and look for rows that are empty or broken"
            self.fault = Fault("LC1231", message, help)
            return
        self._recent.append(loss)
        if len(self._recent) < WINDOW or self.patience is not None:
            return
        now = median(self._recent)
        self._lowest = min(self._lowest, now)
        if now > FACTOR * self._lowest + MARGIN:
            message = f"the loss exploded: {now:.3g} at step {step}, after {self._lowest:.3g}{self._kept()}"
            help = "lower `learning-rate`, or raise `warmup-steps` or the batch (`batch-size`, `accumulate`)"
            self.fault = Fault("LC1232", message, help)

    def compare(self, step: int, last: int, reward: float | None, alike: float) -> None:
        """Sets `fault` when no question so far had completions of different worth.

        Args:
            step: of the training.
            last: its last step.
            reward: the mean of the step; None where nothing was judged.
            alike: the share of the step's questions whose completions were all worth the same.
        """
        self._differed = self._differed or alike < 1
        self._rewards += [] if reward is None else [reward]
        if self._differed or self.patience is None or step < min(self.patience, last - self.each + 1):
            return
        low, high = (min(self._rewards), max(self._rewards)) if self._rewards else (math.nan, math.nan)
        worth = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
        what = f"all were worth {worth}" if self._rewards else "no reward judged any of them"
        message = f"no question had completions of different worth in {step} steps: {what}"
        help = "see what it answers before training; raise `temperature` or `generations`, start `after:` a supervised"
        self.fault = Fault("LC1238", message, f"{help} recipe, or give a reward that tells bad from worse")

    def remember(self, history: list[dict[str, Any]]) -> None:
        """Takes up what the run that is resumed said."""
        for entry in history:
            self._differed = self._differed or entry.get("equal_groups", 1) < 1
            if entry.get("reward") is not None:
                self._rewards.append(entry["reward"])
        for loss in (entry["loss"] for entry in history if "loss" in entry):
            self._recent.append(loss)
            if len(self._recent) == WINDOW:
                self._lowest = min(self._lowest, median(self._recent))

    def publish(self, written: Path, step: int) -> None:
        """Makes a checkpoint of what the trainer wrote."""
        checkpoints.publish(written, self.folder, step, self.keep)
        self._saved_at = time.monotonic()

    def _kept(self) -> str:
        kept = sorted(self.folder.glob("step-*"))
        return f"; the checkpoint of step {checkpoints.step_of(kept[-1])} is kept" if kept else ""


def make_callback(watch: Watch) -> Any:
    """A callback for transformers' trainers that asks and tells `watch`."""
    import torch
    from transformers import TrainerCallback

    class Callback(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            watch.io.stopping()  # from now on a stop is a wish, not an end
            watch.remember(state.log_history)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **rest: Any) -> None:
            if "loss" not in (logs or {}):
                return
            watch.judge(state.global_step, float(logs["loss"]), _number(logs.get("grad_norm")))
            told = {"loss": logs["loss"]}
            if "equal_groups" in logs and watch.fault is None:
                watch.compare(state.global_step, state.max_steps, logs["reward"], float(logs["equal_groups"]))
                told |= {"reward": logs["reward"]} if logs["reward"] is not None else {}
            watch.io.progress(state.global_step, state.max_steps, **told)
            if watch.fault is not None:
                control.should_save, control.should_training_stop = False, True

        def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **rest: Any) -> None:
            if watch.io.stopping() and state.global_step < state.max_steps:
                watch.stopped = control.should_save = control.should_training_stop = True
            elif watch.due(state.global_step) and state.global_step < state.max_steps:
                control.should_save = True
            if control.should_save and not _finite(model):
                watch.judge(state.global_step, math.nan, None)
                control.should_save, control.should_training_stop, watch.stopped = False, True, False

        def on_save(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            watch.publish(Path(args.output_dir) / f"checkpoint-{state.global_step}", state.global_step)

    def _finite(model: Any) -> bool:
        return all(bool(torch.isfinite(one).all()) for one in model.parameters() if one.requires_grad)

    return Callback()


def _number(value: Any) -> float | None:
    return None if value is None else float(value)

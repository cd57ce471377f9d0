"""The candidate's weights as lm-eval asks them: loaded by us, and heard while it computes."""

from typing import Any

from lcspec.kinds.api import StepIO
from lcspec.modelcode import code_of


def watched_model(io: StepIO) -> Any:
    """lm-eval's model around the one that the step was given; the process may be closed afterwards."""
    from lm_eval.models.huggingface import HFLM

    from lcspec.runtime.model import load_model

    class Watched(HFLM):  # type: ignore[misc]
        """Tells how far it is: lm-eval is one long call."""

        done = total = 0

        def _model_call(self, inps: Any, *more: Any, **named: Any) -> Any:
            self._tell(len(inps))
            return super()._model_call(inps, *more, **named)

        def _model_generate(self, context: Any, *more: Any, **named: Any) -> Any:
            self._tell(len(context))
            return super()._model_generate(context, *more, **named)

        def _tell(self, count: int) -> None:
            io.progress(min(self.done, self.total), self.total)
            self.done += count

        def loglikelihood(self, requests: Any, *more: Any, **named: Any) -> Any:
            self.total += len(requests)
            return super().loglikelihood(requests, *more, **named)

        def loglikelihood_rolling(self, requests: Any, *more: Any, **named: Any) -> Any:
            self.total += len(requests)
            return super().loglikelihood_rolling(requests, *more, **named)

        def generate_until(self, requests: Any, *more: Any, **named: Any) -> Any:
            self.total += len(requests)
            return super().generate_until(requests, *more, **named)

    loaded = load_model(io.input("model"), threads=io.threads, code=code_of(io))
    size = io.params["batch-size"]
    return Watched(pretrained=loaded.model, tokenizer=loaded.tokenizer, backend="causal", batch_size=size)

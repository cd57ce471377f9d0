"""The metrics of a task as it lists them: those that are computed here, and none that would come from the hub."""

from collections.abc import Mapping
from typing import Any

from lcspec.lmeval.reading import Function, Place, TaskFault

MEASURED = {  # output type to what lm-eval computes for it without the hub, its defaults first
    "multiple_choice": ("acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match", "f1", "mcc", "brier_score"),
    "loglikelihood": ("perplexity", "acc"),
    "loglikelihood_rolling": ("word_perplexity", "byte_perplexity", "bits_per_byte"),
    "generate_until": ("exact_match", "bleu", "chrf", "chrf++", "ter"),
}
DEFAULTS = {"multiple_choice": 2, "loglikelihood": 2, "loglikelihood_rolling": 3, "generate_until": 1}
MEANS = frozenset({"acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match"})
NOT_HERE = frozenset({"likelihood", "acc_all", "bypass"})  # lm-eval's own, of no use to a gate
HUB = "hf_evaluate"  # asks for the hub's function, which is called for answers alone
NO_FILTER = "none"


def metrics_of(config: Mapping[str, Any], keys: Mapping[str, Place], file: str) -> dict[str, bool]:
    """Each metric of a task, and whether it is a mean over rows.

    Raises:
        TaskFault: LC0463 for a metric that lm-eval would load from the hub, LC0461 for a list that is none.
    """
    kind = config.get("output_type", "generate_until")
    place = keys.get("metric_list", Place(file, 0, 1))
    said = config.get("metric_list")
    own = isinstance(config.get("process_results"), Function)
    if said is None:
        said = [{"metric": name} for name in MEASURED[kind][: DEFAULTS[kind]]]
    if not isinstance(said, list) or not said:
        raise TaskFault("`metric_list` lists metrics", "write `metric_list: [{metric: acc}]`", place)
    means = {}
    for one in said:
        metric = one.get("metric") if isinstance(one, dict) else None
        if isinstance(metric, Function):
            metric = metric.words.rpartition(".")[2]
        elif not isinstance(metric, str):
            raise TaskFault("an entry of `metric_list` names no metric", "write `{metric: acc}`", place)
        elif not own and (metric not in MEASURED[kind] or (one.get(HUB) and kind == "generate_until")):
            here = ", ".join(f"`{name}`" for name in MEASURED[kind])
            message = f"lm-eval would load the metric `{metric}` from the hub, as code"
            if metric in NOT_HERE.union(*MEASURED.values()):
                message = f"`{metric}` is not computed for `{kind}`"
            help = f"here there are {here}; or name a function of yours: `metric: !function FILE.FUNCTION`"
            raise TaskFault(message, help, place, "LC0463")
        means[metric] = one.get("aggregation", "mean" if metric in MEANS else None) == "mean"
    return {name: mean for metric, mean in means.items() for name in _filtered(metric, filters(config, place))}


def filters(config: Mapping[str, Any], place: Place) -> tuple[str, ...]:
    """The names of a task's filters."""
    said = config.get("filter_list")
    if said is None:
        return (NO_FILTER,)
    named = said if isinstance(said, list) else []
    names = tuple(str(one.get("name")) for one in named if isinstance(one, dict) and one.get("name"))
    if not names or len(names) < len(named):
        raise TaskFault("each entry of `filter_list` has a `name`", "write `{name: …, filter: […]}`", place)
    return names


def _filtered(metric: str, names: tuple[str, ...]) -> list[str]:
    return [metric] if len(names) == 1 else [f"{metric}/{name}" for name in names]

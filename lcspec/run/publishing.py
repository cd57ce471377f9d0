"""From a finished step to its record: outputs into the store, what it told into the record."""

from datetime import UTC, datetime

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.record import StepRecord
from lcspec.run.running import Running
from lcspec.run.store import NonDeterminism, Store, unwritable
from lcspec.run.workspace import outputs


class Unpublished(Exception):
    """What a step made cannot be published; the exit code is None where that of a failed step will do."""

    def __init__(self, diagnostic: Diagnostic, exit_code: int | None = None) -> None:
        self.diagnostic, self.exit_code = diagnostic, exit_code
        super().__init__(diagnostic.message)


def publish(store: Store, one: Running) -> tuple[StepRecord, Diagnostic | None]:
    """The record that stands now; with a warning where its outputs are not those that the step made.

    Raises:
        Unpublished: the step wrote into its inputs, an output holds a secret or a link, the store cannot be written.
    """
    key = one.planned.key or ""
    if wrong := store.written_inputs(one.inputs, store.work(key) / "in", one.planned.inputs or {}):
        message = f"it wrote into its input: {', '.join(f'`{name}`' for name in wrong[:5])}"
        help = "a kind writes to its outputs, its checkpoint folder and its cache only"
        raise Unpublished(Diagnostic("LC1121", message, help=help))
    made = outputs(store, key)
    for name, folder in made.items():
        if (held := one.redactor.found_in(folder)) is not None:
            help = "the step must not write what it was told in confidence; report it to the author of its kind"
            raise Unpublished(Diagnostic("LC1216", f"its output `{name}` holds a secret, in `{held}`", help=help))
    try:
        return store.publish(_record(one), made), None
    except NonDeterminism as other:
        return other.record, None if one.planned.step.measured else other.diagnostic()
    except LcspecError as error:
        raise Unpublished(error.diagnostics[0], error.exit_code) from None
    except ValueError as error:
        help = "a kind writes plain files and folders to its outputs"
        raise Unpublished(Diagnostic("LC1202", f"its outputs cannot be stored: {error}", help=help)) from None
    except OSError as error:
        fault = unwritable(store.root, error)
        raise Unpublished(fault.diagnostics[0], fault.exit_code) from None


def _record(one: Running) -> StepRecord:
    step, told = one.planned.step, one.told
    done = told["done"]
    return StepRecord(
        key=one.planned.key or "",
        step=step.id,
        kind=f"{step.kind}/{step.action}",
        parts=one.planned.parts or {},
        outputs={},
        metrics=told["metrics"],
        measured={
            **told["measured"],
            "seconds": round(one.seconds, 3),
            "work_seconds": round(done["seconds"], 3),
            "peak_rss_bytes": done["peak"],
        },
        versions=done["versions"],
        warnings=tuple(told["warnings"]),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )

"""What the row-based data kinds have in common: the body, the step and its run. Kinds add how a file is read."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from lcspec.diag.model import Diagnostic, Label
from lcspec.ir.plan import Estimate, Output, Step
from lcspec.ir.source import SourceFile, Span
from lcspec.ir.spec import Bound
from lcspec.ir.strict import Strict, construct, option, plain
from lcspec.kinds.api import Context, Lowered, StepIO, source_option, within
from lcspec.rowset import Columns, DataFault, Row, Split, make_rows, write_rows
from lcspec.rowsplits import divide, without_leaks

Reader = Callable[[Path, str, Mapping[str, Any]], Iterable[tuple[int, Mapping[str, Any]]]]


class RowsBody(Strict):
    """Rows with columns, from one file or from official split files."""

    path: str | None = option(None, doc="One file with all rows.")
    files: Mapping[str, str] | None = option(None, doc="Official files by split: train, validation, test.")
    from_: Any = source_option("Where the files lie; the project's own folder when left out.")
    columns: Columns = option(doc="Which columns play which role.")
    labels: Mapping[str, str] = option(
        {},
        doc="New names for labels, old to new.",
        effect="Labels are renamed before they are compared with `scope.labels`.",
    )
    split: Split = option(Split, doc="How rows are divided.", effect="Who learns, who chooses and who judges.")
    license: str | None = option(None, doc="SPDX identifier or a few words.", key=False)
    redistributable: bool | None = option(None, doc="Whether the rows may be passed on.", key=False)


def members(body: Any) -> dict[str, str]:
    """Role (a split, or `all`) to path."""
    if body.files:
        return dict(body.files)
    return {"all": body.path} if getattr(body, "path", None) else {}


def lower_rows(ctx: Context, entry: Bound, version: int) -> Lowered:
    """Fetch the files, then make rows of them."""
    named = members(entry.body)
    source = entry.body.from_ or Bound("source", "from", "path", None, entry.path)
    files = ctx.fetch(entry, source, tuple(named.values()))
    params = rows_params(entry.body, list(ctx.scope.labels))
    step = Step(
        id=f"prepare:data.{entry.name}",
        kind=entry.kind_id,
        action="prepare",
        version=version,
        params=params,
        inputs={"files": files},
        estimate=Estimate((0.1, 5.0), 200 << 20, "constant"),
        source=entry.path,
    )
    return Lowered((step,), {"rows": Output(step.id, "rows")})


def rows_params(body: Any, allowed: list[str]) -> dict[str, Any]:
    """What decides which rows come out."""
    return {
        "files": members(body),
        "columns": plain(body.columns),
        "labels": dict(body.labels),
        "split": plain(body.split),
        "allowed": allowed,
        "format": getattr(body, "format", None),
        **({"at": body.at} if hasattr(body, "at") else {}),
        **({"separator": body.separator} if getattr(body, "separator", None) else {}),
    }


def divided_rows(folder: Path, entry: Bound, allowed: list[str], read: Reader) -> dict[str, list[Row]]:
    """The rows of local files by split, as `prepare_rows` would divide them; leaks are still in.

    Raises:
        DataFault: what preparing would meet.
    """
    params = rows_params(entry.body, allowed)
    return divide(load_rows(folder, params, read), construct(Split, params["split"]))


def fault_at(folder: Path, fault: DataFault, sources: dict[str, SourceFile]) -> Diagnostic:
    """A fault of local data files, shown at its line."""
    labels: tuple[Label, ...] = ()
    if fault.file:
        text = (folder / fault.file).read_text(encoding="utf-8", errors="replace")
        source = sources.setdefault(fault.file, SourceFile(fault.file, text))
        start = source.starts[max(fault.line, 1) - 1] if fault.line <= len(source.starts) else 0
        line = source.line(max(fault.line, 1))
        offset = line.rfind(fault.value) if fault.value else -1
        span = (start + offset, start + offset + len(fault.value)) if offset >= 0 else (start, start + len(line))
        labels = (Label(Span(fault.file, *span), ""),)
    return Diagnostic(fault.code, fault.message, labels, help=fault.help)


def load_rows(
    folder: Path, params: Mapping[str, Any], read: Reader, place: Callable[[str], str] = str
) -> dict[str, list[Row]]:
    """Rows by role, checked against columns and labels; `place` says where in `folder` a file stands.

    Raises:
        DataFault: the first fault of the first broken file.
    """
    columns = construct(Columns, params["columns"])
    made = {}
    for role, said in params["files"].items():
        paths = [said] if isinstance(said, str) else said
        rows = (row for path in paths for row in read(folder / place(path), path, params))
        made[role] = make_rows(rows, paths[0], columns, params["labels"], params["allowed"])
    return made


def prepare_rows(io: StepIO, read: Reader) -> None:
    """The run of every row-based data kind: read, divide, take leaks out, write one file per split."""
    try:
        split = construct(Split, io.params["split"])
        divided = divide(load_rows(io.input("files"), io.params, read, within), split)
    except DataFault as fault:
        where = f"{fault.file}:{fault.line}: " if fault.line else f"{fault.file}: " if fault.file else ""
        io.fail(f"{where}{fault.message}", help=fault.help, code=fault.code)
    write_divided(io, divided, io.params["columns"]["input"])


def write_divided(io: StepIO, divided: Mapping[str, list[Row]], input: str) -> None:
    """Takes leaks out of rows by split, and writes one file per split."""
    rows = without_leaks(divided, input)
    for note in rows.notes:
        io.warn(note)
    for name, value in rows.counts.items():
        io.metric(name, value)
    write_rows(rows, io.output("rows"))

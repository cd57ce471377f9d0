"""Documents for retrieval: text and Markdown files, or tables and JSON lines with a title and a text column."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from lcspec.datafiles import read_jsonl, read_table
from lcspec.kinds.api import (
    Body,
    Bound,
    Context,
    Estimate,
    Kind,
    Lowered,
    Output,
    Step,
    StepIO,
    option,
    plain,
    source_option,
    within,
)
from lcspec.rowset import DataFault


class DocumentColumns(Body):
    """Which columns of a table hold a document."""

    title: str | None = option("title", doc="The column with the title; null when there is none.")
    text: str = option("text", doc="The column with the text.")


class DocumentsBody(Body):
    """A folder's worth of documents."""

    files: tuple[str, ...] = option(doc="The files, relative to the spec or inside `from`.", min_length=1)
    format: Literal["text", "jsonl", "csv", "tsv", "orange"] = option("text", doc="How the files are written.")
    columns: DocumentColumns = option(DocumentColumns, doc="Columns of tables and JSON lines.")
    from_: Any = source_option("Where the files lie; the project's own folder when left out.")
    license: str | None = option(None, doc="SPDX identifier or a few words.", key=False)
    redistributable: bool | None = option(None, doc="Whether the documents may be passed on.", key=False)


def lower(ctx: Context, entry: Bound) -> Lowered:
    """Fetch, then bring every document into one form."""
    body = entry.body
    source = body.from_ or Bound("source", "from", "path", None, entry.path)
    step = Step(
        id=f"prepare:data.{entry.name}",
        kind=entry.kind_id,
        action="prepare",
        version=KIND.version,
        params=_params(body),
        inputs={"files": ctx.fetch(entry, source, body.files)},
        estimate=Estimate((0.1, 2.0), 100 << 20, "constant"),
        source=entry.path,
    )
    return Lowered((step,), {"documents": Output(step.id, "documents")})


def _params(body: Any) -> dict[str, Any]:
    return {"files": list(body.files), "format": body.format, "columns": plain(body.columns, alias=False)}


def read_documents(folder: Path, body: Any) -> Iterator[dict[str, str]]:
    """The documents of local files: id, title, text and file; DataFault where one cannot be read."""
    return _documents(folder, _params(body))


def prepare(io: StepIO) -> None:
    """Writes `documents.jsonl` with id, title, text and file."""
    count = words = 0
    with (io.output("documents") / "documents.jsonl").open("w", encoding="utf-8") as out:
        try:
            for document in _documents(io.input("files"), io.params, within):
                out.write(json.dumps(document, ensure_ascii=False, sort_keys=True) + "\n")
                count, words = count + 1, words + len(document["text"].split())
        except DataFault as fault:
            io.fail(f"{fault.file}:{fault.line}: {fault.message}", help=fault.help, code=fault.code)
    if not count:
        io.fail("no document in these files", help="check `files` and `format`", code="LC0402")
    io.metric("documents", count)
    io.metric("words", words)


def _documents(folder: Path, params: Mapping[str, Any], place: Callable[[str], str] = str) -> Iterator[dict[str, str]]:
    for name in params["files"]:
        path = folder / place(name)
        if params["format"] == "text":
            text = path.read_text(encoding="utf-8-sig")
            yield {"id": name, "title": path.stem.replace("-", " ").replace("_", " "), "text": text, "file": name}
            continue
        rows = read_jsonl(path, name) if params["format"] == "jsonl" else read_table(path, name, params["format"])
        title, body = params["columns"]["title"], params["columns"]["text"]
        for line, values in rows:
            for column in (title, body):
                if column is not None and not values.get(column):
                    raise DataFault("LC0403", name, line, f"the row has no `{column}`", f"columns: {', '.join(values)}")
            yield {
                "id": f"{name}:{line}",
                "title": str(values[title]) if title else "",
                "text": str(values[body]),
                "file": name,
            }


EXAMPLE = "{kind: documents, files: [docs/handbook.md]}"
KIND = Kind(
    family="data",
    name="documents",
    version=1,
    body=DocumentsBody,
    lower=lower,
    summary="documents for retrieval",
    example=EXAMPLE,
    actions=("prepare",),
)

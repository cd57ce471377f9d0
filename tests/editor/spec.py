"""A spec in two texts, with a cursor that is written as `|@`."""

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.editor.documents import Documents, open_documents
from lcspec.ir.source import SourceFile

BASE = """\
lcspec: 1
name: base
scope: {task: classification, labels: [a, b]}
data:
  rows: {kind: jsonl, path: rows.jsonl, columns: {input: text, target: label}, split: {validation: 9, test: 9}}
models:
  small: {kind: folder, path: model}
prompts:
  plain: {user: "{{ text }}"}
"""
TOP = """\
extends: base.yaml
name: top
prompts:
  # shows two rows
  shots: {extends: plain, shots: {count: 2, from: rows.train}}
tuning:
  lora:
    data: rows.train
    rank: 8
  second: {kind: lora, data: rows, after: lora, matrix: {rank: [1, 2]}}
evaluation:
  suites: {s: {data: rows, metrics: [accuracy, macro-f1]}}
  gates: {good: {metric: s.accuracy, at-least: 0.5}}
  select-by: s.macro-f1
ladder:
  - {prompts: [plain, "shots"]}
  - {tuning: lora}
  - tuning: [second.rank-1]
"""


def documents(text: str = TOP, *, base: str = BASE) -> tuple[Documents, int]:
    """The documents of a text, and the offset of its cursor."""
    offset = text.find("|@")
    clean = text.replace("|@", "")

    def read(name: str) -> SourceFile:
        if name != "base.yaml":
            raise LcspecError([Diagnostic("LC0012", f"no {name}")])
        return SourceFile("base.yaml", base)

    return open_documents(SourceFile("top.yaml", clean), read, cursor=offset if offset >= 0 else None), offset


def at(before: str, after: str = "", *, text: str = TOP) -> tuple[Documents, int]:
    """The documents with the cursor between two neighbouring pieces of the text."""
    assert text.count(before + after) == 1, before + after
    made, _ = documents(text)
    return made, text.index(before + after) + len(before)

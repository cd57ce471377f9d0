"""A metric or a reward runs a file of the project only when `allow` lists the file as it is now."""

import ast

from lcspec.compile.capabilities import CodeUse, allowed, code_uses
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known, OwnFile
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0352 for a path out of the project, LC0351 for a file that is not allowed, LC0353 for a missing function."""
    for use in code_uses(spec):
        file = known.files(use.file)
        if file is None or not use.function:
            continue  # not known here; or told by the rule on what a reward says
        if file.outside:
            help = "put the file into the folder of the spec, or below it"
            report.error("LC0352", (*use.path, "path"), f"`{use.file}` {file.outside}", help)
        elif file.sha256 is None:
            help = "write the function, or correct the path: it is relative to the spec"
            report.error("LC0401", (*use.path, "path"), f"there is no file `{use.file}`", help)
        else:
            _file(spec, report, use, file)


def _file(spec: Spec, report: Reporter, use: CodeUse, file: OwnFile) -> None:
    path, digests = use.file, allowed(spec, "python", use.file)
    line = f"{{kind: python, path: {path}, sha256: {file.sha256}}}"
    if not digests:
        help = f"read the file; if it may run, write `allow: {{{use.name}: {line}}}`"
        report.error("LC0351", (*use.path, "path"), f"`{path}` would run, and `allow` does not list it", help)
    elif file.sha256 not in digests:
        entries = spec.entries("allow").values()
        stale = next(one for one in entries if one.kind == "python" and one.body.path == path)
        help = f"read what changed; if it may run, write `{stale.name}: {line}`"
        message = f"`{path}` is not the file that is allowed: its digest is {str(file.sha256)[:12]}…"
        also = (((*use.path, "path"), "it would run here"),)
        report.error("LC0351", (*stale.path, "sha256"), message, help, also=also)
    elif use.function not in (defined := _functions(file.text or "")):
        help = f"it defines {', '.join(f'`{one}`' for one in defined[:5])}" if defined else "define it there with `def`"
        report.error("LC0353", (*use.path, "function"), f"`{path}` has no function `{use.function}`", help)


def _functions(text: str) -> list[str]:
    """The names that a file binds at its top, functions first; nothing for a file that is no Python."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return []
    made = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assigned = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    imported = [one for node in body if isinstance(node, ast.Import | ast.ImportFrom) for one in node.names]
    made += [target.id for target in assigned if isinstance(target, ast.Name)]
    return made + [one.asname or one.name for one in imported]

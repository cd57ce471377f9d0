"""How this machine runs steps: the tables `[run]`, `[limits]`, `[code]`, `[store]` of `lcspec.toml`; no part of a key.

[run]
jobs = 4              # steps at a time; as many as fit when left out
threads = 8           # threads of a step that can use several
memory = "24 GiB"     # what all running steps may declare together

[limits]              # of every step
memory = "16 GiB"
time = "12 h"
silence = "30 min"

[limits."train:*"]    # of steps whose id matches; later tables win
time = "3 d"

[code]                # of the project's own: metrics and rewards
confine = "sandbox"   # bubblewrap or nothing; `best`, the default, takes what the machine has
memory = "4 GiB"
time = "60 s"         # for one row

[store]
remote = "s3://bucket/prefix"  # behind the local store; credentials are the client library's business
"""

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from lcspec.confine.settings import CodeSettings
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.strict import Invalid, Strict, construct, option
from lcspec.units import Bytes, Duration

FILE = "lcspec.toml"


class Limits(Strict):
    """What a step may take before it is ended."""

    memory: Bytes | None = option(None, doc="Memory of the step and all it starts.", unit="bytes", key=False)
    time: Duration | None = option(None, doc="From start to end.", unit="seconds", key=False)
    silence: Duration | None = option(None, doc="Without a word of progress.", unit="seconds", key=False)

    def over(self, other: "Limits") -> "Limits":
        """These limits; where they are silent, the other's."""
        mine = {name: getattr(self, name) for name in Limits.model_fields}
        return Limits(**{name: getattr(other, name) if value is None else value for name, value in mine.items()})


class RunTable(Strict):
    """The table `[run]`."""

    jobs: int | None = option(None, doc="Steps at a time.", key=False, ge=1)
    threads: int | None = option(None, doc="Threads of a step that can use several.", key=False, ge=1)
    memory: Bytes | None = option(None, doc="Memory that running steps may declare together.", key=False)


class CodeTable(Strict):
    """The table `[code]`."""

    confine: Literal["best", "sandbox"] = option("best", doc="Whether it must be a sandbox.", key=False)
    memory: Bytes = option(CodeSettings().memory, doc="Address space of its process.", unit="bytes", key=False)
    time: Duration = option(CodeSettings().time, doc="For one row.", unit="seconds", key=False)

    def settings(self) -> CodeSettings:
        """The same as steps are told."""
        return CodeSettings(self.confine, int(self.memory), float(self.time))


class StoreTable(Strict):
    """The table `[store]`."""

    remote: str | None = option(None, doc="URL of the store behind the local one.", key=False)


class RunSettings:
    """The settings of one project."""

    def __init__(
        self, run: RunTable | None = None, limits: Mapping[str, Limits] | None = None, code: CodeTable | None = None
    ) -> None:
        self.run, self.code = run or RunTable(), code or CodeTable()
        self._limits = dict(limits or {})

    def limits(self, step: str) -> Limits:
        """The limits that the settings name for a step; later tables win over earlier ones."""
        made = Limits()
        for pattern, limits in self._limits.items():
            if fnmatchcase(step, pattern):
                made = limits.over(made)
        return made


def read_settings(root: Path) -> RunSettings:
    """The settings of the project at `root`; defaults without a file.

    Raises:
        LcspecError: LC1212 (exit 2), the file cannot be read as what it should be.
    """
    path = root / FILE
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return RunSettings()
    except (OSError, ValueError) as error:
        raise _wrong(str(error)) from None
    table = data.get("limits", {})
    if not isinstance(table, dict):
        raise _wrong("`limits` is not a table")
    own = {name: value for name, value in table.items() if not isinstance(value, dict)}
    patterns = {name: value for name, value in table.items() if isinstance(value, dict)}
    limits = {"*": _table(Limits, "[limits]", own)}
    limits |= {name: _table(Limits, f'[limits."{name}"]', value) for name, value in patterns.items()}
    run, code = _table(RunTable, "[run]", data.get("run", {})), _table(CodeTable, "[code]", data.get("code", {}))
    return RunSettings(run, limits, code)


def remote_of(root: Path) -> str | None:
    """The URL of the remote store that `lcspec.toml` names, read without the rest; None when it names none.

    Raises:
        LcspecError: LC1212 (exit 2), the file cannot be read as what it should be.
    """
    try:
        text = (root / FILE).read_text(encoding="utf-8")
        data = tomllib.loads(text) if "store" in text else {}
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _wrong(str(error)) from None
    made: StoreTable = _table(StoreTable, "[store]", data.get("store", {}))
    return made.remote


def _table(model: Any, name: str, data: Any) -> Any:
    try:
        return construct(model, data if isinstance(data, dict) else {"": data})
    except Invalid as error:
        first = error.faults[0]
        where = ".".join(map(str, first["loc"]))
        known = ", ".join(model.model_fields)
        raise _wrong(f"`{name}`: `{where}`: {first['msg']}", f"it takes {known}") from None


def _wrong(why: str, help: str = "see `lcspec explain LC1212` for what it may say") -> LcspecError:
    return LcspecError([Diagnostic("LC1212", f"`{FILE}`: {why}", help=help)], 2)

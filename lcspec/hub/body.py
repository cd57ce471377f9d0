"""How a spec names a repository of the hub: shared by the source, model and data kinds `huggingface`."""

from typing import Any, ClassVar, Literal

from lcspec.ir.spec import Bound
from lcspec.ir.strict import Strict, option

REPO = r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$"
REVISION = r"^[A-Za-z0-9][A-Za-z0-9._/-]*$"
MODEL = "@model"  # the files of a model, chosen when locking
ROWS, FILES = "@rows:", "@files:"  # `@rows:CONFIG`, or `@files:SPLIT=PATTERN`


class FromEnvironment(Strict):
    """A secret by reference."""

    env: str = option(
        doc="Name of the environment variable that holds it.",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        effect="The value is read where the step runs, and stands in no plan, lock or key.",
    )


class HubFields(Strict):
    """A repository, a revision, and how it is reached."""

    remote: ClassVar[bool] = True

    repo: str = option(doc="The repository, say `HuggingFaceTB/SmolLM2-135M-Instruct`.", pattern=REPO)
    revision: str = option(
        "main",
        doc="Branch, tag or commit; the lock pins the commit.",
        pattern=REVISION,
        effect="A branch moves only when the lock is updated; results follow the pinned commit.",
    )
    token: FromEnvironment | None = option(
        None, doc="Where the access token of a gated or private repository is, say `{env: HF_TOKEN}`.", key=False
    )
    hosts: tuple[str, ...] = option(
        (),
        doc="Further hosts that downloads may be redirected to.",
        key=False,
        effect="Downloads that are sent to a host which is not listed are refused.",
    )


class HubBody(HubFields):
    """Files of a repository on the Hugging Face hub."""

    type: Literal["model", "dataset"] = option("model", doc="Whether it is a repository of a model or of data.")


def repository(entry: Bound, type: Literal["model", "dataset"]) -> Bound:
    """The source that an entry of kind `huggingface` stands for."""
    fields: Any = {name: getattr(entry.body, name) for name in HubFields.model_fields}
    return Bound("source", "from", "huggingface", HubBody(type=type, **fields), entry.path)

"""Retrieval: documents are cut into passages, embedded once, and the nearest ones go into the prompt as `context`.

The index is an embedded vector store (exact inner product, no server); it is served as it was measured.
"""

import json

from lcspec.kinds.api import Body, Bound, Context, Estimate, Kind, Lowered, Output, Resources, Step, StepIO, option
from lcspec.modelcode import shut_in


class RetrievalBody(Body):
    """Passages for the prompt."""

    data: str = option(doc="A data entry of kind `documents`.", refers="data")
    embedder: str = option(
        doc="A model entry with `role: embedder`.",
        refers="model",
        effect="Another model finds other passages; the index is built anew.",
    )
    top: int = option(
        3,
        doc="Passages that are put into the prompt.",
        ge=1,
        le=50,
        effect="More passages hold the answer more often, take more of the context, and hide it among others.",
        source="Liu et al. 2023, arXiv:2307.03172",
    )
    words: int = option(
        120,
        doc="Length of a passage.",
        unit="words",
        ge=10,
        le=2000,
        effect="Longer passages keep more around a fact, and their vectors are less sharp.",
    )
    overlap: int = option(
        20,
        doc="Words that neighbouring passages share.",
        unit="words",
        ge=0,
        effect="More overlap cuts fewer facts in two, for a larger index.",
    )


def lower(ctx: Context, entry: Bound) -> Lowered:
    """One step that builds the index."""
    body = entry.body
    step = Step(
        id=f"index:augmentation.{entry.name}",
        kind=entry.kind_id,
        action="index",
        version=KIND.version,
        params={"words": body.words, "overlap": body.overlap, "top": body.top},
        inputs={
            "documents": ctx.slots("data", body.data)["documents"],
            "embedder": ctx.slots("model", body.embedder)["model"],
        },
        libraries=KIND.libraries,
        resources=Resources(cpus=2, memory=1 << 30),
        estimate=Estimate((5.0, 120.0), 1 << 30, "constant"),
        source=entry.path,
    )
    return Lowered((step,), {"index": Output(step.id, "index"), "embedder": step.inputs["embedder"]})


def index(io: StepIO) -> None:
    """Writes the passages, their vectors and `retrieval.json`."""
    from lcspec.runtime.retrieval import build_index, chunk

    passages = []
    with (io.input("documents") / "documents.jsonl").open(encoding="utf-8") as lines:
        for document in map(json.loads, lines):
            pieces = chunk(document["text"], io.params["words"], io.params["overlap"])
            for number, text in enumerate(pieces):
                id = f"{document['id']}#{number}"
                passages.append({"id": id, "title": document["title"], "text": text, "source": document["file"]})
    target = io.output("index")
    build_index(passages, io.input("embedder"), target, shut_in(io))
    (target / "retrieval.json").write_text(json.dumps({"top": io.params["top"]}) + "\n", encoding="utf-8")
    io.metric("passages", len(passages))


EXAMPLE = "{kind: retrieval, data: handbook, embedder: minilm, top: 4}"
KIND = Kind(
    family="augment",
    name="retrieval",
    version=1,
    body=RetrievalBody,
    lower=lower,
    summary="nearest passages in the prompt",
    example=EXAMPLE,
    actions=("index",),
    libraries=("torch", "transformers"),
)

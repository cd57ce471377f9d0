"""A graph as Mermaid's flowchart."""

from lcspec.graphs.model import STATES, Node, View
from lcspec.graphs.palette import PALETTE

_SHAPES = {"step": ('["', '"]'), "entry": ('(["', '"])'), "candidate": ('["', '"]'), "choice": ('{{"', '"}}')}


def to_mermaid(view: View) -> str:
    """The text of the flowchart."""
    ids = {node.id: f"n{number}" for number, node in enumerate(view.nodes)}
    lines = ["flowchart LR"]
    for number, cluster in enumerate(view.clusters):
        lines.append(f'  subgraph g{number}["{_escaped(cluster)}"]')
        lines += [f"    {_node(node, ids[node.id])}" for node in view.nodes if node.cluster == cluster]
        lines.append("  end")
    arrows = {True: "-.->", False: "-->"}
    lines += [f"  {ids[edge.source]} {arrows[edge.dashed]} {ids[edge.target]}" for edge in view.edges]
    used = {node.state for node in view.nodes}
    for state in STATES:
        if state in used:
            fill, stroke = PALETTE[state]
            lines.append(f"  classDef {state} fill:{fill},stroke:{stroke},color:#1c1c1c")
    return "\n".join(lines) + "\n"


def _node(node: Node, id: str) -> str:
    before, after = _SHAPES[node.shape]
    label = "<br>".join(_escaped(line) for line in node.label)
    return f"{id}{before}{label}{after}:::{node.state}"


def _escaped(text: str) -> str:
    return text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")

"""A graph in the DOT language of Graphviz."""

from lcspec.graphs.model import Node, View
from lcspec.graphs.palette import PALETTE

_SHAPES = {"step": "box", "entry": "oval", "candidate": "box", "choice": "hexagon"}


def to_dot(view: View, name: str) -> str:
    """The text of the digraph."""
    ids = {node.id: f"n{number}" for number, node in enumerate(view.nodes)}
    lines = [f"digraph {_quoted(name)} {{", "  rankdir=LR;", '  node [style=filled, fontname="sans-serif"];']
    for number, cluster in enumerate(view.clusters):
        lines += [f"  subgraph cluster_{number} {{", f"    label={_quoted(cluster)};"]
        lines += [f"    {_node(node, ids[node.id])}" for node in view.nodes if node.cluster == cluster]
        lines.append("  }")
    for edge in view.edges:
        style = " [style=dashed]" if edge.dashed else ""
        lines.append(f"  {ids[edge.source]} -> {ids[edge.target]}{style};")
    return "\n".join([*lines, "}"]) + "\n"


def _node(node: Node, id: str) -> str:
    fill, stroke = PALETTE[node.state]
    label = _quoted("\n".join(node.label))
    told = f"label={label}, shape={_SHAPES[node.shape]}, fillcolor={_quoted(fill)}, color={_quoted(stroke)}"
    return f"{id} [{told}, tooltip={_quoted(node.hint or node.id)}];"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

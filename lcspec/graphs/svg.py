"""A graph as one SVG file: no script, no font of its own, nothing fetched."""

from xml.sax.saxutils import escape, quoteattr

from lcspec.graphs.layout import CHAR, LINE, PAD, Box, Layout, lay_out
from lcspec.graphs.model import STATES, Node, View
from lcspec.graphs.palette import PALETTE

LEGEND = 34.0
FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def to_svg(view: View, name: str) -> str:
    """The text of the picture."""
    layout = lay_out(view)
    used = [state for state in STATES if any(node.state == state for node in view.nodes)]
    width = max(layout.width, _legend_width(used))
    height = layout.height + LEGEND
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" font-family={quoteattr(FONT)} font-size="11">',
        f"<title>{escape(name)}</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#666"/></marker></defs>',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
    ]
    for cluster in view.clusters:
        lines += _lane(cluster, layout.lanes[cluster])
    for edge in view.edges:
        dash = ' stroke-dasharray="5 4"' if edge.dashed else ""
        path = _path(layout.routes[edge.source, edge.target])
        lines.append(f'<path class="edge" d="{path}" fill="none" stroke="#666"{dash} marker-end="url(#tip)"/>')
    lines += [line for node in view.nodes for line in _node(node, layout.nodes[node.id])]
    lines += _legend(used, layout)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _lane(name: str, box: Box) -> list[str]:
    return [
        f'<rect class="lane" {_at(box)} rx="8" fill="#fafafa" stroke="#d9d9d9"/>',
        f'<text x="{box.x + PAD:.1f}" y="{box.y + LINE + 4:.1f}" fill="#555" font-weight="bold">{escape(name)}</text>',
    ]


def _node(node: Node, box: Box) -> list[str]:
    fill, stroke = PALETTE[node.state]
    dash = ' stroke-dasharray="4 3"' if node.state == "left-out" else ""
    paint = f'fill="{fill}" stroke="{stroke}"{dash}'
    lines = [f'<g class="node {node.state}"><title>{escape(f"{node.id}: {node.hint}")}</title>']
    if node.shape == "choice":
        lines.append(f'<polygon points="{_hexagon(box)}" {paint}/>')
    else:
        lines.append(
            f'<rect class="box" {_at(box)} rx="{box.height / 2 if node.shape == "entry" else 4:.1f}" {paint}/>'
        )
    middle = box.x + box.width / 2
    for number, text in enumerate(node.label):
        y = box.y + PAD / 2 + LINE * (number + 1) - 4
        bold = ' font-weight="bold"' if number == 0 and len(node.label) > 1 else ""
        lines.append(f'<text x="{middle:.1f}" y="{y:.1f}" text-anchor="middle"{bold}>{escape(text)}</text>')
    return [*lines, "</g>"]


def _hexagon(box: Box) -> str:
    cut, right, bottom = PAD, box.x + box.width, box.y + box.height
    middle = box.y + box.height / 2
    points = [(box.x + cut, box.y), (right - cut, box.y), (right, middle), (right - cut, bottom), (box.x + cut, bottom)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in (*points, (box.x, middle)))


def _path(points: tuple[tuple[float, float], ...]) -> str:
    """Curves between columns, straight lines across them."""
    x, y = points[0]
    parts = [f"M{x:.1f} {y:.1f}"]
    for number, (a, b) in enumerate(points[1:], 1):
        if number % 2 == 0:
            parts.append(f"L{a:.1f} {b:.1f}")
        else:
            bend = max(abs(a - x) / 2, 18.0)
            parts.append(f"C{x + bend:.1f} {y:.1f} {a - bend:.1f} {b:.1f} {a:.1f} {b:.1f}")
        x, y = a, b
    return "".join(parts)


def _at(box: Box) -> str:
    return f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'


def _legend_width(used: list[str]) -> float:
    return sum(len(state) * CHAR + 40 for state in used) + 2 * PAD


def _legend(used: list[str], layout: Layout) -> list[str]:
    lines, x, y = [], PAD, layout.height + 6
    for state in used:
        fill, stroke = PALETTE[state]
        lines.append(
            f'<rect class="key" x="{x:.1f}" y="{y:.1f}" width="14" height="12" fill="{fill}" stroke="{stroke}"/>'
        )
        lines.append(f'<text x="{x + 20:.1f}" y="{y + 10:.1f}" fill="#555">{state.replace("-", " ")}</text>')
        x += len(state) * CHAR + 40
    return lines

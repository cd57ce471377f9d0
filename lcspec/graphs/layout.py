"""A layered layout: clusters side by side as lanes, columns within them, and long edges led between the boxes. Pure.

After Sugiyama, Tagawa and Toda 1981, doi:10.1109/TSMC.1981.4308636: layers by longest path, crossings reduced by
barycentres. A node's edges to far columns share one chain of way-points.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lcspec.graphs.model import Node, View

CHAR, LINE, PAD = 6.7, 15.0, 10.0  # pixels of a letter, of a line of text, and around a label
ROW, COLUMN, LANE, HEAD = 12.0, 56.0, 28.0, 30.0  # gaps between boxes, columns and lanes; height of a lane's head
WAY = 6.0  # height that a way-point keeps free
SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes of nodes and lanes by their names; edges as points from box to box; the size of the whole."""

    nodes: Mapping[str, Box]
    lanes: Mapping[str, Box]
    routes: Mapping[tuple[str, str], tuple[tuple[float, float], ...]]
    width: float
    height: float


def lay_out(view: View) -> Layout:
    """Places everything; boxes never overlap, and lanes hold their own."""
    return _Placing(view).done()


@dataclass
class _Placing:
    view: View
    column: dict[str, int] = field(default_factory=dict)
    columns: list[list[str]] = field(default_factory=list)
    lane_of: list[str] = field(default_factory=list)  # column to cluster
    links: list[tuple[str, str]] = field(default_factory=list)  # between neighbouring columns
    chains: dict[str, list[str]] = field(default_factory=dict)  # node to its way-points, one a column

    def done(self) -> Layout:
        self.nodes = {node.id: node for node in self.view.nodes}
        self._columns()
        self._ways()
        self._order()
        return self._place()

    # --- columns ---------------------------------------------------------------------------------------------------

    def _columns(self) -> None:
        """Longest path within each cluster; clusters follow each other."""
        for cluster in self.view.clusters:
            members = [node.id for node in self.view.nodes if node.cluster == cluster]
            depth = _depths(members, [(e.source, e.target) for e in self.view.edges])
            start = len(self.columns)
            for _ in range(max(depth.values()) + 1):
                self.columns.append([])
                self.lane_of.append(cluster)
            for member in members:
                self.column[member] = start + depth[member]
                self.columns[self.column[member]].append(member)

    def _ways(self) -> None:
        """A chain of way-points from each node to the column before its farthest target."""
        far: dict[str, int] = {}
        for edge in self.view.edges:
            if self.column[edge.target] > self.column[edge.source] + 1:
                far[edge.source] = max(far.get(edge.source, 0), self.column[edge.target])
        for node, last in far.items():
            before = node
            chain = self.chains.setdefault(node, [])
            for column in range(self.column[node] + 1, last):
                way = f"\0{node}\0{column}"
                self.column[way] = column
                self.columns[column].append(way)
                self.links.append((before, way))
                chain.append(way)
                before = way
        for edge in self.view.edges:
            ways = self._between(edge.source, edge.target)
            self.links.append((ways[-1] if ways else edge.source, edge.target))

    def _between(self, source: str, target: str) -> list[str]:
        count = self.column[target] - self.column[source] - 1
        return self.chains.get(source, [])[: max(0, count)]

    # --- order in a column -----------------------------------------------------------------------------------------

    def _order(self) -> None:
        left: dict[str, list[str]] = {}
        right: dict[str, list[str]] = {}
        for a, b in self.links:
            if self.column[a] < self.column[b]:
                right.setdefault(a, []).append(b)
                left.setdefault(b, []).append(a)
        self.left, self.right = left, right
        for sweep in range(SWEEPS):
            columns = self.columns if sweep % 2 == 0 else list(reversed(self.columns))
            near = left if sweep % 2 == 0 else right
            rank = {name: at for column in self.columns for at, name in enumerate(column)}
            for column in columns:
                here = {name: at for at, name in enumerate(column)}
                column.sort(key=lambda name: (_mean([rank[n] for n in near.get(name, ())], here[name]), here[name]))
                rank |= {name: at for at, name in enumerate(column)}

    # --- places ----------------------------------------------------------------------------------------------------

    def _place(self) -> Layout:
        size = {node.id: _size(node) for node in self.view.nodes}
        y: dict[str, float] = {}
        height = {name: size[name][1] if name in size else WAY for name in self.column}
        for column in self.columns:
            self._stack(column, height, y, {})
        for sweep in range(SWEEPS):
            near = self.left if sweep % 2 == 0 else self.right
            for column in self.columns if sweep % 2 == 0 else reversed(self.columns):
                middle = {
                    n: _mean([y[m] + height[m] / 2 for m in near.get(n, ())], y[n] + height[n] / 2) for n in column
                }
                self._stack(column, height, y, {name: middle[name] - height[name] / 2 for name in column})
        top = min(y.values(), default=0.0)
        y = {name: value - top + HEAD + PAD * 2 for name, value in y.items()}
        return self._measured(size, y, height)

    def _stack(
        self, column: Sequence[str], height: Mapping[str, float], y: dict[str, float], wish: Mapping[str, float]
    ) -> None:
        """Places a column in its order, each as near to its wish as those above allow; then the whole to the mean."""
        at = None
        for name in column:
            wished = wish.get(name, at if at is not None else 0.0)
            y[name] = wished if at is None else max(wished, at)
            at = y[name] + height[name] + ROW
        if wish and column:
            shift = sum(wish[name] - y[name] for name in column) / len(column)
            for name in column:
                y[name] += shift

    def _measured(
        self, size: Mapping[str, tuple[float, float]], y: Mapping[str, float], height: Mapping[str, float]
    ) -> Layout:
        boxes: dict[str, Box] = {}
        lanes: dict[str, Box] = {}
        bottom = max((y[name] + height[name] for name in y), default=0.0) + PAD * 2
        x, lane_start = PAD, PAD
        spans: list[tuple[float, float]] = []
        for at, column in enumerate(self.columns):
            if at == 0 or self.lane_of[at] != self.lane_of[at - 1]:
                lane_start, x = x, x + PAD * 1.6
            wide = max((size[name][0] for name in column if name in size), default=40.0)
            spans.append((x, wide))
            for name in column:
                if name in size:
                    boxes[name] = Box(x + (wide - size[name][0]) / 2, y[name], *size[name])
            x += wide
            if at + 1 == len(self.columns) or self.lane_of[at + 1] != self.lane_of[at]:
                x += PAD * 1.6
                head = len(self.lane_of[at]) * CHAR + PAD * 2
                x = max(x, lane_start + head)
                lanes[self.lane_of[at]] = Box(lane_start, PAD, x - lane_start, bottom - PAD)
                x += LANE
            else:
                x += COLUMN
        routes = {(e.source, e.target): self._route(e.source, e.target, boxes, spans, y) for e in self.view.edges}
        return Layout(boxes, lanes, routes, max(x - LANE + PAD, 2 * PAD), bottom + PAD)

    def _route(
        self,
        source: str,
        target: str,
        boxes: Mapping[str, Box],
        spans: Sequence[tuple[float, float]],
        y: Mapping[str, float],
    ) -> tuple[tuple[float, float], ...]:
        a, b = boxes[source], boxes[target]
        points = [(a.x + a.width, a.y + a.height / 2)]
        for way in self._between(source, target):
            left, wide = spans[self.column[way]]
            middle = y[way] + WAY / 2
            points += [(left, middle), (left + wide, middle)]
        return (*points, (b.x, b.y + b.height / 2))


def _depths(members: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Longest path to each member over edges among them; an edge that would close a circle counts for nothing."""
    inside = set(members)
    before: dict[str, list[str]] = {member: [] for member in members}
    for a, b in edges:
        if a in inside and b in inside:
            before[b].append(a)
    depth: dict[str, int] = {}
    open_: set[str] = set()

    def walk(name: str) -> int:
        if name not in depth:
            open_.add(name)
            depth[name] = max((walk(a) + 1 for a in before[name] if a not in open_), default=0)
            open_.discard(name)
        return depth[name]

    for member in members:
        walk(member)
    return depth


def _size(node: Node) -> tuple[float, float]:
    side = PAD * 2.4 if node.shape == "choice" else PAD
    return max(len(line) for line in node.label) * CHAR + 2 * side, len(node.label) * LINE + PAD


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default

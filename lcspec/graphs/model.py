"""What a graph of a plan shows: nodes in clusters, edges between them; of every step, or of candidates only. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from lcspec.compile.groups import DEPLOYMENT, INPUTS, VARIANTS, groups, order
from lcspec.gates.choose import Chooser
from lcspec.ir.plan import Chosen, Graph, Output, Plan, PlannedStep

NEW, AGAIN, MAYBE, SAME, NEVER, OUT = "runs", "runs-again", "conditional", "reused", "not-needed", "left-out"
OPEN, PASSES, FAILS = "open", "passes", "does-not-pass"
STATES = (NEW, AGAIN, MAYBE, SAME, NEVER, OUT, OPEN, PASSES, FAILS)
_ACTIONS = {"conditional": MAYBE, "reuse-if-unchanged": MAYBE, "reuse": SAME, "skip": NEVER, "left-out": OUT}
_STRONGEST = (AGAIN, NEW, MAYBE, OUT, SAME, NEVER)


@dataclass(frozen=True, slots=True)
class Node:
    """A box: `label` in one or two lines, `state` one of STATES, `shape` step, entry, candidate or choice."""

    id: str
    label: tuple[str, ...]
    state: str
    shape: str
    cluster: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """From what is made to what uses it; `dashed` when only a condition or a choice leads there."""

    source: str
    target: str
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """Clusters in the order of the lifecycle, nodes in topological order, edges in the order of their nodes."""

    clusters: tuple[str, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def view_of_steps(plan: Plan, chooser: Chooser) -> View:
    """Every step and every choice."""
    where = groups(plan.graph)
    nodes = [_step_node(step, where[step.step.id][0]) for step in plan.steps]
    nodes += _choice_nodes(plan, chooser)
    edges: list[Edge] = []
    for planned in plan.steps:
        step = planned.step
        for ref in step.inputs.values():
            if isinstance(ref, Output):
                edges.append(Edge(ref.step, step.id))
            elif isinstance(ref, Chosen):
                edges.append(Edge(f"choice {ref.choice}", step.id, dashed=True))
        edges += [Edge(f"choice {name}", step.id, True) for name in _gating(plan.graph, step.condition.all)]
    for choice in plan.graph.choices:
        for step_id in _evidence(plan.graph, choice.id):
            edges.append(Edge(step_id, f"choice {choice.id}"))
        edges += [Edge(f"choice {one}", f"choice {choice.id}") for one in _parents(plan.graph, choice.id)]
    return _made(plan.graph, nodes, edges)


def view_of_candidates(plan: Plan, chooser: Chooser) -> View:
    """Entries of the spec, candidates, choices and what is deployed; the steps of each are one box."""
    graph, where = plan.graph, groups(plan.graph)
    by_owner: dict[str, list[PlannedStep]] = {}
    owner: dict[str, str] = {}
    for planned in plan.steps:
        group, candidate = where[planned.step.id]
        name = _owner(planned, group, candidate)
        owner[planned.step.id] = name
        by_owner.setdefault(name, []).append(planned)
    nodes = []
    for name, steps in by_owner.items():
        group, candidate = where[steps[0].step.id]
        shape = "candidate" if candidate or group in ("finalist", "release") else "entry"
        hint = "; ".join(f"{step.step.id}: {step.reason}" for step in steps)
        nodes.append(Node(name, _lines(name), _together(steps), shape, group, hint))
    nodes += _choice_nodes(plan, chooser)
    edges = [
        Edge(owner.get(edge.source, edge.source), owner.get(edge.target, edge.target), edge.dashed)
        for edge in view_of_steps(plan, chooser).edges
    ]
    return _made(graph, nodes, edges)


def _owner(planned: PlannedStep, group: str, candidate: str) -> str:
    """The box of a step in the view of candidates."""
    if group == INPUTS:
        section, _, name = planned.step.id.partition(":")[2].partition(".")
        return f"{section}.{name}"
    if group in ("finalist", "release"):
        return f"{candidate or group} on test"
    if group == DEPLOYMENT:
        return planned.step.id.partition(":")[2]
    if group == VARIANTS and not candidate:
        return planned.step.id.partition(":")[2]
    return candidate or planned.step.id.partition(":")[2]


def _step_node(planned: PlannedStep, cluster: str) -> Node:
    verb, _, subject = planned.step.id.partition(":")
    return Node(planned.step.id, (verb, subject), _state(planned), "step", cluster, planned.reason)


def _choice_nodes(plan: Plan, chooser: Chooser) -> list[Node]:
    made = []
    for choice in plan.graph.choices:
        decision = chooser.decision(choice.id)
        state = OPEN if decision is None else PASSES if decision.passed else FAILS
        winner = chooser.name(decision.winner).rstrip("/-") if decision and decision.winner else None
        words = winner or ("not decided" if decision is None else "none")
        cluster = choice.id if choice.rule == "rung" else {"finalist": "finalist"}.get(choice.id, VARIANTS)
        made.append(Node(f"choice {choice.id}", (choice.id, words), state, "choice", cluster, f"{choice.id}: {words}"))
    return made


def _state(planned: PlannedStep) -> str:
    if planned.action == "run":
        return NEW if planned.cause in ("first", "unlocked") else AGAIN
    return _ACTIONS[planned.action]


def _together(steps: Iterable[PlannedStep]) -> str:
    there = {_state(step) for step in steps}
    return next(state for state in _STRONGEST if state in there)


def _lines(name: str) -> tuple[str, ...]:
    for section in ("data", "models", "prompts", "augmentation", "targets", "tuning"):
        if name.startswith(f"{section}."):
            return section, name.removeprefix(f"{section}.")
    return (name,)


def _gating(graph: Graph, condition: Iterable[tuple[str, str]]) -> list[str]:
    """The choices that a condition asks; a candidate that must pass hangs on the choice that it inherits."""
    names = []
    for rule, name in condition:
        inherited = graph.candidates[name].inherits if rule == "passes" else name
        if inherited:
            names.append(inherited)
    return names


def _evidence(graph: Graph, choice_id: str) -> list[str]:
    choice = next(choice for choice in graph.choices if choice.id == choice_id)
    found: list[str] = []
    split = "validation"
    for one in choice.candidates:
        candidate = graph.candidates.get(one)
        if candidate is None or one == "finalist":
            continue
        found += [splits[split] for splits in candidate.scores.values() if split in splits]
        found += [step for place, step in graph.comparisons.items() if place.split("|")[1:] == [one, split]]
    if choice.rule == "variant" and "finalist" in graph.candidates:
        found += [splits["test"] for splits in graph.candidates["finalist"].scores.values() if "test" in splits]
    return found


def _parents(graph: Graph, choice_id: str) -> list[str]:
    choice = next(choice for choice in graph.choices if choice.id == choice_id)
    known = {one.id for one in graph.choices}
    return [one for one in choice.candidates if one in known and one != choice_id]


def _made(graph: Graph, nodes: list[Node], edges: list[Edge]) -> View:
    """The view with each edge once (solid wins over dashed), none from a node to itself, and clusters that exist."""
    kept: dict[tuple[str, str], bool] = {}
    there = {node.id for node in nodes}
    for edge in edges:
        pair = (edge.source, edge.target)
        if edge.source != edge.target and set(pair) <= there:
            kept[pair] = kept.get(pair, True) and edge.dashed
    used = {node.cluster for node in nodes}
    clusters = tuple(cluster for cluster in order(graph) if cluster in used)
    return View(clusters, tuple(nodes), tuple(Edge(a, b, dashed) for (a, b), dashed in kept.items()))

"""A connectome's strongest edges in the brain, from three sides: nodes at their atlas's centres in MNI space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.core.atlases.atlas_node import AtlasNode
from opsctl.render.report.matrices import Edge

_Point = tuple[int, int]

_MARGIN_MM = 14
_GAP_MM = 12
#: Below each view is its name.
_LABEL_MM = 20
_WIDTHS = 3


@dataclass(frozen=True, kw_only=True)
class BrainView:
    """One of the three views.

    Attributes
    ----------
    name
        From where one looks, and what lies on the left.
    outline
        The hull around all nodes, as the points of an SVG polygon.
    nodes
        The positions of the nodes, in the order of their numbers.
    label_x
        Where its name is centred.
    """

    name: str
    outline: str
    nodes: tuple[_Point, ...]
    label_x: int


@dataclass(frozen=True, kw_only=True)
class EdgeLines:
    """Edges that are drawn alike: `kind` is the CSS class, `path` an SVG path over all views."""

    kind: str
    path: str


class Brain:
    """The three views of an atlas, side by side at one scale: a unit is 1 mm.

    Parameters
    ----------
    nodes
        The regions of the atlas, in the order of the nodes' numbers; at least one.
    """

    def __init__(self, nodes: Sequence[AtlasNode]) -> None:
        self.node_count = len(nodes)
        right = [node.x_mm for node in nodes]
        front = [node.y_mm for node in nodes]
        up = [node.z_mm for node in nodes]
        # SVG counts downwards. From the left one sees the front on the left.
        sides = (
            ("from above", right, [-value for value in front]),
            ("from the left", [-value for value in front], [-value for value in up]),
            ("from behind", right, [-value for value in up]),
        )
        self.height = round(max(max(down) - min(down) for _, _, down in sides)) + 2 * _MARGIN_MM + _LABEL_MM
        views, left = [], 0
        for name, across, down in sides:
            width = round(max(across) - min(across)) + 2 * _MARGIN_MM
            top = (self.height - _LABEL_MM - (max(down) - min(down))) / 2
            points = tuple(
                (round(left + _MARGIN_MM + x - min(across)), round(top + y - min(down)))
                for x, y in zip(across, down, strict=True)
            )
            outline = " ".join(f"{x},{y}" for x, y in _hull(points))
            views.append(BrainView(name=name, outline=outline, nodes=points, label_x=left + width // 2))
            left += width + _GAP_MM
        self.views = tuple(views)
        self.width = left - _GAP_MM

    def lines(self, edges: Sequence[Edge]) -> list[EdgeLines]:
        """The edges as lines: the stronger, the thicker; those below 0 are apart.

        Parameters
        ----------
        edges
            The strongest first.
        """
        paths: dict[str, list[str]] = {}
        for rank, edge in enumerate(edges):
            width = _WIDTHS - _WIDTHS * rank // len(edges)
            kind = f"edge e{width}{' below' if edge.weight < 0 else ''}"
            for view in self.views:
                (x1, y1), (x2, y2) = view.nodes[edge.row], view.nodes[edge.column]
                paths.setdefault(kind, []).append(f"M{x1} {y1}L{x2} {y2}")
        # The thickest are drawn last, on top.
        return [EdgeLines(kind=kind, path="".join(parts)) for kind, parts in reversed(paths.items())]


def _hull(points: Sequence[_Point]) -> list[_Point]:
    """The convex hull of points (Andrew's monotone chain)."""
    ordered = sorted(set(points))
    if len(ordered) <= 2:
        return ordered

    def half(half_points: Sequence[_Point]) -> list[_Point]:
        chain: list[_Point] = []
        for x, y in half_points:
            while len(chain) >= 2:
                (x1, y1), (x2, y2) = chain[-2:]
                if (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) > 0:
                    break
                chain.pop()
            chain.append((x, y))
        return chain[:-1]

    return half(ordered) + half(ordered[::-1])

"""Places a picture on lanes and rows, as a map of tracks: one row for each revision, lanes beside one another; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pointsman.core.migrations.drawing.model import Edge, Node, Picture, Stroke


@dataclass(frozen=True, slots=True)
class Stop:
    """A revision at its place, both counted from 0."""

    node: Node
    lane: int
    row: int


@dataclass(frozen=True, slots=True)
class Track:
    """An edge: it leaves `start`, changes to `lane` at once, and comes to `end` from there. Between the two no stop
    stands on that lane, and no other track runs on it unless it shares an end with this one."""

    edge: Edge
    start: Stop
    end: Stop
    lane: int


@dataclass(frozen=True, slots=True)
class Map:
    """All of it, `lanes` wide."""

    stops: tuple[Stop, ...]
    tracks: tuple[Track, ...]
    lanes: int


def placed(picture: Picture) -> Map:
    """Stops in their order, one a row; what goes on straight stays on its lane, what is gone runs outside."""
    return _Places(picture).map()


@dataclass(slots=True)
class _Places:
    picture: Picture
    stops: dict[str, Stop] = field(default_factory=dict)
    tracks: list[Track] = field(default_factory=list)

    def map(self) -> Map:
        rows = {node.key: row for row, node in enumerate(self.picture.nodes)}
        below: dict[str, list[Edge]] = {}
        for edge in self.picture.now:
            if rows[edge.parent] < rows[edge.child]:
                below.setdefault(edge.child, []).append(edge)
        for node in self.picture.nodes:
            self._place(node, rows[node.key], below.get(node.key, []))
        for edge in self.picture.edges:
            if edge.stroke is Stroke.OLD or rows[edge.parent] >= rows[edge.child]:
                self._aside(edge)
        lanes = [stop.lane for stop in self.stops.values()] + [track.lane for track in self.tracks]
        return Map(tuple(self.stops.values()), tuple(self.tracks), 1 + max(lanes, default=0))

    def _place(self, node: Node, row: int, below: list[Edge]) -> None:
        starts = [self.stops[edge.parent] for edge in below]
        straight = sorted({(stop.lane, stop.row) for stop in starts})
        since = min((row for _, row in straight), default=row - 1)
        wanted = [lane for lane, start in straight if self._is_free(lane, start, row, "", node.key)]
        lane = wanted[0] if wanted else self._first_free(since, row, node.key)
        stop = self.stops[node.key] = Stop(node, lane, row)
        for edge, start in zip(below, starts, strict=True):
            own = [start.lane, lane] if start.lane >= lane else [lane, start.lane]
            found = (
                each for each in _lanes(own) if self._is_free(each, start.row, row, edge.parent, edge.child)
            )
            self.tracks.append(Track(edge, start, stop, next(found)))

    def _first_free(self, since: int, row: int, key: str) -> int:
        return next(lane for lane in _lanes([]) if self._is_free(lane, since, row, "", key))

    def _aside(self, edge: Edge) -> None:
        ends = sorted((self.stops[edge.parent], self.stops[edge.child]), key=lambda stop: stop.row)
        start, end = ends
        own = {start.lane, end.lane}
        lane = next(
            lane
            for lane in _lanes([])
            if lane not in own and lane > min(own) and self._is_free(lane, start.row, end.row, "", "")
        )
        self.tracks.append(Track(edge, start, end, lane))

    def _is_free(self, lane: int, since: int, row: int, parent: str, child: str) -> bool:
        """Whether nothing stands between the rows on the lane, and no track of other ends runs there."""
        if any(
            stop.lane == lane and since < stop.row <= row and stop.node.key != child
            for stop in self.stops.values()
        ):
            return False
        return not any(
            track.lane == lane
            and track.start.row < row
            and since < track.end.row
            and not (track.edge.parent == parent or (child and track.edge.child == child))
            for track in self.tracks
        )


def _lanes(first: Iterable[int]) -> Iterable[int]:
    """Those lanes, then all from the left."""
    yield from first
    lane = 0
    while True:
        yield lane
        lane += 1

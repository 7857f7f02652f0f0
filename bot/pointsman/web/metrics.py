"""The figures as Prometheus reads them; it counts nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from pointsman import __version__
from pointsman.core.hints import Figures, LaneFigures

LABEL_SETS = 500
"""How many lanes or repositories are told apart: each is a time series of its own in the monitoring."""

OTHERS = "(others)"

Counts = tuple[tuple[tuple[str, str], int], ...]

LANES: tuple[tuple[str, str, Callable[[LaneFigures], float]], ...] = (
    ("queued_changes", "Changes that wait in the lane.", lambda lane: lane.queued),
    ("testing_changes", "Changes whose candidate is being tested.", lambda lane: lane.testing),
    ("running_checks", "Checks that run now.", lambda lane: lane.running),
    ("lane_paused", "1 while the lane is paused.", lambda lane: lane.paused),
)


class FiguresCollector(Collector):
    """Asks for the figures at every scrape."""

    def __init__(self, figures: Callable[[], Figures], answers: Callable[[], Counts]) -> None:
        self._figures = figures
        self._answers = answers

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not read the figures."""
        return ()

    def collect(self) -> Iterator[Metric]:
        figures = self._figures()
        yield InfoMetricFamily("pointsman_build", "The program that answers.", {"version": __version__})
        yield from _lanes(figures.lanes)
        yield _requests(figures.requests)
        yield _pairs("pointsman_deliveries", "Deliveries worked, by event and outcome.", figures.deliveries)
        yield _pairs("pointsman_webhook_answers", "Webhook requests, by event and answer.", self._answers())
        yield from _totals(figures)
        yield from _gauges(figures)


def make_registry(figures: Callable[[], Figures], answers: Callable[[], Counts]) -> CollectorRegistry:
    """The figures, the webhook's answers, and the process itself (memory, CPU, open files)."""
    registry = CollectorRegistry()
    registry.register(FiguresCollector(figures, answers))
    ProcessCollector(registry=registry)
    return registry


def rendered(registry: CollectorRegistry) -> bytes:
    """Prometheus' text format."""
    return generate_latest(registry)


def _lanes(lanes: tuple[LaneFigures, ...]) -> Iterator[Metric]:
    for name, text, value in LANES:
        family = GaugeMetricFamily(f"pointsman_{name}", text, labels=("repository", "lane"))
        for lane in lanes[:LABEL_SETS]:
            family.add_metric((lane.repository, lane.lane), float(value(lane)))
        if lanes[LABEL_SETS:]:
            family.add_metric((OTHERS, OTHERS), float(sum(value(lane) for lane in lanes[LABEL_SETS:])))
        yield family


def _requests(requests: tuple[tuple[str, int], ...]) -> Metric:
    family = CounterMetricFamily(
        "pointsman_api_requests", "Requests to the forge's API, by repository.", labels=("repository",)
    )
    for repository, count in requests[:LABEL_SETS]:
        family.add_metric((repository,), count)
    if requests[LABEL_SETS:]:
        family.add_metric((OTHERS,), sum(count for _, count in requests[LABEL_SETS:]))
    return family


def _pairs(name: str, text: str, counts: Counts) -> Metric:
    family = CounterMetricFamily(name, text, labels=("event", "outcome"))
    for pair, count in counts:
        family.add_metric(pair, count)
    return family


def _totals(figures: Figures) -> Iterator[Metric]:
    yield CounterMetricFamily("pointsman_landed", "Changes that landed.", figures.landed)
    yield CounterMetricFamily("pointsman_returned", "Changes that were returned.", figures.returned)
    yield CounterMetricFamily("pointsman_healed", "Migration forks that were healed.", figures.healed)
    yield CounterMetricFamily(
        "pointsman_troubles", "Rounds that failed and are tried again.", figures.troubles
    )


def _gauges(figures: Figures) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "pointsman_inbox_waiting", "Deliveries kept and not worked yet.", figures.pending_hints
    )
    yield GaugeMetricFamily(
        "pointsman_inbox_oldest_seconds",
        "Age of the oldest of them, 0 when there is none.",
        figures.oldest_hint,
    )
    yield GaugeMetricFamily(
        "pointsman_last_round_timestamp_seconds",
        "When the timer last went round all lanes, in seconds since 1970; 0 before the first time.",
        figures.last_round,
    )

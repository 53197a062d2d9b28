"""The counters of the service, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from keras_wa.inference.out_of_distribution import REASONS
from keras_wa.inference.predicting import Prediction

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_PROBABILITIES = tuple(tenths / 10 for tenths in range(1, 11))
_ROIS = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The counters of one service, in a separate registry."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.requests = Counter(
            "keras_wa_requests",
            "Requests answered.",
            ("path", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "keras_wa_request_seconds",
            "From a request's arrival to the end of its answer.",
            ("path",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._probabilities = Histogram(
            "keras_wa_probability",
            "Probability of malignancy of an ROI.",
            buckets=_PROBABILITIES,
            registry=self._registry,
        )
        self._sets = Counter(
            "keras_wa_prediction_sets",
            "ROIs by prediction set; both and none are indeterminate.",
            ("set",),
            registry=self._registry,
        )
        self._unusual = Counter(
            "keras_wa_out_of_distribution_rois",
            "ROIs that differ from the training ROIs, by the reason.",
            ("reason",),
            registry=self._registry,
        )
        self.batches = Histogram(
            "keras_wa_batch_rois",
            "ROIs that the network saw at once.",
            buckets=_ROIS,
            registry=self._registry,
        )
        self.under_way = Gauge(
            "keras_wa_requests_under_way",
            "Predictions that are not yet answered.",
            registry=self._registry,
        )

    def count(self, prediction: Prediction) -> None:
        """Counts an ROI by its probability, prediction set and warnings."""
        self._probabilities.observe(prediction.probability)
        if prediction.prediction_set:
            self._sets.labels(prediction.prediction_set).inc()
        # Warnings may also be notes on the file.
        reasons = {warning.partition(":")[0] for warning in prediction.warnings}
        for reason in reasons.intersection(REASONS):
            self._unusual.labels(reason).inc()

    def watch_queue(self, waiting: Callable[[], int]) -> None:
        """Reads the length of the queue (in ROIs) from a function."""
        Gauge(
            "keras_wa_queue_rois",
            "ROIs that wait for the network.",
            registry=self._registry,
        ).set_function(waiting)

    def text(self) -> bytes:
        """Returns the counters in Prometheus' text format."""
        return generate_latest(self._registry)

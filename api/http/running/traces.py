"""Spans of requests, sent by OTLP where the environment says so, as OpenTelemetry has it.

A span has the route as it is declared, and never what was called.
"""

import os
from collections.abc import Callable

from opentelemetry import trace

from ledger.errors import BadUsage

_WHERE = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def send_traces() -> Callable[[], object]:
    """Have spans sent, if either variable names a collector; what is returned sends the last of them.

    To be called before anything is served. Raises `BadUsage` where what sends them is not installed.
    """
    if not any(os.environ.get(name) for name in _WHERE):
        return lambda: None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise BadUsage(f"{_WHERE[1]}: expected the extra bahi[traces] for it, came none") from None
    named = os.environ.get("OTEL_SERVICE_NAME", "bahi")
    provider = TracerProvider(
        resource=Resource.create({SERVICE_NAME: named}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.shutdown

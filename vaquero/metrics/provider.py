"""A meter provider that starts from zero in a forked child.

The SDK's provider takes its sums into every forked child, so that N workers report what the parent
counted before the fork N times; a lock held at the fork stays held. This one gives a child fresh
locks, fresh storage with a new start time, and the child's own resource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import MeterProvider as SdkMeterProvider

from vaquero import _process, _upstream

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.resources import Resource


class MeterProvider(SdkMeterProvider):
    """The SDK's meter provider, made right after fork.

    Args:
        child_resource: Gives the resource of a forked child from the parent's.
        **kwargs: As for the SDK's provider.
    """

    def __init__(
        self, *, child_resource: Callable[[Resource], Resource] | None = None, **kwargs: Any
    ) -> None:
        self._child_resource = child_resource
        super().__init__(**kwargs)
        _process.after_fork_in_child(self._reset_after_fork)

    def _handle_fork(self) -> None:
        """Newer SDKs call this in a child and would overwrite a given instance id."""

    def _reset_after_fork(self) -> None:
        _upstream.restart_metrics(self)
        if self._child_resource is not None:
            self._sdk_config.resource = self._child_resource(self._sdk_config.resource)

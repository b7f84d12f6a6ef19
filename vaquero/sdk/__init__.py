"""The life cycle: making, using and ending an SDK. ``vaquero`` re-exports the public names."""

from vaquero.compat.config import SDKConfig
from vaquero.sdk.handle import VaqueroSDK
from vaquero.sdk.lifecycle import (
    configure,
    configure_from_entry_point,
    configure_from_env,
    flush,
    get_default_sdk,
    init,
    set_default_sdk,
    shutdown,
    start,
)

__all__ = [
    "SDKConfig",
    "VaqueroSDK",
    "configure",
    "configure_from_entry_point",
    "configure_from_env",
    "flush",
    "get_default_sdk",
    "init",
    "set_default_sdk",
    "shutdown",
    "start",
]

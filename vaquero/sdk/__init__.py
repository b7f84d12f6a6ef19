"""The life cycle: making, using and ending an SDK. ``vaquero`` re-exports the public names."""

from vaquero.sdk.entry import (
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
from vaquero.sdk.life import VaqueroSDK
from vaquero.sdk.original import SDKConfig

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

"""The same providers and the same spans as the tests of the facade have."""

from tests.unit.facade.conftest import no_provider, provider, silence, spans

__all__ = ["no_provider", "provider", "silence", "spans"]

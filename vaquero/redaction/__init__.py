"""What must not leave the process: secrets in keys, values, names, URLs, statements and messages.

On by default. :class:`Redactor` is what the pipeline and the log bridge use; :func:`redact_text`,
:func:`mask_url` and :func:`mask_headers` are for our own log lines. What is taken out is replaced
by ``[redacted]`` (``REDACTED`` inside URLs and ``?`` in database statements, as the semantic
conventions have it), and the attribute ``vaquero.redacted`` lists where that was.
``docs/redaction.md`` tells the rules.
"""

from vaquero.redaction.keys import is_secret
from vaquero.redaction.redactor import (
    Redactor,
    Rule,
    mask_headers,
    mask_url,
    redact_text,
)
from vaquero.redaction.text import REDACTED, REDACTED_IN_URL

__all__ = [
    "REDACTED",
    "REDACTED_IN_URL",
    "Redactor",
    "Rule",
    "is_secret",
    "mask_headers",
    "mask_url",
    "redact_text",
]

"""The body of a request as an OTLP message: protobuf, or JSON with hexadecimal ids."""

from __future__ import annotations

import base64
import json
from typing import Any, TypeVar, cast

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from vaquero_viewer.errors import BadBody

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

_ID_FIELDS = frozenset({"traceId", "spanId", "parentSpanId"})
_M = TypeVar("_M", bound=Message)


def decode(body: bytes, kind: type[_M], content_type: str) -> _M:
    """Parse one request.

    Args:
        body: The body, decompressed.
        kind: The message class that the path stands for.
        content_type: :data:`PROTOBUF` or :data:`JSON`.

    Raises:
        BadBody: If the body is not such a message; the text says why.
    """
    message = kind()
    if content_type == JSON:
        _from_json(body, message)
    else:
        _from_protobuf(body, message)
    return message


def _from_protobuf(body: bytes, message: Message) -> None:
    name = type(message).__name__
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise BadBody(f"the body is not a protobuf {name}: {error}") from None
    # Protobuf takes nearly any bytes as "fields not known yet". A body that holds nothing else
    # is somebody else's message, and a 200 would hide that from its sender.
    if body and not message.ListFields() and len(UnknownFieldSet(message)):
        raise BadBody(f"the body is not a {name}: none of its fields is known")


def _from_json(body: bytes, message: Message) -> None:
    name = type(message).__name__
    try:
        tree = json.loads(body)
    except RecursionError:
        raise BadBody("the JSON body is nested too deeply") from None
    except ValueError as error:
        raise BadBody(f"the body is not JSON: {error}") from None
    if not isinstance(tree, dict):
        raise BadBody(f"the JSON body is not the object of an {name}")
    fields = cast("dict[str, Any]", tree)
    known = message.DESCRIPTOR.fields[0]
    if fields and not {known.json_name, known.name} & fields.keys():
        raise BadBody(f"the JSON body is not an {name}: it has no {known.json_name!r}")
    try:
        _ids_to_base64(fields)
        json_format.ParseDict(fields, message, ignore_unknown_fields=True)
    except RecursionError:
        raise BadBody("the JSON body is nested too deeply") from None
    except (json_format.ParseError, ValueError, TypeError, AttributeError) as error:
        raise BadBody(f"the JSON body is not an {name}: {error}") from None


def _ids_to_base64(node: Any) -> None:
    """Rewrite the ids in place: OTLP/JSON has them in hexadecimal, protobuf's JSON in base64.

    Names of attributes never are keys of the JSON tree (they are values of ``"key"``), so a key
    of this name is always an id.
    """
    if isinstance(node, list):
        for item in cast("list[Any]", node):
            _ids_to_base64(item)
    elif isinstance(node, dict):
        fields = cast("dict[str, Any]", node)
        for key, value in fields.items():
            if key in _ID_FIELDS and isinstance(value, str):
                try:
                    fields[key] = base64.b64encode(bytes.fromhex(value)).decode("ascii")
                except ValueError:
                    raise BadBody(f"{key} {value[:64]!r} is not hexadecimal") from None
            else:
                _ids_to_base64(value)

"""Attributes of the semantic conventions with values such as programs send.

Names and the members of enumerations are those of the installed conventions package; the values for
attributes whose content could be taken for a secret are written here.
"""

from __future__ import annotations

import enum
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

#: What attributes hold whose name or kind of value is close to that of a secret.
VALUES: dict[str, list[Any]] = {
    "app.installation.id": ["5c7f8a1e-2b7d-4a3f-9d0c-6e1b2f3a4c5d", "inst-0042"],
    "app.build_id": ["9f86d081884c7d659a2feaa0c55ad015", "shop-2.1.0-rc3"],
    "aws.ecs.task.arn": ["arn:aws:ecs:eu-west-1:123456789012:task/shop/0123456789abcdef"],
    "aws.lambda.invoked_arn": ["arn:aws:lambda:eu-west-1:123456789012:function:pay:live"],
    "aws.request_id": ["79b9da39-b7ae-508a-a6bc-864b2829c622", "C9ER4AJX75574TDJ"],
    "aws.s3.key": ["reports/2026/11/summary.csv"],
    "aws.s3.upload_id": ["dfRtDYWFbkRONycy.Yxwh66Yjlx.cph0gtNBtJ"],
    "client.address": ["192.0.2.17", "client.example.com", "/tmp/shop.sock"],
    "cloud.account.id": ["111111111111", "opentelemetry"],
    "code.file.path": ["/srv/shop/auth/session.py"],
    "code.function.name": ["shop.auth.refresh_token", "Passenger.key_of"],
    "code.stacktrace": ['  File "shop.py", line 3, in pay\n    token = tokens.next()\n'],
    "container.image.name": ["gcr.io/shop/web"],
    "container.image.id": [
        "sha256:19c92d0a00d1b66d897bceaa7319bee0dd38a10a851c60bcec9474aa3f01e50f"
    ],
    "db.query.text": [
        "SELECT * FROM orders WHERE id = ?",
        "SET session_key ?",
        "HMSET user:? name ?",
        "SELECT name FROM tokens WHERE kind IN (?)",
    ],
    "db.query.summary": ["SELECT orders", "SELECT tokens INNER JOIN sessions"],
    "db.collection.name": ["sessions", "tokens"],
    "db.namespace": ["customers", "shop.users"],
    "device.id": ["2f1c8f8e0c3a4e0c", "AB-12"],
    "enduser.id": ["ada", "u-4711"],
    "exception.message": ["Division by zero", "Can't convert 'int' object to str implicitly"],
    "exception.type": ["java.net.ConnectException", "OSError"],
    "faas.invocation_id": ["af9d5aa4-a685-4c5f-a22b-444f80b3cc28"],
    "feature_flag.key": ["logo-color", "new-session-page"],
    "file.path": ["/home/ada/keys.txt", "C:\\shop\\tokens.db"],
    "gen_ai.request.max_tokens": [100],
    "gen_ai.usage.input_tokens": [100],
    "gen_ai.usage.output_tokens": [180],
    "gen_ai.token.type": ["input", "output"],
    "gen_ai.response.id": ["chatcmpl-0042"],
    "graphql.document": ["query findBook { bookById(id: ?) { name } }"],
    "host.id": ["fdbf79e8af94cb7f9e8df36789187052", "i-0abc12de34f56a789"],
    "host.image.id": ["ami-07b06b442921831e5"],
    "http.request.header.content-type": [["application/json"]],
    "http.response.header.content-type": [["text/html; charset=utf-8"]],
    "http.request.header.x-request-id": [["7f3a2b1c-1d2e-4f5a-8b9c-0d1e2f3a4b5c"]],
    "http.route": ["/users/:id", "/tokens/{token_id}/rotate", "/auth/login"],
    "k8s.pod.uid": ["275ecb36-5aa8-4c2a-9c47-d8bb681b9aff"],
    "k8s.node.name": ["node-1"],
    "messaging.message.id": ["452a7c7c7c7048c2f887f61572b18fc2"],
    "messaging.message.conversation_id": ["conv-17"],
    "messaging.kafka.message.key": ["order-42"],
    "network.peer.address": ["10.1.2.80", "2001:db8::1"],
    "oci.manifest.digest": [
        "sha256:e4ca62c0d62f3e886e684806dfe9d4e0cda60d54986898173c1083856cfda0f4"
    ],
    "process.command": ["cmd/otelcol", "python"],
    "process.command_args": [["python", "-m", "shop", "--workers", "2"]],
    "process.command_line": ["python -m shop --workers 2"],
    "process.executable.build_id.gnu": ["c89b11207f6479603b0d49bf291c092c2b719293"],
    "server.address": ["example.com", "/tmp/shop.sock"],
    "service.instance.id": ["627cc493-f310-47de-96bd-71410b7dec09"],
    "service.version": ["2.0.0", "a01dbef8a"],
    "session.id": ["00112233-4455-6677-8899-aabbccddeeff"],
    "session.previous_id": ["00112233-4455-6677-8899-aabbccddeeff"],
    "tls.cipher": ["TLS_RSA_WITH_3DES_EDE_CBC_SHA"],
    "tls.client.hash.sha1": ["9E393D93138888D288266C2D915214D1D1CCEB2A"],
    "tls.client.ja3": ["d4e5b18d6b55c71272893221c96ba240"],
    "tls.client.server_name": ["shop.example.com"],
    "tls.curve": ["secp256r1"],
    "tls.client.subject": ["CN=ada, OU=Ranch, DC=example, DC=com"],
    "url.full": [
        "https://shop.example.com/search?q=boots#top",
        "https://shop.example.com/books?author=ada&page=2&sort=title",
        "https://shop.example.com:8080/a/b;v=1?lang=en",
        "//localhost",
    ],
    "url.original": ["https://shop.example.com/search?q=boots#top", "search?q=boots"],
    "url.path": ["/search", "/passenger/7/keys"],
    "url.query": ["q=boots", "page=2&session_count=4&max_tokens=9"],
    "url.fragment": ["top"],
    "user.id": ["S-1-5-21-202424912787-2692429404-2351956786-1000", "u17"],
    "user.hash": ["364fc68eaf4c8acec74a4e52d7d1feaa"],
    "user.email": ["ada@example.com"],
    "user.name": ["ada"],
    "user_agent.original": [
        "CERN-LineMode/2.15 libwww/2.17b3",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0",
    ],
    "vcs.ref.head.revision": ["9d59409acf479dfa0df1aa568182e43e43df8bbe28d60fcf2bc52e30068802cc"],
    "vcs.repository.url.full": ["https://gitlab.com/ranch/shop.git"],
    "webengine.description": ["WildFly Full 21.0.0.Final (WildFly Core 13.0.1.Final)"],
}

_ORDINARY: tuple[Any, ...] = ("some value", "a-b_c.d", "Ranch", "true", 12, 0.5, True)


def attributes() -> Iterator[tuple[str, Any]]:
    """Every attribute that the installed package names, with each value to try."""
    for name, members in _installed().items():
        for value in (*VALUES.get(name, ()), *members, *_ORDINARY):
            yield name, value
    for name in VALUES.keys() - _installed().keys():
        for value in VALUES[name]:
            yield name, value


def _installed() -> dict[str, list[str]]:
    from opentelemetry.semconv import _incubating, attributes

    found: dict[str, list[str]] = {}
    packages = (attributes, importlib.import_module(f"{_incubating.__name__}.attributes"))
    for package in packages:
        for info in pkgutil.iter_modules(package.__path__):
            module = vars(importlib.import_module(f"{package.__name__}.{info.name}"))
            kinds = {
                _bare(name.removesuffix("Values")): [str(member.value) for member in kind]
                for name, kind in module.items()
                if isinstance(kind, type) and issubclass(kind, enum.Enum)
            }
            for name, value in module.items():
                if name.isupper() and isinstance(value, str):
                    found[value] = kinds.get(_bare(name), [])
    return found


def _bare(name: str) -> str:
    return name.replace("_", "").lower()

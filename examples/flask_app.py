"""A Flask application with a traced function.

    vaquero run flask --app flask_app run

Where ``opentelemetry-instrumentation-flask`` is installed, each request has its server span too.
"""

from __future__ import annotations

from flask import Flask

import vaquero

app = Flask(__name__)


@vaquero.trace
def greeting(name: str) -> str:
    """What to say."""
    with vaquero.span("compose", {"name.length": len(name)}):
        return f"Howdy, {name}!"


@app.get("/hello/<name>")
def hello(name: str) -> str:
    """Greet somebody."""
    return greeting(name)

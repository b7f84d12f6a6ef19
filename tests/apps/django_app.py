"""A shop on Django: its own layer over sqlite3, and urllib3.

Started as the programs of Django's own template are: the program itself names its settings.
"""

from __future__ import annotations

import os
import sys

import places
import urllib3
from django.http import HttpRequest, JsonResponse
from django.urls import path

http = urllib3.PoolManager()


def order(request: HttpRequest, number: int) -> JsonResponse:
    """A request that asks a database and another service."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT %s + 1", [number])
        (found,) = cursor.fetchone()
    stock = http.request("GET", f"{places.NEIGHBOUR}/stock", timeout=10)
    return JsonResponse({"found": found, "stock": stock.status})


def fail(request: HttpRequest) -> JsonResponse:
    """A request that breaks."""
    raise ValueError("no stock")


urlpatterns = [path("orders/<int:number>", order), path("fail", fail)]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_settings")
    sys.modules["django_app"] = sys.modules["__main__"]
    from django.core.management import execute_from_command_line

    address = f"127.0.0.1:{places.port()}"
    execute_from_command_line(["manage.py", "runserver", "--noreload", address])

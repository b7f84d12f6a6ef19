"""A Django project in one file."""

import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpResponse
from django.urls import path
from spans import work

settings.configure(
    DEBUG=True, SECRET_KEY="test", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], USE_TZ=True
)

urlpatterns = [path("<str:mark>", lambda request, mark: HttpResponse(work(mark)))]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)

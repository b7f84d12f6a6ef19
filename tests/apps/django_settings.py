"""Settings of the shop on Django."""

ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "django_app"
SECRET_KEY = "for tests"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True

"""Celery over a broker of files, so that nothing else needs to run."""

import os

from celery import Celery
from spans import work

folder = os.environ["QUEUE_FOLDER"]
app = Celery("tasks", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": folder,
        "data_folder_out": folder,
        "control_folder": folder,
    },
    worker_hijack_root_logger=False,
    task_ignore_result=True,
)


@app.task
def do(mark):
    """Work."""
    work(mark)

from flask import Flask
from spans import work

app = Flask(__name__)


@app.get("/<mark>")
def index(mark):
    """Work for the path."""
    return work(mark)

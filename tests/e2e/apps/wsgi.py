from spans import work


def app(environ, start_response):
    """Work for the path."""
    body = work(environ["PATH_INFO"].strip("/")).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


application = app

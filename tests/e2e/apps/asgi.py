from spans import work


async def app(scope, receive, send):
    """Work for the path."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    body = work(scope["path"].strip("/")).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})

"""One request to one destination: HTTP/1.1 and gRPC over sockets of our own, and when to retry."""

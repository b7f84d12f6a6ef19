"""From the caller's thread to bytes: the queues, and the writer thread that empties them."""

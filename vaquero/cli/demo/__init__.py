"""``vaquero demo``: an example shop, its customers, and what is seen of them."""

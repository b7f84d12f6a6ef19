"""A small shop: FastAPI over SQLite, with traced classes, a slow query, errors, background work.

Run it alone, in this folder:

    vaquero run --view uvicorn shop.app:app

or let ``vaquero demo`` start it and send it customers.
"""

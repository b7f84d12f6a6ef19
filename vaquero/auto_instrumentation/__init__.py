"""The libraries of an environment, and what instruments them.

``catalog`` says what is published, ``survey`` what is here, ``switches`` what is switched off, and
``wsgi`` instruments programs that use no framework.
"""

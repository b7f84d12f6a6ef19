from spans import work


def test_works():
    """Works."""
    assert work("tested") == "did tested"

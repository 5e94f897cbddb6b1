"""Python that the type checker must accept, and Python that it must refuse."""

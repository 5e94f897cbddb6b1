"""What pytest itself wants to know of the whole suite: that some tests run pytest inside pytest."""

pytest_plugins = ["pytester"]

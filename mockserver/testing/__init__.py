"""The test double inside a test: a server in a thread, what was asked of it, and the verdict on that.

This package decides nothing of what is answered: that is the engine's. It knows no pytest; `mockserver.plugin` does.
"""

"""What a session remembers: a small protocol of atomic operations, and its in-memory form.

This room decides what counts as one atomic step. It must not know HTTP or files. The in-memory form is atomic because its
operations never yield: one event loop runs them one after the other.
"""

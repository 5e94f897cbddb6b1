"""A session on a server that runs elsewhere, for a test: what it says is sent there, what happened there is read back.

Nothing here decides what is answered. The server is asked by its control API alone.
"""

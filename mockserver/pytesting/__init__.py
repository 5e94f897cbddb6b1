"""What the pytest plugin is made of: what a test wishes for, the environment, and one run with its server.

Nothing here decides what is answered. Importing these rooms is cheap: a test run that never asks for the server loads none
of it.
"""

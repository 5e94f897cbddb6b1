"""A test double for the Responses API: canned, timed and broken answers from YAML rules, over a real socket.

Importing this package is cheap: nothing of the web server or the validators is loaded until it is used.
"""

__version__ = "0.1.0"

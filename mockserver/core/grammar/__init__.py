"""The event grammar: which events exist, how each kind of item runs, and whether a sequence could have come from the API."""

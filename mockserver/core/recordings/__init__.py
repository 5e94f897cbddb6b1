"""Recordings: from what was seen on the wire to a rule file with its exact bytes, and back."""

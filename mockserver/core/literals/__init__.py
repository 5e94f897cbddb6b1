"""Literal event sequences: what an author wrote, completed into what the API would send."""

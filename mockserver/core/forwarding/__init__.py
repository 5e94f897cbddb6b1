"""Forwarding: what of a request goes to the upstream, what of its answer comes back, and in which pieces."""

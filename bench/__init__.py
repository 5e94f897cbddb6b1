"""Reproducible measurements: every figure beside a bare ASGI callable on the same server settings, in the same run."""

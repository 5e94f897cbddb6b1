"""Schemas: how an API description becomes small JSON Schemas, and how a body is judged and refused by them."""

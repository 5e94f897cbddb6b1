"""Recorded answers beside those of today: what is compared, and what can be asked again."""

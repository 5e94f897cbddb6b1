"""What must not reach the disk: how it is known, how it is taken out, and whether something is left."""

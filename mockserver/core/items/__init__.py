"""Output items: as authors write them, as the API sends them, and as we make them up."""

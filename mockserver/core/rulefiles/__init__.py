"""Rule files: YAML text to rules, every mistake with its place; the JSON Schema of the format; text written back."""

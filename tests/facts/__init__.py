"""What the API's published pages say, as tables: facts that tests walk, never code that the server runs."""

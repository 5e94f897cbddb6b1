"""From a capture to the text of a recording: a rule that reads well, and the exact bytes beside it."""

"""Rules: targets, matchers, the book that finds candidates, and what is told when none is found."""

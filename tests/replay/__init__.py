"""What was: the clocks, the past of every view, and what verification finds."""

"""What several test modules share: oracles, models, and ways to look at an explorer."""

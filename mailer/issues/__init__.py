"""Write an issue, check it, render it, approve it."""

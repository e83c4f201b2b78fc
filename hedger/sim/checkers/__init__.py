"""What must always hold, judged from what happened and from the exchange's truth, apart from the code under test."""

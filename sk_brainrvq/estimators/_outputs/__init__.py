"""What the estimators give back and keep."""

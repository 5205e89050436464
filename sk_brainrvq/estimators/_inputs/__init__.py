"""What users hand to the estimators, checked."""

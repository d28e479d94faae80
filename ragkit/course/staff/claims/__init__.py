"""The page of claims and verdicts: the experiments that no lab shows in full."""

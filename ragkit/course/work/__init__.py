"""A student's own work: copies of the labs in work/, how far they are, one stub back, hand-in.

Upwards: `notebooks` and `cells` read notebooks, `items` says what there is to do, `progress` keeps
verdicts; `copies`, `overview`, `resetting` and `validating` are the commands.
"""

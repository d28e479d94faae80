"""Grading submissions: values come out of a contained child, and are compared here, outside it.

`catalogue` says what is asked, `submissions` who handed in what, `sandbox` runs a notebook,
`answers` reads what came out, `scoring` compares, `batch` does so for a class, and `reports`,
`pages` and `manual` write what instructors and students read. `child` is the code that runs inside.
"""

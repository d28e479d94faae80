"""Grade submissions: values come out of a contained child and are compared here, outside it.

`catalogue` lists the items of a lab, `submissions` finds who handed in what, `sandbox` runs a
notebook, `answers` reads what came out, `scoring` compares, `batch` does so for a class, `state`
stores the results, and `report` writes what instructors and students read, with `tables`, `html`
and `manual`. `child` is the code that runs inside.
"""

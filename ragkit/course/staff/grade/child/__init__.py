"""The code inside the sandbox: it executes a submission and sends values out. It knows no answer.

The folder is copied beside a `ragkit` without answers and imported from there as `child`, so its
modules import one another relatively and, of ragkit, only `ragkit.course.plain` and
`ragkit.course.work.cells`.
"""

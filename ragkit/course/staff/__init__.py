"""What no student gets: answers, experiments, editions, the bundle's maker and the grader.

The students' bundle and the sandbox leave this one folder out.
"""

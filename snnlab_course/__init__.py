"""What surrounds the course: its command line, its copies, and the look at an environment.

Nothing here loads torch, and nothing is imported from `snnlab` before it is needed: the command
line answers at once, and it can say what is wrong where `snnlab` itself cannot be imported.
"""

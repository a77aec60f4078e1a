"""The questions with which each notebook begins, a file for each: plain data.

The first is on the notebook before, the second on one two or three before, the third on one still
further back, as far as there is one.
"""

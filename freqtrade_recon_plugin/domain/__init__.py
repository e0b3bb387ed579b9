"""The pure part: what a position comparison means and what is booked for it.

It imports the standard library only. Time, ids and policy are passed in; nothing is read.
"""

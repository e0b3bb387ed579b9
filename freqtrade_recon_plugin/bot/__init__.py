"""The part that lives inside freqtrade: snapshot, guard, halt and ForceSync.

The only package that imports freqtrade. Invariants: nothing raised here leaves as an exception
that freqtrade does not handle; no error of ours lets an order through that increases exposure; the
bot's trade database is written on the bot's loop thread under its own lock alone.
"""

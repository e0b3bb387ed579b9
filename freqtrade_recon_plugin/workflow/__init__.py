"""The Airflow side: the approval sensor, what the tasks do, and who decided.

The only package that imports Airflow. It never imports freqtrade, and it places no order: what is
to be booked goes to the bot as a command in the store.
"""

"""What measures: the processes under test, their yardsticks, the loads and the report."""

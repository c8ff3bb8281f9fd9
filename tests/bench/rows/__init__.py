"""What is measured: one module a subject, each a function that adds rows to the report."""

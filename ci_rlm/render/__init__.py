"""A report in each format, all made from its JSON document."""

"""What is asked of cases: lists, files, who takes part, and those of lower logs."""

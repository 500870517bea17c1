"""Read models: a fold over the log that can be dropped and built again.

`fold` turns records into steps, `views` turn steps into rows, `engine` keeps the rows up and
rebuilds them, `queries` answer from them, `checks` hold them against a fresh fold.
"""

"""Read models: a fold over the log that can be dropped and built again.

What a view is: `view`, `views` (the list); the views: `timeline`, `registry`, `case_file`,
`worklist`, `statistics` (with `marks`, `indicators`); `search` makes their words.
How they are written: `runner` (the loop), its `lease`, `group` (a batch), `fold` over `records`,
`generations` (which one is read), `sweep`; a long one by `builders`, each a `builder` on a `part`
of a `share`.
How they are read: `inquiry` (the questions), `current_file`, `listing`, `past` over `folded`,
`changes` with `pointers`, `verdicts`, `feed`; `answers` is what the write path asks; `compare`
holds them against a fresh fold.
"""

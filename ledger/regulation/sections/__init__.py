"""Sections of CATALOGUE.md, a function for each kind of entry; `catalogue_page.py` has the whole.

`acts`: what may be recorded, on which conditions. `dated`: lines with a first and a last day.
`bullet`: the pieces that both are made of.
"""

"""How a version is made ready: what is shipped, under which licences, held against advisories.

Never installed: it runs from a checkout (`make dist`, `make licences`, `make advisories`).
"""

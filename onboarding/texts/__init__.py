"""The texts that people read, as data, in each language except English.

English texts are declared where they are used (errors, rules, steps). ``<language>.json`` has their
translations by code.
"""

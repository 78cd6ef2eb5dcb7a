"""The language of what people read: the texts themselves, in each language but English, are data.

English is declared where it belongs to (errors, rules, steps). ``<language>.json`` has the same by code.
"""

"""What is in the dialogues, before anything is trained on them: figures, JSON and a page.

Each module measures one thing and gives frozen dataclasses; `analysis.py` puts them together, and
`page.py` draws them. The JSON holds the very dataclasses, so page and JSON cannot differ.
"""

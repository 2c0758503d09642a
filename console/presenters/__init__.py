"""API values to rows, symbols, meanings of colours; no Textual, no Qt."""

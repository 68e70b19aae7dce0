"""A small web shop: a catalogue in SQLite, pages from templates, carts in the process's memory."""

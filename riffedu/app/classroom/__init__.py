"""Class mode: one instrument that a whole class plays, each phone with a corner of the pad."""

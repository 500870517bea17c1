"""Files of acts: storing, opening, custody, and its anchors in the log."""

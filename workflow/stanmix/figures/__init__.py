"""Drawing: plain arrays in, a matplotlib Figure out. Nothing here reads, saves (but for `style.save`) or estimates."""

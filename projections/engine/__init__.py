"""The loop that keeps the views: batches, generations, rebuilds; knows no single view."""

"""What the reader is told, in their language, and words for codes; knows no HTTP, no terminal."""

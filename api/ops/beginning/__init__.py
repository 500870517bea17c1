"""What is asked, and noted, before anything is made."""

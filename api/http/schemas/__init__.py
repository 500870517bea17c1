"""HTTP shapes; unknown members are refused."""

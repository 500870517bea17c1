"""What every endpoint shares, from parsing to answering; knows no resource."""

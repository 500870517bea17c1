"""Files and their custody, as an audit checks them."""

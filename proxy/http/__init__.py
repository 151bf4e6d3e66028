"""HTTP heads: parsing, filtering and routing, without input or output."""

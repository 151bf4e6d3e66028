"""Graphics: previews, colour images and charts from pixels and tables."""

"""A SegMetrics account of one's own: it speaks the same wire, and knows no scenario."""

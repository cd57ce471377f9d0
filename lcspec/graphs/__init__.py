"""A plan as a graph: what is in it, and as Mermaid, DOT and SVG."""

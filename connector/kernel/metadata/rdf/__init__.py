"""RDF as values: names, a graph in memory, reading what others wrote, writing what others read."""

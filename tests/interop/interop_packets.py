"""What Adobe's reader refuses in a packet, for tests of those that we write."""

from lxml import etree

from rtq.interop.packet import NAMESPACES

RDF = f"{{{NAMESPACES['rdf']}}}"
ARRAYS = (RDF + "Seq", RDF + "Bag", RDF + "Alt")


def doubled(data: bytes) -> tuple[str, ...]:
    """Names that stand twice in one resource (attribute and element, or in two descriptions): must be empty."""
    found: list[str] = []

    def count(elements) -> None:
        tags = [t for e in elements for t in e.attrib if t != RDF + "about"]
        children = [c for e in elements for c in e]
        tags += [c.tag for c in children]
        found.extend(t for t in dict.fromkeys(tags) if tags.count(t) > 1)
        for child in children:
            for array in (a for a in child if a.tag in ARRAYS):
                for item in array:
                    count([item, *item] if len(item) and item[0].tag == RDF + "Description" else [item])
            for inner in (d for d in child if d.tag == RDF + "Description"):
                count([child, inner])

    root = etree.fromstring(data, etree.XMLParser(remove_comments=True, remove_pis=True))
    count(list(next(root.iter(RDF + "RDF"))))
    return tuple(t.rpartition("}")[2] for t in found if not t.startswith(RDF))

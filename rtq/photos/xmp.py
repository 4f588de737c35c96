"""XMP packets of rendered photos."""

from __future__ import annotations

CRS = "http://ns.adobe.com/camera-raw-settings/1.0/"
TIFF = "http://ns.adobe.com/tiff/1.0/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
HEADER = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
TRAILER = b'\n<?xpacket end="w"?>'


def rendered(packet: bytes) -> bytes | None:
    """The packet for a photo whose settings are now in its pixels: `crs:` settings dropped, tiff:Orientation 1.

    A packet that mentions neither is returned as it is, to the byte; None for one that does and is damaged.
    """
    if CRS.encode() not in packet and TIFF.encode() not in packet:
        return packet
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_pis=True)
    try:
        root = etree.fromstring(packet.strip(b"\0 \t\r\n"), parser)
    except etree.XMLSyntaxError:
        return None
    for node in list(root.iter(etree.Element)):
        for key in [key for key in node.attrib if etree.QName(key).namespace == CRS]:
            del node.attrib[key]
        if f"{{{TIFF}}}Orientation" in node.attrib:
            node.set(f"{{{TIFF}}}Orientation", "1")
        if node.tag == f"{{{TIFF}}}Orientation":
            node.text = "1"
        if etree.QName(node).namespace == CRS and node.getparent() is not None:
            node.getparent().remove(node)
    etree.cleanup_namespaces(root, keep_ns_prefixes=["x", "rdf"])
    return HEADER + etree.tostring(root, encoding="utf-8") + TRAILER

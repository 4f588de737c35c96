"""XMP packets of rendered photos."""

from __future__ import annotations

CRS = "http://ns.adobe.com/camera-raw-settings/1.0/"
TIFF = "http://ns.adobe.com/tiff/1.0/"
ORIENTATION = f"{{{TIFF}}}Orientation"
HEADER = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
TRAILER = b'\n<?xpacket end="w"?>'


def upright(packet: bytes, *, rendered: bool) -> bytes | None:
    """The packet for an upright photo: tiff:Orientation is 1 (libheif and others would turn the photo again).

    With `rendered`, `crs:` settings are dropped too, because they are in the pixels now. A packet that mentions none of
    these is returned as it is, to the byte; None for one that does and is damaged.
    """
    if TIFF.encode() not in packet and not (rendered and CRS.encode() in packet):
        return packet
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_pis=True)
    try:
        root = etree.fromstring(packet.strip(b"\0 \t\r\n"), parser)
    except etree.XMLSyntaxError:
        return None
    for node in list(root.iter(etree.Element)):
        if ORIENTATION in node.attrib:
            node.set(ORIENTATION, "1")
        if node.tag == ORIENTATION:
            node.text = "1"
        if not rendered:
            continue
        for key in [key for key in node.attrib if etree.QName(key).namespace == CRS]:
            del node.attrib[key]
        if etree.QName(node).namespace == CRS and node.getparent() is not None:
            node.getparent().remove(node)
    if rendered:
        etree.cleanup_namespaces(root, keep_ns_prefixes=["x", "rdf"])
    return HEADER + etree.tostring(root, encoding="utf-8") + TRAILER

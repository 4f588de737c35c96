"""XMP packets of rendered photos."""

from __future__ import annotations

CRS = "http://ns.adobe.com/camera-raw-settings/1.0/"
TIFF = "http://ns.adobe.com/tiff/1.0/"
GAIN_MAP = "http://ns.adobe.com/hdr-gain-map/1.0/"
CAMERA = "http://ns.google.com/photos/1.0/camera/"
CONTAINER = "http://ns.google.com/photos/1.0/container/"  # lists what follows the photo in its file
ITEM = f"{CONTAINER}item/"
EXTENDED = "http://ns.adobe.com/xmp/note/"  # points to a second packet, which is not read
STALE = (CRS, GAIN_MAP, CAMERA, CONTAINER, EXTENDED)
ORIENTATION = f"{{{TIFF}}}Orientation"
HEADER = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
TRAILER = b'\n<?xpacket end="w"?>'


def _stale(name) -> bool:
    """Whether a property of this `QName` is no longer true of a rendered photo alone in its file."""
    if name.namespace == CAMERA:
        return name.localname.startswith(("MotionPhoto", "MicroVideo"))
    return name.namespace in (CRS, GAIN_MAP, CONTAINER, ITEM, EXTENDED)


def _lost(name, value: str | None) -> set[str]:
    """What a stale property says was beside the photo."""
    if name.namespace == GAIN_MAP:
        return {"gain map (HDR)"}
    video = name.namespace == CAMERA and name.localname in ("MotionPhoto", "MicroVideo") and value == "1"
    return {"video (motion photo)"} if video else set()


def upright(packet: bytes, *, rendered: bool) -> tuple[bytes | None, list[str]]:
    """The packet for an upright photo: tiff:Orientation is 1 (libheif and others would turn the photo again).

    With `rendered`, `crs:` settings are dropped too, because they are in the pixels now, and so is what the packet says
    of a gain map, a video or a second packet in the file.

    Returns:
      The packet, as it is to the byte where it mentions none of these; None for one that does and is damaged. And names
      of what was beside the photo.
    """
    if TIFF.encode() not in packet and not (rendered and any(name.encode() in packet for name in STALE)):
        return packet, []
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_pis=True)
    try:
        root = etree.fromstring(packet.strip(b"\0 \t\r\n"), parser)
    except etree.XMLSyntaxError:
        return None, []
    lost: set[str] = set()
    for node in list(root.iter(etree.Element)):
        if ORIENTATION in node.attrib:
            node.set(ORIENTATION, "1")
        if node.tag == ORIENTATION:
            node.text = "1"
        if not rendered:
            continue
        for key in [key for key in node.attrib if _stale(etree.QName(key))]:
            lost |= _lost(etree.QName(key), node.attrib.pop(key))
        if _stale(etree.QName(node)) and node.getparent() is not None:
            lost |= _lost(etree.QName(node), node.text)
            node.getparent().remove(node)
    if rendered:
        etree.cleanup_namespaces(root, keep_ns_prefixes=["x", "rdf"])
    return HEADER + etree.tostring(root, encoding="utf-8") + TRAILER, sorted(lost)

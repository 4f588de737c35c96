"""XMP packets: RDF ↔ plain Python values.

A value is a str (simple property), a list of values (rdf:Seq, Bag or Alt), or a dict (structure). A dict with the one
key "x-default" is a language alternative. Names of the Camera Raw namespace (crs) carry no prefix, others do:
"tiff:Orientation". Writing puts simple values into attributes and all others into elements, never both: Adobe's
reader refuses a packet that has one name twice.
"""

from lxml import etree

MAX_BYTES = 16 << 20
NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
}
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_PREFIX = {uri: prefix for prefix, uri in NAMESPACES.items()}
_RDF = f"{{{NAMESPACES['rdf']}}}"
_CRS = f"{{{NAMESPACES['crs']}}}"
_X = f"{{{NAMESPACES['x']}}}"
_ARRAYS = (_RDF + "Seq", _RDF + "Bag", _RDF + "Alt")
_NEEDED = ("crs", "tiff", "exif")

Value = str | list | dict


def parse(data: bytes) -> dict[str, Value]:
    """Reads the Camera Raw, TIFF and EXIF properties of a packet.

    Attribute and element form, several rdf:Description, any prefix for a namespace; where a name stands twice, the
    element counts.

    Raises:
      ValueError: one line: too large, with a DTD, broken XML, not XMP.
    """
    values: dict[str, Value] = {}
    for description in _root(data).iter(_RDF + "Description"):
        parent = description.getparent()
        if parent is None or parent.tag == _RDF + "RDF":
            values |= _structure(description)
    return values


def _root(data: bytes) -> etree._Element:
    if len(data) > MAX_BYTES:
        raise ValueError(f"XMP: {len(data)} bytes; at most {MAX_BYTES} are read")
    plain = data.replace(b"\0", b"")  # also finds the words in UTF-16
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise ValueError("XMP: the packet declares a document type or entities, which XMP does not have; refused")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
                             remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(data.lstrip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ValueError(f"XMP: not well-formed XML: {' '.join(str(error).split())[:160]}") from None
    if root is None or next(root.iter(_RDF + "RDF"), None) is None:
        raise ValueError("XMP: no rdf:RDF element; this is not an XMP packet")
    return root


def _name(tag: str) -> str | None:
    """"{uri}local" → our name, or None outside the namespaces that are needed."""
    uri, _, local = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
    prefix = _PREFIX.get(uri)
    if prefix not in _NEEDED:
        return None
    return local if prefix == "crs" else f"{prefix}:{local}"


def _structure(element) -> dict[str, Value]:
    out: dict[str, Value] = {}
    for tag, text in element.attrib.items():
        if (name := _name(tag)) is not None:
            out[name] = text
    for child in element:
        if isinstance(child.tag, str) and (name := _name(child.tag)) is not None:
            out[name] = _value(child)
    return out


def _value(element) -> Value:
    children = [c for c in element if isinstance(c.tag, str)]
    if len(children) == 1 and children[0].tag in _ARRAYS:
        items = [c for c in children[0] if isinstance(c.tag, str)]
        if children[0].tag == _RDF + "Alt":
            default = next((i for i in items if i.get(_LANG) == "x-default"), items[0] if items else None)
            return {"x-default": (default.text or "") if default is not None else ""}
        return [_value(i) for i in items]
    if len(children) == 1 and children[0].tag == _RDF + "Description":
        return _structure(element) | _structure(children[0])
    fields = _structure(element)
    if fields or children:
        return fields
    return element.text or ""


def build(values: dict[str, Value], base: bytes | None = None) -> bytes:
    """Writes a packet.

    Args:
      values: see the module docstring; "crs" names without prefix.
      base: a packet whose other properties (titles, keywords, ratings …) are kept; all its Camera Raw settings and all
        names in `values` are replaced.

    Returns:
      UTF-8 bytes.
    """
    if base is None:
        root = etree.Element(_X + "xmpmeta", {_X + "xmptk": "rtq"}, {"x": NAMESPACES["x"]})
        rdf = etree.SubElement(root, _RDF + "RDF", nsmap={"rdf": NAMESPACES["rdf"]})
    else:
        root = _root(base)
        rdf = next(root.iter(_RDF + "RDF"))
        _remove(rdf, {_tag(name) for name in values})
    used = {"crs", *(name.split(":")[0] for name in values if ":" in name)}
    nsmap = {prefix: uri for prefix, uri in NAMESPACES.items() if prefix in used}
    description = etree.SubElement(rdf, _RDF + "Description", {_RDF + "about": _about(rdf)}, nsmap)
    _fill(description, values)
    etree.cleanup_namespaces(root, keep_ns_prefixes=list(used))
    etree.indent(root, " ")
    body = etree.tostring(root, encoding="utf-8")
    return (b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n' + body + b'\n<?xpacket end="w"?>\n')


def _about(rdf) -> str:
    """rdf:about has to be the same in every description of a packet."""
    return next((d.get(_RDF + "about", "") for d in rdf if d.tag == _RDF + "Description"), "")


def _remove(rdf, tags: set[str]) -> None:
    for description in list(rdf):
        for tag in [t for t in description.attrib if t.startswith(_CRS) or t in tags]:
            del description.attrib[tag]
        for child in list(description):
            if isinstance(child.tag, str) and (child.tag.startswith(_CRS) or child.tag in tags):
                description.remove(child)
        if not len(description) and all(t == _RDF + "about" for t in description.attrib):
            rdf.remove(description)


def _tag(name: str) -> str:
    prefix, _, local = name.rpartition(":")
    return f"{{{NAMESPACES[prefix or 'crs']}}}{local}"


def _fill(element, values: dict[str, Value]) -> None:
    for name, value in values.items():
        if isinstance(value, str):
            element.set(_tag(name), value)
    for name, value in values.items():
        if isinstance(value, list):
            sequence = etree.SubElement(etree.SubElement(element, _tag(name)), _RDF + "Seq")
            for item in value:
                entry = etree.SubElement(sequence, _RDF + "li")
                if isinstance(item, str):
                    entry.text = item
                else:
                    _fill(etree.SubElement(entry, _RDF + "Description"), item)
        elif isinstance(value, dict) and set(value) == {"x-default"}:
            alternatives = etree.SubElement(etree.SubElement(element, _tag(name)), _RDF + "Alt")
            etree.SubElement(alternatives, _RDF + "li", {_LANG: "x-default"}).text = value["x-default"]
        elif isinstance(value, dict):
            _fill(etree.SubElement(etree.SubElement(element, _tag(name)), _RDF + "Description"), value)

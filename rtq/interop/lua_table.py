"""Lua tables as data: a small total parser, nothing is ever run."""

import re

MAX_CHARACTERS = 4 << 20
MAX_DEPTH = 40
_TOKEN = re.compile(r"""
    (?P<space>\s+|--\[\[.*?\]\]|--[^\n]*)
  | (?P<long>\[\[.*?\]\])
  | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
  | (?P<number>-?(?:0[xX][0-9a-fA-F]{1,16}|(?:\d{1,40}\.?\d{0,40}|\.\d{1,40})(?:[eE][+-]?\d{1,4})?))
  | (?P<word>[A-Za-z_][A-Za-z_0-9]*)
  | (?P<mark>[{}\[\]=,;])
""", re.VERBOSE | re.DOTALL)
_ESCAPE = re.compile(r"((?:\\\d{1,3})+)|\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}

Value = str | float | bool | None | list | dict


def loads(text: str) -> Value:
    """Parses `{…}`, `return {…}` or `name = {…}`.

    Returns:
      tables without names as list, others as dict (its unnamed entries under "1", "2", …); numbers as float.

    Raises:
      ValueError: one line with the place.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"Lua table: {len(text)} characters; at most {MAX_CHARACTERS} are read")
    tokens = _tokens(text)
    position = 0
    if tokens[0] == ("word", "return"):
        position = 1
    elif tokens[0][0] == "word" and tokens[1] == ("mark", "="):
        position = 2
    value, position = _value(tokens, position, 0)
    if tokens[position][0] != "end":
        raise ValueError(f"Lua table: {tokens[position][1][:20]!r} after its end")
    return value


def _tokens(text: str) -> list[tuple[str, str]]:
    out, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            line = text.count("\n", 0, at) + 1
            raise ValueError(f"Lua table: {text[at:at + 10]!r} in line {line} is not understood")
        if match.lastgroup != "space":
            out.append((match.lastgroup, match.group()))
        at = match.end()
    return [*out, ("end", "the end"), ("end", "the end")]


def _value(tokens, position: int, depth: int) -> tuple[Value, int]:
    kind, text = tokens[position]
    if kind == "word" and tokens[position + 1][0] in ("string", "long"):  # ZSTR "…": a translated text
        position += 1
        kind, text = tokens[position]
    if kind == "string":
        return _ESCAPE.sub(_unescape, text[1:-1]), position + 1
    if kind == "long":
        return text[2:-2], position + 1
    if kind == "number":
        return (float(int(text, 16)) if "x" in text.lower() else float(text)), position + 1
    if kind == "word" and text in ("true", "false", "nil"):
        return {"true": True, "false": False, "nil": None}[text], position + 1
    if (kind, text) == ("mark", "{"):
        if depth >= MAX_DEPTH:
            raise ValueError(f"Lua table: nested deeper than {MAX_DEPTH}")
        return _table(tokens, position + 1, depth + 1)
    raise ValueError(f"Lua table: {text[:20]!r} where a value is needed")


def _unescape(match) -> str:
    codes, letter = match.groups()
    if letter is not None:
        return _ESCAPES.get(letter, letter)
    numbers = [int(code) for code in codes[1:].split("\\")]
    if max(numbers) > 255:
        raise ValueError(f"Lua table: \\{max(numbers)} in a text is no byte; 0 to 255 are allowed")
    return bytes(numbers).decode("utf-8", "replace")


def _table(tokens, position: int, depth: int) -> tuple[list | dict, int]:
    items: list = []
    fields: dict = {}
    while tokens[position] != ("mark", "}"):
        kind, text = tokens[position]
        if kind == "word" and tokens[position + 1] == ("mark", "="):
            fields[text], position = _value(tokens, position + 2, depth)
        elif (kind, text) == ("mark", "["):
            key, position = _value(tokens, position + 1, depth)
            if tokens[position] != ("mark", "]") or tokens[position + 1] != ("mark", "="):
                raise ValueError(f"Lua table: {tokens[position][1][:20]!r} where ] = is needed")
            name = f"{key:g}" if isinstance(key, float) else str(key)
            fields[name], position = _value(tokens, position + 2, depth)
        else:
            item, position = _value(tokens, position, depth)
            items.append(item)
        if tokens[position] in (("mark", ","), ("mark", ";")):
            position += 1
        elif tokens[position] != ("mark", "}"):
            raise ValueError(f"Lua table: {tokens[position][1][:20]!r} where , or }} is needed")
    if not fields:
        return items, position + 1
    return fields | {str(i + 1): item for i, item in enumerate(items)}, position + 1

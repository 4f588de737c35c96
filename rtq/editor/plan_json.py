"""Plan JSON in and out. The parser is total: a `Plan`, or a ValueError of one line that names the key."""

import json
from collections.abc import Mapping

from rtq.editor.plan import (
    CROP_FIELDS,
    CURVES,
    MASK_KINDS,
    NAMED_KINDS,
    VERSION,
    Crop,
    Local,
    Mask,
    Plan,
    find_slider,
)

MAX_CHARACTERS = 100_000


def dumps(plan: Plan) -> str:
    """The compact canonical form of a plan."""
    out: dict = {"v": VERSION, **plan.sliders}
    if plan.curves:
        out["curves"] = {name: [list(p) for p in points] for name, points in plan.curves.items()}
    if plan.crop is not None:
        default = Crop()
        out["crop"] = {k: getattr(plan.crop, k) for k in CROP_FIELDS if getattr(plan.crop, k) != getattr(default, k)}
    if plan.locals:
        out["local"] = [_local_out(local) for local in plan.locals]
    if plan.amount != 100:
        out["amount"] = plan.amount
    return json.dumps(out, separators=(",", ":"), ensure_ascii=False)


def _local_out(local: Local) -> dict:
    out: dict = {"mask": [_mask_out(m) for m in local.mask]}
    if local.amount != 100:
        out["amount"] = local.amount
    return out | dict(local.sliders)


def _mask_out(mask: Mask) -> dict:
    out: dict = {} if mask.op == "add" else {"op": mask.op}
    out[mask.kind] = mask.name if mask.kind in NAMED_KINDS else list(mask.numbers)
    return out | ({"invert": True} if mask.invert else {})


def loads(text: str | bytes | Mapping) -> Plan:
    """Parses plan JSON.

    Args:
      text: str, UTF-8 bytes, or the decoded object.

    Raises:
      ValueError: one line: bad JSON, missing or unknown version, unknown key, wrong type, NaN, out of range, too many
        locals, too deep nesting, a key given twice.
    """
    data = text if isinstance(text, Mapping) else _decode(text)
    version = data.get("v")
    if isinstance(version, bool) or version != VERSION:
        raise ValueError(f'v: a plan starts with "v":{VERSION}' + ("" if version is None else f", not {version!r:.20}"))
    sliders, locals_, curves, crop, amount = {}, (), {}, None, 100
    for key, value in data.items():
        if key == "v":
            continue
        if key == "local":
            locals_ = tuple(_local_in(x, f"local[{i}]") for i, x in enumerate(_a(list, key, value)))
        elif key == "curves":
            curves = {_known(k, CURVES, "curves."): _points(k, v) for k, v in _a(dict, key, value).items()}
        elif key == "crop":
            crop = Crop(**{_known(k, CROP_FIELDS, "crop."): v for k, v in _a(dict, key, value).items()})
        elif key == "amount":
            amount = value
        else:
            sliders[find_slider(key).name] = value
    return Plan(sliders, locals_, curves, crop, amount)


def _decode(text: str | bytes) -> dict:
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"plan: not UTF-8 text (byte {error.start})") from None
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"plan: {len(text)} characters; at most {MAX_CHARACTERS} are allowed")
    try:
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise ValueError(f"plan: bad JSON at {where}: {error.msg}") from None
    except RecursionError:
        raise ValueError("plan: nested too deeply; a plan has at most five levels") from None
    return _a(dict, "plan", data)


def _unique(pairs: list[tuple[str, object]]) -> dict:
    out = dict(pairs)
    if len(out) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"{key[:40]!r}: given twice; each key may stand once")
            seen.add(key)
    return out


def _no_constant(word: str):
    raise ValueError(f"plan: {word} is not allowed; numbers must be finite")


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError(f"plan: a number of {len(digits)} digits is out of range")
    return int(digits)


def _a(kind: type, key: str, value):
    if not isinstance(value, kind):
        names = {dict: "an object {…}", list: "a list […]"}
        raise ValueError(f"{key}: {type(value).__name__} where {names[kind]} is needed")
    return value


def _known(key: str, allowed, where: str) -> str:
    if key not in allowed:
        raise ValueError(f"{where}{key!r:.40}: unknown; allowed: {', '.join(allowed)}")
    return key


def _points(name: str, value) -> tuple:
    return tuple(tuple(_a(list, f"curves.{name}[{i}]", p)) for i, p in enumerate(_a(list, f"curves.{name}", value)))


def _local_in(value, where: str) -> Local:
    data = dict(_a(dict, where, value))
    if "mask" not in data:
        raise ValueError(f"{where}.mask: missing; a local adjustment needs a mask")
    components = _a(list, f"{where}.mask", data.pop("mask"))
    amount = data.pop("amount", 100)
    return Local(tuple(_mask_in(m, f"{where}.mask[{i}]") for i, m in enumerate(components)), data, amount)


def _mask_in(value, where: str) -> Mask:
    data = dict(_a(dict, where, value))
    op, invert = data.pop("op", "add"), data.pop("invert", False)
    if not isinstance(op, str):
        raise ValueError(f"{where}.op: {type(op).__name__} where a word is needed")
    if len(data) != 1:
        given = ", ".join(f"{k!r:.20}" for k in data) or "none"
        raise ValueError(f"{where}: exactly one mask kind is needed ({', '.join(MASK_KINDS)}); given: {given}")
    ((kind, content),) = data.items()
    if kind in NAMED_KINDS:
        return Mask(kind, (), content, op, invert)
    _known(kind, MASK_KINDS, f"{where}.")
    return Mask(kind, tuple(_a(list, f"{where}.{kind}", content)), "", op, invert)

"""A plan at its own amount, as plain values: other programs have no such amount."""

import dataclasses

from rtq.editor.plan import AMOUNT, CURVES, Local, Plan
from rtq.editor.sliders import BY_NAME
from rtq.interop.curves import IDENTITY
from rtq.interop.report import Notes


def baked(plan: Plan, notes: Notes) -> Plan:
    """The plan with its amount multiplied into driver sliders, curves and locals; amount 100 in the result."""
    if plan.amount == AMOUNT[1] / 2:
        return plan
    share = plan.amount / 100
    sliders = {}
    for name, value in plan.sliders.items():
        row = BY_NAME[name]
        if not row.driver:
            sliders[name] = value
            continue
        wanted = value * share
        ticks = round((min(max(wanted, row.lo), row.hi) - row.lo) / row.step)
        near = row.lo + ticks * row.step
        sliders[name] = int(near) if row.integer else round(near, 6)
        if abs(near - wanted) > 1e-6:
            notes.approximated(name, f"{value:g} at {plan.amount}% is {wanted:g}; written as {near:g}")
    curves = {}
    for name in CURVES:
        if name in plan.curves:
            curves[name] = tuple((x, min(max(round(x + share * (y - x)), 0), 255)) for x, y in plan.curves[name])
            notes.approximated(f"curves.{name}", f"scaled to {plan.amount}% at its points")
    locals_ = []
    for i, local in enumerate(plan.locals):
        wanted = local.amount * share
        amount = min(AMOUNT[1], round(wanted))
        if abs(amount - wanted) > 1e-6:
            notes.approximated(f"local[{i}].amount", f"{wanted:g}% written as {amount}%")
        locals_.append(Local(local.mask, local.sliders, amount))
    return dataclasses.replace(plan, sliders=sliders, curves=curves, locals=tuple(locals_), amount=100)


def rgb_points(plan: Plan):
    """The plan's rgb curve, or the identity."""
    return plan.curves.get("rgb", IDENTITY)

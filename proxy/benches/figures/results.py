"""The rows of the table."""


def add(setup, figure, target, measured, form="{:.2f}", detail="", least=False):
    """Adds a row; `least` turns the target into a floor, None means recorded only."""
    if target is None:
        wanted, met = "recorded", ""
    else:
        wanted = f"{'>=' if least else '<='} {target}"
        met = "yes" if (measured >= target if least else measured <= target) else "**no**"
    setup.rows.append((figure, wanted, form.format(measured), met, detail))

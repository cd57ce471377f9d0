"""Random documents as people write them: any data, any mixture of styles, comments wherever one can stand."""

import json
from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "lora", "data", "learning-rate", "x y", "1", "no", "ключ", "名前", "q'", "long" * 9])
TEXTS = st.sampled_from(
    ["", "x", "two words", "a: b", "# no comment", "it's", 'say "hi"', "back\\slash", "née", "日本", "- d"]
)
TEXTS |= st.sampled_from(
    ["one\ntwo\n", "one\n\n  two", "  lead\nx\n", "end\n\n\n", "tail  \nx", "\n\nfirst\n", "\ttab\nx", "w " * 70]
)
SCALARS = st.none() | st.booleans() | st.integers(-5, 9999) | st.sampled_from([0.5, 1e-4, 2.0]) | TEXTS
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=14,
)
DOCUMENTS = st.dictionaries(NAMES, DATA, min_size=1, max_size=5)
COMMENTS = st.sampled_from(["# c", "#x", "#", "# a # b", "#! mode", "# 'quote", "# key: value", "## head", "# ]}"])


class Scribe:
    """Writes data in a style that `draw` chooses at every turn."""

    def __init__(self, draw: Any) -> None:
        self.draw, self.comments = draw, 0

    def chance(self, one_in: int) -> bool:
        return bool(self.draw(st.integers(0, one_in - 1)) == 0)

    def comment(self) -> str:
        self.comments += 1
        return str(self.draw(COMMENTS))

    def aside(self, indent: int) -> str:
        """Blank lines and comments before an item."""
        made = "\n" * self.draw(st.integers(0, 2)) if self.chance(4) else ""
        while self.chance(5):
            made += " " * max(0, indent + self.draw(st.sampled_from([0, 0, 0, 1, -1, 4]))) + self.comment() + "\n"
        return made

    def tail(self) -> str:
        return (" " * self.draw(st.integers(1, 6)) + self.comment() if self.chance(5) else " " * self.chance(6)) + "\n"

    def document(self, data: dict[str, Any]) -> str:
        return self.block(data, 0) + self.aside(0)

    def block(self, data: Any, indent: int) -> str:
        made = ""
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            head = " " * indent + (f"{self.name(key)}:" if isinstance(data, dict) else "-")
            made += self.aside(indent) + head + self.value(value, indent, isinstance(data, dict))
        return made

    def name(self, key: str) -> str:
        plain = key.replace("-", "").isascii() and key.replace("-", "").isalpha() and key != "no"
        return (
            key
            if plain and not self.chance(6)
            else self.draw(st.sampled_from([json.dumps(key), "'" + key.replace("'", "''") + "'"]))
        )

    def value(self, value: Any, indent: int, in_mapping: bool) -> str:
        """What stands behind `key:` or `-`, to the end of its last line."""
        if isinstance(value, dict | list) and value and not self.chance(3):
            deeper = indent + (
                0 if in_mapping and isinstance(value, list) and self.chance(3) else self.draw(st.integers(1, 4))
            )
            if not in_mapping and self.chance(2):  # on the line of the dash
                gap = deeper - indent - 1 if deeper > indent + 1 else 1
                inner = self.block_without_first_aside(value, indent + 1 + gap)
                return " " * gap + inner.lstrip(" ")
            return self.tail() + self.block(value, deeper)
        if isinstance(value, str) and "\n" in value and self.chance(2) and (literal := self.literal(value, indent)):
            return literal
        return " " * self.draw(st.integers(1, 3)) + self.flow(value, indent) + self.tail()

    def block_without_first_aside(self, data: Any, indent: int) -> str:
        pairs = list(data.items()) if isinstance(data, dict) else list(enumerate(data))
        key, value = pairs[0]
        head = " " * indent + (f"{self.name(key)}:" if isinstance(data, dict) else "-")
        rest = dict(pairs[1:]) if isinstance(data, dict) else [item for _, item in pairs[1:]]
        return head + self.value(value, indent, isinstance(data, dict)) + (self.block(rest, indent) if rest else "")

    def literal(self, value: str, indent: int) -> str:
        body = value.rstrip("\n")
        ends = len(value) - len(body)
        if not body.strip() or body[0] in " \n\t" or ends > 1:
            return ""
        deeper = " " * (indent + self.draw(st.integers(1, 3)))
        chomp = "-" if ends == 0 else "" if ends == 1 else "+"
        lines = [deeper + line if line else "" for line in body.split("\n")] + [""] * max(0, ends - 1)
        return f" |{chomp}{self.tail()}" + "".join(f"{line}\n" for line in lines)

    def flow(self, value: Any, indent: int) -> str:
        if isinstance(value, dict):
            return self.bracketed(
                "{", [f"{self.name(key)}: {self.flow(one, indent)}" for key, one in value.items()], "}", indent
            )
        if isinstance(value, list):
            return self.bracketed("[", [self.flow(one, indent) for one in value], "]", indent)
        if isinstance(value, str):
            return self.text(value)
        return (
            {None: "null", True: "true", False: "false"}.get(value, repr(value))
            if not isinstance(value, int | float) or isinstance(value, bool)
            else repr(value)
        )

    def bracketed(self, start: str, parts: list[str], end: str, indent: int) -> str:
        if not parts:
            return start + " " * self.chance(4) + end
        gaps = ["" if self.chance(3) else " ", "\n" + " " * (indent + 6)]
        made = start
        for number, part in enumerate(parts):
            if self.chance(6):
                made += f"  {self.comment()}\n" + " " * (indent + 7)
            made += (gaps[1] if self.chance(6) else gaps[0] if number else "") + part
            made += "," if number < len(parts) - 1 or self.chance(6) else ""
        if self.chance(8):
            made += f" {self.comment()}\n" + " " * (indent + 5)
        return made + end

    def text(self, value: str) -> str:
        """In quotes, or plain where that is the same text."""
        if value.isalpha() and value.isascii() and value not in ("no", "null", "true") and not self.chance(3):
            return value
        if "\n" not in value and "\t" not in value and not self.chance(2):
            return "'" + value.replace("'", "''") + "'"
        return json.dumps(value, ensure_ascii=False)


@st.composite
def specs(draw: Any) -> tuple[str, dict[str, Any]]:
    """A text, and the data that it holds."""
    data = draw(DOCUMENTS)
    return Scribe(draw).document(data), data

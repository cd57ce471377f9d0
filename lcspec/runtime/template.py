"""Prompt templates: Jinja in a sandbox that also bounds what a template may cost.

Jinja's sandbox keeps a template from Python's internals, but lets `'a' * 10**9` run for seconds. So arithmetic that
repeats text, globals such as `range`, and filters and methods that pad to a width are absent here, and the output is
capped. A template comes from the spec; what a row holds is only ever a value in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_OUTPUT_CHARS = 1_000_000
FILTERS = frozenset(
    {"capitalize", "d", "default", "e", "first", "join", "last", "length", "lower", "replace", "title", "trim"}
    | {"truncate", "upper", "wordcount"}
)
STRING_METHODS = frozenset(
    {"capitalize", "casefold", "endswith", "isdigit", "lower", "lstrip", "removeprefix", "removesuffix", "rstrip"}
    | {"split", "splitlines", "startswith", "strip", "title", "upper"}
)


class TemplateFault(ValueError):
    """A template that cannot be compiled, names an absent variable, or oversteps the sandbox."""


class _Environment(ImmutableSandboxedEnvironment):
    # Interception also turns constant folding off, so a product is not computed while compiling.
    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not all(isinstance(side, (int, float)) for side in (left, right)):
            raise SecurityError(f"the operator {operator} is not available in a prompt template")
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str):
            return attr in STRING_METHODS
        return super().is_safe_attribute(obj, attr, value)


def _environment() -> _Environment:
    made = _Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in sorted(FILTERS)}
    return made


_ENVIRONMENT = _environment()


@lru_cache(maxsize=256)
def _compiled(source: str) -> Template:
    try:
        return _ENVIRONMENT.from_string(source)
    except TemplateError as fault:
        raise TemplateFault(f"the template does not compile: {fault}") from fault


def variables(source: str) -> frozenset[str]:
    """Return the names that the template takes from a row.

    Raises:
        TemplateFault: the template does not parse.
    """
    try:
        return frozenset(meta.find_undeclared_variables(_ENVIRONMENT.parse(source)))
    except TemplateError as fault:
        raise TemplateFault(f"the template does not parse: {fault}") from fault


def fill(source: str, values: Mapping[str, str]) -> str:
    """Return the template's text with `values` filled in, at most `MAX_OUTPUT_CHARS` characters.

    Raises:
        TemplateFault: it does not compile, a variable is absent, the sandbox refused, or the text is too long.
    """
    parts: list[str] = []
    size = 0
    try:
        for part in _compiled(source).generate(dict(values)):
            size += len(part)
            if size > MAX_OUTPUT_CHARS:
                raise TemplateFault(f"the rendered prompt is longer than {MAX_OUTPUT_CHARS} characters")
            parts.append(part)
    except (TemplateError, ArithmeticError, TypeError, AttributeError) as fault:
        raise TemplateFault(f"the template cannot be filled: {fault}") from fault
    return "".join(parts)

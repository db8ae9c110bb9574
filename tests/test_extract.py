"""Units of Python text. The oracle for names and sources is the standard library's own parser."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import email
import functools
import json
import textwrap
import time
import typing
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from types import ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ci_rlm.extract import changes, language_of, program, units
from ci_rlm.extract.canonical import canonical
from ci_rlm.flow import Change, FileChange, Kind, Skipped, Snippet, Span, Unit

PATH = PurePosixPath("a.py")
Definition = ast.FunctionDef | ast.AsyncFunctionDef


def cut(text: str) -> tuple[Unit, ...]:
    found, skipped = units(PATH, textwrap.dedent(text), "python")
    assert skipped == ()
    return found


def unit(text: str, name: str) -> Unit:
    return next(unit for unit in cut(text) if unit.name == name)


def names(text: str) -> list[str]:
    return [unit.name for unit in cut(text)]


def context(text: str, name: str, role: str) -> list[Snippet]:
    return [snippet for snippet in unit(text, name).context if snippet.role == role]


def library(*modules: ModuleType) -> list[Path]:
    """The Python files of standard modules; a package gives all of its own."""
    files: list[Path] = []
    for module in modules:
        file = Path(typing.cast(str, module.__file__))
        files.extend(sorted(file.parent.glob("*.py")) if file.name == "__init__.py" else [file])
    return files


def outermost(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Functions as the standard parser sees them, those inside functions left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            if "overload" not in {ast.unparse(decorator) for decorator in child.decorator_list}:
                yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from outermost(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from outermost(child, prefix)


def numbered(qualified: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    distinct = []
    for name in qualified:
        seen[name] += 1
        distinct.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return distinct


LIBRARY = library(json, email, asyncio, dataclasses, functools, typing)


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_units_of_the_standard_library_are_those_that_its_own_parser_finds(file: Path) -> None:
    text = file.read_text("utf-8")
    expected = list(outermost(ast.parse(text)))

    found, skipped = units(PurePosixPath(file), text, "python")

    assert skipped == ()
    assert [unit.name for unit in found] == numbered([name for name, _ in expected])
    for one, (_, definition) in zip(found, expected, strict=True):
        assert ast.dump(ast.parse(one.source)) == ast.dump(ast.Module([definition], []))
        decorators = [decorator.lineno for decorator in definition.decorator_list]
        assert one.span.first == min([definition.lineno, *decorators])
        assert one.span.last >= typing.cast(int, definition.end_lineno)


FRAGMENTS = st.sampled_from(
    [
        "def f(x):", "async def g():", "class A:", "class B(", "@dec", "@", "return 1", "pass", "if x:",
        "else:", "try:", "x = (1,", ")", '"""', "'", "\\", "# note", "x = 1", "import a.b as c", "é = ü",
        "match x:", "case 1:", "lambda: 0", "", "\f", "\t", "$", "def", "def f", ";", "[", "f'{x'",
    ]
)  # fmt: skip
LINES = st.lists(st.tuples(st.integers(0, 4), FRAGMENTS), max_size=25)
PROGRAMS = st.builds(
    lambda lines, step, end: end.join(step * depth + code for depth, code in lines),
    LINES,
    st.sampled_from([" ", "    ", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
)


@given(st.one_of(st.text(), PROGRAMS))
def test_any_text_gives_units_whose_sources_are_the_lines_of_their_spans(text: str) -> None:
    found, _ = units(PATH, text, "python")

    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    for one in found:
        own = lines[one.span.first - 1 : one.span.last]
        assert len(own) == one.span.last - one.span.first + 1
        assert [line.lstrip() for line in one.source.split("\n")] == [line.lstrip() for line in own]


@given(PROGRAMS)
@example(" @dec\ndef f(x):\n def f(x):")
@example("class A:\n  @dec\n def f(x):\n  pass")
def test_units_of_a_text_that_does_not_compile_are_functions_by_themselves(text: str) -> None:
    found, _ = units(PATH, text, "python")

    again = [units(PATH, one.source, "python") for one in found]
    assert [skipped for _, skipped in again] == [()] * len(found)
    assert [[inner.source for inner in inners] for inners, _ in again] == [[one.source] for one in found]


@given(PROGRAMS)
def test_names_of_units_are_distinct(text: str) -> None:
    found, _ = units(PATH, text, "python")

    assert len({one.name for one in found}) == len(found)


def test_a_nested_function_is_part_of_its_outermost_function() -> None:
    text = """
        def outer():
            class Inner:
                def method(self): pass
            def inner():
                return 1
            return inner
        """

    assert names(text) == ["outer"]


def test_methods_of_nested_classes_are_named_as_qualname_does() -> None:
    assert names("class A:\n    class B:\n        async def m(self): pass\n") == ["A.B.m"]


def test_source_starts_with_the_decorators_and_is_dedented() -> None:
    text = """
        class A:
            @cache
            @other(1,
                   2)
            def m(self):
                return 1
        """

    assert unit(text, "A.m").source == "@cache\n@other(1,\n       2)\ndef m(self):\n    return 1"


def test_lines_inside_a_string_keep_their_indentation() -> None:
    text = 'class A:\n    def m(self):\n        return """\n        x\n    y"""\n'

    assert cut(text)[0].source == 'def m(self):\n    return """\n        x\n    y"""'


def test_accessors_of_a_property_stay_distinct() -> None:
    text = """
        class A:
            @property
            def size(self): return self._size
            @size.setter
            def size(self, value): self._size = value
            @size.deleter
            def size(self): del self._size
        """

    assert names(text) == ["A.size", "A.size#2", "A.size#3"]


def test_conditional_definitions_of_one_name_stay_distinct() -> None:
    assert names("if X:\n    def f(): return 1\nelse:\n    def f(): return 2\n") == ["f", "f#2"]


SLOW, FAST = "def f(x): return sorted(x)\n", "def f(x): return x\n"


@pytest.mark.parametrize(
    "between", ["", "g = 1\n", "def g(): return f(1)\n", "class A:\n    def f(self): pass\n"]
)
def test_of_definitions_that_replace_each_other_the_last_one_counts(between: str) -> None:
    assert [one.source for one in cut(FAST + between + SLOW) if one.name == "f"] == [SLOW.strip()]
    nested = f"class C:\n    {FAST}    {SLOW}"
    assert [one.source for one in cut(nested)] == [SLOW.strip()]
    assert [one.source for one in cut(f"class C:\n    {FAST}class C:\n    {SLOW}")] == [SLOW.strip()]


@pytest.mark.parametrize(
    "text",
    [
        FAST + "g = f\n" + SLOW,
        FAST + "@wraps(f)\n" + SLOW,
        FAST + "def f(x, then=f): return then(x)\n",
        "@register\n" + FAST + SLOW,
        "if A:\n    " + FAST + "else:\n    " + SLOW,
        FAST + "def g(x=f): return x\n" + SLOW,
    ],
)
def test_what_is_read_before_it_is_replaced_is_a_unit(text: str) -> None:
    assert [name for name in names(text) if name.startswith("f")] == ["f", "f#2"]


@pytest.mark.parametrize("bases", ["(Base)", "(metaclass=M)"])
def test_a_class_that_its_base_may_keep_is_not_replaced(bases: str) -> None:
    assert names(f"class C{bases}:\n    {FAST}class C{bases}:\n    {SLOW}") == ["C.f", "C.f#2"]


def test_a_decorator_that_is_merely_called_overload_leaves_nothing_out() -> None:
    assert names("def overload(g): return g\n@overload\ndef f(x): return x\n") == ["overload", "f"]


def test_overload_stubs_are_left_out_under_any_alias() -> None:
    text = """
        import typing as t
        from typing import overload as o
        @t.overload
        def f(x: int) -> int: ...
        @o
        def f(x: str) -> str: ...
        def f(x): return x
        """

    assert [one.source for one in cut(text)] == ["def f(x): return x"]


@pytest.mark.parametrize("body", ["...", "pass", "'''doc'''", "raise NotImplementedError"])
def test_an_empty_body_is_a_unit_like_any_other(body: str) -> None:
    assert names(f"def f():\n    {body}\n") == ["f"]


@pytest.mark.parametrize(
    ("imports", "decorator"),
    [
        ("import triton", "triton.jit"),
        ("import triton as t", "t.jit"),
        ("from triton import jit", "jit"),
        ("from triton import jit as kernel", "kernel(do_not_specialize=['n'])"),
        ("try:\n    import triton as t\nexcept ImportError:\n    t = None", "t.jit"),
        ("import triton.language as tl", "triton.jit"),
        ("import triton", "triton.autotune(configs=[], key=['n'])\n@triton.heuristics({})\n@triton.jit"),
    ],
)
def test_a_triton_kernel_is_known_by_what_its_decorator_was_imported_as(imports: str, decorator: str) -> None:
    (kernel,) = cut(f"{imports}\n@{decorator}\ndef k(x):\n    pass\n")

    assert kernel.kind is Kind.TRITON_KERNEL


@pytest.mark.parametrize("imports", ["from numba import jit", "from jax import jit", ""])
def test_another_jit_makes_no_triton_kernel(imports: str) -> None:
    (function,) = cut(f"{imports}\n@jit\ndef k(x):\n    pass\n")

    assert function.kind is Kind.FUNCTION


def test_a_triton_kernel_inside_a_function_is_a_unit_of_its_own() -> None:
    text = """
        import triton
        def make():
            @triton.jit
            def kernel(x):
                pass
            return kernel
        """

    found = cut(text)

    assert [(one.name, one.kind) for one in found] == [
        ("make", Kind.FUNCTION),
        ("make.<locals>.kernel", Kind.TRITON_KERNEL),
    ]
    assert found[1].context[0] == Snippet("header", "make", "def make():")


def test_configurations_named_by_a_constant_are_context_of_a_kernel() -> None:
    text = """
        import triton
        CONFIGS = [
            triton.Config({"BLOCK": 64}),
        ]
        @triton.autotune(configs=CONFIGS, key=["n"])
        @triton.jit
        def k(x): pass
        """

    assert context(text, "k", "constant") == [
        Snippet("constant", "CONFIGS", 'CONFIGS = [\n    triton.Config({"BLOCK": 64}),\n]')
    ]


def test_headers_come_first_from_the_innermost_class_out() -> None:
    text = """
        import numpy as np
        class A(Base):
            @dataclass(slots=True)
            class B(
                Other,
            ):
                def m(self): return np.zeros(3)
        """

    assert unit(text, "A.B.m").context == (
        Snippet("header", "A.B", "@dataclass(slots=True)\nclass B(\n    Other,\n):"),
        Snippet("header", "A", "class A(Base):"),
        Snippet("import", "np", "import numpy as np"),
    )


def test_callees_are_found_by_name_and_on_self_in_the_order_of_mention() -> None:
    text = """
        def parse(row): return row
        class A:
            def load(self): return []
            def run(self): return map(parse, self.load())
            def other(self): pass
        """

    assert [snippet.name for snippet in context(text, "A.run", "callee")] == ["parse", "A.load"]


def test_a_recursive_function_is_no_context_of_itself() -> None:
    assert cut("def f(n):\n    return f(n - 1)\n")[0].context == ()


def test_a_local_name_hides_what_the_file_defines_under_it() -> None:
    assert (
        unit("import json\ndef rows(): pass\ndef f(json, rows=[]):\n    return json.x\n", "f").context == ()
    )


def test_constants_of_the_module_and_the_class_are_found() -> None:
    text = """
        LIMIT: int = 3
        class A:
            CAP = 4
            def m(self): return self.CAP + LIMIT
        """

    assert [snippet.source for snippet in context(text, "A.m", "constant")] == ["CAP = 4", "LIMIT: int = 3"]


def test_a_long_constant_is_left_out() -> None:
    table = "TABLE = [\n" + "    1,\n" * 30 + "]\n"

    assert unit(table + "def f(): return TABLE\n", "f").context == ()


def test_imports_are_cut_down_to_the_names_in_use() -> None:
    text = """
        import os.path, sys
        from a import (b, c as d, e)
        from . import near
        def f(): return os.path.join(d, near.x)
        """

    assert [snippet.source for snippet in context(text, "f", "import")] == [
        "import os.path",
        "from a import c as d",
        "from . import near",
    ]


def test_a_function_that_does_not_parse_is_skipped_with_its_line() -> None:
    found, missed = units(
        PATH, "def f():\n    return 1\n\ndef g():\n    x = = 2\n\ndef h(): pass\n", "python"
    )

    assert [one.name for one in found] == ["f", "h"]
    assert missed == (Skipped(PATH, "g", "line 5 does not parse"),)


@pytest.mark.parametrize(
    "text", ["def f():\n", "def f():\n    # later\n", "class A:\n def f(self):\n def g(self): 0"]
)
def test_a_function_without_a_body_is_skipped(text: str) -> None:
    line = 1 + text.startswith("class")

    assert [one.reason for one in units(PATH, text, "python")[1]] == [f"line {line} does not parse"]


def test_methods_whose_class_line_is_broken_are_not_taken_for_functions() -> None:
    found, missed = units(PATH, "class A(\n    def f(self): return 1\n\ndef k(): pass\n", "python")

    assert [one.name for one in found] == ["k"]
    assert missed == (Skipped(PATH, "", "line 1 does not parse, so functions around it may be missing"),)


def test_methods_whose_class_line_is_broken_are_not_given_to_the_class_above() -> None:
    text = "class A:\n    def f(self): pass\nclass B(\n    def g(self): pass\n"

    assert [one.name for one in units(PATH, text, "python")[0]] == ["A.f"]


def test_a_function_that_an_error_cuts_short_is_no_unit() -> None:
    text = "def f(x):\n    if x:\n        return 1\n  else:\n        return 2\n"

    assert units(PATH, text, "python")[0] == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = 1\n\0", "line 2 holds the control character '\\x00'"),
        ("def f():\r    pass\r", "line 1 holds the control character '\\r'"),
        ("x = '\ud800'", "line 1 holds the control character '\\ud800'"),
    ],
)
def test_text_that_is_no_text_is_skipped_whole(text: str, reason: str) -> None:
    assert units(PATH, text, "python") == ((), (Skipped(PATH, "", reason),))


@pytest.mark.parametrize("end", ["\r\n", "\r\r\n"])
def test_line_ends_and_a_byte_order_mark_do_not_reach_the_source(end: str) -> None:
    text = f"\ufeffdef f():{end}    return 1{end}def g(): pass"

    assert [(one.source, one.span) for one in cut(text)] == [
        ("def f():\n    return 1", Span(1, 2)),
        ("def g(): pass", Span(3, 3)),
    ]


def test_form_feeds_and_tabs_indent_as_they_do_for_python() -> None:
    assert names("\f\nclass A:\n\f\tdef m(self):\n\t\treturn 1\n\f\ndef f():\n\treturn 2") == ["A.m", "f"]


HOSTILE = {
    "10,000 nested brackets": "def f():\n    return " + "[" * 10_000 + "]" * 10_000,
    "10,000 open brackets": "def f():\n    return " + "[" * 10_000,
    "1,000 nested functions": "".join(f"{' ' * n}def f{n}():\n" for n in range(1_000)) + " " * 1_000 + "pass",
    "600 nested classes": "".join(f"{' ' * n}class C{n}:\n" for n in range(600)) + " " * 600 + "def f(): 0",
    "5 MB on one line": "def f(): return '" + "a" * 5_000_000 + "'",
    "attributes 10,000 deep": "def f(): return a" + ".b" * 10_000,
    "1,000 functions that all name each other": "".join(
        f"def f{n}(): {'; '.join(f'f{m}()' for m in range(0, 1_000, 20))}\n" for n in range(1_000)
    ),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_read_in_seconds(text: str) -> None:
    started = time.process_time()

    found, missed = units(PATH, text, "python")

    assert len(found) + len(missed) >= 1
    assert time.process_time() - started < 10


def test_a_deep_chain_of_calls_has_its_context() -> None:
    text = "def g(): pass\ndef f(): return " + "g(" * 5_000 + ")" * 5_000

    assert [snippet.name for snippet in context(text, "f", "callee")] == ["g"]


def test_context_is_capped_in_each_role() -> None:
    many = "".join(f"def f{n}(): pass\n" for n in range(100))
    caller = "def main():\n" + "".join(f"    f{n}()\n" for n in range(100))

    assert [snippet.name for snippet in context(many + caller, "main", "callee")] == [
        f"f{n}" for n in range(32)
    ]


def test_a_program_is_its_whole_text() -> None:
    whole = program(PurePosixPath("x/main.py"), "import a\r\nprint(a)\r\n", "python")

    assert (whole.name, whole.kind, whole.source) == ("main.py", Kind.PROGRAM, "import a\nprint(a)\n")


@pytest.mark.parametrize(
    ("path", "language"), [("a/b.py", "python"), ("b.pyi", None), ("py", None), ("a.py.orig", None)]
)
def test_language_is_told_by_suffix(path: str, language: str | None) -> None:
    assert language_of(PurePosixPath(path)) == language


def change(before: str | bytes | None, after: str | bytes | None, path: PurePosixPath = PATH) -> FileChange:
    sides = (side.encode() if isinstance(side, str) else side for side in (before, after))
    return FileChange(path, None if before is None else path, *sides)


def test_bytes_that_are_not_utf_8_are_skipped_with_their_place() -> None:
    assert list(changes([change("", b"x = '\xff'")])) == [Skipped(PATH, "", "not UTF-8 at byte 5")]


@pytest.mark.parametrize(
    "head",
    [
        "# -*- coding: utf-7 -*-",
        "#!/usr/bin/python\n# vim: set fileencoding=unicode_escape :",
        "\f# coding=raw_unicode_escape",
        "\n# coding: shift_jis",
    ],
)
def test_an_encoding_in_which_comments_may_be_code_is_not_judged(head: str) -> None:
    (skipped,) = changes([change("", f"{head}\ndef f(): return 1\n".encode())])
    assert isinstance(skipped, Skipped)
    assert "declares the encoding" in skipped.reason


@pytest.mark.parametrize(
    "head",
    [
        "# -*- coding: utf-8 -*-",
        "# coding: utf8",
        "# vim: fileencoding=UTF_8",
        "# coding: utf-8-unix",
        "# coding: latin-1",
        "# coding: iso-8859-15",
        "# coding: cp1252",
        "# coding: us-ascii",
        "x = 1\n# encoding: base64, of the table below",
        "\n\n# coding: utf-7",
    ],
)
def test_an_encoding_that_changes_no_code_is_read(head: str) -> None:
    (new,) = changes([change("", f"{head}\ndef f(): return 1\n".encode())])
    assert isinstance(new, Change)


def test_a_version_before_that_cannot_be_read_is_skipped() -> None:
    assert list(changes([change(b"\0", "def f(): pass\n")])) == [
        Skipped(PATH, "", "the version before cannot be read: line 1 holds the control character '\\x00'")
    ]


def test_a_function_that_did_not_parse_before_is_not_called_new() -> None:
    before, after = "def f():\n    return (1\n", "def f():\n    return (1)\n"

    assert list(changes([change(before, after)])) == [
        Skipped(PATH, "f", "line 2 of the version before does not parse, so nothing compares with it")
    ]


def test_a_function_that_does_not_parse_any_more_is_not_called_removed() -> None:
    before, after = "def f():\n    return (1)\n", "def f():\n    return (1\n"

    assert list(changes([change(before, after)])) == [Skipped(PATH, "f", "line 2 does not parse")]


def test_a_function_swallowed_by_an_error_above_it_is_not_called_removed() -> None:
    before = "def f():\n    return (1)\n\ndef g():\n    return 2\n"
    after = before.replace("(1)", "(1")

    found = [item for item in changes([change(before, after)]) if isinstance(item, Change)]

    assert found == []


def test_a_broken_place_that_the_change_left_alone_is_not_reported() -> None:
    broken = "def f():\n    return (= 1)\n\n"

    found = list(changes([change(broken + "def g(): return 1\n", broken + "def g(): return 2\n")]))

    assert [type(item) for item in found] == [Change]


def test_files_of_no_language_are_passed_over() -> None:
    assert list(changes([change("def f(): 1", "def f(): 2", PurePosixPath("a.txt"))])) == []


def test_canonical_text_of_a_unit_is_that_of_its_definition() -> None:
    text = "class A:\n    def m(self):\n        # why\n        return ( 1 )\n"

    assert canonical(cut(text)[0].source, "python") == "def m(self):\n return(1)"

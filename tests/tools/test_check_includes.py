import tomllib

import check_includes
import pytest
from conftest import ROOT

TABLE = """
[rooms."include/edgeml"]
may_include = []
[rooms."src/base"]
may_include = []
[rooms."src/tensor"]
may_include = ["src/base"]
[rooms."src/runtime"]
may_include = ["src/tensor"]
tests_may_include = ["src/backends"]
[rooms."src/backends"]
may_include = ["src/runtime"]
separate = true
[rooms."src/api"]
may_include = ["src/*"]
never = ["src/cli"]
[rooms."src/cli"]
may_include = ["src/*"]
[[guarded]]
header = "flatbuffers/"
rooms = ["src/base"]
reason = "only base may"
[[guarded]]
header = "iostream"
tests_may = true
rooms = ["src/cli"]
reason = "only programs may"
"""


def offences(folder):
    return check_includes.check(folder, check_includes.Rules(tomllib.loads(TABLE)))[1]


HEADERS = {
    "include/edgeml/a.h": "",
    "src/base/b.h": "",
    "src/runtime/r.h": "",
    "src/backends/one/x.h": "",
    "src/backends/two/y.h": "",
    "src/cli/c.h": "",
}


@pytest.mark.parametrize(
    ("path", "include", "reason"),
    [
        ("src/base/f.cc", '"src/tensor/none.h"', "src/base may not include src/tensor"),
        ("src/base/f.cc", '"src/runtime/r.h"', "src/base may not include src/runtime"),
        ("src/runtime/f.cc", '"src/backends/one/x.h"', "src/runtime may not include src/backends"),
        ("src/runtime/f.cc", '"../backends/one/x.h"', "src/runtime may not include src/backends"),
        ("src/backends/one/f.cc", '"src/backends/two/y.h"', "do not include each other"),
        ("src/api/f.cc", '"src/cli/c.h"', "may never include src/cli"),
        ("src/tensor/f.cc", "<flatbuffers/flatbuffers.h>", "only base may"),
        ("src/tensor/f.cc", "<iostream>", "only programs may"),
        ("src/elsewhere/f.cc", '"src/base/b.h"', "is in no room"),
    ],
)
def test_forbidden_include_is_reported_with_place_and_reason(tree, path, include, reason):
    found = offences(tree({**HEADERS, path: f"// first line\n#include {include}\n"}))
    assert len(found) == 1
    assert found[0].startswith(f"{path}:2: ") and reason in found[0]


@pytest.mark.parametrize(
    ("path", "include"),
    [
        ("src/base/f.cc", '"edgeml/a.h"'),
        ("src/base/f.cc", "<flatbuffers/flatbuffers.h>"),
        ("src/base/f.cc", "<vector>"),
        ("src/base/f_test.cc", "<iostream>"),
        ("src/backends/one/f.cc", '"x.h"'),
        ("src/backends/one/f.cc", '"src/base/b.h"'),
        ("src/runtime/f_test.cc", '"src/backends/one/x.h"'),
        ("src/api/f.cc", '"src/backends/one/x.h"'),
        ("src/cli/f.cc", '"src/runtime/r.h"'),
    ],
)
def test_allowed_include_passes(tree, path, include):
    assert offences(tree({**HEADERS, path: f"#include {include}\n"})) == []


def test_cycle_in_the_table_is_refused():
    table = '[rooms."src/a"]\nmay_include = ["src/b"]\n[rooms."src/b"]\nmay_include = ["src/a"]\n'
    with pytest.raises(ValueError, match="cycle"):
        check_includes.Rules(tomllib.loads(table))


def test_own_table_is_sound():
    table = tomllib.loads((ROOT / "tools" / "include_rules.toml").read_text(encoding="utf-8"))
    rules = check_includes.Rules(table)
    assert "src/agent" not in rules.closures["src/fleet"]
    assert "src/backends" not in rules.closures["src/runtime"]

import run_tests
from run_tests import Tally

GTEST = """<testsuites><testsuite name="S">
<testcase name="A" status="run" result="completed" classname="S"/>
<testcase name="B" status="run" classname="S"><failure message="no"/></testcase>
<testcase name="C" status="run" classname="S"><skipped message="no data"/></testcase>
<testcase name="D" status="notrun" classname="S"/>
</testsuite></testsuites>"""

CTEST = """<testsuite>
<testcase name="one_test" status="fail"><failure message=""/></testcase>
<testcase name="crash_test" status="fail"><failure message="SEGFAULT"/></testcase>
<testcase name="leak_test" status="fail"><failure message=""/></testcase>
<testcase name="example" status="run"/>
</testsuite>"""


def test_ctest_counts_cases_of_each_program_and_crashes(tmp_path):
    (tmp_path / "ctest.xml").write_text(CTEST)
    (tmp_path / "one_test.xml").write_text(GTEST)
    (tmp_path / "leak_test.xml").write_text('<testsuites><testcase name="A" status="run" classname="L"/></testsuites>')
    tally = run_tests.from_ctest(tmp_path / "ctest.xml", tmp_path)
    # one_test: 1 passed, 1 failed, 2 skipped; crash_test: 1 failed; leak_test: 1 passed, 1 failed; example: 1 passed.
    assert (tally.passed, tally.failed, tally.skipped) == (3, 3, 2)
    assert tally.failures[0] == "S.B" and tally.failures[1].startswith("crash_test")


def test_part_whose_need_failed_and_empty_part_count_as_failures():
    parts = {
        "build": (lambda _: Tally().fail("build"), (), ""),
        "tests": (lambda _: Tally(passed=5), ("build",), ""),
        "nothing": (lambda _: Tally(), (), ""),
        "more": (lambda _: Tally(passed=2, skipped=1), (), ""),
    }
    total = run_tests.run_parts(None, list(parts), parts)
    assert run_tests.closing_line(total) == "2 passed, 3 failed, 1 skipped"


def test_closing_line_is_plain_when_nothing_was_skipped():
    assert run_tests.closing_line(Tally(passed=3)) == "3 passed, 0 failed"

#!/usr/bin/env python3
"""Builds and runs all tests in parts; called by ./test after the set-up, and of no use without it.

Each part reports counts of single tests (GoogleTest cases, pytest tests, one for each check). A part that breaks down,
say a build that fails or a program that crashes, counts as one failure, and so does each part that needs it. The last
line is `N passed, N failed` with `, N skipped` if there were any; the exit code is 0 only if something passed and
nothing failed. Logs and JUnit files are in build/reports.
"""

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"
REPORTS = ROOT / "build" / "reports"
JOBS = str(os.cpu_count() or 1)
CACHE = pathlib.Path(os.environ.get("EDGEML_CACHE")
                     or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "edgeml")


@dataclasses.dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list = dataclasses.field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures
        return self

    def fail(self, name):
        self.failed += 1
        self.failures.append(name)
        return self


def from_junit(path):
    """Tally of a JUnit XML file of GoogleTest, pytest or CTest."""
    tally = Tally()
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        status = case.get("status")
        if case.find("failure") is not None or case.find("error") is not None or status == "fail":
            tally.fail(f"{case.get('classname', '')}.{case.get('name')}".lstrip("."))
        elif case.find("skipped") is not None or status in ("notrun", "disabled"):
            tally.skipped += 1
        else:
            tally.passed += 1
    return tally


def from_ctest(junit, folder):
    """Tally of one CTest run: each GoogleTest program counts by its own cases, every other test as one.

    `folder` holds the XML files that the GoogleTest programs wrote. A program that CTest saw fail (crash, time-out,
    leak) without a failed case of its own still counts as one failure.
    """
    tally = Tally()
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        name, own = case.get("name"), folder / f"{case.get('name')}.xml"
        bad = case.get("status") not in ("run", "notrun", "disabled") or case.find("failure") is not None
        cases = Tally()
        if own.exists():
            try:
                cases = from_junit(own)
            except ElementTree.ParseError:
                bad = True  # it died while writing
        elif not bad:
            cases.add(Tally(passed=1) if case.get("status") == "run" else Tally(skipped=1))
        if bad and not cases.failed:
            cases.fail(f"{name} (crashed, ran out of time or exited with an error)")
        tally.add(cases)
    return tally


class Runner:
    def __init__(self, options):
        self.options = options
        self.env = dict(os.environ)
        self.env["EDGEML_BIN"] = str(BUILD / "bin" / "edgeml")
        self.env["EDGEML_REPOSITORY"] = str(ROOT)
        self.env.setdefault("EDGEML_TEST_DATA", str(ROOT.parent / "shared" / "data"))
        self.env["EDGEML_ALL"] = "1" if options.all else "0"
        self.broken = {}

    def run(self, name, command, timeout=1800, **more):
        """Runs a command with its output in build/reports/NAME.log; returns whether it succeeded.

        On failure the end of the output is shown. A command that is absent or runs too long has failed.
        """
        log = REPORTS / f"{name}.log"
        env = {**self.env, **more.get("env", {})}
        with log.open("w") as out:
            try:
                code = subprocess.run([str(c) for c in command], cwd=ROOT, env=env, stdout=out, timeout=timeout,
                                      stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).returncode
            except (OSError, subprocess.TimeoutExpired) as error:
                code = 127
                out.write(f"{error}\n")
        if code:
            lines = log.read_text(errors="replace").splitlines()
            print(f"---- {' '.join(str(c) for c in command)}: exit code {code}; end of {log.relative_to(ROOT)}:")
            print("\n".join(lines[-60:]), flush=True)
        return code == 0

    def one(self, name, command, **more):
        """A command as one test."""
        return Tally(passed=1) if self.run(name, command, **more) else Tally().fail(name)

    # The parts.

    def build(self):
        configure = ["cmake", "--preset", "release", "-DEDGEML_TESTS=ON", "-DEDGEML_WERROR=ON"]
        return self.one("build", ["bash", "-c", " ".join(configure) + f" && cmake --build build/release -j{JOBS}"])

    def ctest(self, build="release", name="ctest"):
        folder = REPORTS / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        junit = REPORTS / f"{name}.xml"
        junit.unlink(missing_ok=True)
        self.run(name, ["ctest", "--test-dir", f"build/{build}", f"-j{JOBS}", "--output-on-failure", "--timeout", "900",
                        "--no-tests=error", "--output-junit", junit],
                 env={"GTEST_OUTPUT": f"xml:{folder}/", "GTEST_BRIEF": "1"})
        if not junit.exists():
            return Tally().fail(f"{name}: no test ran")
        return from_ctest(junit, folder)

    def module(self):
        """The wheel, built as `pip install .` does it, into build/site; the Python tests import it from there."""
        site = ROOT / "build" / "site"
        shutil.rmtree(site, ignore_errors=True)
        return self.one("module", [self.python(), "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--quiet",
                                   "--disable-pip-version-check", "--target", site, "-C", "build-dir=build/wheel",
                                   "-C", "cmake.define.EDGEML_WERROR=ON", "."])

    def pytest(self):
        junit = REPORTS / "pytest.xml"
        junit.unlink(missing_ok=True)
        folders = [f for f in ("tests", "python/tests") if (ROOT / f).is_dir()]
        ok = self.run("pytest", [self.python(), "-m", "pytest", "-q", "-n", JOBS, "-rs", "-p", "no:cacheprovider",
                                 "--junitxml", junit, *folders], timeout=3600, env={"PYTHONPATH": str(ROOT / "build" / "site")})
        skips = [line for line in (REPORTS / "pytest.log").read_text(errors="replace").splitlines()
                 if line.startswith("SKIPPED")]
        print("\n".join(skips[:20]), end="\n" if skips else "")
        if not junit.exists():
            return Tally().fail("pytest: no report")
        tally = from_junit(junit)
        if not ok and not tally.failed:
            tally.fail("pytest (exited with an error)")
        return tally

    def fuzz(self):
        """Each fuzz target from its seeds for about a minute; with --all ten minutes, from what earlier runs kept as well."""
        if not self.run("fuzz-build", ["bash", "-c", f"cmake --preset fuzz && cmake --build build/fuzz -j{JOBS} --target fuzz"]):
            return Tally().fail("fuzz build")
        tally = self.one("fuzz-seeds", [self.python(), "tests/fuzz/make_seeds.py", ROOT / "build" / "fuzz" / "seeds"])
        limit = 2700 if self.options.all else 600
        amount = ["--seconds=600"] if self.options.all else ["--fresh", "--seed=1", "--seconds=240", "--minute"]
        names = sorted(path.name.removesuffix("_fuzz.cc") for path in (ROOT / "tests" / "fuzz").glob("*_fuzz.cc"))

        def fuzz_one(name):
            done = self.one(f"fuzz-{name}", [sys.executable, "tools/fuzz", "--no-build", *amount, name], timeout=limit)
            log = (REPORTS / f"fuzz-{name}.log").read_text(errors="replace")
            print("".join(line + "\n" for line in log.splitlines() if line.startswith(f"{name}: ")), end="", flush=True)
            return done

        with concurrent.futures.ThreadPoolExecutor(int(JOBS)) as pool:
            for done in pool.map(fuzz_one, names):
                tally.add(done)
        return tally if names else tally.fail("fuzz: there is no fuzz target")

    def sanitize(self, preset):
        if not self.run(f"{preset}-build", ["bash", "-c", f"cmake --preset {preset} && cmake --build build/{preset} -j{JOBS}"]):
            return Tally().fail(f"{preset} build")
        return self.ctest(preset, f"ctest-{preset}")

    def lean32(self):
        return self.one("lean32", ["bash", "-c", f"cmake --preset lean32 -DEDGEML_WERROR=ON && cmake --build build/lean32 -j{JOBS}"])

    def selective(self):
        """A library for one model: its size, and that it runs this model as the whole library does."""
        model = pathlib.Path(self.env["EDGEML_TEST_DATA"]) / "vision" / "mobilenet_v2_1.0_224_quant.tflite"
        if not model.exists():
            print("note: selective: no MobileNet in the test data; the digits classifier stands in for it")
            model = ROOT / "models" / "digits_int8.tflite"
        return self.one("selective", ["bash", "tests/selective/run.sh", ROOT, ROOT / "build" / "release",
                                      ROOT / "build" / "selective", model, ROOT / "models" / "digits_float.tflite"])

    def checks(self):
        tally = Tally()
        for name in ("includes", "docs", "sizes"):
            tally.add(self.one(f"check-{name}", [sys.executable, f"tools/check_{name}.py"]))
        return tally.add(self.one("check-format", ["tools/format", "--check"]))

    def lint(self):
        return self.one("lint", [sys.executable, "tools/lint"])

    @staticmethod
    def python():
        return CACHE / "venv-test" / "bin" / "python"


# name: (function, parts that must have succeeded, runs with: "fast", "" (default), "all")
PARTS = {
    "checks": (Runner.checks, (), "fast"),
    "build": (Runner.build, (), "fast"),
    "ctest": (Runner.ctest, ("build",), "fast"),
    "module": (Runner.module, ("build",), "fast"),
    "pytest": (Runner.pytest, ("build",), "fast"),
    "lint": (Runner.lint, ("build",), ""),
    "lean32": (Runner.lean32, (), ""),
    "selective": (Runner.selective, ("build",), ""),
    "fuzz": (Runner.fuzz, (), ""),
    "asan": (lambda runner: runner.sanitize("asan"), (), "all"),
    "tsan": (lambda runner: runner.sanitize("tsan"), (), "all"),
}


def chosen(options):
    if options.only:
        names = set(options.only)
        while True:  # with what they need
            more = {need for name in names for need in PARTS[name][1]} - names
            if not more:
                return [name for name in PARTS if name in names]
            names |= more
    levels = {"fast"} if options.fast else {"fast", "", "all"} if options.all else {"fast", ""}
    return [name for name, part in PARTS.items() if part[2] in levels]


def closing_line(tally):
    line = f"{tally.passed} passed, {tally.failed} failed"
    return line + (f", {tally.skipped} skipped" if tally.skipped else "")


def run_parts(runner, names, parts=PARTS):
    """Runs the parts in order; returns the total."""
    total, broken = Tally(), set()
    for name in names:
        function, needs, _ = parts[name]
        start = time.monotonic()
        missing = [need for need in needs if need in broken]
        print(f"== {name}", flush=True)
        if missing:
            tally = Tally().fail(f"{name}: could not run, because {missing[0]} failed")
        else:
            tally = function(runner)
        if tally.passed + tally.failed == 0:
            tally.fail(f"{name}: ran nothing")
        if tally.failed:
            broken.add(name)
        for failure in tally.failures[:50]:
            print(f"FAILED {failure}")
        print(f"{name}: {closing_line(tally)} ({time.monotonic() - start:.0f} s)", flush=True)
        total.add(tally)
    return total


def main():
    parser = argparse.ArgumentParser(prog="./test", description=__doc__.splitlines()[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--all", action="store_true", help="also the long grids and the sanitizer builds")
    size.add_argument("--fast", action="store_true", help="build, C++ and Python tests, quick checks")
    size.add_argument("--only", nargs="+", metavar="PART", choices=PARTS, help="these parts and what they need")
    parser.add_argument("--list", action="store_true", help="print the parts")
    options = parser.parse_args()
    if options.list:
        print("\n".join(PARTS))
        return 0
    REPORTS.mkdir(parents=True, exist_ok=True)
    runner = Runner(options)
    if not pathlib.Path(runner.env["EDGEML_TEST_DATA"]).is_dir():
        print(f"note: no folder {runner.env['EDGEML_TEST_DATA']} (EDGEML_TEST_DATA): tests on real data are skipped")
    start = time.monotonic()
    total = run_parts(runner, chosen(options))
    print(f"\n{time.monotonic() - start:.0f} s in all")
    for failure in total.failures:
        print(f"FAILED {failure}")
    print(closing_line(total))
    return 0 if total.passed and not total.failed else 1


if __name__ == "__main__":
    sys.exit(main())

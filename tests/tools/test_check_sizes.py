import check_sizes


def test_long_files_are_listed_longest_first(tree):
    root = tree(
        {
            "src/a.cc": "x\n" * 601,
            "src/b.cc": "x\n" * 600,
            "src/c_test.cc": "x\n" * 800,
            "tests/test_d.py": "x\n" * 801,
            "data.csv": "x\n" * 5000,
        }
    )
    count, found = check_sizes.check(root, check_sizes.tracked(root))
    assert count == 4
    assert found == [(801, 800, "tests/test_d.py"), (601, 600, "src/a.cc")]

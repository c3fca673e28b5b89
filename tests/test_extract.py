"""`drift extract`: part of an evidence folder, to hand to someone."""

from __future__ import annotations

from pathlib import Path

import pytest

from drift.cli import main
from drift.folders import explain_folders
from tests.estates import make
from tests.explained import written

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())


def quiet(*_: object) -> None:
    """No progress."""


@pytest.mark.parametrize("seed", range(12))
def test_what_is_extracted_is_explained_the_same(seed, tmp_path, capsys):
    story = make(seed, 5, lag=seed % 2 == 0, steps=3, early=seed % 3 == 0)
    with written(story) as folders:
        for folder in folders:
            assert main(["extract", str(folder), str(tmp_path / folder.name)]) == 0
        copies = [tmp_path / folder.name for folder in folders]
        assert explain_folders(copies, "all", quiet) == explain_folders(folders, "all", quiet)


def test_only_the_scope_is_extracted(tmp_path, capsys):
    folder = CASES[0] / "before"
    assert main(["extract", str(folder), str(tmp_path / "prod"), "--scope", "tag:environment=prod"]) == 0
    assert len([path for path in (tmp_path / "prod").iterdir() if path.is_dir()]) == 1
    assert "1 of the subscriptions" in capsys.readouterr().out


def test_nothing_is_written_over(tmp_path, capsys):
    (tmp_path / "there").mkdir()
    assert main(["extract", str(CASES[0] / "before"), str(tmp_path / "there")]) == 2
    assert "is there already" in capsys.readouterr().err
    assert list((tmp_path / "there").iterdir()) == []


def test_what_fails_leaves_nothing_behind(tmp_path, capsys):
    assert main(["extract", str(tmp_path / "nowhere"), str(tmp_path / "new")]) == 2
    assert main(["extract", str(CASES[0] / "before"), str(tmp_path / "new"), "--scope", "tag:no=where"]) == 2
    assert list(tmp_path.iterdir()) == []


def test_dates_of_the_first_year_are_written_as_azure_writes_them(tmp_path, capsys):
    story = make(1, 3)
    for folder in story:
        for path, answer in folder.items():
            if path.endswith("assessments.json"):
                answer["value"][0]["properties"]["status"]["statusChangeDate"] = "0001-01-01T00:00:00Z"
    with written(story) as folders:
        for folder in folders:
            assert main(["extract", str(folder), str(tmp_path / folder.name)]) == 0
        copies = [tmp_path / folder.name for folder in folders]
        assert explain_folders(copies, "all", quiet) == explain_folders(folders, "all", quiet)

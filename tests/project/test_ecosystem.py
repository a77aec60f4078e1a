"""What others look for in a repository is there and true: workflows, forms, a citation, a paper."""

import re
from pathlib import Path

import pytest
import yaml

import snnlab as sl

ROOT = Path(__file__).resolve().parent.parent.parent
WORKFLOWS = {file.name: file for file in (ROOT / ".github" / "workflows").glob("*.yml")}
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
PAPER = (ROOT / "paper.md").read_text(encoding="utf-8")
BIBLIOGRAPHY = (ROOT / "paper.bib").read_text(encoding="utf-8")


def workflow(name):
    content = yaml.safe_load(WORKFLOWS[name].read_text(encoding="utf-8"))
    return content | {"on": content.pop(True)}  # YAML 1.1 takes the word on for true


def runs(job):
    return "\n".join(step.get("run", "") for step in job["steps"])


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_only_read_and_ends(name):
    content = workflow(name)
    assert content["permissions"] == {"contents": "read"}
    for job in content["jobs"].values():
        assert job["timeout-minutes"] <= 90
        for step in job["steps"]:
            assert {"run"} & set(step) or re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"])


def test_the_newest_versions_are_tried_every_week_on_every_python():
    content = workflow("newest.yml")
    assert set(content["on"]) == {"schedule", "workflow_dispatch"}
    (job,) = content["jobs"].values()
    others = workflow("ci.yml")["jobs"]["others"]["strategy"]["matrix"]["python"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", *others]
    assert job["strategy"]["fail-fast"] is False
    assert "pip install" in runs(job)
    assert "constraints" not in runs(job)
    assert "--nbval-lax" in runs(job)


def test_the_site_is_built_for_every_change():
    content = workflow("ci.yml")
    assert {"push", "pull_request"} <= set(content["on"])
    assert "make docs" in runs(content["jobs"]["site"])


@pytest.mark.parametrize("file", FORMS, ids=lambda file: file.stem)
def test_a_form_has_what_github_asks_for(file):
    form = yaml.safe_load(file.read_text(encoding="utf-8"))
    if file.name == "config.yml":
        assert form == {"blank_issues_enabled": True}
        return
    assert {"name", "description", "body"} <= set(form) <= {"name", "description", "labels", "body"}
    names = [field["id"] for field in form["body"]]
    assert len(set(names)) == len(names) > 0
    for field in form["body"]:
        assert field["type"] in {"input", "textarea"}
        assert field["attributes"]["label"]
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_there_is_a_form_for_each_kind_of_report():
    assert [file.stem for file in FORMS] == ["config", "model", "notebook", "wrong_or_broken"]


def test_the_code_of_conduct_points_to_the_covenant():
    text = (ROOT / "CODE_OF_CONDUCT.md").read_text(encoding="utf-8")
    assert "https://www.contributor-covenant.org/version/2/1/" in text
    assert "CODE_OF_CONDUCT.md" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_one_version_stands_everywhere():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"(?m)^## (\d+\.\d+\.\d+)", changes)[1]
    assert sl.__version__ == CITATION["version"] == newest


def test_the_authors_are_those_of_the_licence():
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    (author,) = CITATION["authors"]
    assert f"Copyright (c) 2026, {author['name'][0].lower()}{author['name'][1:]}\n" in licence
    (of_paper,) = front_matter()["authors"]
    assert of_paper["name"] == author["name"]


# --- the paper -----------------------------------------------------------------------------------


def front_matter():
    return yaml.safe_load(PAPER.split("---\n")[1])


def test_the_paper_has_what_the_journal_asks_for():
    front = front_matter()
    assert front["title"] == CITATION["title"]
    assert front["bibliography"] == "paper.bib"
    known = {place["index"] for place in front["affiliations"]}
    assert {author["affiliation"] for author in front["authors"]} == known
    assert re.fullmatch(r"\d{1,2} [A-Z][a-z]+ 20\d\d", str(front["date"]))
    heads = re.findall(r"(?m)^# (.*)$", PAPER)
    assert heads[:2] == ["Summary", "Statement of need"]
    assert heads[-1] == "References"
    assert 500 < len(PAPER.split("---\n", 2)[2].split()) < 1100


def test_every_reference_of_the_paper_is_listed_and_used():
    listed = re.findall(r"(?m)^@\w+\{(\w+),$", BIBLIOGRAPHY)
    assert sorted(set(re.findall(r"@(\w+\d{4})", PAPER))) == sorted(listed)


def test_references_of_the_paper_are_those_of_the_citation_file():
    of_file = {r["title"].lower(): r for r in CITATION["references"]}
    for entry in BIBLIOGRAPHY.split("\n\n"):
        field = dict(re.findall(r"(?m)^  (\w+)\s*= \{(.*)\},?$", entry))
        known = of_file.get(field["title"].lower())
        if known is None:  # libraries beside ours
            assert re.match(r"@\w+\{(eshraghian2023|fang2023|paszke2019)", entry)
            continue
        assert str(known["year"]) == field["year"]
        assert known.get("doi") == field.get("doi")
        assert [a["family-names"] for a in known["authors"]] == [
            name.split(",")[0] for name in field["author"].split(" and ")
        ]


def test_the_paper_says_how_many_notebooks_there_are():
    count = len([*(ROOT / "notebooks").glob("*.ipynb")])
    words = {12: "twelve", 13: "thirteen", 14: "fourteen"}
    assert f"There are {words[count]} notebooks" in PAPER

"""The CI files that people copy: what their systems read, with as few rights as can be, and doing what they say."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli.scenes import MONITORING, OPEN_ACCOUNT
from docs.command_line import ALL
from docs.pages import blocks
from docs.test_links import anchors, links_of
from playbooks.conftest import ROOT, Place
from playbooks.github_job import Job

from hveadmin.cli.lazy import load
from hveadmin.config.profiles import load_profiles
from hveadmin.domain.profile import AuthKind
from hveadmin.report.render import FORMATS

CI = ROOT / "playbooks" / "ci"
GITHUB = [CI / "github-plan-and-apply.yml", CI / "github-drift.yml"]
AZURE, GITLAB = CI / "azure-pipelines.yml", CI / "gitlab-ci.yml"
ACTION, HOOKS = ROOT / "action.yml", ROOT / ".pre-commit-hooks.yaml"
TEMPLATES = [*GITHUB, AZURE, GITLAB]
PAGES = [CI / "README.md", ROOT / "playbooks" / "README.md", ROOT / "docs" / "ci.md"]
HEAD = "a" * 40
COMMIT = "b" * 40


def read(file: Path) -> Any:
    # `on` is a key here, as GitHub reads it, and not the true of YAML 1.1.
    return yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - text only


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


# They are what their systems read


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        *(("github-workflows", each) for each in GITHUB),
        ("github-actions", ACTION),
        ("azure-pipelines", AZURE),
        ("gitlab-ci", GITLAB),
    ],
    ids=lambda each: each if isinstance(each, str) else each.name,
)
def test_a_file_is_what_its_system_reads(schema: str, file: Path) -> None:
    more = {
        # Its patterns are no regular expressions in unicode mode.
        "azure-pipelines": ["--regex-variant", "nonunicode", "--data-transform", "azure-pipelines"],
        "gitlab-ci": ["--data-transform", "gitlab-ci"],
    }
    words = ["--builtin-schema", f"vendor.{schema}", *more.get(schema, []), str(file)]
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_hooks_are_what_pre_commit_reads() -> None:
    words = [sys.executable, "-m", "pre_commit", "validate-manifest", str(HOOKS)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [each["id"] for each in read(HOOKS)] == ["hveadmin-validate", "hveadmin-fmt"]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in links_of(page):
        path, _, anchor = link.partition("#")
        target = page.parent / path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


# Every command line in them is one


_SHELL = ("run", "script", "inlineScript", "bash", "before_script", "entry")


def scripts(value: Any) -> Iterator[str]:
    """Every piece of shell in a template."""
    match value:
        case dict():
            if value.get("shell") == "python":
                return
            for key, inner in value.items():
                if key in _SHELL and not isinstance(inner, dict):
                    yield from inner if isinstance(inner, list) else [inner]
                else:
                    yield from scripts(inner)
        case list():
            for each in value:
                yield from scripts(each)
        case _:
            pass


def command_lines(script: str) -> Iterator[list[str]]:
    """The words behind `hveadmin` wherever a script runs it."""
    for line in script.replace("\\\n", " ").splitlines():
        if not re.search(r"(?<![\w/.-])hveadmin (?=[a-z-])", line) or line.lstrip().startswith("#"):
            continue
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set("();<>|&"):
                if words[:1] == ["hveadmin"]:
                    yield [each for inner in words[1:] for each in _filled_in(inner)]
                words = []
            else:
                words.append(word)


def _filled_in(word: str) -> list[str]:
    """A word as the shell would have it; what it stands for is made up."""
    plan_and_hash = ["plans/contoso.plan.json", "--expect-sha256", "0" * 64]
    return plan_and_hash if word == "${words[@]}" else [word]


def typed_in(page: Path) -> Iterator[list[str]]:
    text = page.read_text(encoding="utf-8")
    for block in blocks(text):
        yield from command_lines(re.sub(r"^\s*(?:\$|- run:|run:|entry:) ", "", block.text, flags=re.MULTILINE))
    for span in re.findall(r"`(hveadmin [a-z][^`]*)`", text):
        yield from command_lines(span)


EVERY_LINE = [
    *(
        pytest.param(words, id=f"{name_of(file)}: {' '.join(words)}")
        for file in [*TEMPLATES, ACTION, HOOKS]
        for script in scripts(read(file))
        for words in command_lines(script)
    ),
    *(pytest.param(words, id=f"{name_of(page)}: {' '.join(words)}") for page in PAGES for words in typed_in(page)),
    *(
        pytest.param(shlex.split(words), id=f"action.yml: {words}")
        for words in re.findall(r"`([a-z]+ -[^`]*)`", ACTION.read_text(encoding="utf-8"))
    ),
]


def test_the_lines_are_found() -> None:
    assert len(EVERY_LINE) > 20
    found = list(
        command_lines('x || hveadmin plan --out "$X/y" -o md=a.md && (hveadmin fmt; echo hveadmin) | hveadmin a')
    )
    assert found == [["plan", "--out", "$X/y", "-o", "md=a.md"], ["fmt"], ["a"]]


@pytest.mark.parametrize("words", EVERY_LINE)
def test_every_command_line_is_one_that_hveadmin_takes(words: list[str]) -> None:
    if words == ["--version"]:
        return
    name = next(each for each in (" ".join(words[:2]), words[0]) if each in ALL)
    rest = words[len(name.split()) :]
    # Parsed to the last value, and not run.
    context: Any = load(name.rpartition(" ")[2], ALL[name]).make_context(name, rest)
    formats = {each.partition("=")[0] for each in context.params.get("output") or ()}
    assert formats <= set(FORMATS)


# No secret, few rights


@pytest.mark.parametrize("file", [*TEMPLATES, ACTION, CI / "profiles.yaml"], ids=lambda file: file.name)
def test_no_secret_is_stored_anywhere(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"\$\{\{\s*secrets\.|client_?secret|password|certificate", text, re.IGNORECASE)


@pytest.mark.parametrize("file", GITHUB, ids=lambda file: file.name)
def test_a_job_has_just_the_rights_that_it_needs(file: Path) -> None:
    workflow = read(file)
    assert workflow["permissions"] == {}, "a job that says nothing may do nothing"
    rights = {name: dict(job["permissions"]) for name, job in workflow["jobs"].items()}
    allowed: Mapping[str, Mapping[str, str]] = {
        "judge": {"contents": "read"},
        "plan": {"contents": "read", "id-token": "write", "pull-requests": "write"},
        "approved": {"contents": "read", "pull-requests": "read"},
        "apply": {"contents": "read", "id-token": "write", "actions": "read"},
        "drift": {"contents": "read", "id-token": "write", "security-events": "write"},
    }
    assert rights == {name: allowed[name] for name in rights}
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


@pytest.mark.parametrize("file", [*GITHUB, ACTION], ids=lambda file: file.name)
def test_actions_of_others_are_pinned_to_a_commit_with_their_version_beside_it(file: Path) -> None:
    used = re.findall(r"uses: (\S+)(?: # (\S+))?$", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    for action, version in used:
        if not action.startswith("OWNER/hveadmin@"):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r"v\d+\.\d+\.\d+", version), action


@pytest.mark.parametrize("file", GITHUB, ids=lambda file: file.name)
def test_no_script_has_anything_of_an_event_in_it(file: Path) -> None:
    # An expression in a script is text that a shell runs; in the environment it is a value.
    assert [script for script in scripts(read(file)) if "${{" in script] == []
    for job in read(file)["jobs"].values():
        for step in job["steps"]:
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"] == {"persist-credentials": "false"}


def test_what_writes_runs_alone_from_main_and_with_somebody_s_approval() -> None:
    apply = read(GITHUB[0])["jobs"]["apply"]
    assert apply["concurrency"] == {"group": "hveadmin-apply", "cancel-in-progress": "false"}
    assert apply["environment"] == "hve-production"
    gitlab = read(GITLAB)["apply"]
    assert (gitlab["resource_group"], gitlab["environment"], gitlab["interruptible"]) == (
        "hveadmin-apply",
        "hve-production",
        "false",
    )
    assert {each["when"] for each in gitlab["rules"]} == {"manual"}
    azure = read(AZURE)
    assert azure["lockBehavior"] == "sequential"
    (deployment,) = azure["stages"][1]["jobs"]
    assert deployment["environment"] == "hve-production"


def test_the_profiles_are_those_that_the_files_name() -> None:
    profiles = load_profiles({"HVEADMIN_PROFILES": str(CI / "profiles.yaml")})
    kinds = {name: profile.auth.kind for name, profile in profiles.items() if name != "sandbox"}
    assert kinds == {
        "github": AuthKind.GITHUB,
        "azure": AuthKind.AZURE_PIPELINES,
        "gitlab": AuthKind.WORKLOAD_IDENTITY,
    }
    named = {re.findall(r"HVEADMIN_PROFILE: (\w+)", file.read_text(encoding="utf-8"))[0] for file in TEMPLATES}
    assert named == set(kinds)


# GitHub: from the pull request to what was approved


WORKFLOW, NIGHTLY = (read(file) for file in GITHUB)
PULL_REQUEST = {
    "github.event_name": "pull_request",
    "github.event.number": "7",
    "github.event.pull_request.head.sha": HEAD,
    "github.event.pull_request.head.repo.full_name": "contoso/hve",
    "github.ref": "refs/pull/7/merge",
    "github.run_id": "100",
}
PUSH = {"github.event_name": "push", "github.ref": "refs/heads/main", "github.sha": COMMIT, "github.run_id": "200"}
COMMENTS = "repos_contoso_hve_issues_7_comments"


def job(place: Place, values: Mapping[str, str], *, profile: str = "reader") -> Job:
    """A runner of its own, in the checkout; it signs in with a profile of the tenant on loopback."""
    temporary = place.checkout.parent / "temporary"
    always = {
        "github.repository": "contoso/hve",
        "github.server_url": "https://github.example",
        "github.token": "a token",
        "runner.temp": str(temporary),
        "github.event.number": "",
    }
    environ = place.with_profile(profile) | {
        "GITHUB_REPOSITORY": "contoso/hve",
        "GITHUB_RUN_ID": values["github.run_id"],
        "GITHUB_WORKSPACE": str(place.checkout),
    }
    return Job(place.checkout, environ, {**always, **values}, place.checkout.parent / "artifacts")


def comments(place: Place) -> list[dict[str, Any]]:
    file = place.replies / COMMENTS
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return found


def reply(place: Place, path: str, *rows: Mapping[str, Any]) -> None:
    (place.replies / f"repos/contoso/hve/{path}".replace("/", "_")).write_text(json.dumps(rows), encoding="utf-8")


def merged(place: Place, *reviews: Mapping[str, Any]) -> None:
    """The pull request is merged, with these reviews."""
    reply(place, f"commits/{COMMIT}/pulls", {"number": 7, "merged_at": "2026-11-23T12:00:00Z", "head": {"sha": HEAD}})
    reply(place, "pulls/7/reviews", *reviews)


def approval(**but: str) -> dict[str, str]:
    usual = {"state": "APPROVED", "commit_id": HEAD, "author_association": "MEMBER"}
    return {**usual, "submitted_at": "2026-11-23T11:00:00Z", **but}


def planned(place: Place) -> Job:
    return job(place, PULL_REQUEST).run(WORKFLOW, "plan")


def test_the_configuration_is_judged_without_signing_in(desk: Place) -> None:
    judged = job(desk, PULL_REQUEST, profile="nobody").run(WORKFLOW, "judge")
    assert [(each.name, each.code) for each in judged.ran] == [("Canonical form", 0), ("Rules", 0)]
    file = desk.checkout / "hve.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("version: 1", "version:   1"), encoding="utf-8")
    judged = job(desk, PULL_REQUEST, profile="nobody").run(WORKFLOW, "judge")
    assert judged.failed
    assert [(each.name, each.code) for each in judged.ran] == [("Canonical form", 3)], "the rest is not run"


def test_a_plan_with_changes_is_no_failure_and_stands_in_a_comment_with_its_sha256(place: Place) -> None:
    ran = planned(place)
    assert [(each.name, each.code, each.conclusion) for each in ran.ran] == [
        ("plan", 3, "success"),
        ("files", 0, "success"),
        ("Comment", 0, "success"),
        ("Decide", 0, "success"),
    ]
    assert not ran.failed
    (comment,) = comments(place)
    (plan_file,) = (ran.artifacts / "100" / "hveadmin-plans").iterdir()
    sha256 = subprocess.run(
        ["sha256sum", plan_file.name], cwd=plan_file.parent, capture_output=True, text=True, check=True
    )
    assert sha256.stdout.strip() in comment["body"]
    assert ran.outputs == {"outcome": "changes", "sha256": sha256.stdout.strip()}
    assert f"| {OPEN_ACCOUNT} | CLOSES |" in comment["body"]
    assert comment["body"].startswith(f"<!-- hveadmin-plan run=100 head={HEAD} outcome=changes -->")
    assert f"| {OPEN_ACCOUNT} | CLOSES |" in ran.summary, "the summary of the run has it as well"
    assert place.listed(OPEN_ACCOUNT) == set(), "nothing was written"


@pytest.mark.parametrize(
    ("old", "new", "profile", "outcome", "said"),
    [
        pytest.param(OPEN_ACCOUNT, "hve-nobody@contoso.com", "reader", "refused", "REFUSED", id="part is refused"),
        pytest.param("", "", "without-role", "auth", "There is no plan", id="nobody may sign in"),
        pytest.param("version: 1", "version: 2", "reader", "usage", "There is no plan", id="a bad configuration"),
    ],
)
def test_a_plan_that_does_not_end_well_is_told_and_fails(
    place: Place, old: str, new: str, profile: str, outcome: str, said: str
) -> None:
    file = place.checkout / "hve.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    ran = job(place, PULL_REQUEST, profile=profile).run(WORKFLOW, "plan")
    assert ran.failed
    assert ran.ran[-1].name == "Decide"
    assert f"::error::hveadmin plan ended with: {outcome}" in ran.ran[-1].said
    (comment,) = comments(place)
    assert said in comment["body"]
    assert f"outcome={outcome} -->" in comment["body"]


def test_a_plan_that_is_too_long_for_a_comment_is_not_shown_in_part(desk: Place) -> None:
    (desk.checkout / "plan.md").write_text("| a row |\n" * 9000, encoding="utf-8")
    (desk.checkout / "plans.sha256").touch()
    steps = [each for each in WORKFLOW["jobs"]["plan"]["steps"] if each.get("name") == "Comment"]
    alone = {"jobs": {"plan": {"steps": steps}}, "defaults": WORKFLOW["defaults"]}
    assert not job(desk, PULL_REQUEST).run(alone, "plan").failed
    (comment,) = comments(desk)
    assert "| a row |" not in comment["body"]
    assert "[the run's summary](https://github.example/contoso/hve/actions/runs/100)" in comment["body"]


def test_after_the_merge_just_the_approved_plan_is_applied(place: Place) -> None:
    first = planned(place)
    merged(place, approval())
    found = job(place, PUSH).run(WORKFLOW, "approved")
    assert not found.failed, found.ran[-1].said
    assert found.outputs == {"outcome": "changes", "run_id": "100", "sha256": first.outputs["sha256"]}
    assert OPEN_ACCOUNT in found.summary, "whoever approves in the environment sees the plan"
    done = job(place, {**PUSH, **needs(approved=found)}, profile="operator")
    assert done.wanted(WORKFLOW["jobs"]["apply"])
    done.run(WORKFLOW, "apply")
    assert [(each.name, each.code) for each in done.ran] == [("Apply", 0)], done.ran[-1].said
    assert place.listed(OPEN_ACCOUNT) == {MONITORING}
    assert done.ran[0].outputs["outcome"] == "ok"
    assert list((done.artifacts / "200" / "hveadmin-journal").rglob("*.jsonl")), "the journal is kept"


def needs(**jobs: Job) -> dict[str, str]:
    """What a job finds of those before it."""
    return {
        f"needs.{name}.{key}": value
        for name, each in jobs.items()
        for key, value in {
            "result": "failure" if each.failed else "success",
            **{f"outputs.{output}": value for output, value in each.outputs.items()},
        }.items()
    }


def test_the_reader_that_plans_cannot_apply(place: Place) -> None:
    first = planned(place)
    merged(place, approval())
    found = job(place, PUSH).run(WORKFLOW, "approved")
    done = job(place, {**PUSH, **needs(approved=found)}, profile="reader").run(WORKFLOW, "apply")
    assert done.failed
    assert first.outputs["sha256"]
    assert place.listed(OPEN_ACCOUNT) == set()


def test_other_bytes_are_not_applied(place: Place) -> None:
    planned(place)
    merged(place, approval())
    found = job(place, PUSH).run(WORKFLOW, "approved")
    # Another good plan of the same tenant takes its place.
    again = job(place, {**PULL_REQUEST, "github.run_id": "101"}).run(WORKFLOW, "plan")
    (other,) = (again.artifacts / "101" / "hveadmin-plans").iterdir()
    (again.artifacts / "100" / "hveadmin-plans" / other.name).write_bytes(other.read_bytes())
    done = job(place, {**PUSH, **needs(approved=found)}, profile="operator").run(WORKFLOW, "apply")
    assert done.failed
    assert done.ran[0].code == 6
    assert done.ran[0].outputs["outcome"] == "refused"
    assert place.listed(OPEN_ACCOUNT) == set()


def _edited(comment: dict[str, Any]) -> None:
    comment["updated_at"] = "2026-11-23T10:59:00Z"


def _by_somebody(comment: dict[str, Any]) -> None:
    comment["user"]["login"] = "mallory"


def _of_another_commit(comment: dict[str, Any]) -> None:
    comment["body"] = comment["body"].replace(HEAD, "c" * 40)


def _refused(comment: dict[str, Any]) -> None:
    comment["body"] = comment["body"].replace("outcome=changes", "outcome=refused")


def _without_files(comment: dict[str, Any]) -> None:
    comment["body"] = comment["body"].replace(".plan.json", ".plan.jsonx")


def _as_it_is(comment: dict[str, Any]) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "reviews", "why"),
    [
        pytest.param(_as_it_is, [], "Nobody approved", id="no review"),
        pytest.param(_as_it_is, [approval(state="COMMENTED")], "Nobody approved", id="only a comment"),
        pytest.param(_as_it_is, [approval(state="DISMISSED")], "Nobody approved", id="dismissed"),
        pytest.param(_as_it_is, [approval(commit_id="c" * 40)], "Nobody approved", id="of another commit"),
        pytest.param(_as_it_is, [approval(author_association="NONE")], "Nobody approved", id="by an outsider"),
        pytest.param(_as_it_is, [approval(submitted_at="2026-11-23T09:59:59Z")], "no plan when", id="before the plan"),
        pytest.param(_edited, [approval()], "was edited", id="an edited plan"),
        pytest.param(_by_somebody, [approval()], "no plan when", id="a plan in somebody's own comment"),
        pytest.param(_of_another_commit, [approval()], "not a plan of what was merged", id="a plan of something else"),
        pytest.param(_refused, [approval()], "not a plan of what was merged", id="a plan that did not end well"),
        pytest.param(_without_files, [approval()], "names no plan file", id="no file"),
    ],
)
def test_without_an_approved_plan_nothing_is_applied(desk: Place, change: Any, reviews: list[Any], why: str) -> None:
    plan = commented()
    change(plan)
    reply(desk, "issues/7/comments", plan)
    merged(desk, *reviews)
    found = job(desk, PUSH).run(WORKFLOW, "approved")
    assert found.failed
    assert re.search(rf"::error title=Nothing was applied::.*{why}", found.ran[0].said), found.ran[0].said
    assert not any(found.outputs.values())
    assert not job(desk, {**PUSH, **needs(approved=found)}).wanted(WORKFLOW["jobs"]["apply"])


def commented() -> dict[str, Any]:
    """A plan's comment, as the job `plan` makes it; that an approval makes it count shows that it is one."""
    at = "2026-11-23T10:00:00Z"
    first = f"<!-- hveadmin-plan run=100 head={HEAD} outcome=changes -->"
    body = f"{first}\r\n```text\r\n{'0' * 64}  contoso.plan.json\r\n```\r\n"
    return {"user": {"login": "github-actions[bot]"}, "body": body, "created_at": at, "updated_at": at}


def test_with_an_approval_that_comment_counts(desk: Place) -> None:
    reply(desk, "issues/7/comments", commented())
    merged(desk, approval())
    found = job(desk, PUSH).run(WORKFLOW, "approved")
    assert found.outputs == {"outcome": "changes", "run_id": "100", "sha256": "0" * 64 + "  contoso.plan.json"}


@pytest.mark.parametrize(("pulls", "count"), [((), 0), (({"number": 7}, {"number": 8}), 2)])
def test_a_commit_that_is_not_of_one_pull_request_is_not_applied(
    desk: Place, pulls: tuple[dict[str, Any], ...], count: int
) -> None:
    reply(desk, f"commits/{COMMIT}/pulls", {"merged_at": None}, *({**each, "merged_at": "2026"} for each in pulls))
    found = job(desk, PUSH).run(WORKFLOW, "approved")
    assert found.failed
    assert f"came from {count} merged pull requests" in found.ran[0].said


def test_a_plan_that_was_made_after_the_approval_does_not_count(place: Place) -> None:
    first = planned(place)
    job(place, {**PULL_REQUEST, "github.run_id": "101"}).run(WORKFLOW, "plan")
    assert len(comments(place)) == 2, "each plan has a comment of its own"
    merged(place, approval(submitted_at="2026-11-23T10:00:30Z"))
    found = job(place, PUSH).run(WORKFLOW, "approved")
    assert (found.outputs["run_id"], found.outputs["sha256"]) == ("100", first.outputs["sha256"])


def test_by_hand_a_new_plan_of_main_is_applied(place: Place) -> None:
    by_hand = {
        "github.event_name": "workflow_dispatch",
        "github.ref": "refs/heads/main",
        "github.run_id": "300",
        "github.event.pull_request.head.repo.full_name": "",
    }
    made = job(place, by_hand).run(WORKFLOW, "plan")
    assert [each.name for each in made.ran] == ["plan", "files", "Decide"], "there is nothing to comment on"
    done = job(place, {**by_hand, **needs(plan=made)}, profile="operator")
    assert done.wanted(WORKFLOW["jobs"]["apply"])
    assert not done.run(WORKFLOW, "apply").failed
    assert place.listed(OPEN_ACCOUNT) == {MONITORING}
    again = job(place, {**by_hand, "github.run_id": "301"}).run(WORKFLOW, "plan")
    assert again.outputs["outcome"] == "ok"
    assert not job(place, {**by_hand, **needs(plan=again)}).wanted(WORKFLOW["jobs"]["apply"]), "nothing to do"
    elsewhere = {**by_hand, "github.ref": "refs/heads/other", **needs(plan=made)}
    assert not job(place, elsewhere).wanted(WORKFLOW["jobs"]["apply"])


@pytest.mark.parametrize(
    ("values", "runs"),
    [
        (PULL_REQUEST, {"judge", "plan"}),
        ({**PULL_REQUEST, "github.event.pull_request.head.repo.full_name": "mallory/hve"}, {"judge"}),
        ({**PUSH, "github.event.pull_request.head.repo.full_name": ""}, {"approved"}),
    ],
    ids=["pull request", "fork", "merge"],
)
def test_each_event_runs_its_own_jobs(desk: Place, values: dict[str, str], runs: set[str]) -> None:
    jobs = WORKFLOW["jobs"]
    assert {name for name in jobs if name != "apply" and job(desk, values).wanted(jobs[name])} == runs
    assert not job(desk, values).wanted(jobs["apply"]), "not without one of the jobs before it"


# GitHub: every night


def test_every_night_everything_is_reported_before_the_run_fails(place: Place) -> None:
    ran = job(place, {**PUSH, "github.run_id": "400"}).run(NIGHTLY, "drift")
    assert [(each.name, each.code, each.conclusion) for each in ran.ran] == [
        ("drift", 3, "success"),
        ("check", 4, "success"),
        ("Decide", 1, "failure"),
    ], "\n".join(each.said for each in ran.ran)
    assert "::error::drift: changes, check: findings" in ran.ran[-1].said
    kept = {each.name for each in (ran.artifacts / "400" / "hveadmin-reports").iterdir()}
    assert kept == {"drift.json", "hveadmin.html", "hveadmin.sarif"}


@pytest.mark.parametrize(
    ("drift", "check", "code"),
    [
        ("ok", "ok", 0),
        ("changes", "ok", 1),
        ("ok", "findings", 1),
        ("ok", "", 1),
        ("", "ok", 1),
        ("ok", "incomplete", 1),
    ],
)
def test_only_two_good_ends_are_a_good_night(desk: Place, drift: str, check: str, code: int) -> None:
    steps = [each for each in NIGHTLY["jobs"]["drift"]["steps"] if each.get("name") == "Decide"]
    steps[0] = {**steps[0], "env": {"DRIFT": drift, "CHECK": check}}
    alone = {"jobs": {"drift": {"steps": steps}}, "defaults": NIGHTLY["defaults"]}
    assert job(desk, {"github.run_id": "1"}).run(alone, "drift").ran[0].code == code


# Azure Pipelines and GitLab


def bash(place: Place, script: str, profile: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A script as a task of Azure or a job of GitLab runs it."""
    return subprocess.run(
        ["bash", "-c", script], cwd=place.checkout, env={**place.with_profile(profile), "CI": "true", **environ},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
        timeout=100, check=False,
    )  # fmt: skip


def azure_task(stage: int, name: str) -> str:
    (found,) = read(AZURE)["stages"][stage]["jobs"]
    steps = found["steps"] if "steps" in found else found["strategy"]["runOnce"]["deploy"]["steps"]
    return str(next(each["inputs"]["inlineScript"] for each in steps if each.get("displayName") == name))


def test_azure_applies_the_plan_of_the_stage_before_by_its_sha256(place: Place, tmp_path: Path) -> None:
    folders = {"BUILD_ARTIFACTSTAGINGDIRECTORY": str(tmp_path / "staging"), "BUILD_BUILDNUMBER": "20261123.1"}
    done = bash(place, azure_task(0, "Plan"), "reader", **folders)
    assert done.returncode == 0, done.stdout
    told = dict(
        re.findall(r"^##vso\[task\.setvariable variable=(\w+);isOutput=true;?\](.*)$", done.stdout, re.MULTILINE)
    )
    assert told["hveadminOutcome"] == "changes", "which the stage's condition asks for"
    assert re.fullmatch(r"[0-9a-f]{64}  contoso\.plan\.json", told["sha256"])
    (tmp_path / "staging" / "plans").rename(tmp_path / "hveadmin-plans")
    there = {"PIPELINE_WORKSPACE": str(tmp_path), "AGENT_TEMPDIRECTORY": str(tmp_path)}
    script = azure_task(1, "Apply")
    wrong = bash(place, script, "operator", SHA256="0" * 64 + "  contoso.plan.json", **there)
    assert wrong.returncode == 6, wrong.stdout
    assert place.listed(OPEN_ACCOUNT) == set()
    done = bash(place, script, "operator", SHA256=told["sha256"], **there)
    assert done.returncode == 0, done.stdout
    assert place.listed(OPEN_ACCOUNT) == {MONITORING}
    assert list((tmp_path / "hveadmin-state").rglob("*.jsonl"))


def test_azure_fails_where_the_plan_does_not_end_well(place: Place, tmp_path: Path) -> None:
    folders = {"BUILD_ARTIFACTSTAGINGDIRECTORY": str(tmp_path), "BUILD_BUILDNUMBER": "1"}
    assert bash(place, azure_task(0, "Plan"), "without-role", **folders).returncode == 5


def test_azure_and_gitlab_report_drift_and_policy_before_they_fail(place: Place, tmp_path: Path) -> None:
    done = bash(place, azure_task(2, "Drift and policy"), "reader", AGENT_TEMPDIRECTORY=str(tmp_path))
    assert done.returncode == 1
    assert "##vso[task.logissue type=error]drift ended with 3, check with 4" in done.stdout
    assert (tmp_path / "hveadmin.xml").exists()
    done = bash(place, gitlab_job("drift"), "reader", HVEADMIN_ID_TOKEN="x")
    assert done.returncode == 1
    assert "drift ended with 3, check with 4" in done.stdout
    assert (place.checkout / "hveadmin.xml").exists()


def gitlab_job(name: str) -> str:
    """A job's script as GitLab's runner puts it together for bash; what installs hveadmin is left out."""
    jobs = read(GITLAB)
    parts = [*jobs[jobs[name]["extends"]]["before_script"], *jobs[name]["script"]]
    assert parts[0].startswith("python -m pip install ")
    return "\n".join(["set -eo pipefail", *parts[1:]])


def test_gitlab_applies_the_plan_of_its_pipeline_by_its_sha256(place: Place) -> None:
    token = {"HVEADMIN_ID_TOKEN": "the token that GitLab signed"}
    assert bash(place, gitlab_job("judge"), "nobody").returncode == 0
    done = bash(place, gitlab_job("plan"), "reader", CI_PIPELINE_ID="9", **token)
    assert done.returncode == 0, done.stdout
    assert "the token that GitLab signed" not in done.stdout
    told = dict(line.split("=", 1) for line in (place.checkout / "plan.env").read_text(encoding="utf-8").splitlines())
    wrong = bash(place, gitlab_job("apply"), "operator", PLANS_SHA256="0" * 64 + "  contoso.plan.json;", **token)
    assert wrong.returncode == 6, wrong.stdout
    assert place.listed(OPEN_ACCOUNT) == set()
    done = bash(place, gitlab_job("apply"), "operator", **told, **token, HVEADMIN_STATE="hveadmin-state")
    assert done.returncode == 0, done.stdout
    assert place.listed(OPEN_ACCOUNT) == {MONITORING}
    assert bash(place, gitlab_job("plan"), "without-role", CI_PIPELINE_ID="9", **token).returncode == 5


def test_gitlab_s_token_lies_in_a_file_that_nobody_else_can_read(desk: Place) -> None:
    said = 'stat -c %a "$AZURE_FEDERATED_TOKEN_FILE"; cat "$AZURE_FEDERATED_TOKEN_FILE"'
    script = "\n".join(["set -eo pipefail", *read(GITLAB)[".signed-in"]["before_script"][1:], said])
    assert bash(desk, script, "reader", HVEADMIN_ID_TOKEN="signed").stdout == "600\nsigned"


# The hooks and the action


def test_the_hooks_find_the_files_of_a_configuration_by_themselves() -> None:
    assert {each["pass_filenames"] for each in read(HOOKS)} == {"false"}
    assert {each["language"] for each in read(HOOKS)} == {"python"}


@pytest.mark.parametrize(
    ("words", "code", "outcome"),
    [
        ("check --config-only --fail-on high", 0, "ok"),
        ("fmt --check 'no such file.yaml'", 2, "usage"),
        ("validate; echo mischief", 2, "usage"),
        ("validate $(touch mischief)", 2, "usage"),
    ],
)
def test_the_action_runs_words_and_no_shell(desk: Place, words: str, code: int, outcome: str) -> None:
    action = read(ACTION)
    steps = [{**each, "name": "run"} for each in action["runs"]["steps"] if each.get("id") == "run"]
    runs = {"jobs": {"it": {"steps": steps, "outputs": {k: v["value"] for k, v in action["outputs"].items()}}}}
    values = {"inputs.run": words, "steps.python.outputs.python-path": "", "github.run_id": "1"}
    ran = job(desk, values)
    ran.environ["PYTHON"] = sys.executable
    ran.run(runs, "it")
    assert ran.ran[0].code == code, ran.ran[0].said
    assert (ran.outputs["outcome"], ran.outputs["exit-code"]) == (outcome, str(code))
    assert "mischief" not in {each.name for each in desk.checkout.iterdir()}


def test_without_words_the_action_only_installs(desk: Place) -> None:
    (condition,) = (each["if"] for each in read(ACTION)["runs"]["steps"] if each.get("id") == "run")
    assert not job(desk, {"inputs.run": "", "github.run_id": "1"}).wanted({"if": condition})
    assert job(desk, {"inputs.run": "validate", "github.run_id": "1"}).wanted({"if": condition})

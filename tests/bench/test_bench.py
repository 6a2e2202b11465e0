"""The benchmarks measure what they say. No time is asserted; imports and calls on the wire are counted, not timed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import __main__ as program
from bench import calls, child, config_load, made_up, measurement, pure_plan, startup
from bench.calls import Case, Kind
from bench.measurement import Measurement
from hveadmin.sandbox.faults import Surface
from hveadmin.sandbox.server import CallSeen

NOT_FOR_HELP = startup.HEAVY | {"yaml", "ruamel", "starlette", "uvicorn", "cryptography", "jmespath", "platformdirs"}


# What is promised of the product


def test_help_imports_no_library_that_only_a_command_needs() -> None:
    modules = startup.imported_by(startup.OURS)
    assert "hveadmin.cli.app" in modules
    assert startup.heavy_ones(modules, NOT_FOR_HELP) == frozenset()


@pytest.mark.parametrize("case", calls.HUNDRED, ids=lambda case: case.named_by)
def test_planning_a_hundred_accounts_makes_exactly_the_calls_that_they_need(case: Case) -> None:
    needed = {Kind.DISCOVERY: 1, Kind.TOKEN: 2, Kind.LISTING: 1, Kind.SETTINGS: 10, Kind.DIRECTORY: 1}
    assert case.accounts == 100
    assert case.expected == needed
    with calls.served(case) as tenant:
        assert tenant.counted() == needed


# What is promised of the benchmarks


def test_an_imported_library_is_seen(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import tabulate\n", encoding="utf-8")
    assert startup.heavy_ones(startup.imported_by(script), NOT_FOR_HELP) == {"tabulate"}


@pytest.mark.parametrize(
    ("surface", "path", "kind"),
    [
        (Surface.ENTRA, "/t/v2.0/.well-known/openid-configuration", Kind.DISCOVERY),
        (Surface.ENTRA, "/t/oauth2/v2.0/token", Kind.TOKEN),
        (Surface.ENTRA, "/common/discovery/instance", Kind.OTHER),
        (Surface.EXCHANGE, "/adminapi/beta/t/InvokeCommand", Kind.LISTING),
        (Surface.EXCHANGE, "/adminapi/beta/t/$batch", Kind.SETTINGS),
        (Surface.EXCHANGE, "/adminapi/v1.0/t/EXOModuleFile", Kind.OTHER),
        (Surface.GRAPH, "/v1.0/$batch", Kind.DIRECTORY),
        (Surface.GRAPH, "/v1.0/servicePrincipals", Kind.OTHER),
    ],
)
def test_a_request_is_told_by_its_address_and_none_is_left_out(surface: Surface, path: str, kind: Kind) -> None:
    seen = {CallSeen(surface, "POST", path, True): 3, CallSeen(surface, "POST", path, False): 1}
    assert calls.by_kind(seen) == {kind: 4}


def test_the_plan_that_is_timed_changes_every_second_account() -> None:
    plan = pure_plan.inputs(100).decide()
    assert (len(plan.changes), plan.as_declared, plan.grants_added, plan.grants_removed) == (50, 50, 50, 50)


def test_work_in_a_process_of_its_own_says_what_it_cost(tmp_path: Path) -> None:
    file = tmp_path / "hve.yaml"
    file.write_text(made_up.large_configuration(20), encoding="utf-8")
    cost = child.cost_of(config_load.ours, str(file))
    assert cost.seconds > 0
    assert cost.peak_mib is None or cost.peak_mib > 1


def test_work_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(measurement.BenchmarkFailed, match="InvalidConfiguration"):
        child.cost_of(config_load.ours, str(tmp_path / "missing.yaml"))


def test_contenders_take_turns_and_the_warm_up_does_not_count() -> None:
    costs = iter([100.0, 100.0, 1.0, 10.0, 30.0, 3.0, 2.0, 20.0])
    order: list[str] = []

    def run(name: str) -> float:
        order.append(name)
        return next(costs)

    medians = measurement.Alternating(run, ["a", "b"]).medians(3)
    assert order == ["a", "b", "b", "a", "a", "b", "b", "a"]
    assert medians == {"a": 20.0, "b": 2.0}


def test_a_ratio_is_met_at_its_goal_and_missed_above_it() -> None:
    assert measurement.compared("x", 23.0, "ms", "y", 20.0, at_most=1.15).met is True
    assert measurement.compared("x", 23.1, "ms", "y", 20.0, at_most=1.15).met is False
    assert measurement.compared("x", 23.1, "ms", "y", 20.0).met is None


# The program


def missed() -> Iterator[Measurement]:
    yield Measurement("as good as can be", 1.0, "s", goal="≤ 1 s", met=True)
    yield Measurement("too slow", 2.0, "s", "another 1 s", 2.0, "ratio ≤ 1.5", False)


def broken() -> Iterator[Measurement]:
    yield Measurement("before it broke", 7, "calls")
    raise measurement.BenchmarkFailed("no such thing")


def test_a_missed_goal_is_named_and_the_exit_code_stays_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run({"some": missed}, tmp_path) == 0
    said = capsys.readouterr().out
    assert "1 of 2 goals met. MISSED: too slow." in said
    assert "The exit code stays 0" in said


def test_what_cannot_be_measured_is_exit_1_and_the_others_still_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run({"broken": broken, "some": missed}, tmp_path) == 1
    said = capsys.readouterr()
    assert "too slow" in said.out
    assert "no such thing" in said.err
    assert "could not be measured: broken" in said.err


def test_a_run_is_written_down_with_what_it_ran_on(tmp_path: Path) -> None:
    program.run({"broken": broken, "some": missed}, tmp_path / "results")
    (file,) = (tmp_path / "results").iterdir()
    written = json.loads(file.read_text(encoding="utf-8"))
    assert written["format_version"] == 1
    assert written["cpu_count"] > 0
    assert set(written) == {"format_version", "date", "machine", "cpu_count", "versions", "failed", "measurements"}
    assert {"hveadmin", "typer", "httpx2"} <= set(written["versions"])
    assert written["failed"] == ["broken"]
    assert [each["name"] for each in written["measurements"]] == ["before it broke", "as good as can be", "too slow"]
    assert written["measurements"][2] == {
        "benchmark": "some", "name": "too slow", "value": 2.0, "unit": "s", "against": "another 1 s", "ratio": 2.0,
        "goal": "ratio ≤ 1.5", "met": False,
    }  # fmt: skip


def test_a_benchmark_that_there_is_none_of_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(["warp"])
    assert ended.value.code == 2
    assert "there are startup, calls, audit, transports, pure_plan, config_load" in capsys.readouterr().err

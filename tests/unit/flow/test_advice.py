"""What is suggested for a flow, from the numbers of its runs, and what is left unsaid."""

from __future__ import annotations

from typing import Any

import pytest

from core.flow.advice import SENTENCES, FinishedRun, NodeTiming, Rule, Suggestion, advise


def node(name: str, started_s: float, ended_s: float, **more: Any) -> NodeTiming:
    return NodeTiming(name=name, started_s=started_s, ended_s=ended_s, **more)


def run(*nodes: NodeTiming, edges: str = "", **more: Any) -> FinishedRun:
    """`edges`: `a>b b>c`."""
    pairs = tuple(tuple(edge.split(">")) for edge in edges.split())
    return FinishedRun(nodes=nodes, edges=pairs, **more)  # type: ignore[arg-type]


def of_rule(rule: Rule, *runs: FinishedRun) -> list[Suggestion]:
    return [found for found in advise(runs) if found.rule is rule]


def test_without_runs_nothing_is_said() -> None:
    assert advise([]) == ()
    assert advise([run()]) == ()
    assert advise([run(node("a", 0, 100))]) == ()


# ------------------------------------------------------------------------------- critical path


def test_the_critical_path_goes_back_along_what_was_waited_for() -> None:
    (found,) = of_rule(
        Rule.CRITICAL_PATH,
        run(
            node("fetch", 0, 10),
            node("build", 10, 70),
            node("lint", 10, 20),
            node("ship", 70, 90),
            edges="fetch>build fetch>lint build>ship lint>ship",
        ),
    )
    assert found.nodes == ("fetch", "build", "ship")
    assert found.sentence == (
        "fetch > build > ship took 1m30s of the run's 1m30s; build alone took 1m"
    )
    assert found.evidence["longest_s"] == 60


def test_a_flow_that_loops_has_a_critical_path_that_ends() -> None:
    (found,) = of_rule(
        Rule.CRITICAL_PATH, run(node("a", 0, 50), node("b", 50, 90), edges="a>b b>a")
    )
    assert found.nodes == ("a", "b")


def test_a_short_run_has_no_path_worth_telling() -> None:
    assert of_rule(Rule.CRITICAL_PATH, run(node("a", 0, 1), node("b", 1, 2), edges="a>b")) == []


# -------------------------------------------------------------------------------- side by side

CHAIN = "a>b b>c"


def test_nodes_in_a_row_that_share_nothing_could_run_side_by_side() -> None:
    (found,) = of_rule(
        Rule.SIDE_BY_SIDE,
        run(node("a", 0, 30), node("b", 30, 50), node("c", 50, 90), edges=CHAIN),
    )
    assert found.nodes == ("a", "b", "c")
    assert found.saves_s == 50
    assert found.sentence == (
        "a, b, c ran one after the other and share neither data nor hosts; side by side they take"
        " 50s less"
    )


def test_a_node_that_reads_an_output_stays_behind_it() -> None:
    (found,) = of_rule(
        Rule.SIDE_BY_SIDE,
        run(
            node("a", 0, 30),
            node("b", 30, 50),
            node("c", 50, 90, uses=frozenset({"a"})),
            edges=CHAIN,
        ),
    )
    assert found.nodes == ("a", "b")
    used = run(node("a", 0, 30), node("b", 30, 50, uses=frozenset({"a"})), edges="a>b")
    assert of_rule(Rule.SIDE_BY_SIDE, used) == []


def test_nodes_on_one_host_stay_in_their_order() -> None:
    shared = run(
        node("stop", 0, 30, hosts_s={"web1": 30}),
        node("start", 30, 60, hosts_s={"web1": 30, "web2": 5}),
        edges="stop>start",
    )
    assert of_rule(Rule.SIDE_BY_SIDE, shared) == []


def test_forks_and_joins_end_a_row() -> None:
    forked = run(
        node("a", 0, 30), node("b", 30, 60), node("c", 30, 60), node("d", 60, 90),
        edges="a>b a>c b>d c>d",
    )  # fmt: skip
    assert of_rule(Rule.SIDE_BY_SIDE, forked) == []


def test_what_saves_little_is_left_unsaid() -> None:
    little = run(node("a", 0, 4), node("b", 4, 900), edges="a>b")
    assert of_rule(Rule.SIDE_BY_SIDE, little) == []


# ----------------------------------------------------------------------- slow branch, slow host


def test_a_join_that_waits_for_one_branch_is_named_with_it() -> None:
    joined = run(
        node("a", 0, 10), node("b", 0, 12), node("c", 0, 100), node("join", 100, 101),
        edges="a>join b>join c>join",
    )  # fmt: skip
    (found,) = of_rule(Rule.SLOW_BRANCH, joined)
    assert found.nodes == ("c", "join")
    assert found.saves_s == 88
    assert "join waited 1m28s for c alone" in found.sentence


def test_branches_that_end_together_are_no_news() -> None:
    even = run(
        node("a", 0, 98), node("b", 0, 100), node("join", 100, 101), edges="a>join b>join"
    )  # fmt: skip
    assert of_rule(Rule.SLOW_BRANCH, even) == []


def test_an_edge_that_is_told_twice_is_one_branch() -> None:
    assert (
        of_rule(Rule.SLOW_BRANCH, run(node("a", 0, 98), node("b", 98, 99), edges="a>b a>b")) == []
    )


def test_a_node_that_waits_for_one_host_is_named_with_it() -> None:
    hosts = {"web1": 10.0, "web2": 11.0, "web3": 12.0, "web4": 60.0}
    (found,) = of_rule(Rule.SLOW_HOST, run(node("deploy", 0, 60, hosts_s=hosts)))
    assert found.sentence == (
        "deploy waited 48s for web4 alone: 1m, and 12s on the next slowest of 4 hosts"
    )


@pytest.mark.parametrize(
    "hosts",
    [
        {"web1": 10.0, "web2": 60.0},
        {"web1": 10.0, "web2": 11.0, "web3": 50.0, "web4": 60.0},
        {"web1": 0.1, "web2": 0.1, "web3": 0.1, "web4": 2.0},
    ],
)
def test_few_hosts_or_small_differences_are_no_news(hosts: dict[str, float]) -> None:
    assert of_rule(Rule.SLOW_HOST, run(node("deploy", 0, 60, hosts_s=hosts))) == []


# ---------------------------------------------------------------------------------- all runs


def test_a_node_that_was_retried_every_time_is_named() -> None:
    runs = [run(node("build", 0, 10, attempts=attempts)) for attempts in (2, 3, 2)]
    (found,) = of_rule(Rule.ALWAYS_RETRIED, *runs)
    assert found.sentence.startswith(
        "build needed more than one attempt in each of 3 runs, 2.3 on average"
    )


@pytest.mark.parametrize("attempts", [(2, 2), (2, 1, 2, 2)])
def test_a_node_that_was_retried_sometimes_or_seldom_seen_is_not(attempts: tuple[int, ...]) -> None:
    runs = [run(node("build", 0, 10, attempts=found)) for found in attempts]
    assert of_rule(Rule.ALWAYS_RETRIED, *runs) == []


def test_a_timeout_far_above_what_was_seen_is_named_with_a_better_one() -> None:
    runs = [
        run(
            node(
                "check", 0, 9, timeout_s=3600, hosts_s={f"web{n}": 2.0 + n / 10 for n in range(10)}
            )
        )
        for _ in range(2)
    ]
    (found,) = of_rule(Rule.LONG_TIMEOUT, *runs)
    assert found.evidence["p99_s"] == 2.9
    assert found.sentence == (
        "check may take 1h, and 99 of 100 times it took no more than 2.9s (20 seen); 15s would tell"
        " sooner that it hangs"
    )


def test_a_timeout_of_which_little_was_seen_or_that_fits_is_left_alone() -> None:
    hosts = {f"web{n}": 2.0 for n in range(19)}
    few = run(node("check", 0, 9, timeout_s=3600, hosts_s=hosts))
    fits = run(node("check", 0, 9, timeout_s=30, hosts_s={**hosts, "web19": 2.0}))
    none = run(node("check", 0, 9, hosts_s={**hosts, "web19": 2.0}))
    for seen in (few, fits, none):
        assert of_rule(Rule.LONG_TIMEOUT, seen) == []


def test_what_failed_does_not_count_as_time_that_was_seen() -> None:
    hosts = {f"web{n}": 2.0 for n in range(20)}
    hung = run(
        node("check", 0, 9, timeout_s=100, hosts_s={**hosts, "hung": 100.0}, failed_hosts=frozenset({"hung"}))
    )  # fmt: skip
    (found,) = of_rule(Rule.LONG_TIMEOUT, hung)
    assert found.evidence["samples"] == 20


def failing(*failed: str) -> list[FinishedRun]:
    """A run for each word; the hosts a, b and c are in all of them, and those named failed."""
    hosts = dict.fromkeys("abc", 1.0)
    return [run(node("n", 0, 1, hosts_s=hosts, failed_hosts=frozenset(word))) for word in failed]


def test_hosts_that_never_fail_together_are_named_with_how_unlikely_that_is() -> None:
    runs = failing("ab", "c", "ab", "c", "ab", "c", "ab", "c", "ab", "c")
    (found,) = of_rule(Rule.NEVER_TOGETHER, *runs)
    assert found.evidence["chance"] == pytest.approx(1 / 252)
    assert found.sentence.startswith("a,b failed in 5 and c in 5 of 10 runs, and never both")


@pytest.mark.parametrize(
    "failed",
    [
        ("a", "b"),
        ("a", "b", "", "", "", "", "", ""),
        ("ab", "a", "b", "a", "b", "a", "b", "a", "b"),
        ("a",) * 9,
    ],
)
def test_what_chance_would_bring_about_is_not_named(failed: tuple[str, ...]) -> None:
    assert of_rule(Rule.NEVER_TOGETHER, *failing(*failed)) == []


def test_only_runs_that_had_both_hosts_count() -> None:
    apart = [
        run(node("n", 0, 1, hosts_s={host: 1.0}, failed_hosts=frozenset({host})))
        for host in "abababababab"
    ]
    assert of_rule(Rule.NEVER_TOGETHER, *apart) == []


def test_variables_that_nothing_refers_to_are_named() -> None:
    declared = frozenset({"env", "version", "old"})
    (found,) = advise([run(declared=declared, used=frozenset({"env"}))])
    assert found.rule is Rule.UNUSED_VARIABLES
    assert found.sentence == "nothing refers to old, version"


# ------------------------------------------------------------------------------------- together


def test_what_saves_most_comes_first_and_every_rule_has_its_sentence() -> None:
    found = advise(
        [
            run(
                node("a", 0, 30),
                node("b", 30, 50),
                node("c", 50, 90, hosts_s={"w1": 1.0, "w2": 1.0, "w3": 1.0, "w4": 40.0}),
                edges=CHAIN,
                declared=frozenset({"x"}),
            )
        ]
    )
    assert [each.rule for each in found] == [
        Rule.SIDE_BY_SIDE,
        Rule.SLOW_HOST,
        Rule.CRITICAL_PATH,
        Rule.UNUSED_VARIABLES,
    ]
    assert set(SENTENCES) == set(Rule)

"""Target expressions: what they mean, in which order hosts come out, where errors point."""

from __future__ import annotations

import pytest

from core.domain.target_parser import MAX_DEPTH, MAX_LENGTH, MAX_PATTERNS
from core.domain.targets import (
    GroupView,
    HostView,
    Inventory,
    References,
    fold,
    parse,
    references,
    resolve,
)
from core.errors import Invalid, NotFound

HOSTS = {
    "web1": {"env": "prod", "role": "web"},
    "web2": {"env": "prod", "role": "web", "legacy": "yes"},
    "web10": {"env": "test", "role": "web"},
    "api1": {"env": "prod", "role": "api"},
    "db1": {"env": "prod", "role": "db", "note": "a b"},
    "old": {},
    "数据1": {"区域": "华东"},
}
GROUPS = {
    "front": GroupView(expression="role in (web, api)"),
    "pair": GroupView(hosts=("db1", "web1")),
    "both": GroupView(hosts=("old",), expression="@front - web10"),
    "none": GroupView(expression="env=nowhere"),
}
INVENTORY = Inventory({name: HostView(name, labels) for name, labels in HOSTS.items()}, GROUPS)


def chosen(text: str) -> str:
    return " ".join(resolve(parse(text), INVENTORY))


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("web1", "web1"),
        ('"web1"', "web1"),
        ("web10,web2,web2", "web2 web10"),
        ("web[1-2],db[1]", "db1 web1 web2"),
        ("web*", "web1 web2 web10"),
        ("web?", "web1 web2"),
        ("w*1*", "web1 web10"),
        ("nothing*", ""),
        ("all", "api1 db1 old web1 web2 web10 数据1"),
        ("*", "api1 db1 old web1 web2 web10 数据1"),
        ("数据[1],区域=华东", "数据1"),
        ("web1，！legacy", "web1"),
    ],
)
def test_hosts_are_chosen_by_name_range_and_glob_in_natural_order(text: str, hosts: str) -> None:
    assert chosen(text) == hosts


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("env=prod", "api1 db1 web1 web2"),
        ("env==prod", "api1 db1 web1 web2"),
        ("env = prod", "api1 db1 web1 web2"),
        ("env!=prod", "old web10 数据1"),
        ("role in (web,api)", "api1 web1 web2 web10"),
        ("role notin (web, api)", "db1 old 数据1"),
        ("role not in (web, api)", "db1 old 数据1"),
        ("has(legacy)", "web2"),
        ("!has(role)", "old 数据1"),
        ('note="a b"', "db1"),
        ("note='a b'", "db1"),
        ("'role'=db", "db1"),
        ("env=nowhere", ""),
        ("nolabel=x", ""),
        ("has(nolabel)", ""),
        ("role in (and, db)", "db1"),
        ('env=""', ""),
    ],
)
def test_selectors_compare_labels_and_may_match_nothing(text: str, hosts: str) -> None:
    assert chosen(text) == hosts


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("@pair", "db1 web1"),
        ("@front", "api1 web1 web2 web10"),
        ("@both", "api1 old web1 web2"),
        ("@none", ""),
        ("@front - @pair", "api1 web2 web10"),
        ("web1,@none", "web1"),
    ],
)
def test_a_group_is_its_hosts_and_those_its_expression_chooses(text: str, hosts: str) -> None:
    assert chosen(text) == hosts


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("web1 or db1 and env=test", "web1"),
        ("(web1 or db1) and env=prod", "db1 web1"),
        ("web1|db1&env=test", "web1"),
        ("web* - web2", "web1 web10"),
        ("web* - web2 - web10", "web1"),
        ("web* and not web2", "web1 web10"),
        ("web* & !web2", "web1 web10"),
        ("web* or db1 - db1", "web1 web2 web10"),
        ("web1 && db1 || old", "old"),
        ("!(web* or role=api)", "db1 old 数据1"),
        ("not not web1", "web1"),
        ("((web1))", "web1"),
    ],
)
def test_and_binds_tighter_than_or_and_exclusion_tightest(text: str, hosts: str) -> None:
    assert chosen(text) == hosts


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("web1,db1", "db1 web1"),
        ("env=prod,role in (web,api),!legacy", "api1 web1"),
        ("web1,web10,env=prod", "web1"),
        ("env=prod,web1,web10", "web1"),
        ("web*,@pair,!web2,!old", "db1 web1 web10"),
        ("!old", "api1 db1 web1 web2 web10 数据1"),
        ("web1,!web1,web1", ""),
        ("(env=prod or env=test),(role=web or role=api)", "api1 web1 web2 web10"),
        ("(web1 or env=test),env=prod", "web1"),
        ("web1 and env=prod,db1", "db1 web1"),
        ("(env=prod,db1),web1", "db1 web1"),
        ("*,env=test", "web10"),
    ],
)
def test_in_a_comma_list_names_add_up_and_selectors_and_exclusions_narrow(
    text: str, hosts: str
) -> None:
    assert chosen(text) == hosts


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("all - web1", "api1 db1 old web2 web10 数据1"),
        ("all - legacy", "api1 db1 old web1 web10 数据1"),
        ("all,!web*", "api1 db1 old 数据1"),
        ("all,!web[1-2]", "api1 db1 old web10 数据1"),
        ("all,!@front", "db1 old 数据1"),
        ("all,!env=prod", "old web10 数据1"),
        ('all,!"web1"', "api1 db1 old web2 web10 数据1"),
    ],
)
def test_an_exclusion_takes_a_name_a_label_or_any_other_term(text: str, hosts: str) -> None:
    assert chosen(text) == hosts


def test_a_bare_exclusion_drops_the_host_of_that_name_and_those_with_that_label() -> None:
    hosts = {"gpu": HostView("gpu"), "a": HostView("a", {"gpu": ""}), "b": HostView("b")}
    assert resolve(parse("!gpu"), Inventory(hosts)) == ("b",)
    assert resolve(parse('!"gpu"'), Inventory(hosts)) == ("a", "b")
    assert resolve(parse("!has(gpu)"), Inventory(hosts)) == ("b", "gpu")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("web3", "host 'web3' does not exist (did you mean 'web2'?)"),
        ("Web1", "host 'Web1' does not exist (did you mean 'web1'?)"),
        ("web[1-4]", "host 'web3' does not exist (2 such names: web[3-4])"),
        ("front", "host 'front' does not exist (front is a group: write @front)"),
        ("@fornt", "group 'fornt' does not exist (did you mean 'front'?)"),
        ("@old", "group 'old' does not exist (old is a host: write it without the @)"),
        ('!"legacy"', "host 'legacy' does not exist"),
        (
            "all,!legcy",
            (
                "a host or label 'legcy' does not exist "
                "(did you mean 'legacy'? !has(legcy) is right even where no host has the label)"
            ),
        ),
    ],
)
def test_a_name_that_nothing_answers_to_is_an_error_with_a_way_out(text: str, message: str) -> None:
    with pytest.raises(NotFound) as caught:
        resolve(parse(text), INVENTORY)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("group", "message"),
    [
        (GroupView(hosts=("gone",)), "in group 'g': host 'gone' does not exist"),
        (GroupView(expression="gone"), "in group 'g': host 'gone' does not exist"),
        (GroupView(expression="@gone"), "in group 'g': group 'gone' does not exist"),
    ],
)
def test_an_unknown_name_inside_a_group_says_which_group(group: GroupView, message: str) -> None:
    with pytest.raises(NotFound) as caught:
        resolve(parse("@g"), Inventory({}, {"g": group}))
    assert str(caught.value) == message


def test_a_group_whose_expression_cannot_be_read_says_which_group_and_where() -> None:
    with pytest.raises(Invalid, match="in group 'g': cannot read") as caught:
        resolve(parse("@g"), Inventory({}, {"g": GroupView(expression="web1 web2")}))
    assert caught.value.problems[0].where == "column 6"


@pytest.mark.parametrize(
    ("groups", "circle"),
    [
        ({"a": "@a"}, "a -> a"),
        ({"a": "@b", "b": "web1 or @c", "c": "all - @b"}, "b -> c -> b"),
    ],
)
def test_groups_that_contain_each_other_are_named_in_a_circle(
    groups: dict[str, str], circle: str
) -> None:
    views = {name: GroupView(expression=text) for name, text in groups.items()}
    with pytest.raises(Invalid) as caught:
        resolve(parse("@a"), Inventory({}, views))
    assert caught.value.problems[0].what == f"the groups contain each other: {circle}"


def test_a_group_used_twice_is_no_circle() -> None:
    groups = {"a": GroupView(expression="@b or @c"), "b": GroupView(expression="@c")}
    groups["c"] = GroupView(hosts=("x",))
    assert resolve(parse("@a"), Inventory({"x": HostView("x")}, groups)) == ("x",)


def test_a_chain_of_ten_thousand_groups_costs_no_recursion() -> None:
    groups = {f"g{at}": GroupView(expression=f"@g{at + 1}") for at in range(10_000)}
    groups["g10000"] = GroupView(hosts=("x",))
    assert resolve(parse("@g0"), Inventory({"x": HostView("x")}, groups)) == ("x",)


@pytest.mark.parametrize(
    ("text", "column", "what"),
    [
        ("", 1, "the expression is empty"),
        (" \n", 1, "the expression is empty"),
        ("web1,,web2", 6, "expected here, not ','"),
        (",web1", 1, "expected here, not ','"),
        ("web1,", 6, "the expression stops"),
        ("web1 and", 9, "the expression stops"),
        ("and web1", 1, "expected here, not 'and'"),
        ("web1 web2", 6, "nothing joins this"),
        ("web1 -web2", 6, "nothing joins this"),
        ("-web2", 1, "`-` excludes only with a space on each side"),
        ("web1 !web2", 6, "nothing joins this"),
        ("web1 not web2", 6, "nothing joins this"),
        ("web1 AND web2", 6, "operators are in lower case: and"),
        ("role (web)", 6, "nothing joins this"),
        ("(web1", 1, "this `(` is never closed"),
        ("web1 or (a,(b)", 9, "this `(` is never closed"),
        ("web1)", 5, "this `)` closes nothing"),
        ("web[1-", 4, "this `[` is never closed"),
        ("web]", 4, "this `]` closes nothing"),
        ("a or web[3-1]", 10, "runs backwards"),
        ("web[1-3]*", 4, "cannot be in one word"),
        ("web1:22", 5, "':' cannot be part of a host name"),
        ("w/*", 2, "'/' cannot be part of a host name"),
        ("a{b}", 2, "'{' has no meaning here"),
        ('a="b', 3, "this quote is never closed"),
        ("a=", 3, "a value is expected here"),
        ("a=,b", 3, "a value is expected here"),
        ("a in ()", 7, "a value is expected here"),
        ("a in (b,,c)", 9, "a value is expected here"),
        ("a in (b", 6, "this `(` is never closed"),
        ("a in b", 6, "`in` is followed by values in parentheses"),
        ("a notin", 8, "`notin` is followed by values in parentheses"),
        ("a=b*", 3, "without wildcards or ranges"),
        ("a in (b[1])", 7, "without wildcards or ranges"),
        ("http://x=1", 1, "'http://x' cannot be a label"),
        ("all=1", 4, "only a label can be compared"),
        ("=1", 1, "expected here, not '='"),
        ("has gpu", 5, "`has` is followed by a label in parentheses"),
        ("has()", 5, "a label is expected here"),
        ("has(a b)", 4, "this `(` is never closed"),
        ("@", 1, "the name of a group is missing after `@`"),
        ("@web*", 2, "a group is named in full"),
        ("@web[1-2]", 2, "a group is named in full"),
        ("a[1-60000],b[1-60000]", 12, "more than 100,000 names"),
    ],
)
def test_an_error_points_at_the_character(text: str, column: int, what: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text)
    (problem,) = caught.value.problems
    assert problem.where == f"column {column}"
    assert what in problem.what


def test_an_error_shows_the_expression_with_a_caret_under_the_character() -> None:
    with pytest.raises(Invalid) as caught:
        parse("web1,,web2")
    assert caught.value.message == ("cannot read this target expression\n  web1,,web2\n       ^")


def test_the_caret_stands_right_under_wide_characters_and_line_breaks() -> None:
    with pytest.raises(Invalid) as caught:
        parse("数据1,\n数据2]")
    _, shown, caret = caught.value.message.split("\n")
    assert shown == "  数据1, 数据2]"
    assert caret == "  " + " " * len("xxxx1, xxxx2") + "^"


def test_a_long_expression_is_shown_only_around_the_error() -> None:
    with pytest.raises(Invalid) as caught:
        parse("ab," * 1000 + "," + "cd," * 1000)
    _, shown, caret = caught.value.message.split("\n")
    assert len(shown) < 100
    assert shown.startswith("  ...")
    assert shown.endswith("...")
    assert shown[caret.index("^")] == ","
    assert caught.value.problems[0].where == "column 3001"


def test_the_hint_for_a_missing_joint_says_how_to_exclude() -> None:
    with pytest.raises(Invalid) as caught:
        parse("web* -web2")
    assert caught.value.problems[0].hint == "to exclude, write ` - web2` or `,!web2`"


@pytest.mark.parametrize(
    "text",
    ["(" * 10_000, "(" * 10_000 + "a" + ")" * 10_000, "!" * 10_000 + "a", "not " * 10_000]
    + ["(a or b and " * 60 + "c" + ")" * 60]
    + ["a or (!(b," * 80 + "c" + "))" * 80, "(a,!" * 60 + "x" + ")" * 60],
)
def test_nesting_beyond_the_limit_is_refused_without_recursion(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text)
    assert f"more than {MAX_DEPTH} levels deep" in caught.value.problems[0].what


def test_nesting_up_to_the_limit_is_read_resolved_and_printed() -> None:
    text = "(" * MAX_DEPTH + "web1" + ")" * MAX_DEPTH
    assert chosen(text) == "web1"
    negated = parse("!" * (MAX_DEPTH - 1) + "web1")
    assert parse(str(negated)) == negated
    assert resolve(negated, INVENTORY) == resolve(parse("!web1"), INVENTORY)


def test_an_expression_has_a_greatest_length() -> None:
    name = "a" * MAX_LENGTH
    assert references(parse(name)).hosts == (name,)
    with pytest.raises(Invalid, match="at most 65,536 characters"):
        parse(name + "a")


def test_the_number_of_globs_and_selectors_is_limited() -> None:
    parse(",".join(["a*"] * MAX_PATTERNS))
    with pytest.raises(Invalid, match="at most 1,000 globs and label selectors"):
        parse(",".join(["a*"] * MAX_PATTERNS + ["has(b)"]))


@pytest.mark.parametrize(
    ("text", "explicit"),
    [
        ("web1,web2,db[01-03]", "web1 or web2 or db[01-03]"),
        ("env=prod,role in (web,api),!legacy", "env=prod and role in (web, api) and !legacy"),
        ("web1,env=prod,web2", "(web1 or web2) and env=prod"),
        ("* - web1 - @old", "all and !web1 and !@old"),
        ("a not in (b)", "a!=b"),
        ("not (web1)", '!"web1"'),
        ("note='say \"hi\"'", 'note="say \\"hi\\""'),
        ("role in (in, 'or')", 'role in ("in", "or")'),
    ],
)
def test_str_is_the_explicit_form(text: str, explicit: str) -> None:
    assert str(parse(text)) == explicit
    assert parse(explicit) == parse(text)


def test_references_are_the_names_an_expression_uses_itself() -> None:
    expression = parse('web[1-2],web1,@front,db* - old - @pair,env=prod,!"web10"')
    assert references(expression) == References(
        hosts=("web1", "web2", "web10"), groups=("front", "pair"), hosts_or_labels=("old",)
    )


def test_a_glob_of_many_stars_takes_no_exponential_time() -> None:
    hosts = {"a" * 120: HostView("a" * 120)}
    assert resolve(parse("*a" * 60 + "b"), Inventory(hosts)) == ()


def test_ten_thousand_hosts_fold_to_one_line() -> None:
    hosts = {f"web{at:05}": HostView(f"web{at:05}") for at in range(10_000)}
    assert fold(resolve(parse("all"), Inventory(hosts))) == "web[00000-09999]"

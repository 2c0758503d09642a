"""What expressions mean, case by case, and what is said of those that mean nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.domain.expressions import (
    FUNCTIONS,
    Bounds,
    ExpressionFault,
    SecretValue,
    as_value,
    kind_of,
    parse,
)
from core.domain.expressions.parser import MAX_DEPTH, MAX_LENGTH

NOW = datetime(2027, 3, 31, 9, 30, tzinfo=UTC)
SCOPE = {
    "now": NOW,
    "params": as_value(
        {
            "count": 12,
            "env": "prod",
            "none": None,
            "since": NOW - timedelta(hours=3),
            "text": "10",
            "ratio": 0.5,
            "dry": False,
        }
    ),
    "labels": as_value({"prod": "yes", "role": "web"}),
    "nodes": as_value(
        {
            "check": {"failed": False, "outputs": {}},
            "deploy": {"failed": True, "outputs": {"version": "1.2", "list": [3, 1, 2]}},
            "build-web": {"outputs": {"id": 7}},
        }
    ),
    "hosts": as_value(
        [
            {
                "name": "web1",
                "state": "failed",
                "labels": {"env": "prod"},
                "seconds": 3,
                "tags": ["a"],
            },
            {
                "name": "web2",
                "state": "succeeded",
                "labels": {"env": "prod"},
                "seconds": 1,
                "tags": [],
            },
            {
                "name": "db1",
                "state": "failed",
                "labels": {"env": "test"},
                "seconds": 2,
                "tags": ["a", "b"],
            },
        ]
    ),
    "主机": "数据1",
    "password": SecretValue("01J00000000000000000000000"),
}


VALUES: list[tuple[str, object]] = [
    # values as they are written
    ("12", 12),
    ("0.5", 0.5),
    ("2.0", 2),
    ("1e3", 1000),
    ("1.5e-3", 0.0015),
    ("true", True),
    ("false", False),
    ("null", None),
    ('"web"', "web"),
    ("'its'", "its"),
    ('"a\\n\\t\\"\\\\"', 'a\n\t"\\'),
    ('"\\u00e9"', "é"),
    ("“引号”", "引号"),
    ("90s", timedelta(seconds=90)),
    ("1h30m", timedelta(minutes=90)),
    ("[]", ()),
    ("[1, 'a', [true]]", (1, "a", (True,))),
    ("[1, 2,]", (1, 2)),
    # names
    ("params.env", "prod"),
    ('params["env"]', "prod"),
    ("主机", "数据1"),
    ('nodes["build-web"].outputs.id', 7),
    ("nodes.deploy.outputs.list[0]", 3),
    ("nodes.deploy.outputs.list[-1]", 2),
    ("nodes . deploy . failed", True),
    ('labels["ro" + "le"]', "web"),
    # comparing
    ("params.count > 10", True),
    ("params.count >= 12", True),
    ("params.count < 12", False),
    ("params.count <= 11.5", False),
    ("params.count = 12", True),
    ("params.count == 12.0", True),
    ("params.count != 12", False),
    ("params.count <> 13", True),
    ('nodes.deploy.outputs.version = "1.2"', True),
    ('"a" < "b"', True),
    ("true = false", False),
    ("[1, [2]] = [1, [2]]", True),
    ("[1] = [true]", False),
    ("[1] = ['1']", False),
    ("labels = labels", True),
    ("params.none = null", True),
    ("null = 0", False),
    ("'' != null", True),
    ("1m = 60s", True),
    ("1h > 59m", True),
    ('time("2027-03-31T09:30:00Z") = now', True),
    ("now > params.since", True),
    # and, or, not
    ("true and false", False),
    ("true or false", True),
    ("not true", False),
    ("not not true", True),
    ("!params.dry", True),
    ("true && !false || false", True),
    ("not params.dry and params.count > 10", True),
    ("false and 1 / 0 = 1", False),
    ("true or nodes.nothing.failed", True),
    ("false or true and false", False),
    ("params.count > 10 and not nodes.check.failed", True),
    ("not nodes.deploy.failed = true", False),
    ("true = not false", True),
    ("true and false or true and true", True),
    ("true and (false or true)", True),
    ("true or (false or 1 / 0 = 1)", True),
    (" or ".join(["false"] * 300) + " or true", True),
    (" and ".join(["true"] * 300), True),
    # in
    ('"prod" in labels', True),
    ('"test" in labels', False),
    ('"test" not in labels', True),
    ("2 in [1, 2]", True),
    ("'2' in [1, 2]", False),
    ("true in [1]", False),
    ("null in [null]", True),
    ('"eb" in "web"', True),
    ("[1] in [[1], [2]]", True),
    ("not 3 in [1, 2]", True),
    # arithmetic
    ("1 + 2 * 3", 7),
    ("(1 + 2) * 3", 9),
    ("10 - 3 - 2", 5),
    ("10 / 4", 2.5),
    ("10 / 5", 2),
    ("2 * 3 % 4", 2),
    ("-7 % 3", 2),
    ("7.5 % 2", 1.5),
    ("-5 + 3", -2),
    ("--5", 5),
    ("2 - -2", 4),
    ("0.1 + 0.2 > 0.3", True),
    ("1.5 * 2", 3),
    ('"v" + "1"', "v1"),
    ("[1] + [2, 3]", (1, 2, 3)),
    ("1h + 30m", timedelta(minutes=90)),
    ("1h - 90m", timedelta(minutes=-30)),
    ("2 * 30m", timedelta(hours=1)),
    ("1h / 2", timedelta(minutes=30)),
    ("1h / 15m", 4),
    ("-5m", timedelta(minutes=-5)),
    ("now - params.since", timedelta(hours=3)),
    ("now - params.since > 2h", True),
    ("now + 1d > now", True),
    ("now - 1h = time('2027-03-31T08:30:00Z')", True),
    # what is missing
    ("params.nothing ?? 5", 5),
    ("params.nothing ?? params.none ?? 6", 6),
    ("params.none ?? 'x'", "x"),
    ("params.count ?? 1", 12),
    ("nodes.gone.outputs.version ?? 'none'", "none"),
    ("nodes.check.outputs.version ?? '0' = '0'", True),
    ("params.none.deeper ?? 1", 1),
    ("nodes.deploy.outputs.list[9] ?? 0", 0),
    ("params.nothing ?? 1 + 1", 2),
    ("10 - params.nothing ?? 1", 9),
    ("-params.nothing ?? 3", -3),
    ("params.none == null", True),
    ("first([]) ?? 'none'", "none"),
    # choices
    ("if(true, 1, 2)", 1),
    ("if(params.dry, 1 / 0, 'ok')", "ok"),
    ("params.count > 10 ? 'many' : 'few'", "many"),
    ("false ? 1 : true ? 2 : 3", 2),
    ("(params.none ?? 0) = 0 ? 'zero' : 'more'", "zero"),
    # where
    ('count(hosts where state = "failed")', 2),
    ('count(hosts where state = "failed") > 1', True),
    ("count(hosts)", 3),
    ('any(hosts where name = "db1")', True),
    ('all(hosts where state = "failed")', False),
    ("all(hosts where it.seconds > 0)", True),
    ("all([] where it.x)", True),
    ("any([] where it.x)", False),
    ("map(hosts, name)", ("web1", "web2", "db1")),
    ("map(hosts where name)", ("web1", "web2", "db1")),
    ("map(filter(hosts where state = 'failed'), name)", ("web1", "db1")),
    ("filter([1, 5, 9] where it > 3)", (5, 9)),
    ("filter([1, 5, 9], it > 3)", (5, 9)),
    ("count(hosts where labels.env = params.env)", 2),
    ("count(hosts where 'a' in tags)", 2),
    ("map(hosts, count(tags where it = 'a'))", (1, 0, 1)),
    ("map([[1, 2], [3]], map(it, it * 10))", ((10, 20), (30,))),
    ("count(hosts where any(tags where it = name))", 0),
    ("first(hosts where seconds < 3).name", "web2"),
    ("last(hosts where state = 'failed').name", "db1"),
    ("first(hosts where seconds > 99) ?? 'none'", "none"),
    ("map(hosts, missing ?? 'none')", ("none", "none", "none")),
    ("map(sort(hosts, seconds), name)", ("web2", "db1", "web1")),
    ("sum(hosts, seconds)", 6),
    ("filter([true, false] where it)", (True,)),
    # functions that the examples of the table leave out
    ("any([false, true])", True),
    ("all([true, true])", True),
    ("count([])", 0),
    ("len('数据')", 2),
    ("len(labels)", 2),
    ("sum([])", 0),
    ("sum([1h, 30m])", timedelta(minutes=90)),
    ("min(['b', 'a'])", "a"),
    ("max(2, 3, 1)", 3),
    ("max(now, params.since) = now", True),
    ("keys(labels)", ("prod", "role")),
    ("values(labels)", ("yes", "web")),
    ("sort(['b', 'a'])", ("a", "b")),
    ("sort([])", ()),
    ("unique([1, '1', true, 1, [1], [1]])", (1, "1", True, (1,))),
    ("slice('abcdef', -2)", "ef"),
    ("slice([1, 2, 3], 0, -1)", (1, 2)),
    ("slice('abc', 5)", ""),
    ("join([])", ""),
    ("join([1, 1.5, true, 1m, 'a'], ' ')", "1 1.5 true 1m a"),
    ("string([1, 'a'])", '[1, "a"]'),
    ("string(1.0)", "1"),
    ("string(now)", "2027-03-31T09:30:00Z"),
    ("number(' 12.50 ')", 12.5),
    ("number('-3')", -3),
    ("number(true)", 1),
    ("number(params.text) = 10", True),
    ("bool('No')", False),
    ("bool(0)", False),
    ("duration('2h') = 2h", True),
    ("seconds(1.5s)", 1.5),
    ("weekday(now)", 3),
    ("hour(now)", 9),
    ("day(now)", "2027-03-31"),
    ("kind(null)", "null"),
    ("kind(params)", "map"),
    ("lines('a\\r\\n\\nb')", ("a", "", "b")),
    ("lines('')", ()),
    ("split('a', ',')", ("a",)),
    ("matches('web-01', 'web-??')", True),
    ("matches('web-01', 'web')", False),
    ("matches('a.b', 'a?b')", True),
    ("matches('axb', 'a.b')", False),
    ("matches('', '*')", True),
    ("matches('abcabc', 'a*c')", True),
    ("matches('ab\\ncd', 'a*d')", True),
    ("matches('aXbXc', '*X*X*')", True),
    ("matches('aXb', '*X*X*')", False),
    ("matches('[a]', '[a]')", True),
    ("compare_versions('2.0', '2.0')", 0),
    ("compare_versions('1.10', '1.9') > 0", True),
    ("round(2.5)", 2),
    ("round(-1.25, 1)", -1.2),
    ("floor(-0.5)", -1),
    ("ceil(-0.5)", 0),
    ("abs(-90s)", timedelta(seconds=90)),
    ("percent(count(hosts where state = 'failed'), count(hosts)) > 66", True),
    ("contains(labels, 'role')", True),
    ("contains('web', 'x')", False),
    ("reverse([])", ()),
    ("flatten([1, [2, [3]]])", (1, 2, (3,))),
    # full-width signs
    ("len（［1，2］）", 2),
    ("params．count ＞ 10", True),
    ("1 ＋ 2 ＝ 3", True),
    ("true ？ 1 ： 2", 1),
]


def test_an_expression_has_its_value() -> None:
    """All at once: there are hundreds, and a test of its own for each takes seconds."""
    wrong = {}
    for text, value in VALUES:
        found = parse(text).evaluate(SCOPE)
        again = parse(str(parse(text).term)).evaluate(SCOPE)
        if (found, type(found), again) != (value, type(value), value):
            wrong[text] = found
    assert wrong == {}
    assert len(VALUES) > 150


def test_the_examples_of_the_function_table_are_true() -> None:
    wrong = {}
    for text, same in (example for each in FUNCTIONS.values() for example in each.examples):
        found, wanted = parse(text).evaluate({}), parse(same).evaluate({})
        if (found, kind_of(found)) != (wanted, kind_of(wanted)):
            wrong[text] = found
    assert wrong == {}


UNREADABLE: list[tuple[str, int | None, str]] = [
    ("", 1, "the expression is empty"),
    ("  ", 1, "the expression is empty"),
    ("params.", 7, "a key is expected after `.`"),
    ("params.1", 7, "a list is asked by place: x[0]"),
    ("1 +", 4, "stops where a value is expected"),
    ("(1 + 2", 1, "this `(` is never closed"),
    ("len([1, 2)", 5, "this `[` is never closed"),
    ("1)", 2, "this `)` closes nothing"),
    ("1]", 2, "this `]` closes nothing"),
    ("a b", 3, "nothing joins this"),
    ("a AND b", 3, "words are in small letters: and"),
    ("a is b", 3, "write `=`"),
    ("a, b", 2, "a list is written [a, b]"),
    ("hosts where true", 7, "filter(list where it > 3)"),
    ("a = = b", 5, "a value is expected here, not `=`"),
    ("1 < 2 < 3", 7, "write a < b and b < c"),
    ("a = b != c", 7, "cannot be compared again"),
    ('"abc', 1, "this quote is never closed"),
    ("“abc", 1, "this quote is never closed"),
    ('"a\\x"', 3, "\\x stands for nothing"),
    ('"\\ud800"', 2, "is no character"),
    ("a & b", 3, "write `and`"),
    ("a | b", 3, "write `or`"),
    ("$a", 1, "`$` has no meaning here"),
    ("{a}", 1, "`{` has no meaning here"),
    ("5x", 1, "neither a number nor a duration"),
    ("1.2.3", 4, "a key is expected after `.`"),
    ("9223372036854775808", 1, "the number is too large"),
    ("1e999", 1, "the number is too large"),
    ("999999999999d", 1, "the duration is too long"),
    ("lenn(x)", 1, "did you mean len(…)?"),
    ("frobnicate(x)", 1, "`jobdeck help expressions` lists them"),
    ("len()", 1, "len takes one value, and this gives 0"),
    ("len(1, 2)", 1, "len takes one value, and this gives 2"),
    ("split('a')", 1, "split takes 2 values, and this gives 1"),
    ("join([], 'a', 'b')", 1, "join takes 1 to 2 values"),
    ("filter([1])", 1, "filter takes 2 values"),
    ("if(true, 1)", 1, "`if` takes 3 values"),
    ("len([1] where true)", 9, "`where` stands in functions that look at every element"),
    ("params.env.upper()", 12, "write upper(…) around it"),
    ("params.env()", 11, "only functions are followed by parentheses"),
    ("'a'()", 4, "only functions are followed by parentheses"),
    ("a ? b", 3, "this `?` has no `:`"),
    ("and", 1, "a value is expected here, not `and`"),
    ("(" * 200 + "1" + ")" * 200, MAX_DEPTH + 1, "nested more than"),
    (" + ".join(["1"] * 200), None, "sum([1, 2, 3])"),
    ("not " * 200 + "true", None, "nested more than"),
    ("1" + " " * MAX_LENGTH, MAX_LENGTH + 1, "at most 4,096 characters"),
]


def test_a_text_that_cannot_be_read_is_answered_at_its_place() -> None:
    for text, column, said in UNREADABLE:
        with pytest.raises(ExpressionFault) as caught:
            parse(text)
        assert caught.value.message.startswith("cannot read this expression")
        assert_said(caught.value, text, column, said)


WITHOUT_VALUE: list[tuple[str, int | None, str]] = [
    ("parms.count", 1, "did you mean params?"),
    ("True", 1, "did you mean true?"),
    ("zzz", 1, "there is now, params, labels"),
    ("params.cuont", 8, "did you mean count?"),
    ("nodes.build", 7, 'did you mean ["build-web"]?'),
    ("params.zzz", 8, "write `?? …` behind it"),
    ("params.none.x", 13, "looks for 'x' in null"),
    ("params.env.x", 12, "only a map has 'x', and this is a string"),
    ("hosts.name", 7, "map(list, name) takes it from every element"),
    ("params.env.len", 12, "write len(…) around it"),
    ("hosts[3]", 6, "the list has no such place: it has 3"),
    ("hosts[-4]", 6, "the list has no such place"),
    ("hosts['a' + 'b']", 6, "the place in a list is a whole number, not a string"),
    ("hosts[0.5]", 6, "whole number"),
    ("params[0]", 7, "the key of a map is a string, not a number"),
    ("params['x' + 'y']", 7, "there is no such key in this map"),
    ("params.env[0]", 11, "slice(text, 0, 3)"),
    ("it > 3", 1, "stands behind `where`"),
    ("len", 1, "len is a function and needs parentheses"),
    ("params.count and true", 8, "compare it, as in x > 0"),
    ("not params.env", 12, "a condition is true or false, and this is a string"),
    ("params.none or true", 8, "write `x ?? false` where x may be null"),
    ("if(hosts, 1, 2)", 4, "len(x) > 0"),
    ("params.count = '12'", 14, "write number(…) for the right side"),
    ("params.text = 10", 13, "write number(…) for the left side"),
    ("params.text > 10", 13, "write number(…) to read the string"),
    ("params.none > 1", 13, "null has no order"),
    ("true > false", 6, "a bool has no order"),
    ("hosts > hosts", 7, "len(x) is its size"),
    ("now > 2h", 5, "a time and a duration have no order"),
    ("1 + '1'", 3, "`+` does not take a number and a string"),
    ("'a' - 'b'", 5, "`-` does not take a string and a string"),
    ("now + now", 5, "`+` does not take a time and a time"),
    ("1 + null", 3, "write `x ?? 0` where x may be null"),
    ("-'a'", 1, "`-` takes a number or a duration, not a string"),
    ("-true", 1, "not a bool"),
    ("1 / 0", 3, "divides by zero"),
    ("1 % 0", 3, "divides by zero"),
    ("1h / 0", 4, "divides by zero"),
    ("1h / 0s", 4, "divides by zero"),
    ("percent(1, 0)", 12, "divides by zero"),
    ("9223372036854775807 + 1", 21, "the number is too large"),
    ("1e308 * 10", 7, "the number is too large"),
    ("999999999d * 2", 12, "the duration is too large"),
    ("now + 999999999d", 5, "the time is too large"),
    ("abs(-999999999d - 999999999d)", 17, "the duration is too large"),
    ("1 in 5", 3, "`in` looks into a list, a map or a string, not into a number"),
    ("1 in labels", 3, "the keys of a map are strings, and this is a number"),
    ("1 in 'abc'", 3, "the parts of a string are strings"),
    ("len(5)", 5, "len takes a string or a list or a map here, not a number"),
    ("lower(null)", 7, "lower takes a string here, not null"),
    ("floor('1')", 7, "write number(…) to read the string"),
    ("sum(['a'])", 5, "only numbers and durations have a sum"),
    ("sum([1, 1h])", 1, "`+` does not take a number and a duration"),
    ("min([])", 5, "an empty list has no min"),
    ("sort([1, 'a'])", 1, "a number and a string have no order"),
    ("sort([true, false])", 1, "a bool has no order"),
    ("any([1])", 1, "a condition is true or false"),
    ("filter([1] where it)", 1, "a condition is true or false"),
    ("count(hosts where zzz = 1)", 19, "neither the element nor anything else has 'zzz'"),
    ("replace('a', '', 'b')", 14, "the string is empty"),
    ("split('a', '')", 12, "an empty string separates nothing"),
    ("number('1_000')", 8, "this string is no number"),
    ("number('nan')", 8, "this string is no number"),
    ("number('')", 8, "this string is no number"),
    ("number('9' + '999999999999999999999')", 12, "the number is too large"),
    ("bool('maybe')", 6, "neither true nor false"),
    ("time('soon')", 6, "2027-03-31"),
    ("duration('soon')", 10, "90s, 5m, 1h30m or 2d"),
    ("duration(1e300)", 10, "too long"),
    ("slice('a', 0.5)", 12, "a place is a whole number"),
    ("round(1.5, -1)", 12, "digits are a whole number"),
    ("join([null])", 1, "the value is null"),
    ("string(null)", 1, "the value is null"),
    (
        "compare_versions(string(1e300), '1' + join(map(hosts, '" + "1" * 200 + "')))",
        1,
        "at most 200",
    ),
    ("matches('a', '" + "*" * 300 + "')", 14, "at most 256"),
    ("(params.nothing.x ?? 1) + params.nothing", 34, "there is no 'nothing' in this map"),
    ("len(params.nothing) ?? 1", 12, "there is no 'nothing' in this map"),
    ("labels[params.nothing] ?? 1", 15, "there is no 'nothing' in this map"),
    ("parms ?? 1", 1, "nothing is called 'parms' here"),
    ("any(hosts where true) and state = 'failed'", 27, "nothing is called 'state' here"),
    ("any(hosts where true) and it.state = 'failed'", 27, "stands behind `where`"),
]


def test_what_has_no_value_is_answered_at_its_place() -> None:
    for text, column, said in WITHOUT_VALUE:
        with pytest.raises(ExpressionFault) as caught:
            parse(text).evaluate(SCOPE)
        assert_said(caught.value, text, column, said)


def assert_said(fault: ExpressionFault, text: str, column: int | None, said: str) -> None:
    (problem,) = fault.problems
    assert said in str(problem), text
    assert problem.where == f"column {column or fault.index + 1}", text
    assert 0 <= fault.index <= len(text), text


def test_the_message_shows_the_text_and_a_caret_under_the_place() -> None:
    with pytest.raises(ExpressionFault) as caught:
        parse("params.cuont > 10").evaluate(SCOPE)
    assert caught.value.message.splitlines() == [
        "this expression has no value here",
        "  params.cuont > 10",
        "         ^",
    ]


LOOKS_INTO_A_SECRET = [
    "password = password",
    "password = null",
    "password != 'x'",
    "password < password",
    "password in [1]",
    "1 in [password]",
    "password in [password]",
    "'a' in password",
    "[password] = [password]",
    "password + 'x'",
    "'x' + password",
    "-password",
    "not password",
    "password and true",
    "if(password, 1, 2)",
    "len(password)",
    "string(password)",
    "string([password])",
    "join([password])",
    "kind(password)",
    "lower(password)",
    "sort([password])",
    "unique([password, password])",
    "unique([[password], [password]])",
    "contains([password], 'x')",
    "min(password)",
    "min([password])",
    "sum([password])",
    "number(password)",
    "password.id",
    "password['id']",
    "password[0]",
    "labels[password]",
    "matches(password, '*')",
    "compare_versions(password, '1')",
    "filter([password] where it)",
    "filter([password] where it = it)",
    "any([password])",
]


def test_a_secret_is_looked_into_by_nothing() -> None:
    for text in LOOKS_INTO_A_SECRET:
        with pytest.raises(ExpressionFault) as caught:
            parse(text).evaluate(SCOPE)
        assert "secret" in str(caught.value), text
        assert "01J0" not in str(caught.value), text


@pytest.mark.parametrize(
    "text",
    [
        "password",
        "if(true, password, 1)",
        "password ?? 'x'",
        "params.none ?? password",
        "[password][0]",
        "first([password])",
        "map([1], password)[0]",
        "reverse([1, password])[0]",
    ],
)
def test_a_secret_is_passed_on_whole(text: str) -> None:
    assert parse(text).evaluate(SCOPE) is SCOPE["password"]


def test_names_are_the_references_that_a_text_makes() -> None:
    text = 'nodes.build.outputs.version = params["env"] and count(hosts where it.x = state) > 2'
    assert parse(text).names == {"nodes.build.outputs.version", "params.env", "hosts", "state"}
    assert parse("a[b.c].d").names == {"a", "b.c"}
    assert parse("1 + 1").names == frozenset()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("(a = b) = c", "(a = b) = c"),
        ("a = (b = c)", "a = (b = c)"),
        ("((a)) = (b + c)", "a = b + c"),
        ("a - (b - c)", "a - (b - c)"),
        ("(a - b) - c", "a - b - c"),
        ("a ?? (b ?? c)", "a ?? b ?? c"),
        ("(a ?? b) ?? c", "(a ?? b) ?? c"),
        ("-(a + b)", "-(a + b)"),
        ("(-a) ?? b", "(-a) ?? b"),
        ("-a ?? b", "-a ?? b"),
        ("not (a and b)", "not (a and b)"),
        ("(not a) and b", "not a and b"),
        ("(a or b) and c or d", "(a or b) and c or d"),
        ("a && (b && c) || d", "a and (b and c) or d"),
        ("(a ? b : c).d", "if(a, b, c).d"),
        ("not(a in b)", "not a in b"),
        ("a not in b", "a not in b"),
        ("(a + b).c[-1]['x y']", '(a + b).c[-1]["x y"]'),
        ("a['b']", "a.b"),
        ("map(a, it)", "map(a where it)"),
        ("90m", "1h30m"),
        ("'\\n'", '"\\n"'),
    ],
)
def test_an_expression_has_one_text_with_the_parentheses_it_needs(text: str, written: str) -> None:
    assert str(parse(text).term) == written
    assert parse(written) == parse(text)


def test_texts_that_mean_the_same_are_equal_expressions() -> None:
    assert parse("a=1 and b") == parse("( a == 1 ) && b")
    assert hash(parse("a?b:c")) == hash(parse("if(a, b, c)"))
    assert parse("1") != parse("true")


def test_a_condition_holds_or_not_and_nothing_else() -> None:
    assert parse("params.count > 10").holds(SCOPE)
    assert not parse("params.dry").holds(SCOPE)
    with pytest.raises(ExpressionFault, match="a condition is true or false"):
        parse("params.count").holds(SCOPE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("map(xs, map(xs, map(xs, it)))", "more than 1,000 steps"),
        ("xs + xs + xs", "a list of more than 250 elements"),
        ("map(flatten([xs, xs, xs]), it)", "a list of more than 250 elements"),
        ("s + s + s", "a string of more than 250 characters"),
        ("replace(s, 's', s)", "a string of more than 250 characters"),
        ("join(xs, s)", "a string of more than 250 characters"),
        ("split(s + s, 's')", "250"),
        ("string(xs)", "250"),
        ("map(xs, xs = xs)", "more than 1,000 steps"),
        ("count(xs where it in xs)", "more than 1,000 steps"),
        ("all(xs where sort(xs) = xs)", "more than 1,000 steps"),
    ],
)
def test_what_takes_too_much_is_stopped(text: str, said: str) -> None:
    scope = {"xs": tuple(range(100)), "s": "s" * 125}
    with pytest.raises(ExpressionFault, match=said):
        parse(text).evaluate(scope, Bounds(steps=1000, characters=250, items=250))


def test_python_is_out_of_reach() -> None:
    for text in (
        "params.__class__",
        "params['__class__']",
        "hosts[0].__init__",
        "[].append",
        "''.format",
    ):
        with pytest.raises(ExpressionFault):
            parse(text).evaluate(SCOPE)
    for text in (
        "__import__('os')",
        "getattr(params, 'x')",
        "eval('1')",
        "'{0.__class__}'.format(1)",
    ):
        with pytest.raises(ExpressionFault):
            parse(text)
    with pytest.raises(ExpressionFault, match="no value that expressions know"):
        parse("x").evaluate({"x": object()})  # type: ignore[dict-item]

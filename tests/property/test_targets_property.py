"""Target expressions and folded ranges against simple models of what they mean."""

from __future__ import annotations

from fnmatch import fnmatchcase

from hypothesis import event, given
from hypothesis import strategies as st

from core.domain.caret import Misread
from core.domain.facts import COMPARISONS, Observed
from core.domain.hostrange import expand, fold, parse_range
from core.domain.names import name_problem, natural_key
from core.domain.target_terms import (
    All,
    And,
    Compared,
    Expression,
    Glob,
    Group,
    Has,
    Known,
    Label,
    Name,
    Not,
    Or,
    Range,
    Without,
)
from core.domain.targets import GroupView, HostView, Inventory, parse, references, resolve
from core.errors import Invalid, NotFound

HOSTS = ("web1", "web2", "web10", "web01", "db-1", "a.b", "数据1", "x")
LABELS = ("env", "role", "x", "区域", "app/tier")
VALUES = ("", "prod", "web", "a b", 'say "hi"', "back\\slash", "notin", "-", "华东", "1.2", "a,b")
GROUPS = ("g1", "g2", "web1")

# ------------------------------------------------------------------ folding

numbers = st.sampled_from(["0", "00", "1", "2", "3", "01", "02", "08", "09", "10", "11", "100"])
texts = st.sampled_from(["web", "db-", ".", "a", "数据", "", "_"])
names = st.one_of(
    st.lists(st.tuples(texts, numbers), min_size=1, max_size=4).map(
        lambda pairs: "".join(text + number for text, number in pairs)
    ),
    st.from_regex(r"[a-z0-9][a-z0-9._\-]{0,12}", fullmatch=True),
    st.text(st.sampled_from("019-"), min_size=1, max_size=25).filter(lambda name: name[0] != "-"),
)


@given(st.lists(names, max_size=30))
def test_expanding_folded_names_gives_them_back_in_natural_order(hosts: list[str]) -> None:
    assert expand(fold(hosts)) == tuple(sorted(set(hosts), key=natural_key))


@given(st.lists(names, max_size=20), st.randoms(use_true_random=False))
def test_folding_does_not_depend_on_order_or_repetition(hosts: list[str], chance: object) -> None:
    shuffled = hosts + hosts[:3]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(shuffled) == fold(hosts)


@given(st.text(st.sampled_from("web01[]-, "), max_size=20))
def test_any_text_is_a_range_that_prints_as_itself_or_an_error_inside_it(text: str) -> None:
    try:
        hosts = parse_range(text)
    except Misread as misread:
        index = misread.index
    else:
        index = 0
        assert parse_range(str(hosts)) == hosts
        assert len(list(hosts.names())) == hosts.count
    assert 0 <= index <= len(text)


# -------------------------------------------------------------- expressions

ranges = st.sampled_from(["web[1-2]", "web[01,10]", "[0-1]", "数据[1]"]).map(
    lambda text: Range(parse_range(text))
)
leaves = st.one_of(
    st.just(All()),
    st.sampled_from(HOSTS + LABELS).map(Name),
    st.sampled_from(("web1", "x", "env", "数据1")).map(Without),
    ranges,
    st.sampled_from(("web*", "?", "*1", "db-?", "**", "数据*")).map(Glob),
    st.sampled_from(GROUPS).map(Group),
    st.builds(
        Label,
        st.sampled_from(LABELS),
        st.lists(st.sampled_from(VALUES), min_size=1, max_size=3).map(tuple),
        st.booleans(),
    ),
    st.sampled_from((*LABELS, "in", "has", 'a "b"')).map(Has),
    st.sampled_from(("os.id", "mem_gb")).map(Known),
    st.builds(
        Compared,
        st.just("os.id"),
        st.sampled_from(("=", "!=")),
        st.lists(st.sampled_from(VALUES), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(
        Compared,
        st.just("mem_gb"),
        st.sampled_from(sorted(COMPARISONS)),
        st.sampled_from(("0", "4", "16.5")).map(lambda value: (value,)),
    ),
)


def compound(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=2, max_size=4).map(tuple)
    return st.one_of(inner.map(Not), several.map(And), several.map(Or))


expressions: st.SearchStrategy[Expression] = st.recursive(leaves, compound, max_leaves=12)
labels = st.dictionaries(st.sampled_from((*LABELS, "os.id")), st.sampled_from(VALUES))
observed = st.fixed_dictionaries(
    {}, optional={"os.id": st.sampled_from(VALUES), "mem_gb": st.sampled_from((0, 4, 16.5, 64))}
).map(lambda values: Observed("2026-01-01", values))
inventories = st.builds(
    Inventory,
    st.fixed_dictionaries(
        dict.fromkeys(HOSTS[:4], labels), optional=dict.fromkeys(HOSTS[4:], labels)
    ).map(lambda hosts: {name: HostView(name, labels) for name, labels in hosts.items()}),
    st.fixed_dictionaries(
        {"g1": st.sampled_from(HOSTS[:5]).map(lambda host: GroupView((host,)))},
        optional={
            "g2": st.sampled_from(("@g1", "env=prod", "web*,!env=prod", "all")).map(
                lambda text: GroupView(expression=text)
            ),
            "web1": st.just(GroupView(("web1", "x"), "@g2 or has(x)")),
        },
    ),
    st.dictionaries(st.sampled_from(HOSTS), observed).map(lambda seen: lambda: seen),
)


@given(expressions)
def test_an_expression_prints_as_text_that_parses_back_to_it(expression: Expression) -> None:
    assert parse(str(expression)) == expression


@given(expressions, inventories)
def test_resolving_agrees_with_asking_each_host(
    expression: Expression, inventory: Inventory
) -> None:
    try:
        expected = {name for name in inventory.hosts if answers(expression, name, inventory)}
        check_names(expression, inventory)
    except KeyError:
        expected = None
    event("a name is unknown" if expected is None else "every name exists")
    try:
        found = resolve(expression, inventory)
    except NotFound:
        assert expected is None
        return
    assert expected is not None
    assert found == tuple(sorted(expected, key=natural_key))


def answers(term: Expression, name: str, inventory: Inventory) -> bool:
    """Whether `term` chooses the host: the meaning of a term, host by host."""
    labels = inventory.hosts[name].labels
    match term:
        case All():
            return True
        case Name(wanted):
            return name == wanted
        case Range(hosts):
            return name in set(hosts.names())
        case Glob(pattern):
            return fnmatchcase(name, pattern)
        case Without(word):
            return name != word and word not in labels
        case Label() | Has() | Known() | Compared():
            return selects(term, name, inventory)
        case Group(group):
            view = inventory.groups[group]
            inner = view.expression is not None and answers(parse(view.expression), name, inventory)
            return name in view.hosts or inner
        case Not(inner_term):
            return not answers(inner_term, name, inventory)
        case And(terms):
            return all(answers(inner_term, name, inventory) for inner_term in terms)
        case Or(terms):
            return any(answers(inner_term, name, inventory) for inner_term in terms)


def selects(term: Label | Has | Known | Compared, name: str, inventory: Inventory) -> bool:
    labels = inventory.hosts[name].labels
    match term:
        case Has(key):
            return key in labels
        case Label(key, values, excluded):
            return (labels.get(key) in values) is not excluded
        case Known(fact):
            return fact_of(name, fact, inventory) is not None
        case Compared(fact, sign, values):
            own = fact_of(name, fact, inventory)
            compare, kind = COMPARISONS[sign], float if fact == "mem_gb" else str
            each = [own is not None and compare(kind(str(own)), kind(value)) for value in values]
            return all(each) if sign == "!=" else any(each)


def fact_of(name: str, fact: str, inventory: Inventory) -> object:
    """What the host is known to be; None: nobody knows."""
    labels, seen = inventory.hosts[name].labels, inventory.facts().get(name)
    return labels.get(fact, None if seen is None else seen.values.get(fact))


def check_names(expression: Expression, inventory: Inventory) -> None:
    """KeyError unless every name, group and excluded word exists, in used groups too."""
    used = references(expression)
    for name in used.hosts:
        _ = inventory.hosts[name]
    for word in used.hosts_or_labels:
        if word not in inventory.hosts:
            _ = {key: 1 for host in inventory.hosts.values() for key in host.labels}[word]
    for group in used.groups:
        view = inventory.groups[group]
        for name in view.hosts:
            _ = inventory.hosts[name]
        if view.expression is not None:
            check_names(parse(view.expression), inventory)


@given(st.lists(expressions, min_size=1, max_size=5), st.permutations(range(5)), inventories)
def test_the_order_of_a_comma_list_does_not_matter(
    items: list[Expression], order: list[int], inventory: Inventory
) -> None:
    def outcome(ordered: list[Expression]) -> object:
        try:
            return resolve(parse(",".join(f"({item})" for item in ordered)), inventory)
        except NotFound:
            return NotFound

    shuffled = [items[at] for at in order if at < len(items)]
    assert outcome(shuffled) == outcome(items)


pieces = ["web1", "and", "or", "not", "in", "has", "all", "@", "(", ")", "[", "]", "1-3", ",", "!"]
pieces += ["=", "!=", "-", "*", "?", '"', "'", "\\", "|", "&", " ", "\n", "数据", "，", "/", "\0"]


@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(pieces)).map("".join)))
def test_any_text_is_an_expression_or_one_problem_with_its_place(text: str) -> None:
    try:
        expression = parse(text)
    except Invalid as error:
        (problem,) = error.problems
        column = int(problem.where.removeprefix("column "))
        assert 1 <= column <= len(text) + 1
        assert problem.what
        return
    assert parse(str(expression)) == expression


@given(st.text(max_size=20))
def test_every_legal_name_is_an_expression_that_chooses_just_that_host(name: str) -> None:
    if name_problem(name) is None:
        inventory = Inventory({name: HostView(name), "other": HostView("other")})
        assert resolve(parse(name), inventory) == (name,)
        assert expand(fold([name])) == (name,)

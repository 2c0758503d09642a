"""Documents through the API: created, replaced by revision, deleted, remembered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api import Api, host

WEB1 = host("web1", address="10.0.0.1")


async def test_a_document_is_created_read_replaced_and_deleted(api: Api) -> None:
    created = await api.post("/documents/host", WEB1)
    assert created.status_code == 201
    assert created.headers["Location"] == "/api/v1/documents/host/web1"
    assert created.headers["ETag"] == '"1"'

    read = await api.get("/documents/host/web1")
    assert read.json() == created.json()
    assert read.json()["spec"] == {"address": "10.0.0.1", "protocol": "local"}
    assert read.json()["updated_by"] == "ada"

    changed = {**WEB1, "labels": {"env": "prod"}}
    replaced = await api.put("/documents/host/web1", changed, headers={"If-Match": '"1"'})
    assert (replaced.status_code, replaced.headers["ETag"]) == (200, '"2"')
    assert replaced.json()["labels"] == {"env": "prod"}

    deleted = await api.delete("/documents/host/web1", headers={"If-Match": '"2"'})
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await api.get("/documents/host/web1")).status_code == 404


async def test_a_kind_is_known_by_its_plural_too(api: Api) -> None:
    await api.apply(WEB1)
    assert (await api.get("/documents/hosts/web1")).json()["kind"] == "host"


async def test_the_etag_tells_whether_anything_changed(api: Api) -> None:
    await api.apply(WEB1)
    same = await api.get("/documents/host/web1", headers={"If-None-Match": '"1"'})
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", '"1"')
    other = await api.get("/documents/host/web1", headers={"If-None-Match": '"7"'})
    assert other.status_code == 200


@pytest.mark.parametrize("match", ['"1"', "*", '"7", "1"'])
async def test_a_replacement_names_a_revision_it_may_replace(api: Api, match: str) -> None:
    await api.apply(WEB1)
    changed = {**WEB1, "labels": {"env": "prod"}}
    answer = await api.put("/documents/host/web1", changed, headers={"If-Match": match})
    assert (answer.status_code, answer.json()["revision"]) == (200, 2)


async def test_replacing_with_the_same_changes_nothing(api: Api) -> None:
    await api.apply(WEB1)
    before = api.journal_end
    answer = await api.put("/documents/host/web1", WEB1, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"1"')
    assert api.journal_end == before


async def test_if_none_match_creates_once(api: Api) -> None:
    only_new = {"If-None-Match": "*"}
    first = await api.put("/documents/host/web1", WEB1, headers=only_new)
    assert (first.status_code, first.headers["ETag"]) == (201, '"1"')
    before = api.journal_end
    second = await api.put("/documents/host/web1", WEB1, headers=only_new)
    assert (second.status_code, second.json()["code"]) == (412, "stale-revision")
    assert api.journal_end == before


async def test_of_two_replacements_of_one_revision_one_wins(api: Api) -> None:
    await api.apply(WEB1)
    answers = [
        await api.put(
            "/documents/host/web1", {**WEB1, "labels": {"by": who}}, headers={"If-Match": '"1"'}
        )
        for who in ("ada", "bob")
    ]
    assert [answer.status_code for answer in answers] == [200, 412]
    assert (await api.get("/documents/host/web1")).json()["labels"] == {"by": "ada"}


async def test_a_document_in_use_is_kept_and_its_users_are_named(api: Api) -> None:
    await api.apply(WEB1, {"kind": "group", "name": "web", "spec": {"hosts": ["web1"]}})
    before = api.journal_end
    answer = await api.delete("/documents/host/web1")
    assert (answer.status_code, answer.json()["code"]) == (409, "in-use")
    assert "group/web" in answer.json()["detail"]
    assert api.journal_end == before


async def test_every_revision_is_kept_with_who_and_what(api: Api) -> None:
    await api.apply(WEB1)
    await api.apply({**WEB1, "labels": {"env": "prod"}})
    await api.delete("/documents/host/web1")
    history = (await api.get("/documents/host/web1/history")).json()["items"]
    assert [(row["revision"], row["change"], row["actor"]) for row in history] == [
        (3, "deleted", "ada"),
        (2, "replaced", "ada"),
        (1, "created", "ada"),
    ]
    past = await api.get("/documents/host/web1?revision=2")
    assert past.json()["labels"] == {"env": "prod"}
    assert past.json()["created_at"] == history[2]["at"]
    assert past.headers["ETag"] == '"2"'


async def test_two_revisions_are_compared_field_by_field(api: Api) -> None:
    await api.apply(WEB1)
    await api.apply(host("web1", address="10.0.0.2"))
    changes = [{"path": "spec.address", "before": "10.0.0.1", "after": "10.0.0.2"}]
    for query in ("", "?from=1", "?to=2", "?from=1&to=2"):
        assert (await api.get(f"/documents/host/web1/diff{query}")).json() == {
            "from_revision": 1,
            "to_revision": 2,
            "changes": changes,
        }


async def test_what_was_not_there_is_compared_as_nothing(api: Api) -> None:
    await api.apply(WEB1)
    await api.delete("/documents/host/web1")
    first = (await api.get("/documents/host/web1/diff?to=1")).json()
    assert first["from_revision"] == 0
    assert {"path": "spec.address", "before": None, "after": "10.0.0.1"} in first["changes"]
    last = (await api.get("/documents/host/web1/diff")).json()
    assert {"path": "spec.address", "before": "10.0.0.1", "after": None} in last["changes"]


async def test_a_secret_goes_in_and_never_comes_out(api: Api) -> None:
    account = {
        "kind": "account",
        "name": "root",
        "spec": {"user": "root", "password": "hunter2-hunter2"},
    }
    created = await api.post("/documents/account", account)
    assert list(created.json()["spec"]["password"]) == ["secret"]
    paths = ("", "/history", "/diff", "?revision=1")
    texts = [(await api.get(f"/documents/account/root{path}")).text for path in paths]
    texts += [created.text, (await api.get("/events?limit=1000")).text]
    assert not [text for text in texts if "hunter2" in text]


async def test_a_list_is_narrowed_by_label_and_by_words(api: Api) -> None:
    await api.apply(
        {**host("web1"), "labels": {"env": "prod", "role": "web"}},
        {**host("web2"), "labels": {"env": "test", "role": "web"}},
        host("db1", address="db.example.org"),
    )

    async def names(query: str) -> list[str]:
        answer = await api.get(f"/documents/host?{query}")
        return [item["name"] for item in answer.json()["items"]]

    assert await names("") == ["db1", "web1", "web2"]
    assert await names("selector=role%3Dweb,!env%3Dtest") == ["web1"]
    assert await names("q=example.org") == ["db1"]
    assert await names("q=WEB&selector=env%3Dtest") == ["web2"]


async def pages(api: Api, path: str, limit: int) -> list[dict[str, Any]]:
    items, cursor = list[dict[str, Any]](), ""
    while True:
        answer = (await api.get(f"{path}?limit={limit}{cursor}")).json()
        assert len(answer["items"]) <= limit
        items += answer["items"]
        if answer["next_cursor"] is None:
            return items
        cursor = f"&cursor={answer['next_cursor']}"


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
async def test_pages_hold_every_document_once(api: Api, limit: int) -> None:
    names = [f"h{number}" for number in range(7)]
    await api.apply(*(host(name) for name in names))
    assert [item["name"] for item in await pages(api, "/documents/host", limit)] == names


async def test_what_is_added_meanwhile_neither_hides_nor_repeats_others(api: Api) -> None:
    await api.apply(host("b"), host("d"), host("f"))
    first = (await api.get("/documents/host?limit=2")).json()
    assert ([item["name"] for item in first["items"]], first["total"]) == (["b", "d"], 3)
    await api.apply(host("a"), host("e"))
    await api.delete("/documents/host/d")
    rest = (await api.get(f"/documents/host?limit=2&cursor={first['next_cursor']}")).json()
    assert [item["name"] for item in rest["items"]] == ["e", "f"]


async def test_the_last_full_page_has_no_successor(api: Api) -> None:
    await api.apply(host("a"), host("b"))
    assert (await api.get("/documents/host?limit=2")).json()["next_cursor"] is None


async def test_a_batch_is_planned_then_applied(api: Api) -> None:
    await api.apply(WEB1, host("old"))
    batch = {
        "documents": [
            host("web1", address="10.0.0.9"),
            host("old"),
            {"kind": "group", "name": "both", "spec": {"hosts": ["web1", "new"]}},
            host("new"),
        ]
    }
    before = api.journal_end
    plan = (await api.post("/apply", {**batch, "dry_run": True})).json()
    assert api.journal_end == before
    done = (await api.post("/apply", batch)).json()
    assert (plan["applied"], done["applied"]) == (False, True)
    assert plan["changes"] == done["changes"]
    actions = {change["name"]: change["action"] for change in done["changes"]}
    assert actions == {"web1": "change", "old": "unchanged", "both": "create", "new": "create"}
    (change,) = [change for change in done["changes"] if change["name"] == "web1"]
    assert change["diff"] == [{"path": "spec.address", "before": "10.0.0.1", "after": "10.0.0.9"}]


async def test_prune_deletes_what_the_selector_chooses_and_the_batch_lacks(api: Api) -> None:
    ours = {"labels": {"app": "shop"}}
    await api.apply({**host("web1"), **ours}, {**host("web2"), **ours}, host("other"))
    body = {"documents": [{**host("web1"), **ours}], "prune": "app=shop"}
    done = (await api.post("/apply", body)).json()
    assert [(c["name"], c["action"]) for c in done["changes"]] == [
        ("web1", "unchanged"),
        ("web2", "delete"),
    ]
    left = (await api.get("/documents/host")).json()["items"]
    assert [item["name"] for item in left] == ["other", "web1"]


async def test_every_problem_of_every_document_is_told_at_once(api: Api) -> None:
    before = api.journal_end
    documents = [
        host("web1", prot=22),
        host("good"),
        {"kind": "hots", "name": "x"},
        {"kind": "group", "name": "g", "spec": {"expression": "web["}},
        "no document",
    ]
    answer = await api.post("/apply", {"documents": documents})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    places = {p["where"]: p["hint"] for p in answer.json()["problems"]}
    assert places["documents[0].spec.prot"] == "did you mean port?"
    assert places["documents[2].kind"] == "did you mean 'host'?"
    assert any(where.startswith("documents[3].spec.expression") for where in places)
    assert "documents[4]" in places
    assert api.journal_end == before


async def test_one_bad_reference_stops_the_whole_batch(api: Api) -> None:
    before = api.journal_end
    batch = [host("web1"), {"kind": "group", "name": "g", "spec": {"hosts": ["web2"]}}]
    answer = await api.post("/apply", {"documents": batch})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["hint"] == "did you mean 'web1'?"
    assert api.journal_end == before
    assert (await api.get("/documents/host")).json()["items"] == []

"""The schema: every table, its columns and why each index exists.

Migrations in `migrations/` must lead to exactly this (a test compares them).
Only portable SQL types are used. Times are UTC text in ISO 8601 with six
digits of fraction, so that text order is time order; JSON is text.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

journal = Table(
    "journal",
    metadata,
    # AUTOINCREMENT: a sequence number is never given twice, even after deletions,
    # so a reader's cursor stays true. There is one writer, so order of numbers is order of commits.
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at", String(27), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("type", String(40), nullable=False),  # document.created, run.targets …
    Column("subject", String(160), nullable=False),  # kind/name of a document, id of a run …
    Column("data", Text, nullable=False),  # JSON object, never a secret
    Index(None, "subject", "seq"),
    sqlite_autoincrement=True,
)

document = Table(
    "document",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("labels", Text, nullable=False),  # JSON object
    Column("spec", Text, nullable=False),  # JSON object, secrets as references
    Column("created_at", String(27), nullable=False),
    Column("updated_at", String(27), nullable=False),
    Column("updated_by", String(128), nullable=False),
    CheckConstraint("revision >= 1", name="revision_counts_from_one"),
)

document_label = Table(
    "document_label",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("value", String(255), primary_key=True),
    Column("name", String(128), primary_key=True),
    Index(None, "kind", "name"),
)

document_reference = Table(
    "document_reference",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("to_kind", String(32), primary_key=True),
    Column("to_name", String(128), primary_key=True),
    Index(None, "to_kind", "to_name"),  # "who uses this", asked before every delete
)

document_revision = Table(
    "document_revision",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("name", String(128), primary_key=True),
    # Counts on after a delete and a new create, so a pinned revision never changes its meaning.
    Column("revision", Integer, primary_key=True),
    Column("change", String(8), nullable=False),  # created | replaced | deleted
    Column("labels", Text, nullable=False),
    Column("spec", Text, nullable=False),
    Column("at", String(27), nullable=False),
    Column("actor", String(128), nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("title", String(200), nullable=False),
    Column("origin", String(200), nullable=False),  # "adhoc" or "job/NAME@REVISION"
    Column("job", String(128), nullable=False),  # its name alone; "" for an ad-hoc run
    Column("state", String(20), nullable=False),
    Column("reason", String(500), nullable=False, server_default=text("''")),  # why it ended
    Column("actor", String(128), nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("started_at", String(27)),
    Column("finished_at", String(27)),
    Column("target_count", Integer, nullable=False),
    Column("counts", Text, nullable=False),  # JSON object: target state -> number, latest attempts
    Column("summary", Text, nullable=False),  # what search looks through: title, steps, targets
    # The run whose step asked for this one, such as a health check between batches.
    Column("parent", String(26)),
    Column("change", String(128), nullable=False, server_default=text("''")),  # change number
    Column("priority", String(10), nullable=False, server_default=text("'normal'")),  # as of now
    # JSON array of names, sorted: environments of the hosts that it was known to touch.
    Column("environments", Text, nullable=False, server_default=text("'[]'")),
    Index(None, "state", "id"),
    Index(None, "job", "id"),
    # "What has this run called"; most runs were called by none.
    Index(
        None,
        "parent",
        "id",
        sqlite_where=text("parent IS NOT NULL"),
        postgresql_where=text("parent IS NOT NULL"),
    ),
    Index(None, "id", "summary"),  # a search for words that few runs have reads all of it
)

# Apart from `run`, so that looking through many runs never reads what only their execution needs.
run_definition = Table(
    "run_definition",
    metadata,
    Column("run_id", String(26), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("body", LargeBinary, nullable=False),  # RunDefinition: zstd of JSON
)

run_event = Table(
    "run_event",
    metadata,
    Column("run_id", String(26), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),  # 1, 2, … within the run
    Column("at", String(27), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("event", Text, nullable=False),  # JSON; folding a run's events gives its state
)

# Whether the engine lets runs begin; one row, or none while nobody ever said anything.
admission = Table(
    "admission",
    metadata,
    Column("id", Integer, primary_key=True),  # 1
    Column("mode", String(10), nullable=False),  # open | frozen | draining
    Column("reason", String(500), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("at", String(27), nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

step_run = Table(
    "step_run",
    metadata,
    Column("run_id", String(26), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("step", String(128), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("state", String(20), nullable=False),
    Column("reason", String(500), nullable=False, server_default=text("''")),
    Column("started_at", String(27)),
    Column("finished_at", String(27)),
    Column("counts", Text, nullable=False, server_default=text("'{}'")),
    Column("outputs", Text, nullable=False, server_default=text("'{}'")),  # JSON: name -> value
)

step_batch = Table(
    "step_batch",
    metadata,
    Column("run_id", String(26), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("step", String(128), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("batch", Integer, primary_key=True),  # from 0
    Column("state", String(20), nullable=False),
    Column("reason", String(500), nullable=False, server_default=text("''")),
    Column("planned_at", String(27)),  # staggered batches: kept, so that another engine can go on
    Column("started_at", String(27)),
    Column("finished_at", String(27)),
)

target_run = Table(
    "target_run",
    metadata,
    Column("id", Integer, primary_key=True),  # rowid: output chunks point at it
    Column("run_id", String(26), ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    Column("step", String(128), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("ordinal", Integer, nullable=False),  # place in the run's order, from 0
    Column("host", String(128), nullable=False),
    Column("attempt_id", String(26), nullable=False),  # names claims; unique over all time
    Column("state", String(20), nullable=False),
    Column("code", String(24)),
    Column("exit_code", Integer),
    Column("signal", String(16)),
    Column("message", Text, nullable=False, server_default=text("''")),
    Column("started_at", String(27)),
    Column("finished_at", String(27)),
    Column("size_bytes", Integer, nullable=False, server_default=text("0")),  # output kept
    Column("dropped_bytes", Integer, nullable=False, server_default=text("0")),  # over the cap
    Column("digest", String(32), nullable=False, server_default=text("''")),  # of normalised output
    Column("outputs", Text, nullable=False, server_default=text("'{}'")),
    Column("batch", Integer, nullable=False, server_default=text("0")),  # from 0
    # 1: the host keeps a record of the attempt, so it can be asked how it went.
    Column("claimed", Integer, nullable=False, server_default=text("0")),
    # JSON: stream -> [bytes of the host's own file that are stored, of them under the last ***].
    Column("positions", String(120), nullable=False, server_default=text("'{}'")),
    Column("resolved_by", String(128), nullable=False, server_default=text("''")),  # whose word
    UniqueConstraint("run_id", "step", "attempt", "ordinal"),
    Index(None, "run_id", "state"),
    Index(None, "host", "id"),  # "what ran on this host"
)

output_chunk = Table(
    "output_chunk",
    metadata,
    # Rises with every commit, so a live reader of a run has one cursor over all its targets.
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(26), ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    Column(
        "target_run_id", Integer, ForeignKey("target_run.id", ondelete="CASCADE"), nullable=False
    ),
    # Offset of the first byte in the target's output; finding a page is one index look-up.
    Column("offset", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    # JSON: [[stream, bytes, milliseconds after `at`, line ends, whether its last line goes on], …]
    # in order; one row holds all streams. Older versions did not count lines.
    Column("layout", Text, nullable=False),
    Column("codec", String(4), nullable=False),  # raw | zstd
    Column("at", String(27), nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("target_run_id", "offset"),
    Index(None, "run_id", "seq"),
    sqlite_autoincrement=True,
)

# What people asked of a run, beyond its start: who, when, what, why.
run_operation = Table(
    "run_operation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(26), ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    Column("at", String(27), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(32), nullable=False),
    Column("step", String(128), nullable=False, server_default=text("''")),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("batch", Integer),
    Column("targets", Text, nullable=False, server_default=text("'[]'")),  # JSON: names of hosts
    Column("reason", String(500), nullable=False, server_default=text("''")),
    Column("change", String(128), nullable=False, server_default=text("''")),  # change number
    Index(None, "run_id", "id"),
    sqlite_autoincrement=True,
)

run_note = Table(
    "run_note",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(26), ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    Column("at", String(27), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("text", Text, nullable=False),
    Index(None, "run_id", "id"),
    sqlite_autoincrement=True,
)

# Rules for dangerous commands that a run met: at its start, when it was taken up, on a target.
run_danger = Table(
    "run_danger",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(26), ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    Column("at", String(27), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("step", String(400), nullable=False),
    Column("hosts", Text, nullable=False),  # folded; "" for what runs on none
    Column("rule", String(128), nullable=False),
    Column("level", String(8), nullable=False),  # scan | confirm | review | block
    Column("decision", String(12), nullable=False),  # noted | acknowledged | refused
    Column("where", String(200), nullable=False),  # field of the step
    Column("line", Integer, nullable=False),
    Column("column", Integer, nullable=False),
    Column("command", Text, nullable=False),  # as it is written, shortened and masked
    Column("meaning", Text, nullable=False, server_default=text("''")),
    Column("message", Text, nullable=False),
    Index(None, "run_id", "id"),
    sqlite_autoincrement=True,
)

# A dry run: what a start would have done, kept to be compared with the run that followed.
plan = Table(
    "plan",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("at", String(27), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("level", String(8), nullable=False),  # plan | probe | check
    Column("state", String(12), nullable=False),  # probing | ready | cancelled | interrupted
    Column("title", String(200), nullable=False),
    Column("origin", String(200), nullable=False),
    Column("digest", String(64), nullable=False),  # of the definition
    Column("definition", LargeBinary, nullable=False),  # RunDefinition: zstd of JSON
    Column("target_count", Integer, nullable=False),
    Column("counts", Text, nullable=False),  # JSON object: target state -> hosts that were probed
    Column("findings", LargeBinary, nullable=False),  # what was seen, by host: zstd of JSON
    Column("run_id", String(26), ForeignKey("run.id", ondelete="SET NULL")),
)

secret = Table(
    "secret",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("owner", String(400), nullable=False),  # kind/name/field, or run/ID/parameter
    Column("nonce", LargeBinary, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("key_id", String(16), nullable=False),  # which master key
    Column("fingerprint", LargeBinary, nullable=False),  # keyed: tells "unchanged" without opening
    Column("created_at", String(27), nullable=False),
    Column("wrapped_key", LargeBinary),  # its data key, under the master key
    Column("used_at", String(27)),  # to the hour
    Index(None, "owner"),
)

host_key = Table(
    "host_key",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("pattern", String(1000), nullable=False),  # [address]:port, address, or a list
    Column("key_type", String(64), nullable=False),
    Column("public_key", Text, nullable=False),  # OpenSSH, one line
    Column("fingerprint", String(64), nullable=False),
    Column("status", String(10), nullable=False),  # pending | approved | revoked
    Column("authority", Integer, nullable=False, server_default=text("0")),
    Column("host", String(128), nullable=False, server_default=text("''")),  # its name, if known
    Column("source", String(40), nullable=False),  # first-use | import | accept-new
    Column("first_seen_at", String(27), nullable=False),
    Column("decided_at", String(27)),
    Column("decided_by", String(128)),
    UniqueConstraint("pattern", "public_key", "authority"),
    Index(None, "status"),
)

# What was observed on a host. A row is a span of time in which nothing lasting changed.
host_facts = Table(
    "host_facts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("host", String(128), nullable=False),
    Column("first_at", String(27), nullable=False),
    Column("last_at", String(27), nullable=False),  # when they were seen for the last time
    Column("facts", Text, nullable=False),  # JSON object, as of `last_at`
    Index(None, "host", "id"),
    sqlite_autoincrement=True,
)

host_sample = Table(
    "host_sample",
    metadata,
    Column("host", String(128), primary_key=True),
    Column("at", String(27), primary_key=True),
    Column("facts", Text, nullable=False),  # JSON object: those that are another at every look
)

host_health = Table(
    "host_health",
    metadata,
    Column("host", String(128), primary_key=True),
    Column("state", String(8), nullable=False),  # up | down
    Column("since", String(27), nullable=False),
    Column("checked_at", String(27), nullable=False),
    Column("against", Integer, nullable=False),  # looks in a row that say the other state
    Column("message", Text, nullable=False),  # why the last look failed; empty: it did not
)

host_maintenance = Table(
    "host_maintenance",
    metadata,
    Column("host", String(128), primary_key=True),
    Column("at", String(27), nullable=False),
    Column("until", String(27)),  # none: until somebody ends it
    Column("actor", String(128), nullable=False),
    Column("reason", String(500), nullable=False),
)

host_note = Table(
    "host_note",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("host", String(128), nullable=False),
    Column("at", String(27), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("text", Text, nullable=False),
    Index(None, "host", "id"),
    sqlite_autoincrement=True,
)

# How an inventory source answered.
source_state = Table(
    "source_state",
    metadata,
    Column("source", String(128), primary_key=True),
    Column("asked_at", String(27), nullable=False),
    Column("failure", Text, nullable=False),  # why the last look failed; empty: it did not
    Column("good_at", String(27)),
    Column("good", LargeBinary),  # the last good answer as documents: zstd of JSON
)

# The hosts that a source made, and what it made of them.
source_host = Table(
    "source_host",
    metadata,
    Column("host", String(128), primary_key=True),
    Column("source", String(128), nullable=False),
    Column("digest", String(64), nullable=False),  # of the document as the source left it
    Column("vanished_at", String(27)),  # when the source did not name it any more
    Index(None, "source", "host"),
)

# Files that belong to jobs; their bytes lie in the home, under their SHA-256.
content = Table(
    "content",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size_bytes", Integer, nullable=False),
    Column("added_at", String(27), nullable=False),
    Column("added_by", String(128), nullable=False),
    Column("used_at", String(27), nullable=False),  # when it was last added, named or given up
)

run_content = Table(
    "run_content",
    metadata,
    Column("run_id", String(26), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("sha256", String(64), ForeignKey("content.sha256"), primary_key=True),
    Index(None, "sha256"),
)

# How far each schedule's slots are settled, whether somebody paused it, and when it is looked at
# next: with that, an engine starts without reading any schedule.
schedule_state = Table(
    "schedule_state",
    metadata,
    Column("schedule", String(128), primary_key=True),
    Column("cursor", String(27)),  # the last slot with a verdict; none: there was no slot yet
    Column("paused_at", String(27)),
    Column("paused_by", String(128), nullable=False),
    Column("pause_reason", String(500), nullable=False),
    Column("trigger", String(16), nullable=False, server_default=text("''")),  # cron | every_s | …
    # Of the document: what it was when it was looked at last, and by which rules it was.
    Column("looked_revision", Integer, nullable=False, server_default=text("0")),
    Column("looked_as", String(64), nullable=False, server_default=text("''")),
    Column("next_look", String(27)),  # when its next slot is to be started; none: there is none
    Column("counted", Integer, nullable=False, server_default=text("0")),  # slots, for every_nth
    # JSON: what a trigger by events has seen, such as the journal's entries and a file's identity.
    Column("memory", Text, nullable=False, server_default=text("''")),
)

# The fire ledger: what became of each slot. Slots in a row that were not started for one reason
# share a row.
schedule_fire = Table(
    "schedule_fire",
    metadata,
    Column("schedule", String(128), primary_key=True),
    Column("slot", String(27), primary_key=True),
    Column("last_slot", String(27), nullable=False),
    Column("count", Integer, nullable=False),
    Column("verdict", String(16), nullable=False),  # due | started | missed | skipped | refused
    Column("reason", Text, nullable=False),
    Column("run_id", String(26)),
    Column("actor", String(128), nullable=False),  # the schedule, or who fired it by hand
    Column("at", String(27), nullable=False),  # when it got this verdict
    Column("cause", String(200)),  # the event that it is the slot of; none: a moment is enough
    Column("given", Text, nullable=False, server_default=text("''")),  # JSON: parameters by event
    Index(None, "verdict", "schedule", "slot"),  # "what is to be started", asked at every look
    Index(None, "schedule", "cause", unique=True),  # an event that comes again has its slot already
    Index(None, "run_id"),  # "whose runs go on"
)

# What people are asked before a run goes on, frozen when it was asked.
approval = Table(
    "approval",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("run_id", String(26), ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    Column("step", String(160), nullable=False),  # of the run, or rule/NAME before its start
    Column("attempt", Integer, nullable=False),
    Column("requester", String(128), nullable=False),
    Column("spec", Text, nullable=False),  # ApprovalSpec as JSON; its message is filled in
    Column("digest", String(64), nullable=False),  # of what is to be approved; empty: none
    Column("opened_at", String(27), nullable=False),
    Column("due_at", String(27)),  # when time alone changes something next; none: never
    Column("state", String(16), nullable=False),
    Column("escalated", Integer, nullable=False),  # 0 or 1
    Column("decided_at", String(27)),
    Column("reason", Text, nullable=False),
    Column("outputs", Text, nullable=False),  # JSON object: the form, once it is approved
    UniqueConstraint("run_id", "step", "attempt"),
    Index(None, "state", "due_at"),  # "what is open", "what is due"
)

# Votes are only ever added.
approval_vote = Table(
    "approval_vote",
    metadata,
    Column(
        "approval_id", String(26), ForeignKey("approval.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("voter", String(128), primary_key=True),
    Column("roles", Text, nullable=False),  # JSON list: those that the voter had then
    Column("choice", String(16), nullable=False),
    Column("at", String(27), nullable=False),
    Column("comment", Text, nullable=False),
    Column("client", String(200), nullable=False),
    Column("form", Text, nullable=False),  # JSON object
    Column("key", String(255), nullable=False),  # idempotency key of the request; empty: none
)

# The outbox: what is to be told, one row for each channel that wants it.
notice = Table(
    "notice",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("channel", String(128), nullable=False),
    Column("key", String(255), nullable=False),  # what it is about: told once on a channel
    Column("topic", String(32), nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),  # masked
    Column("urgent", Integer, nullable=False),  # 0 or 1
    Column("at", String(27), nullable=False),
    Column("delivery_id", String(26), ForeignKey("delivery.id", ondelete="CASCADE")),
    UniqueConstraint("channel", "key"),
    Index(None, "delivery_id", "channel"),  # "what waits": those without one
)

# Messages: each carries notices of one channel, and keeps its id however often it is tried.
delivery = Table(
    "delivery",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("channel", String(128), nullable=False),
    Column("state", String(16), nullable=False),  # sending | sent | given_up
    Column("made_at", String(27), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", String(27)),  # when it is tried next; none: it is not
    Column("sent_at", String(27)),
    Column("error", Text, nullable=False),  # of the last try; empty: there was none
    Column("escalated", Integer, nullable=False),  # 0 or 1
    Index(None, "channel", "sent_at"),  # "how many went lately"
    Index(None, "state", "next_at"),  # "what is to be tried"
)

setting = Table(
    "setting",
    metadata,
    Column("name", String(64), primary_key=True),  # home_id, epoch, notices.cursor …
    Column("value", Text, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("actor", String(128), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("request_digest", String(64), nullable=False),
    Column("run_id", String(26), nullable=False),
    Column("at", String(27), nullable=False),
    Index(None, "at"),
)

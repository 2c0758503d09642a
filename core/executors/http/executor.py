"""The HTTP executor: one request to an end, whatever redirects and busy servers lie between.

    log in -> resolve and judge -> connect to what was judged -> send -> answer
      ^             ^                                                      |
      |             +---- a redirect, judged anew -------------------------+
      |             +---- again, where a repeat does no harm --------------+
      +---- a token that was kept and is refused, once --------------------+

A request that may not be repeated is sent once: an answer that never came is `unknown`.
Every request that changes something carries the attempt's id as its Idempotency-Key.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from core.clock import Clock
from core.domain.http_rules import Answer, broken, captured
from core.domain.run import TargetCode, TargetState
from core.domain.steps.http import SAFE
from core.domain.tasks import HttpRequest
from core.domain.timebox import TooSlow
from core.errors import TargetError
from core.executors import outcomes
from core.executors.guard import Guard
from core.executors.http import logins
from core.executors.http.exchange import Exchange, Hop, NoAnswer, TooLong, note, url_of
from core.executors.http.hiding import HidingSink
from core.executors.http.logins import Headers, Tokens
from core.executors.http.repeating import BUSY, Tries, retry_after_s
from core.executors.protocol import Outcome, OutputLimitReached, Session, Sink, Target, Work
from core.executors.stopping import StopSignal

DEFAULT_TIMEOUT_S = 60.0
"""Of a request whose step gives none."""
_THREADS = 8
_UNAUTHORIZED = 401
_AGENT = "Jobdeck"


class HttpExecutor:
    """Sends requests from the engine's machine; keeps no connection."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="jobdeck-http")
        self._guard = Guard(self._threads)
        self._tokens = Tokens(clock)

    @asynccontextmanager
    async def open(self, target: Target) -> AsyncIterator[Session]:
        yield _HttpSession(target, self._guard, self._clock, self._threads, self._tokens)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class _HttpSession:
    def __init__(
        self,
        target: Target,
        guard: Guard,
        clock: Clock,
        threads: ThreadPoolExecutor,
        tokens: Tokens,
    ) -> None:
        self._target = target
        self._threads = threads
        self._tokens = tokens
        self._exchange = Exchange(target, guard, clock)
        self._asking_for_tokens = Exchange(target, guard, clock)
        self._kept_token: str | None = None
        """From an earlier request: a 401 may mean that it has had its time."""
        self._asked = target.host
        """The server that was asked last: after a redirect, the one that it led to."""

    async def settle(self) -> None:
        """Nothing is kept at the far side."""

    async def run(self, work: Work, sink: Sink, stop: StopSignal) -> Outcome:
        request = work.task
        assert isinstance(request, HttpRequest)
        timeout_s = work.timeout_s or DEFAULT_TIMEOUT_S
        self._exchange.may_have_arrived = False
        hiding = HidingSink(sink)
        answer: Answer | None = None
        try:
            async with stop.breaks(), asyncio.timeout(timeout_s):
                answer = await self._answer(request, work.attempt_id, hiding)
                loop = asyncio.get_running_loop()
                outcome = await loop.run_in_executor(self._threads, _judged, request, answer)
        except TimeoutError:
            arrived = self._exchange.may_have_arrived
            if stop.is_set():
                return _cancelled(arrived=arrived)
            if answer is not None:
                return _timed_out(f"to look into the answer takes more than {timeout_s:g} s")
            end = "; whether it took effect is not known" if arrived else "; it was not sent"
            return _timed_out(f"there was no answer after {timeout_s:g} s{end}")
        except OutputLimitReached:
            return outcomes.printed_too_much("")
        except TooLong as error:
            return _failed(TargetCode.OUTPUT_LIMIT, str(error))
        except (NoAnswer, TargetError) as failure:
            if self._is_in_doubt(request):
                return _unknown(str(failure))
            return outcomes.refused(_unreached(failure, self._asked))
        finally:
            hiding.flush()
        return hiding.hide(outcome)

    def _is_in_doubt(self, request: HttpRequest) -> bool:
        """Whether sending it again could have its effect twice."""
        return self._exchange.may_have_arrived and not request.may_repeat

    async def _answer(self, request: HttpRequest, key: str, sink: HidingSink) -> Answer:
        """The answer to the request, after as many tries as it may take."""
        tries = Tries(request.tries)
        loop = asyncio.get_running_loop()
        login = self._target.login
        tls = await loop.run_in_executor(self._threads, logins.context_of, request.ca, login)
        proof = await self._log_in(request, tls, sink)
        while True:
            try:
                answer = await self._follow(request, key, proof, tls, sink, is_last=tries.is_last)
            except NoAnswer as failure:
                if tries.is_last or self._is_in_doubt(request):
                    raise
                await tries.pause(str(failure), sink)
            else:
                if answer.status == _UNAUTHORIZED and self._kept_token is not None:
                    # Refused before it did anything: also what may not be repeated goes again.
                    self._exchange.may_have_arrived = False
                    note(sink, "the kept token is refused; getting another")
                    proof = await self._log_in(request, tls, sink)
                    continue
                if not _is_put_off(request, answer.status, is_last=tries.is_last):
                    return answer
                await tries.pause(f"status {answer.status}", sink, retry_after_s(answer))

    async def _log_in(self, request: HttpRequest, tls: ssl.SSLContext, sink: HidingSink) -> Headers:
        """The headers that prove who asks."""
        auth, login = request.auth, self._target.login
        if auth is None:
            return ()
        if auth.kind != "oauth2":
            return logins.headers_of(auth, login)
        key = logins.key_of(auth, login)
        refused, self._kept_token = self._kept_token, None
        async with self._tokens.turn(key):
            if refused is not None:
                self._tokens.drop(key, refused)
            token = self._tokens.find(key)
            if token is None:
                exchange = self._asking_for_tokens
                token, lifetime_s = await logins.fetch(
                    auth, login, exchange, tls, sink, Tries(request.tries)
                )
                self._tokens.keep(key, token, lifetime_s)
            elif refused is None:
                self._kept_token = token
        sink.hide_from_now_on(token)
        return logins.bearer(token)

    async def _follow(
        self,
        request: HttpRequest,
        key: str,
        proof: Headers,
        tls: ssl.SSLContext,
        sink: HidingSink,
        *,
        is_last: bool,
    ) -> Answer:
        """The answer at the end of the redirects."""
        headers = (("User-Agent", _AGENT), *request.headers, *proof)
        if request.method not in SAFE:
            headers = (("Idempotency-Key", key), *headers)
        elsewhere = logins.plain_context(request.ca)
        hop = Hop(request.method, url_of(request.url), headers, request.body, tls, elsewhere)

        def shown_in(answer: Answer) -> Sink | None:
            is_renewed = answer.status == _UNAUTHORIZED and self._kept_token is not None
            if is_renewed or _is_put_off(request, answer.status, is_last=is_last):
                return None
            sink.begins(answer)
            return sink

        for _ in range(request.redirects + 1):
            self._asked = hop.url.host
            answer, location = await self._exchange.ask(
                hop, request.max_body_bytes, shown_in, sink, keeps_body=request.keeps_body
            )
            if location is None:
                return answer
            hop = hop.redirected(answer.status, location)
        raise TargetError(
            TargetCode.CONNECTION_FAILURE,
            f"more than {request.redirects} redirects; the last to {hop.url}",
        )


def _is_put_off(request: HttpRequest, status: int, *, is_last: bool) -> bool:
    """Whether a busy server's answer is passed over, and the request tried again."""
    return status in BUSY and request.may_repeat and not is_last


def _judged(request: HttpRequest, answer: Answer) -> Outcome:
    """Whether it is a good answer, and what is taken from it. For a thread: it may take long."""
    try:
        if reasons := list(broken(request.expect, answer)):
            return _failed(TargetCode.UNEXPECTED_ANSWER, "; ".join(reasons))
        values, problems = captured(request.capture, answer)
        if problems:
            return _failed(TargetCode.INVALID_OUTPUTS, "; ".join(problems))
        outputs = json.dumps(values).encode() if values else None
    except RecursionError:
        return _failed(TargetCode.UNEXPECTED_ANSWER, "the answer is nested too deep to look into")
    except TooSlow as pattern:
        return _failed(
            TargetCode.UNEXPECTED_ANSWER, f"to search the answer for {pattern} takes too long"
        )
    return Outcome(state=TargetState.SUCCESS, outputs_file=outputs)


def _failed(code: TargetCode, message: str) -> Outcome:
    return Outcome(state=TargetState.FAILED, code=code, message=message)


def _unknown(reason: str) -> Outcome:
    return Outcome(
        state=TargetState.UNKNOWN,
        code=TargetCode.CONNECTION_LOST,
        message=f"the request was sent, and {reason}; whether it took effect is not known"
        " (look at the service)",
    )


def _cancelled(*, arrived: bool) -> Outcome:
    doubt = "the request was sent; whether it took effect is not known" if arrived else ""
    return outcomes.cancelled(started=False, doubt=doubt)


def _timed_out(message: str) -> Outcome:
    return Outcome(state=TargetState.TIMED_OUT, code=TargetCode.COMMAND_TIMEOUT, message=message)


def _unreached(failure: NoAnswer | TargetError, server: str) -> TargetError:
    if isinstance(failure, TargetError):
        return failure
    code = TargetCode.CONNECTION_TIMEOUT if failure.timed_out else TargetCode.CONNECTION_FAILURE
    return TargetError(code, f"{server}: {failure}")

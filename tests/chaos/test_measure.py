"""What clients felt of a fault, from their history."""

from chaos.faults import Fault, Kind
from chaos.history import Kind as Asked
from chaos.history import Outcome, Request, judge
from chaos.inject import Injected
from chaos.measure import by_kind, felt, percentile


def request(number: int, account: int, planned: float, answered: float, outcome: Outcome = Outcome.DONE) -> Request:
    return Request(
        number=number, account=account, kind=Asked.PLACE, name=f"c{number}", via="rest",
        planned=planned, sent=planned, answered=answered, outcome=outcome,
    )  # fmt: skip


def injected(number: int, began: float, ended: float, restored: float, failed_over: float = 0.0) -> Injected:
    return Injected(Fault(number, Kind.KILL_LEADER, 0.0, 1.0, 0.5), "a-sequencer", began, ended, restored, failed_over)


def test_the_time_to_the_next_acknowledged_order_counts_orders_sent_after_the_fault() -> None:
    requests = [
        request(1, 1, 9.9, 10.1),  # sent before: says nothing about afterwards
        request(2, 1, 10.2, 11.5),
        request(3, 2, 10.3, 12.0),
        request(4, 2, 10.4, 12.5, Outcome.DOUBT),
    ]
    (seen,) = felt([injected(1, 10.0, 10.0, 13.0)], requests, 20.0)
    assert (seen.next_ack, seen.every_client, seen.longest) == (1.5, 2.0, 1.7)
    assert (seen.requests, seen.failed, seen.in_doubt, seen.whole_again) == (3, 1, 1, 3.0)


def test_a_client_that_was_never_answered_again_shows() -> None:
    requests = [request(1, 1, 10.2, 10.3), request(2, 2, 10.3, 10.4, Outcome.SHED)]
    (seen,) = felt([injected(1, 10.0, 10.0, 10.5)], requests, 20.0)
    assert seen.next_ack == 0.3
    assert seen.every_client is None


def test_a_fault_ends_where_the_next_one_begins() -> None:
    requests = [request(1, 1, 10.2, 10.3), request(2, 1, 15.2, 15.6)]
    first, second = felt([injected(1, 10.0, 10.0, 11.0), injected(2, 15.0, 15.0, 16.0, 15.2)], requests, 20.0)
    assert (first.requests, second.requests) == (1, 1)
    (figures,) = by_kind([first, second])
    assert (figures.faults, figures.next_ack_median, figures.next_ack_p99) == (2, 0.3, 0.6)
    assert figures.beyond_failover_p99 == 0.4


def test_a_request_under_way_when_a_fault_begins_is_charged_to_it() -> None:
    requests = [
        request(1, 1, 10.2, 10.3),
        request(2, 1, 14.9, 20.1, Outcome.DOUBT),  # asked for in the first one's time, lost in the second's
        request(3, 1, 24.9, 30.1, Outcome.DOUBT),  # after the last look at the clock
    ]
    first, second = felt([injected(1, 10.0, 10.0, 11.0), injected(2, 15.0, 15.0, 16.0)], requests, 25.0)
    assert (first.failed, first.in_doubt) == (0, 0)
    assert (second.failed, second.in_doubt) == (2, 2)


def test_percentiles_are_values_that_were_seen() -> None:
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0


def test_answers_are_judged_by_what_they_say_of_the_order() -> None:
    assert judge(200, {}) == (Outcome.DONE, 0)
    assert judge(400, {"code": -2010}) == (Outcome.REFUSED, -2010)
    assert judge(503, {"code": -1008}) == (Outcome.SHED, -1008)
    assert judge(503, {"code": -1007}) == (Outcome.DOUBT, -1007)
    assert judge(502, {}) == (Outcome.DOUBT, -1000)

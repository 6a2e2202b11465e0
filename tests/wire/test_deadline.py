from __future__ import annotations

import pytest
from loopback import SkippingClock

from hveadmin.errors import TimedOut
from hveadmin.wire.deadline import Deadline


def test_time_left_shrinks_as_the_clock_goes() -> None:
    clock = SkippingClock()
    deadline = Deadline(clock, 30)
    clock.sleep(12)
    assert deadline.remaining() == 18
    clock.sleep(20)
    assert deadline.remaining() == -2


def test_a_wait_is_allowed_only_if_time_is_left_after_it() -> None:
    deadline = Deadline(SkippingClock(), 30)
    assert deadline.allows(29.9)
    assert not deadline.allows(30)


def test_what_is_begun_too_late_is_not_begun_and_its_outcome_is_known() -> None:
    clock = SkippingClock()
    deadline = Deadline(clock, 1.5)
    deadline.check("the listing")
    clock.sleep(1.5)
    with pytest.raises(TimedOut, match=r"the listing: the deadline of 1\.5 s") as caught:
        deadline.check("the listing")
    assert not caught.value.outcome_unknown

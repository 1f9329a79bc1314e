"""What is switched off for the whole process comes back, in whatever order threads leave."""

import threading

from torch.distributions import Distribution

from ganvae_lib.models.inputs import without_argument_checks


def test_argument_checks_come_back_when_threads_overlap():
    """The second enters after the first, and leaves after it: each alone would set back what the other had set."""
    entered, left = threading.Event(), threading.Event()

    def second():
        with without_argument_checks():
            entered.set()
            left.wait(10)

    thread = threading.Thread(target=second)
    before = Distribution._validate_args
    with without_argument_checks():
        thread.start()
        assert entered.wait(10) and not Distribution._validate_args
    assert not Distribution._validate_args  # the other is still at work
    left.set()
    thread.join()
    assert Distribution._validate_args == before == __debug__

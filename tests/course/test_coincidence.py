"""A typical mistake with the right value is seen. (That no variant has one is asked of every key, in test_exercises.)"""

from watching import Watching


def test_a_mistake_with_the_right_value_is_found():
    watching = Watching({"share": 0.5, "turned": True})
    watching.close("share", 0.5, {"this is the share of the others": 1 - 0.5, "this is in bits": 0.5 / 0.69})
    watching.say("turned", True, (True, False), {True: "it is turned"})
    assert watching.unseen("ex-00-none", 0) == [
        ("share", "this is the share of the others"),
        ("turned", "it is turned"),
    ]

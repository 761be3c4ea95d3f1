from policyd.lookups.spf.frames import Frame, Included


def test_a_frame_knows_nothing_of_its_end() -> None:
    frame = Frame(1, "include", "a.example", "v=spf1 -all", is_main=False)
    assert (frame.result, frame.mechanism, frame.redirects) == ("", "", False)
    done = Included(("pass", 250, ""), (frame,), (1, 0, 0), (False, False, False), None)
    assert done.steps == (frame,)

from prunekit.cli.screen import Lines


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def told(pauses, *, unit="images", total=1000):
    said, clock = [], Clock()
    with Lines(said.append, clock).bar("training", total, unit) as bar:
        for pause in pauses:
            clock.now += pause
            bar.advance(10, note="epoch 1 of 3, loss 0.5")
    return said


def test_a_log_hears_that_work_goes_on_ever_more_seldom_and_once_a_minute_at_the_least():
    said = told([1.0] * 99, total=100_000)
    assert [line.split(",")[0] for line in said] == [
        "training: 50 of 100",
        "training: 150 of 100",
        "training: 350 of 100",
        "training: 750 of 100",
    ]
    assert said[0] == "training: 50 of 100,000 images, epoch 1 of 3, loss 0.5, 3 hours left"
    assert len(told([1.0] * 600, total=100_000)) == 4 + 8


def test_short_work_and_whole_steps_say_nothing():
    assert told([0.1] * 20) == []
    assert told([9.0] * 20, unit="steps") == []
    assert told([9.0], total=10) == []  # it is over

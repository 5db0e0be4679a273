import gc

from prunekit.base.garbage import RARELY, rarely_collected


def test_garbage_is_collected_rarely_inside_and_as_before_after():
    before = gc.get_threshold()
    with rarely_collected():
        assert gc.get_threshold() == RARELY
    assert gc.get_threshold() == before

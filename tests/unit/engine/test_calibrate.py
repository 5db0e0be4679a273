import torch

from prunekit.engine.calibrate import Stopwatch


def test_the_device_that_computes_is_the_one_that_is_waited_for(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    watch = Stopwatch("cuda:1").bar("train", 2)
    watch.advance()
    assert waited == ["cuda:1"]
